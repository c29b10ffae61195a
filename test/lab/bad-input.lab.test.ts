/** What bad input gets where only a real kernel can say: disks that are not free, programs without rights, pools that are full. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { NODES, POOLS } from '@holdfast/api/client/kinds.ts';
import { API_VERSION } from '@holdfast/api/schema/meta.ts';
import type { NodePool } from '@holdfast/api/schema/node.ts';
import type { LabNode } from '@holdfast/lab/types.ts';
import type { LabCluster } from '@holdfast/server/lab-cluster/start.ts';
import {
  attach,
  createPool,
  createVolume,
  deleteVolume,
  MIB,
  mountOf,
  nodesOf,
  POOL,
  replicasOf,
  startCluster,
  until,
  waitHealthy,
  waitVolume,
} from './support.ts';

describe('bad input on a real kernel', () => {
  let cluster: LabCluster;
  let node: LabNode;
  before(async () => {
    cluster = await startCluster({ name: 'bad-input', nodes: 2, disks: [512 * MIB, 64 * MIB, 64 * MIB], pool: false });
    node = cluster.lab.node('n1');
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  /** The pool's state on n1 once it is not being made any more. */
  async function poolState(name: string, disks: string[]): Promise<NodePool> {
    const spec = {
      type: 'lvm-thin' as const,
      classes: [],
      nodes: [{ name: 'n1', disks }],
      overProvision: 1,
      reservePercent: 0,
      stopAtDataPercent: 80,
    };
    await cluster.client.resource(POOLS).create({ apiVersion: API_VERSION, kind: 'Pool', metadata: { name }, spec });
    const state = await until(`pool ${name} has a state`, 60_000, async () => {
      const pools = (await cluster.client.resource(NODES).get('n1')).status?.pools;
      return pools?.find((pool) => pool.name === name && pool.state !== 'Creating');
    });
    await cluster.client.resource(POOLS).delete(name);
    await until(`pool ${name} is gone`, 60_000, async () =>
      (await cluster.client.resource(POOLS).find(name)) === undefined ? true : undefined,
    );
    return state;
  }

  function diskOf(index: number): string {
    return node.disks[index] ?? '';
  }

  test('a disk that holds data, is mounted, is partitioned or is not there: refused by name, and left as it was', async () => {
    const device = `/dev/disk/by-id/${diskOf(1)}`;
    const sum = (): Promise<string> => node.sh(`sha256sum < ${device}`);
    await node.sh(`mkfs.ext4 -q ${device}`);
    const holdsData = await sum();
    const filesystem = await poolState('data', [diskOf(1)]);
    assert.equal(filesystem.state, 'Failed');
    assert.match(filesystem.message ?? '', new RegExp(`${diskOf(1)}.*ext4`));
    assert.equal(await sum(), holdsData, 'not one byte of it was touched');

    await node.sh(`mkdir -p /mnt/used && mount ${device} /mnt/used`);
    const mounted = await poolState('mounted', [diskOf(1)]);
    assert.match(mounted.message ?? '', new RegExp(`${diskOf(1)}.*/mnt/used`));
    await node.sh('umount /mnt/used');

    await node.sh(`echo ',,L' | sfdisk -q --no-reread --no-tell-kernel ${`/dev/disk/by-id/${diskOf(2)}`}`);
    const partitioned = await poolState('partitioned', [diskOf(2)]);
    assert.match(partitioned.message ?? '', new RegExp(`${diskOf(2)}.*(partition|dos)`));

    const absent = await poolState('absent', ['virtio-not-there']);
    assert.match(absent.message ?? '', /virtio-not-there is not on node n1; see hf disk list/);
    assert.equal((await node.sh('vgs --noheadings -o vg_name')).trim(), '', 'nothing half-made');
  });

  test('an agent without root says so and ends with a status that means it', async () => {
    const argv = ['setpriv', '--reuid', '65534', '--clear-groups', 'node', '/opt/holdfast/agent.js', '--node', 'n1'];
    const result = await node.exec([...argv, '--server', 'http://127.0.0.1:1'], { timeoutMs: 60_000 });
    assert.notEqual(result.code, 0);
    assert.match(result.stderr, /root/);
  });

  test('INV-4: a pool that fills up while a volume on it is written: the writer goes on, the copy leaves and comes back', async () => {
    await createPool(cluster, POOL, 0);
    await createVolume(cluster, 'full', { sizeBytes: 256 * MIB });
    await waitHealthy(cluster, 'full');
    const [a, b] = await nodesOf(cluster, 'full');
    assert.ok(b !== undefined);
    await attach(cluster, 'full', a.name);
    await a.fillPool(`hf-${POOL}`, 99);
    await a.sh(`dd if=/dev/urandom of=${mountOf('full')}/blob bs=1M count=64 conv=fsync 2>/dev/null`);
    const sum = await a.sh(`sha256sum < ${mountOf('full')}/blob`);

    const [own] = (await replicasOf(cluster, 'full')).filter((replica) => replica.spec?.node === a.name);
    const volume = await waitVolume(cluster, 'full', 'the copy on the full pool has left', (each) => {
      const record = each.status?.arbiter;
      return record?.inSync.length === 1 && record.inSync[0] !== own?.metadata.name;
    });
    assert.equal(volume.status?.arbiter?.primary, own?.metadata.name, 'it goes on through the network');
    assert.equal(volume.status?.phase, 'Degraded');
    await until('the replica says why', 120_000, async () => {
      const [replica] = (await replicasOf(cluster, 'full')).filter((each) => each.spec?.node === a.name);
      return replica?.status?.reason === 'PoolFull' ? true : undefined;
    });

    await a.drainPool(`hf-${POOL}`);
    await waitHealthy(cluster, 'full', 180_000);
    await attach(cluster, 'full', undefined);
    for (const side of [b, a]) {
      await attach(cluster, 'full', side.name);
      assert.equal(await side.sh(`sha256sum < ${mountOf('full')}/blob`), sum, `the same bytes on ${side.name}`);
      await attach(cluster, 'full', undefined);
    }
    await deleteVolume(cluster, 'full');
  });

  test('a thin pool that fills up is reported, and takes no new volume before it is full', async () => {
    for (const node of cluster.lab.nodes) await node.fillPool(`hf-${POOL}`, 85);
    await until('every node reports the pool as nearly full', 120_000, async () => {
      const { items } = await cluster.client.resource(NODES).list();
      const full = items.filter(
        (node) => (node.status?.pools?.find((pool) => pool.name === POOL)?.dataPercent ?? 0) >= 80,
      );
      return full.length === cluster.lab.nodes.length ? true : undefined;
    });
    await createVolume(cluster, 'toomuch', { sizeBytes: 64 * MIB });
    const refused = await waitVolume(
      cluster,
      'toomuch',
      'refused with a reason',
      (volume) => volume.status?.conditions?.some((each) => each.type === 'Placed' && each.status === 'False') === true,
    );
    assert.match(refused.status?.conditions?.find((each) => each.type === 'Placed')?.message ?? '', /80|full|%/);
    assert.deepEqual(await replicasOf(cluster, 'toomuch'), []);
    for (const node of cluster.lab.nodes) await node.drainPool(`hf-${POOL}`);
    await waitHealthy(cluster, 'toomuch', 180_000);
    await deleteVolume(cluster, 'toomuch');
  });
});
