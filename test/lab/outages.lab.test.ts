/** Outages of nodes, networks and the control plane, on real kernels. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { VOLUMES } from '@holdfast/api/client/kinds.ts';
import type { LabNode } from '@holdfast/lab/types.ts';
import type { LabCluster } from '@holdfast/server/lab-cluster/start.ts';
import {
  attach,
  check,
  createVolume,
  deleteVolume,
  MIB,
  mountOf,
  nodesOf,
  startCluster,
  until,
  Writer,
  waitHealthy,
  waitVolume,
} from './support.ts';

describe('outages', () => {
  let cluster: LabCluster;
  let a: LabNode;
  let b: LabNode;
  let number = 0;
  let v = '';
  before(async () => {
    cluster = await startCluster({ name: 'outages', nodes: 2 });
  });
  after(() => cluster?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    number += 1;
    v = `outage-${number}`;
    await createVolume(cluster, v, { sizeBytes: 128 * MIB });
    await waitHealthy(cluster, v);
    const nodes = await nodesOf(cluster, v);
    const [first, second] = nodes;
    assert.ok(second !== undefined);
    [a, b] = [first, second];
  });

  async function finish(): Promise<void> {
    await waitHealthy(cluster, v, 90_000);
    await attach(cluster, v, undefined);
    await deleteVolume(cluster, v);
  }

  test('INV-4: the secondary dies; writes pause, the set shrinks, writes go on', async () => {
    await attach(cluster, v, a.name);
    const writer = await Writer.start(a, v);
    await writer.more(10);
    await b.powerOff();
    await writer.more(50);
    const volume = await waitVolume(cluster, v, 'one member', (each) => each.status?.arbiter?.inSync.length === 1);
    assert.equal(volume.status?.arbiter?.history[0]?.cause, 'fence-peer');
    await b.powerOn();
    await waitHealthy(cluster, v, 90_000);
    await writer.stop();
    assert.deepEqual((await check(a, v)).bad, []);
    await finish();
  });

  test('INV-5: a frozen primary that lost its claim fails its paused writes and rejoins without split brain', async () => {
    await attach(cluster, v, a.name);
    const first = await Writer.start(a, v, 1);
    await first.more(10);
    // Cut off from its peer and from the API: frozen, its lease silent. The other side takes over.
    await cluster.lab.cut({ from: a.name });
    const second = await Writer.start(b, v, 2);
    await attach(cluster, v, b.name, false);
    await second.more(10);
    const acknowledged = first.last;
    await cluster.lab.healAll();
    await waitHealthy(cluster, v, 120_000);
    assert.equal(first.last, acknowledged, 'INV-5: nothing was acknowledged after the claim was lost');
    assert.doesNotMatch(await a.sh('cat /proc/self/mountinfo'), new RegExp(`${mountOf(v)} `));
    await second.stop();
    const result = await check(b, v);
    assert.deepEqual(result.bad, []);
    assert.ok((result.writers['1']?.[1] ?? -1) >= acknowledged);
    for (const node of [a, b]) assert.doesNotMatch(await node.sh('dmesg'), /[Ss]plit-[Bb]rain detected/);
    await finish();
  });

  test('the API server is away while the secondary dies: writes stay paused until it answers, then go on', async () => {
    await attach(cluster, v, a.name);
    const writer = await Writer.start(a, v);
    await writer.more(10);
    await cluster.lab.host('apiserver').stop();
    await b.powerOff();
    await until('the primary is frozen', 30_000, async () =>
      /suspended:\S*fencing/.test(await a.sh('drbdsetup status --verbose')) ? true : undefined,
    );
    const frozenAt = writer.last;
    await cluster.lab.host('apiserver').start();
    await writer.more(10);
    assert.ok(writer.last > frozenAt);
    await b.powerOn();
    await waitHealthy(cluster, v, 90_000);
    await writer.stop();
    await finish();
  });

  test('INV-1: both nodes lose power and return: every acknowledged write is there', async () => {
    await attach(cluster, v, a.name);
    const writer = await Writer.start(a, v);
    await writer.more(30);
    await Promise.all([a.powerOff(), b.powerOff()]);
    const acknowledged = writer.last;
    await Promise.all([a.powerOn(), b.powerOn()]);
    await waitVolume(cluster, v, 'attached again', (each) => each.status?.attachedTo === a.name, 120_000);
    await until('mounted again', 180_000, async () => ((await check(a, v)).records > 0 ? true : undefined));
    const result = await check(a, v);
    assert.deepEqual(result.bad, []);
    assert.ok(result.records > acknowledged, `acknowledged ${acknowledged}, found ${result.records}`);
    await finish();
  });

  test('API server and controller are killed again and again while volumes come and go', async () => {
    const names = ['kill-1', 'kill-2', 'kill-3', 'kill-4'];
    let stop = false;
    const killer = (async () => {
      for (let round = 0; !stop; round += 1) {
        const process = cluster.lab.host(round % 2 === 0 ? 'apiserver' : 'controller');
        const before = (await process.status()).starts;
        await process.kill('SIGKILL');
        await until('it is back', 20_000, async () => ((await process.status()).starts > before ? true : undefined));
        // In the middle of the work, not before it: a few writes later, or when there is nothing left to write.
        const version = async (): Promise<number> =>
          Number((await cluster.client.resource(VOLUMES).list()).resourceVersion);
        const from = await until('it answers', 30_000, version);
        await until('a few writes later', 10_000, async () =>
          (await version()) > from + 12 || stop ? true : undefined,
        )
          // An idle system writes only heartbeats: the next kill is due all the same.
          .catch(() => undefined);
      }
    })();
    try {
      for (const name of names) {
        await until(`${name} created`, 20_000, async () => {
          const there = await cluster.client.resource(VOLUMES).find(name);
          if (there === undefined) await createVolume(cluster, name, { sizeBytes: 64 * MIB });
          return true;
        });
      }
      for (const name of names) await waitHealthy(cluster, name, 120_000);
    } finally {
      stop = true;
      await killer;
    }
    for (const name of names) await deleteVolume(cluster, name, 90_000);
    await finish();
  });
});
