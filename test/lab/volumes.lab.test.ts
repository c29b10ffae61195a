/** What people do with volumes, on real kernels: many at once, one copy, more, fewer, elsewhere, thick, orphaned. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { NODES, POOLS, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import type { LabCluster } from '@holdfast/server/lab-cluster/start.ts';
import {
  attach,
  createPool,
  createVolume,
  deleteVolume,
  GIB,
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

describe('volumes', () => {
  let cluster: LabCluster;
  before(async () => {
    cluster = await startCluster({ name: 'volumes', nodes: 3, disks: [4 * GIB, 1 * GIB] });
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  test('fifty volumes created at once all become healthy, without clashes, and go again', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `many-${index}`);
    await Promise.all(names.map((name) => createVolume(cluster, name, { sizeBytes: 32 * MIB })));
    for (const name of names) await waitHealthy(cluster, name, 480_000);
    const { items } = await cluster.client.resource(REPLICAS).list();
    const numbers = items.map((replica) => `${replica.spec?.node} ${replica.spec?.drbd?.minor}`);
    assert.equal(new Set(numbers).size, 100, 'minors are unique on each node');
    const ports = items.map((replica) => `${replica.spec?.node} ${replica.spec?.drbd?.port}`);
    assert.equal(new Set(ports).size, 100, 'ports are unique on each node');
    await Promise.all(names.map((name) => cluster.client.resource(VOLUMES).delete(name)));
    await until('all are gone', 480_000, async () =>
      (await cluster.client.resource(REPLICAS).list()).items.length === 0 ? true : undefined,
    );
  });

  test('one copy is the LV alone; a second is added while detached and synced in full', async () => {
    await createVolume(cluster, 'solo', { sizeBytes: 64 * MIB, replicas: 1 });
    await waitHealthy(cluster, 'solo');
    const [home] = await nodesOf(cluster, 'solo');
    await attach(cluster, 'solo', home.name);
    await home.sh(`dd if=/dev/urandom of=${mountOf('solo')}/blob bs=1M count=16 conv=fsync`);
    const sum = await home.sh(`sha256sum < ${mountOf('solo')}/blob`);
    assert.doesNotMatch(await home.sh('cat /proc/drbd'), /cs:/, 'no DRBD in the path of a single copy');
    await attach(cluster, 'solo', undefined);
    await cluster.client.resource(VOLUMES).patch('solo', { spec: { replicas: 2 } });
    await waitHealthy(cluster, 'solo', 90_000);
    const other = (await nodesOf(cluster, 'solo')).find((node) => node.name !== home.name);
    assert.ok(other !== undefined);
    await attach(cluster, 'solo', other.name);
    assert.equal(await other.sh(`sha256sum < ${mountOf('solo')}/blob`), sum);

    await cluster.client.resource(VOLUMES).patch('solo', { spec: { replicas: 1 } });
    await waitVolume(cluster, 'solo', 'one copy', (volume) => volume.status?.arbiter?.inSync.length === 1);
    await until('the other replica is gone', 60_000, async () =>
      (await replicasOf(cluster, 'solo')).length === 1 ? true : undefined,
    );
    assert.equal(await other.sh(`sha256sum < ${mountOf('solo')}/blob`), sum, 'the attached copy stays in use');
    await attach(cluster, 'solo', undefined);
    await deleteVolume(cluster, 'solo');
  });

  test('a replica moves to another node when reduced redundancy is accepted', async () => {
    await createVolume(cluster, 'mover', { sizeBytes: 64 * MIB });
    await waitHealthy(cluster, 'mover');
    const [stays, leaves] = await nodesOf(cluster, 'mover');
    assert.ok(leaves !== undefined);
    await attach(cluster, 'mover', stays.name);
    await stays.sh(`dd if=/dev/urandom of=${mountOf('mover')}/blob bs=1M count=8 conv=fsync`);
    const sum = await stays.sh(`sha256sum < ${mountOf('mover')}/blob`);
    const target = cluster.lab.nodes.find((node) => node.name !== stays.name && node.name !== leaves.name);
    assert.ok(target !== undefined);
    const replica = (await replicasOf(cluster, 'mover')).find((each) => each.spec?.node === leaves.name);
    assert.ok(replica !== undefined);
    const evict = { to: target.name, acceptReducedRedundancy: true };
    await cluster.client.resource(REPLICAS).patch(replica.metadata.name, { spec: { evict } });
    await until('the replica is on the other node', 60_000, async () => {
      const nodes = (await nodesOf(cluster, 'mover')).map((node) => node.name);
      return nodes.includes(target.name) && !nodes.includes(leaves.name) ? true : undefined;
    });
    await waitHealthy(cluster, 'mover', 90_000);
    await attach(cluster, 'mover', undefined);
    await attach(cluster, 'mover', target.name);
    assert.equal(await target.sh(`sha256sum < ${mountOf('mover')}/blob`), sum);
    await attach(cluster, 'mover', undefined);
    await deleteVolume(cluster, 'mover');
  });

  test('a volume on thick LVs starts with a full sync, so that no old bytes differ', async () => {
    await createPool(cluster, 'thick', 1, { type: 'lvm', classes: ['thick'] });
    await createVolume(cluster, 'fat', { sizeBytes: 64 * MIB, poolClass: 'thick' });
    await waitHealthy(cluster, 'fat', 120_000);
    const nodes = await nodesOf(cluster, 'fat');
    for (const node of nodes) assert.match(await node.sh('cat /proc/drbd'), /UpToDate\/UpToDate/);
    await deleteVolume(cluster, 'fat');
    // The same blocks again: they hold the data and the DRBD metadata of the first.
    await createVolume(cluster, 'fat-2', { sizeBytes: 64 * MIB, poolClass: 'thick' });
    await waitHealthy(cluster, 'fat-2', 120_000);
    await deleteVolume(cluster, 'fat-2');
    await cluster.client.resource(POOLS).delete('thick');
    await until('the thick pool is gone', 60_000, async () =>
      (await cluster.client.resource(POOLS).find('thick')) === undefined ? true : undefined,
    );
  });

  test('INV-7: a logical volume of ours that no Replica owns is reported and left alone', async () => {
    const node = cluster.lab.node('n1');
    await node.sh(
      `lvcreate -y -V 16m -T hf-${POOL}/pool -n lost-r9 --addtag holdfast --addtag hf.replica=gone --addtag hf.volume=gone --config 'activation{udev_sync=0 udev_rules=0}'`,
    );
    await node.daemon('agent').restart();
    const condition = await until('the orphan is reported', 60_000, async () => {
      const status = (await cluster.client.resource(NODES).get('n1')).status;
      return status?.conditions?.find((each) => each.type === 'OrphanVolumes' && each.status === 'True');
    });
    assert.match(condition.message, /lost-r9/);
    assert.match(await node.sh('lvs --noheadings -o lv_name'), /lost-r9/);
    await node.sh(`lvremove -y hf-${POOL}/lost-r9 --config 'activation{udev_sync=0 udev_rules=0}'`);
  });
});
