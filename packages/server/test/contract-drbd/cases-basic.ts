import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { ContractCase } from './cases.ts';
import { TestVolume, until } from './volume.ts';

export const BASIC_CASES: readonly ContractCase[] = [
  {
    name: 'two blank replicas become UpToDate without a sync',
    async run(world) {
      const volume = await new TestVolume(world).create();
      const [onA, onB] = [await volume.state(world.a), await volume.state(world.b)];
      assert.equal(onA.role, 'Secondary');
      assert.equal(onA.sizeBytes, volume.sizeBytes, 'external metadata takes nothing from the size');
      assert.equal(onA.minor, volume.minorOf(world.a));
      assert.equal(onA.peers[0]?.replica, `${volume.name}-r1`);
      assert.equal(onA.peers[0]?.node, world.b.name);
      assert.match(onA.generationIds, /^[0-9A-F]{16}:/);
      assert.equal(onA.generationIds.slice(0, 15), onB.generationIds.slice(0, 15), 'one generation on both sides');
      // Again, as after a crash of the agent.
      await world.a.drbd.skipInitialSync(volume.resource);
      const states = await world.a.drbd.states();
      assert.equal(states.get(volume.resource)?.disk, 'UpToDate');
      await volume.destroy();
    },
  },
  {
    name: 'the first sync is not skipped while a peer is away',
    async run(world) {
      const volume = new TestVolume(world);
      await volume.provision(world.a);
      await world.a.drbd.adjust(volume.resource);
      await assert.rejects(world.a.drbd.skipInitialSync(volume.resource), { code: 'failed_precondition' });
      assert.equal((await volume.state(world.a)).disk, 'Inconsistent');
      await volume.destroy();
    },
  },
  {
    name: 'metadata is created once, and reads as valid afterwards, up or down',
    async run(world) {
      const volume = new TestVolume(world);
      await volume.provision(world.a);
      const config = volume.config(world.a);
      assert.equal(await world.a.drbd.metadataState(config), 'valid');
      await assert.rejects(world.a.drbd.createMetadata(config), { code: 'failed_precondition' });
      await world.a.drbd.adjust(volume.resource);
      assert.equal(await world.a.drbd.metadataState(config), 'valid');
      await volume.destroy();
    },
  },
  {
    name: 'the state of metadata on a missing device is unknown, not blank',
    async run(world) {
      const volume = new TestVolume(world);
      await volume.provision(world.a);
      const config = { ...volume.config(world.a), metaDisk: '/dev/data/nowhere' };
      await world.a.drbd.writeConfig(config);
      assert.equal(await world.a.drbd.metadataState(config), 'unknown');
      await volume.destroy();
    },
  },
  {
    name: 'configuration is written once, compared and removed',
    async run(world) {
      const volume = new TestVolume(world);
      await volume.provision(world.a);
      const config = volume.config(world.a);
      const { drbd } = world.a;
      assert.equal(await drbd.configState(config), 'current');
      assert.equal(await drbd.writeConfig(config), false);
      assert.equal(await drbd.configState(volume.config(world.a, true)), 'stale');
      assert.ok((await drbd.listConfigs()).includes(volume.resource));
      await drbd.removeConfig(volume.resource);
      assert.equal(await drbd.configState(config), 'absent');
      assert.ok(!(await drbd.listConfigs()).includes(volume.resource));
      await drbd.removeConfig(volume.resource);
      assert.equal(await volume.look(world.a), undefined);
    },
  },
  {
    name: 'promote and demote, each of them twice',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await volume.promote(world.a);
      await volume.promote(world.a);
      assert.equal((await volume.state(world.a)).role, 'Primary');
      await volume.untilState(world.b, 'sees the primary', (state) => state.peers[0]?.role === 'Primary');
      assert.deepEqual(await world.a.drbd.demote(volume.resource), { ok: true });
      assert.deepEqual(await world.a.drbd.demote(volume.resource), { ok: true });
      assert.equal((await volume.state(world.a)).role, 'Secondary');
      await volume.destroy();
    },
  },
  {
    name: 'a second primary is refused',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await volume.promote(world.a);
      const outcome = await world.b.drbd.promote(volume.resource, 20_000);
      assert.ok(!outcome.ok);
      assert.equal(outcome.reason, 'peer-is-primary');
      assert.equal((await volume.state(world.b)).role, 'Secondary');
      await volume.destroy();
    },
  },
  {
    name: 'a device in use is not demoted and not taken down',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await volume.promote(world.a);
      const release = await world.a.hold(volume.minorOf(world.a));
      const outcome = await world.a.drbd.demote(volume.resource);
      assert.ok(!outcome.ok);
      assert.equal(outcome.busy, true);
      await assert.rejects(world.a.drbd.down(volume.resource), { code: 'failed_precondition' });
      assert.equal((await volume.state(world.a)).role, 'Primary');
      await release();
      assert.deepEqual(await world.a.drbd.demote(volume.resource), { ok: true });
      await volume.destroy();
    },
  },
  {
    name: 'an acknowledged write is on both disks',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await volume.promote(world.a);
      assert.equal(await (await volume.write(world.a, 3, 'both')).result, 'acked');
      assert.deepEqual(await world.a.drbd.demote(volume.resource), { ok: true });
      await volume.promote(world.b);
      assert.equal(await volume.read(world.b, 3), 'both');
      await volume.destroy();
      assert.equal(await world.a.checksum(volume.name), await world.b.checksum(volume.name));
    },
  },
  {
    name: 'down, down again, up again: UpToDate without a sync',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await world.b.drbd.down(volume.resource);
      await world.b.drbd.down(volume.resource);
      assert.equal(await volume.look(world.b), undefined);
      assert.deepEqual(await world.b.drbd.demote(volume.resource), { ok: true }, 'nothing to demote');
      await world.b.drbd.adjust(volume.resource);
      await world.b.drbd.adjust(volume.resource);
      await volume.untilHealthy();
      await volume.destroy();
    },
  },
  {
    name: 'disconnect and connect, each of them twice',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await world.b.drbd.disconnect(volume.resource, false);
      await world.b.drbd.disconnect(volume.resource, false);
      await volume.untilState(world.b, 'StandAlone', (state) => state.peers[0]?.connection === 'StandAlone');
      await world.b.drbd.connect(volume.resource);
      await world.b.drbd.connect(volume.resource);
      await world.a.drbd.connect(volume.resource);
      await volume.untilHealthy();
      await volume.destroy();
    },
  },
  {
    name: 'a resource without peers is up, UpToDate and promoted without a connection',
    async run(world) {
      const volume = new TestVolume(world);
      await volume.provision(world.a, true);
      await world.a.drbd.markSource(volume.config(world.a, true));
      await world.a.drbd.adjust(volume.resource);
      await world.a.drbd.adjust(volume.resource);
      const state = await volume.untilState(world.a, 'UpToDate', (it) => it.disk === 'UpToDate');
      assert.deepEqual(state.peers, []);
      await volume.promote(world.a);
      assert.equal(await (await volume.write(world.a, 0, 'alone')).result, 'acked');
      await volume.destroy();
    },
  },
  {
    name: 'changes() says to read everything first, then names what changed; observe() tells what look() does',
    async run(world) {
      const stop = new AbortController();
      const names: string[] = [];
      const reading = (async () => {
        for await (const name of world.a.drbd.changes(stop.signal)) names.push(name);
      })();
      await until(
        world,
        'the first name',
        async () => names.length,
        (count) => count > 0,
      );
      assert.equal(names[0], '*');
      const volume = await new TestVolume(world).create();
      await volume.promote(world.a);
      await until(
        world,
        'the change',
        async () => names.slice(1),
        (rest) => rest.includes(volume.resource),
      );
      const look = { ...(await volume.state(world.a)), generationIds: '' };
      await until(
        world,
        'the stream has told everything',
        () => world.a.drbd.observe(volume.resource),
        (seen) => isDeepStrictEqual(seen, look),
      );
      assert.deepEqual(await world.a.drbd.observe(volume.resource, true), look);
      stop.abort();
      await reading;
      await volume.destroy();
    },
  },
  {
    name: 'grows online on both sides without a resync',
    async run(world) {
      const volume = await new TestVolume(world).create();
      const bigger = volume.sizeBytes * 2;
      await Promise.all([world.a.growDisk(volume.name, bigger), world.b.growDisk(volume.name, bigger)]);
      await assert.rejects(
        world.a.drbd.resize(volume.resource, true),
        { code: 'failed_precondition' },
        'nobody is primary',
      );
      await volume.promote(world.a);
      await world.a.drbd.resize(volume.resource, true);
      for (const node of [world.a, world.b])
        await volume.untilState(node, 'grown', (state) => state.sizeBytes === bigger);
      await volume.untilHealthy();
      await world.a.drbd.resize(volume.resource, true);
      assert.equal(await (await volume.write(world.a, bigger / 4096 - 1, 'end')).result, 'acked');
      await volume.destroy();
    },
  },
];
