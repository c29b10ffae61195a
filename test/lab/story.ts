/** The core story, told on every supported kernel: create, write, lose a node, fail over, resync, grow, delete. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { VOLUMES } from '@holdfast/api/client/kinds.ts';
import type { LabCluster, LabClusterOptions } from '@holdfast/server/lab-cluster/start.ts';
import {
  attach,
  check,
  createVolume,
  deleteVolume,
  MIB,
  mountOf,
  nodesOf,
  replicasOf,
  startCluster,
  until,
  Writer,
  waitHealthy,
  waitVolume,
} from './support.ts';

const V = 'story';

export function tellCoreStory(title: string, options: LabClusterOptions): void {
  describe(title, () => {
    let cluster: LabCluster;
    before(async () => {
      cluster = await startCluster(options);
    });
    after(() => cluster?.[Symbol.asyncDispose]());

    test('a two-replica volume is provisioned without an initial sync', async () => {
      await createVolume(cluster, V, { sizeBytes: 256 * MIB });
      const volume = await waitHealthy(cluster, V);
      assert.equal(volume.status?.arbiter?.history.at(-1)?.cause, 'bootstrap');
      const states = (await replicasOf(cluster, V)).map((replica) => replica.status?.drbd);
      assert.deepEqual(
        states.map((drbd) => [drbd?.disk, drbd?.peers[0]?.connection, drbd?.peers[0]?.outOfSyncBytes ?? 0]),
        [
          ['UpToDate', 'Connected', 0],
          ['UpToDate', 'Connected', 0],
        ],
      );
    });

    test('INV-1, INV-3: power is cut under a writer; the other node has every acknowledged write', async () => {
      const [a, b] = await pair();
      await attach(cluster, V, a.name);
      const first = await Writer.start(a, V, 1);
      const second = await Writer.start(b, V, 2);
      await first.more(50);
      await a.powerOff();
      const acknowledged = first.last;
      await attach(cluster, V, b.name, false);
      await second.more(20);
      const volume = await waitVolume(
        cluster,
        V,
        `attached to ${b.name}`,
        (each) => each.status?.attachedTo === b.name,
      );
      assert.equal(volume.status?.arbiter?.inSync.length, 1, 'the dead replica left the set before the promotion');
      await second.stop();
      const result = await check(b, V);
      assert.deepEqual(result.bad, []);
      assert.ok(
        (result.writers['1']?.[1] ?? -1) >= acknowledged,
        `acknowledged ${acknowledged}, found ${JSON.stringify(result)}`,
      );
      assert.ok(
        result.records > second.last,
        `acknowledged ${second.last} after the failover, found ${result.records}`,
      );
    });

    test('the dead node returns and resyncs only what changed', async () => {
      const [a, b] = await pair();
      await b.sh(`dd if=/dev/urandom of=${mountOf(V)}/blob bs=1M count=8 conv=fsync`);
      await a.powerOn();
      await a.waitReady();
      await waitHealthy(cluster, V, 90_000);
      // Since its (re)boot the returned node has received the resync and nothing else. 8.4 also resyncs the active
      // areas of the activity log: "about what changed" is far below the whole device.
      const received = Number(/ nr:(\d+)/.exec(await a.sh('cat /proc/drbd'))?.[1] ?? Number.NaN) * 1024;
      assert.ok(received >= 8 * MIB, `received ${received}`);
      assert.ok(received < 128 * MIB, `received ${received}: that is no bitmap resync`);
      assert.equal((await check(b, V)).bad.length, 0);
    });

    test('it grows online while a writer goes on', async () => {
      const [, b] = await pair();
      const writer = await Writer.start(b, V, 3);
      await writer.more(5);
      await cluster.client.resource(VOLUMES).patch(V, { spec: { sizeBytes: 384 * MIB } });
      await waitVolume(cluster, V, 'grown', (volume) => volume.status?.sizeBytes === 384 * MIB);
      await until('the file system has grown', 30_000, async () => {
        const kib = Number((await b.sh(`df -k --output=size ${mountOf(V)}`)).split('\n').at(-1));
        return kib * 1024 > 300 * MIB ? true : undefined;
      });
      await writer.more(5);
      await writer.stop();
      assert.equal(writer.error, '');
      assert.deepEqual((await check(b, V)).bad, []);
    });

    test('it moves gracefully, and the data is the same', async () => {
      const [a, b] = await pair();
      const before = await check(b, V);
      await attach(cluster, V, undefined);
      await attach(cluster, V, a.name);
      assert.deepEqual(await check(a, V), before);
      await attach(cluster, V, undefined);
    });

    test('INV-7: deleting it leaves nothing behind', async () => {
      const nodes = await pair();
      await deleteVolume(cluster, V);
      for (const node of nodes) {
        assert.equal((await node.sh('lvs --noheadings -o lv_name @hf.role=data 2>/dev/null')).trim(), '');
        assert.doesNotMatch(await node.sh('cat /proc/drbd'), /cs:/);
        assert.equal((await node.sh('ls /var/lib/holdfast/drbd.d 2>/dev/null | grep -c hf-story || true')).trim(), '0');
      }
    });

    async function pair() {
      const nodes = await nodesOf(cluster, V);
      const [a, b] = nodes;
      assert.ok(b !== undefined, 'two replicas');
      return [a, b] as const;
    }
  });
}
