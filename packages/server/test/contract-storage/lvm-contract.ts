import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AppError, type ErrorCode } from '@holdfast/api/errors.ts';
import { thinPoolLayout } from '../../src/core/pool/layout.ts';
import type { LogicalVolume, Lvm, VolumeGroup } from '../../src/ports/lvm.ts';

/** A node with three blank disks of at least 800 MiB, real or fake. */
export interface LvmRig {
  readonly lvm: Lvm;
  readonly disks: readonly [string, string, string];
  /** Puts an ext4 signature on a device. */
  sign(device: string): Promise<void>;
  /** Takes every signature off a disk. */
  wipe(device: string): Promise<void>;
  /** Is the device free of signatures, as far as low-level tools can see? */
  isBlank(device: string): Promise<boolean>;
  /** Keeps a device open until the returned function is called. */
  hold(device: string): Promise<() => Promise<void>>;
  /** Writes to fresh blocks of a volume; false when there is no space, without waiting. */
  write(vg: string, lv: string, bytes: number): Promise<boolean>;
  /** A volume group of somebody else. */
  makeForeignVg(vg: string, device: string): Promise<void>;
  removeForeignVg(vg: string, device: string): Promise<void>;
  /** A plain LV with these tags, as a crash inside lvcreate leaves it. */
  plantLv(vg: string, lv: string, sizeBytes: number, tags: readonly string[]): Promise<void>;
}

const MIB = 2 ** 20;
const VG = 'hf-contract';
const POOL_TAGS = ['holdfast', 'hf.pool=contract', 'hf.pool-uid=0a1b'];
const REPLICA_TAG = 'hf.replica=11111111-2222-3333-4444-555555555555';
const LV_TAGS = ['holdfast', 'hf.volume=9', REPLICA_TAG, 'hf.role=data'];
const UUIDS = [
  'hf0000-0000-0000-0000-0000-0000-000001',
  'hf0000-0000-0000-0000-0000-0000-000002',
  'hf0000-0000-0000-0000-0000-0000-000003',
] as const;

async function rejects(code: ErrorCode, action: Promise<unknown>): Promise<AppError> {
  try {
    await action;
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    return error;
  }
  throw new assert.AssertionError({ message: `expected ${code}` });
}

