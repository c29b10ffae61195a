import assert from 'node:assert/strict';
import type { ContractCase } from './cases.ts';
import { MIB, TestVolume } from './volume.ts';

export const SYNC_CASES: readonly ContractCase[] = [
  {
    name: 'a joining replica gets everything from the source by a full sync, and is not promoted before',
    async run(world) {
      const volume = new TestVolume(world);
      await Promise.all([volume.provision(world.a), volume.provision(world.b)]);
      await world.a.fillDisk(volume.name, volume.sizeBytes);
      await world.a.drbd.markSource(volume.config(world.a));
      await world.a.drbd.markSource(volume.config(world.a));
      await world.a.drbd.adjust(volume.resource);
      await volume.untilState(world.a, 'UpToDate alone', (state) => state.disk === 'UpToDate');
      await world.cut();
      await world.b.drbd.adjust(volume.resource);
      await volume.untilState(world.b, 'attached', (state) => state.disk === 'Inconsistent');
      const refused = await world.b.drbd.promote(volume.resource, 20_000);
      assert.ok(!refused.ok);
      assert.equal(refused.reason, 'no-uptodate-data', 'an Inconsistent disk is never promoted without force');
      await world.heal();
      await volume.untilHealthy();
      await volume.destroy();
      assert.equal(await world.a.checksum(volume.name), await world.b.checksum(volume.name));
    },
  },
  {
    name: 'used metadata cannot be marked as a source',
    async run(world) {
      const volume = new TestVolume(world);
      await volume.provision(world.a);
      await world.a.drbd.adjust(volume.resource);
      await assert.rejects(world.a.drbd.markSource(volume.config(world.a)), { code: 'failed_precondition' });
      await volume.destroy();
    },
  },
  {
    name: 'a graceful disconnect outdates the secondary: it is not promoted, nobody is asked, and it syncs what changed',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await volume.promote(world.a);
      await world.a.drbd.disconnect(volume.resource, false);
      await volume.untilState(world.b, 'Outdated', (state) => state.disk === 'Outdated');
      const onA = await volume.state(world.a);
      assert.deepEqual(onA.suspended, []);
      assert.equal(onA.peers[0]?.disk, 'Outdated');
      assert.equal(await (await volume.write(world.a, 5, 'alone')).result, 'acked');
      const refused = await world.b.drbd.promote(volume.resource, 20_000);
      assert.ok(!refused.ok);
      assert.equal(refused.reason, 'no-uptodate-data');
      await volume.noQuestion(world.b);
      await world.a.drbd.connect(volume.resource);
      await world.b.drbd.connect(volume.resource);
      await volume.untilHealthy();
      await volume.destroy();
      assert.equal(await world.a.checksum(volume.name), await world.b.checksum(volume.name));
    },
  },
  {
    name: 'while apart the primary counts what the peer lacks, and only that is resynced',
    async run(world) {
      const volume = await new TestVolume(world, 64 * MIB).create();
      await volume.promote(world.a);
      await world.b.drbd.down(volume.resource);
      await volume.untilDisconnected(world.a);
      await world.a.fill(volume.minorOf(world.a), 256, 2 * MIB);
      const apart = await volume.state(world.a);
      assert.equal(apart.peers[0]?.outOfSyncBytes, 2 * MIB);
      await world.b.drbd.adjust(volume.resource);
      await volume.untilHealthy();
      await volume.destroy();
      assert.equal(await world.a.checksum(volume.name), await world.b.checksum(volume.name));
    },
  },
  {
    name: 'the peer is taken out and put back while the primary writes on',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await volume.promote(world.a);
      await world.a.drbd.writeConfig(volume.config(world.a, true));
      await world.a.drbd.adjust(volume.resource);
      const alone = await volume.state(world.a);
      assert.deepEqual(alone.peers, []);
      assert.deepEqual(alone.suspended, []);
      assert.equal(alone.role, 'Primary');
      assert.equal(await (await volume.write(world.a, 1, 'alone')).result, 'acked');
      await world.a.drbd.writeConfig(volume.config(world.a));
      await world.a.drbd.adjust(volume.resource);
      await world.b.drbd.connect(volume.resource);
      await volume.untilHealthy();
      await volume.destroy();
      assert.equal(await world.a.checksum(volume.name), await world.b.checksum(volume.name));
    },
  },
];
