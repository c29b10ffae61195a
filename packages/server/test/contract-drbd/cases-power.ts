import assert from 'node:assert/strict';
import type { ContractCase } from './cases.ts';
import { MIB, TestVolume } from './volume.ts';

export const POWER_CASES: readonly ContractCase[] = [
  {
    name: 'the secondary loses power: the primary goes on when granted, and the returned node resyncs what changed',
    async run(world) {
      const volume = await new TestVolume(world, 64 * MIB).create();
      await volume.promote(world.a);
      await world.b.powerOff();
      const write = await volume.write(world.a, 1, 'while b is dead');
      await world.a.fence.answer(await volume.question(world.a), 4);
      assert.equal(await write.result, 'acked');
      await world.a.fill(volume.minorOf(world.a), 256, MIB);
      assert.equal((await volume.state(world.a)).peers[0]?.outOfSyncBytes, MIB + 4096);
      await world.b.powerOn();
      assert.equal(await volume.look(world.b), undefined);
      assert.ok((await world.b.drbd.listConfigs()).includes(volume.resource));
      assert.equal(await world.b.drbd.metadataState(volume.config(world.b)), 'valid');
      await world.b.drbd.adjust(volume.resource);
      await volume.untilHealthy();
      await volume.destroy();
      assert.equal(await world.a.checksum(volume.name), await world.b.checksum(volume.name));
    },
  },
  {
    name: 'the primary loses power: the survivor is promoted when granted and has every acknowledged write',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await volume.promote(world.a);
      assert.equal(await (await volume.write(world.a, 7, 'acknowledged')).result, 'acked');
      await world.a.powerOff();
      await volume.promoteAlone(world.b);
      assert.equal(await volume.read(world.b, 7), 'acknowledged');
      assert.equal(await (await volume.write(world.b, 8, 'after')).result, 'acked');
      await world.a.powerOn();
      await world.a.drbd.adjust(volume.resource);
      await volume.untilHealthy();
      assert.equal((await volume.state(world.a)).role, 'Secondary');
      await volume.destroy();
      assert.equal(await world.a.checksum(volume.name), await world.b.checksum(volume.name));
    },
  },
  {
    name: 'after a power loss of both, one node alone is only Consistent and asks; together they are UpToDate again',
    async run(world) {
      const volume = await new TestVolume(world).create();
      await Promise.all([world.a.powerOff(), world.b.powerOff()]);
      await world.a.powerOn();
      await world.a.drbd.adjust(volume.resource);
      const alone = await volume.state(world.a);
      assert.equal(alone.disk, 'Consistent');
      const attempt = world.a.drbd.promote(volume.resource, 60_000);
      await volume.question(world.a);
      const refused = await volume.answering(world.a, 1, attempt);
      assert.ok(!refused.ok);
      assert.ok(['fencing-refused', 'no-uptodate-data'].includes(refused.reason), refused.reason);
      await world.b.powerOn();
      await world.b.drbd.adjust(volume.resource);
      await volume.untilHealthy();
      await volume.destroy();
    },
  },
];