/** The behaviour that everything above LVM relies on. Steps build on each other, as they do in a pool's life. */
export function lvmContract(name: string, open: () => Promise<LvmRig>, close: () => Promise<void>): void {
  describe(`LVM: ${name}`, () => {
    let rig: LvmRig;
    before(async () => {
      rig = await open();
    });
    after(close);

    async function group(): Promise<VolumeGroup> {
      const found = (await rig.lvm.inventory()).vgs.find((vg) => vg.name === VG);
      assert.ok(found, `${VG} exists`);
      return found;
    }

    async function volume(lv: string): Promise<LogicalVolume | undefined> {
      return (await rig.lvm.inventory()).lvs.find((each) => each.vg === VG && each.name === lv);
    }

    test('tells its version', async () => {
      assert.match(await rig.lvm.version(), /^2\.\d+\.\d+/);
    });

    test('labels a blank disk with the given UUID, and labelling it again is harmless', async () => {
      const [device] = rig.disks;
      await rig.lvm.createPv({ device, uuid: UUIDS[0] });
      await rig.lvm.createPv({ device, uuid: UUIDS[0] });
      const pv = (await rig.lvm.inventory()).pvs.find((each) => each.uuid === UUIDS[0]);
      assert.equal(pv?.path, device);
      assert.equal(pv?.vg, undefined);
      assert.equal(pv?.inUse, false);
    });

    test('never labels a disk that carries a signature', async () => {
      const device = rig.disks[2];
      await rig.sign(device);
      const error = await rejects('failed_precondition', rig.lvm.createPv({ device, uuid: UUIDS[2] }));
      assert.equal(error.details.reason, 'DiskNotFree');
      assert.equal(await rig.isBlank(device), false);
      await rig.wipe(device);
    });

    test('says not_found for a disk that is not there', async () => {
      await rejects('not_found', rig.lvm.createPv({ device: '/dev/no-such-disk', uuid: UUIDS[2] }));
    });

    test('makes a tagged volume group, and making it again is harmless', async () => {
      const args = { vg: VG, devices: [rig.disks[0]], tags: POOL_TAGS };
      await rig.lvm.createVg(args);
      await rig.lvm.createVg(args);
      const vg = await group();
      assert.deepEqual([...vg.tags].sort(), [...POOL_TAGS].sort());
      assert.deepEqual(vg.pvs, [rig.disks[0]]);
      assert.equal(vg.missingPvs, 0);
      assert.equal(vg.extentBytes, 4 * MIB);
      assert.equal(vg.freeBytes, vg.sizeBytes);
      assert.ok(vg.metadataFreeBytes > MIB);
    });

    test('never labels a disk that is in a volume group', async () => {
      const error = await rejects('failed_precondition', rig.lvm.createPv({ device: rig.disks[0], uuid: UUIDS[1] }));
      assert.equal(error.details.reason, 'DiskNotFree');
    });

    test('INV-7: sees the volume group of somebody else without our tags, and does not take its name', async () => {
      await rig.makeForeignVg('hf-foreign', rig.disks[2]);
      const foreign = (await rig.lvm.inventory()).vgs.find((vg) => vg.name === 'hf-foreign');
      assert.deepEqual(foreign?.tags, []);
      await rejects('already_exists', rig.lvm.createVg({ vg: 'hf-foreign', devices: [rig.disks[2]], tags: POOL_TAGS }));
      await rejects('failed_precondition', rig.lvm.removeVg({ vg: 'hf-foreign', requiredTag: 'holdfast' }));
      await rig.removeForeignVg('hf-foreign', rig.disks[2]);
    });

    test('wipes a volume that is marked for it, once, and nothing else', async () => {
      const PENDING = 'hf.wipe=pending';
      await rig.plantLv(VG, 'old.md', 64 * MIB, [...LV_TAGS, PENDING]);
      const device = (await volume('old.md'))?.path ?? '';
      await rig.sign(device);
      assert.equal(await rig.isBlank(device), false);
      await rig.lvm.wipeLv({ vg: VG, lv: 'old.md', pendingTag: PENDING });
      assert.equal(await rig.isBlank(device), true);
      assert.deepEqual([...((await volume('old.md'))?.tags ?? [])].sort(), [...LV_TAGS].sort());
      await rig.sign(device);
      await rig.lvm.wipeLv({ vg: VG, lv: 'old.md', pendingTag: PENDING });
      assert.equal(await rig.isBlank(device), false, 'what is in use is not wiped again');
      await rig.lvm.removeLv({ vg: VG, lv: 'old.md', requiredTag: LV_TAGS[0] ?? '' });
    });

    test('makes a thin pool of the wanted sizes over a half-made one, and making it again is harmless', async () => {
      await rig.plantLv(VG, 'pool', 16 * MIB, POOL_TAGS);
      const layout = thinPoolLayout((await group()).sizeBytes);
      assert.ok(layout);
      const args = { vg: VG, pool: 'pool', tags: POOL_TAGS, ...layout };
      await rig.lvm.createThinPool(args);
      await rig.lvm.createThinPool(args);
      const pool = await volume('pool');
      assert.equal(pool?.kind, 'thin-pool');
      assert.equal(pool?.active, true);
      assert.equal(pool?.sizeBytes, layout.dataBytes);
      assert.equal(pool?.metadataBytes, layout.metadataBytes);
      assert.equal(pool?.chunkBytes, layout.chunkBytes);
      assert.equal(pool?.dataPercent, 0);
      assert.equal(pool?.trouble, '');
      assert.ok((await group()).freeBytes >= layout.reserveBytes);
    });

    test('does not take a name for a thin pool that something else has', async () => {
      await rig.plantLv(VG, 'strange', 4 * MIB, ['somebody']);
      const sizes = { dataBytes: 4 * MIB, metadataBytes: 4 * MIB, chunkBytes: 65_536 };
      await rejects('already_exists', rig.lvm.createThinPool({ vg: VG, pool: 'strange', tags: POOL_TAGS, ...sizes }));
      await rig.lvm.removeLv({ vg: VG, lv: 'strange', requiredTag: 'somebody' });
    });

    test('makes a thin volume of exactly the wanted size with its tags, active; again is harmless', async () => {
      const args = { vg: VG, lv: 'db-r0', sizeBytes: 1024 * MIB, tags: LV_TAGS, thinPool: 'pool' };
      await rig.lvm.createLv(args);
      await rig.lvm.createLv(args);
      const lv = await volume('db-r0');
      assert.equal(lv?.sizeBytes, 1024 * MIB);
      assert.deepEqual([...(lv?.tags ?? [])].sort(), [...LV_TAGS].sort());
      assert.equal(lv?.kind, 'thin');
      assert.equal(lv?.pool, 'pool');
      assert.equal(lv?.active, true);
      assert.equal(lv?.open, false);
      assert.equal(lv?.path, `/dev/${VG}/db-r0`);
    });

    test('the same name with other tags or another size is already_exists', async () => {
      const args = { vg: VG, lv: 'db-r0', sizeBytes: 1024 * MIB, tags: LV_TAGS, thinPool: 'pool' };
      await rejects('already_exists', rig.lvm.createLv({ ...args, tags: ['holdfast', 'hf.replica=other'] }));
      await rejects('already_exists', rig.lvm.createLv({ ...args, sizeBytes: 512 * MIB }));
    });

    test('sizes must be whole extents', async () => {
      const args = { vg: VG, lv: 'odd', tags: LV_TAGS, thinPool: 'pool' };
      await rejects('invalid_argument', rig.lvm.createLv({ ...args, sizeBytes: 4 * MIB + 512 }));
      await rejects('invalid_argument', rig.lvm.createLv({ ...args, sizeBytes: 0 }));
    });

    test('a missing group or pool is not_found', async () => {
      const args = { lv: 'x', sizeBytes: 4 * MIB, tags: LV_TAGS };
      await rejects('not_found', rig.lvm.createLv({ ...args, vg: 'hf-nope', thinPool: 'pool' }));
      await rejects('not_found', rig.lvm.createLv({ ...args, vg: VG, thinPool: 'nope' }));
      await rejects('not_found', rig.lvm.extendLv({ vg: VG, lv: 'nope', sizeBytes: 4 * MIB }));
      await rejects('not_found', rig.lvm.activateLv({ vg: VG, lv: 'nope' }));
    });

    test('a thick volume that does not fit is resource_exhausted and leaves nothing', async () => {
      const args = { vg: VG, lv: 'thick', sizeBytes: 1024 * MIB, tags: LV_TAGS };
      const error = await rejects('resource_exhausted', rig.lvm.createLv(args));
      assert.equal(error.details.reason, 'NoSpace');
      assert.equal(await volume('thick'), undefined);
    });

    test('grows, does nothing when it has that size, and never shrinks', async () => {
      await rig.lvm.extendLv({ vg: VG, lv: 'db-r0', sizeBytes: 1100 * MIB });
      await rig.lvm.extendLv({ vg: VG, lv: 'db-r0', sizeBytes: 1100 * MIB });
      assert.equal((await volume('db-r0'))?.sizeBytes, 1100 * MIB);
      await rejects('failed_precondition', rig.lvm.extendLv({ vg: VG, lv: 'db-r0', sizeBytes: 1024 * MIB }));
    });

    test('a volume that is open is not deactivated or removed', async () => {
      const release = await rig.hold(`/dev/${VG}/db-r0`);
      assert.equal((await volume('db-r0'))?.open, true);
      const error = await rejects('failed_precondition', rig.lvm.deactivateLv({ vg: VG, lv: 'db-r0' }));
      assert.equal(error.details.reason, 'InUse');
      await rejects('failed_precondition', rig.lvm.removeLv({ vg: VG, lv: 'db-r0', requiredTag: REPLICA_TAG }));
      await release();
    });

    test('deactivates and activates, alone and with its group', async () => {
      await rig.lvm.deactivateLv({ vg: VG, lv: 'db-r0' });
      assert.equal((await volume('db-r0'))?.active, false);
      await rig.lvm.activateLv({ vg: VG, lv: 'db-r0' });
      assert.equal((await volume('db-r0'))?.active, true);
      await rig.lvm.deactivateLv({ vg: VG, lv: 'db-r0' });
      await rig.lvm.activateVg(VG);
      assert.equal((await volume('db-r0'))?.active, true);
    });

    test('INV-7: a volume without the required tag is not removed, nor is a thin pool', async () => {
      const error = await rejects(
        'failed_precondition',
        rig.lvm.removeLv({ vg: VG, lv: 'db-r0', requiredTag: 'hf.replica=somebody-else' }),
      );
      assert.equal(error.details.reason, 'NotOurs');
      await rejects('failed_precondition', rig.lvm.removeLv({ vg: VG, lv: 'pool', requiredTag: 'holdfast' }));
      assert.ok(await volume('db-r0'));
      assert.ok(await volume('pool'));
    });

    test('usage is counted, and a full pool fails writes at once and new volumes with resource_exhausted', async () => {
      const poolBytes = (await volume('pool'))?.sizeBytes ?? 0;
      const big = Math.ceil((poolBytes * 1.25) / (4 * MIB)) * 4 * MIB;
      await rig.lvm.createLv({ vg: VG, lv: 'big', sizeBytes: big, tags: LV_TAGS, thinPool: 'pool' });
      assert.equal(await rig.write(VG, 'big', 64 * MIB), true);
      const [usage] = (await rig.lvm.thinUsage()).filter((each) => each.vg === VG);
      assert.ok(usage !== undefined && usage.dataPercent > 0 && usage.dataPercent < 50, JSON.stringify(usage));
      assert.equal(usage.pool, 'pool');
      assert.equal(usage.trouble, '');
      assert.equal(await rig.write(VG, 'big', big), false);
      const pool = await volume('pool');
      assert.equal(pool?.dataPercent, 100);
      assert.equal(pool?.trouble, 'out-of-data-space');
      const [full] = (await rig.lvm.thinUsage()).filter((each) => each.vg === VG);
      assert.deepEqual([full?.dataPercent, full?.trouble], [100, 'out-of-data-space']);
      const another = { vg: VG, lv: 'another', sizeBytes: 4 * MIB, tags: LV_TAGS, thinPool: 'pool' };
      await rejects('resource_exhausted', rig.lvm.createLv(another));
      assert.equal(await volume('another'), undefined);
    });

    test('a second disk joins the group once, and the full pool grows into it and works again', async () => {
      const device = rig.disks[1];
      await rig.lvm.createPv({ device, uuid: UUIDS[1] });
      await rig.lvm.extendVg({ vg: VG, devices: [device] });
      await rig.lvm.extendVg({ vg: VG, devices: [device] });
      assert.deepEqual([...(await group()).pvs].sort(), [rig.disks[0], device].sort());
      const pool = await volume('pool');
      assert.ok(pool?.metadataBytes !== undefined);
      const dataBytes = pool.sizeBytes + 256 * MIB;
      const metadataBytes = pool.metadataBytes + 8 * MIB;
      await rig.lvm.growThinPool({ vg: VG, pool: 'pool', dataBytes, metadataBytes });
      await rig.lvm.growThinPool({ vg: VG, pool: 'pool', dataBytes, metadataBytes });
      const grown = await volume('pool');
      assert.deepEqual([grown?.sizeBytes, grown?.metadataBytes], [dataBytes, metadataBytes]);
      assert.equal(grown?.trouble, '');
      assert.equal(await rig.write(VG, 'big', 16 * MIB), true);
    });

    test('a group with volumes is not removed', async () => {
      const error = await rejects('failed_precondition', rig.lvm.removeVg({ vg: VG, requiredTag: 'holdfast' }));
      assert.match(error.message, /big.*db-r0|db-r0.*big/);
      assert.ok(await volume('pool'));
    });

    test('removes volumes by their tag, and removing what is gone is success', async () => {
      for (const lv of ['db-r0', 'big']) {
        await rig.lvm.removeLv({ vg: VG, lv, requiredTag: REPLICA_TAG });
        await rig.lvm.removeLv({ vg: VG, lv, requiredTag: REPLICA_TAG });
        assert.equal(await volume(lv), undefined);
      }
      await rig.lvm.removeLv({ vg: 'hf-nope', lv: 'x', requiredTag: REPLICA_TAG });
    });

    test('removes the empty group, its pool and its labels; the disks are blank again', async () => {
      await rejects('failed_precondition', rig.lvm.removeVg({ vg: VG, requiredTag: 'hf.pool-uid=other' }));
      await rig.lvm.removeVg({ vg: VG, requiredTag: 'holdfast' });
      await rig.lvm.removeVg({ vg: VG, requiredTag: 'holdfast' });
      assert.equal(
        (await rig.lvm.inventory()).vgs.some((vg) => vg.name === VG),
        false,
      );
      assert.equal(await rig.isBlank(rig.disks[0]), true);
      assert.equal(await rig.isBlank(rig.disks[1]), true);
    });
  });
}
