import assert from 'node:assert/strict';
import type { ContractCase } from './cases.ts';
import { staysPending, TestVolume, until } from './volume.ts';

const frozen = (state: { suspended: readonly string[] }): boolean => state.suspended.includes('fencing');

export const FENCING_CASES: readonly ContractCase[] = [
  {
    name: 'a primary that loses its peer acknowledges nothing until it is granted',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await volume.promote(world.a);
      await world.cut();
      const write = await volume.write(world.a, 1, 'paused');
      const request = await volume.question(world.a);
      await volume.untilState(world.a, 'frozen', frozen);
      assert.ok(await staysPending(world, write.result, 1000));
      await world.a.fence.answer(request, 4);
      assert.equal(await write.result, 'acked');
      const granted = await volume.untilState(world.a, 'running', (state) => !frozen(state));
      assert.equal(granted.peers[0]?.disk, 'Outdated');
      await volume.noQuestion(world.a);
      await world.heal();
      await volume.untilHealthy();
      assert.equal(await volume.read(world.a, 1), 'paused');
      await volume.destroy();
      assert.equal(await world.a.checksum(volume.name), await world.b.checksum(volume.name));
    },
  },
  {
    name: 'a refused primary stays frozen, and asks again when told to',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await volume.promote(world.a);
      await world.cut();
      const write = await volume.write(world.a, 1, 'refused first');
      const first = await volume.question(world.a);
      await world.a.fence.answer(first, 1);
      await volume.noQuestion(world.a);
      assert.ok(await staysPending(world, write.result, 1000));
      assert.ok(frozen(await volume.state(world.a)));
      await world.a.drbd.askFenceAgain(volume.resource);
      const second = await volume.question(world.a, first);
      assert.notEqual(second.id, first.id);
      await world.a.fence.answer(second, 4);
      assert.equal(await write.result, 'acked');
      await world.heal();
      await volume.untilHealthy();
      await volume.destroy();
    },
  },
  {
    name: 'without a helper a primary stays frozen; with it, it can be asked to ask',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await volume.promote(world.a);
      assert.equal(await world.a.fence.whyNotProtected(), null);
      await world.a.loseHelper();
      assert.notEqual(await world.a.fence.whyNotProtected(), null);
      await world.cut();
      const write = await volume.write(world.a, 1, 'no helper');
      await volume.untilState(world.a, 'frozen', frozen);
      assert.ok(await staysPending(world, write.result, 1000));
      await world.a.fence.install();
      assert.equal(await world.a.fence.whyNotProtected(), null);
      await world.a.drbd.askFenceAgain(volume.resource);
      await world.a.fence.answer(await volume.question(world.a), 4);
      assert.equal(await write.result, 'acked');
      await world.heal();
      await volume.untilHealthy();
      await volume.destroy();
    },
  },
  {
    name: 'a reconnect while the question is open sends what was paused, starts no resync and no generation',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await volume.promote(world.a);
      assert.equal(await (await volume.write(world.a, 1, 'first')).result, 'acked');
      const before = await volume.state(world.a);
      await world.cut();
      const write = await volume.write(world.a, 1, 'resent');
      const request = await volume.question(world.a);
      await world.heal();
      assert.equal(await write.result, 'acked');
      await volume.untilHealthy();
      // The verdict comes too late: it changes nothing.
      await world.a.fence.answer(request, 4);
      await volume.noQuestion(world.a);
      await volume.untilHealthy();
      const after = await volume.state(world.a);
      assert.equal(after.generationIds.split(':')[0], before.generationIds.split(':')[0]);
      assert.equal(after.peers[0]?.outOfSyncBytes, 0);
      await volume.destroy();
      assert.equal(await world.a.checksum(volume.name), await world.b.checksum(volume.name));
    },
  },
  {
    name: 'an old question is delivered once to each listener, also to one that starts later',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await volume.promote(world.a);
      await world.cut();
      const request = await volume.question(world.a);
      const stop = new AbortController();
      const ids: string[] = [];
      for await (const seen of world.a.fence.requests(stop.signal)) {
        if (seen.resource !== volume.resource) continue;
        ids.push(seen.id);
        await world.a.fence.answer(seen, 4);
        break;
      }
      stop.abort();
      assert.deepEqual(ids, [request.id]);
      await volume.untilState(world.a, 'running', (state) => !frozen(state));
      await world.heal();
      await volume.untilHealthy();
      await volume.destroy();
    },
  },
  {
    name: 'a disconnected secondary asks before it is promoted, and stays secondary when refused',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await world.cut();
      await volume.untilDisconnected(world.b);
      const attempt = world.b.drbd.promote(volume.resource, 60_000);
      await volume.question(world.b);
      // The kernel asks up to four times.
      const outcome = await volume.answering(world.b, 1, attempt);
      assert.ok(!outcome.ok);
      assert.equal(outcome.reason, 'fencing-refused');
      assert.equal((await volume.state(world.b)).role, 'Secondary');
      await world.heal();
      await volume.untilHealthy();
      await volume.destroy();
    },
  },
  {
    name: 'no handshake happens while a promotion waits for its verdict, and the state can be read meanwhile',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await world.cut();
      await volume.untilDisconnected(world.a);
      await volume.untilDisconnected(world.b);
      const attempt = world.b.drbd.promote(volume.resource, 60_000);
      await volume.question(world.b);
      await world.heal();
      await world.pause(3000);
      const meanwhile = await volume.state(world.b);
      assert.notEqual(meanwhile.peers[0]?.connection, 'Connected');
      assert.equal(meanwhile.role, 'Secondary');
      assert.notEqual((await volume.state(world.a)).peers[0]?.connection, 'Connected');
      assert.deepEqual(await volume.answering(world.b, 4, attempt), { ok: true });
      await volume.untilHealthy();
      assert.equal((await volume.state(world.b)).role, 'Primary');
      await volume.destroy();
    },
  },
  {
    name: 'a primary that lost its claim fails its paused writes, is demoted, and rejoins by resync without split brain',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await volume.promote(world.a);
      assert.equal(await (await volume.write(world.a, 1, 'common')).result, 'acked');
      await world.cut();
      const lost = await volume.write(world.a, 1, 'never acknowledged');
      await world.a.fence.answer(await volume.question(world.a), 1);
      await volume.promoteAlone(world.b);
      assert.equal(await volume.read(world.b, 1), 'common');
      assert.equal(await (await volume.write(world.b, 1, 'new owner')).result, 'acked');
      // INV-5, in this order.
      await world.a.drbd.failPausedIo(volume.resource);
      assert.equal(await lost.result, 'failed');
      assert.deepEqual(await world.a.drbd.demote(volume.resource), { ok: true });
      await world.a.drbd.down(volume.resource);
      await world.heal();
      await world.a.drbd.adjust(volume.resource);
      await world.b.drbd.connect(volume.resource);
      await volume.untilHealthy();
      assert.equal(await volume.read(world.b, 1), 'new owner');
      await volume.destroy();
      assert.equal(await world.a.checksum(volume.name), await world.b.checksum(volume.name));
    },
  },
  {
    name: 'a frozen primary that meets the new one does not connect, and recovers afterwards all the same',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await volume.promote(world.a);
      await world.cut();
      const lost = await volume.write(world.a, 1, 'never acknowledged');
      await world.a.fence.answer(await volume.question(world.a), 1);
      await volume.promoteAlone(world.b);
      assert.equal(await (await volume.write(world.b, 1, 'new owner')).result, 'acked');
      await world.heal();
      // "I shall become SyncTarget, but I am primary!": whoever says it first gives up, the other may go on trying.
      const connections = async () =>
        Promise.all([world.a, world.b].map(async (node) => (await volume.state(node)).peers[0]?.connection));
      const both = await until(world, 'one gives up', connections, (seen) => seen.includes('StandAlone'));
      assert.ok(!both.includes('Connected'));
      assert.ok(frozen(await volume.state(world.a)));
      assert.deepEqual((await volume.state(world.b)).suspended, []);
      await world.a.drbd.failPausedIo(volume.resource);
      assert.equal(await lost.result, 'failed');
      assert.deepEqual(await world.a.drbd.demote(volume.resource), { ok: true });
      await world.a.drbd.down(volume.resource);
      await world.a.drbd.adjust(volume.resource);
      await world.b.drbd.connect(volume.resource);
      await volume.untilHealthy();
      await volume.destroy();
      assert.equal(await world.a.checksum(volume.name), await world.b.checksum(volume.name));
    },
  },
];
