import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AppError, type ErrorCode } from '@holdfast/api/errors.ts';
import { FS_TYPES } from '@holdfast/api/schema/volume.ts';
import type { FileSystems } from '../../src/ports/filesystem.ts';

/** A node with two blank devices of 512 MiB that can grow to 768 MiB, and one of 64 MiB; real or fake. */
export interface FileSystemRig {
  readonly fs: FileSystems;
  readonly device: string;
  readonly other: string;
  readonly small: string;
  /** Enlarges `device` to 768 MiB. */
  enlarge(): Promise<void>;
  /** Takes every signature off a device. */
  wipe(device: string): Promise<void>;
  /** Makes reads fail until the returned function is called. */
  breakDevice(device: string): Promise<() => Promise<void>>;
  /** A process that works in the mount point; the function ends it. */
  occupy(path: string): Promise<{ readonly pid: string; leave(): Promise<void> }>;
  /** Mounts a second time over what is there. */
  stack(device: string, path: string): Promise<void>;
  /** Size in bytes of the file system that is mounted at path. */
  fsBytes(device: string, path: string): Promise<number>;
}

const MIB = 2 ** 20;
const PATH = '/var/lib/holdfast/mounts/contract';

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

/** The behaviour that attach and detach rely on. */
export function fileSystemContract(name: string, open: () => Promise<FileSystemRig>, close: () => Promise<void>): void {
  describe(`file systems: ${name}`, () => {
    let rig: FileSystemRig;
    before(async () => {
      rig = await open();
    });
    after(close);

    const at = (path: string) => rig.fs.mounts().then((all) => all.filter((entry) => entry.mountPath === path));

    test('a blank device is blank, a missing one is unknown', async () => {
      assert.deepEqual(await rig.fs.probe(rig.device), { state: 'blank' });
      const missing = await rig.fs.probe('/dev/no-such-device');
      assert.equal(missing.state, 'unknown');
    });

    test('INV-6: a device that cannot be read is unknown, never blank, and is not formatted', async () => {
      const heal = await rig.breakDevice(rig.other);
      const probe = await rig.fs.probe(rig.other);
      assert.equal(probe.state, 'unknown');
      const error = await rejects('failed_precondition', rig.fs.mkfs(rig.other, 'ext4'));
      assert.equal(error.details.reason, 'ProbeFailed');
      await heal();
      assert.deepEqual(await rig.fs.probe(rig.other), { state: 'blank' });
    });

    test('tells the size of a device, and not_found for a missing one', async () => {
      assert.equal(await rig.fs.deviceSizeBytes(rig.device), 512 * MIB);
      await rejects('not_found', rig.fs.deviceSizeBytes('/dev/no-such-device'));
    });

    test('a mount point is made once and again, with its parents', async () => {
      await rig.fs.makeMountPoint(PATH);
      await rig.fs.makeMountPoint(PATH);
    });

    for (const fsType of FS_TYPES) {
      test(`INV-6: ${fsType}: a blank device is formatted, and never a second time`, async () => {
        await rig.wipe(rig.device);
        await rig.fs.mkfs(rig.device, fsType);
        assert.deepEqual(await rig.fs.probe(rig.device), { state: 'signature', type: fsType, usage: 'filesystem' });
        for (const again of FS_TYPES) {
          const error = await rejects('failed_precondition', rig.fs.mkfs(rig.device, again));
          assert.equal(error.details.reason, 'NotBlank');
        }
        assert.deepEqual(await rig.fs.probe(rig.device), { state: 'signature', type: fsType, usage: 'filesystem' });
      });

      test(`${fsType}: checks, mounts (again is harmless), unmounts (again is harmless)`, async () => {
        assert.deepEqual(await rig.fs.fsck(rig.device, fsType), { ok: true });
        const args = { device: rig.device, path: PATH, fsType, readOnly: false };
        await rig.fs.mount(args);
        await rig.fs.mount(args);
        const [entry, ...more] = await at(PATH);
        assert.equal(more.length, 0);
        assert.equal(entry?.fsType, fsType);
        assert.equal(entry?.options.split(',')[0], 'rw');
        await rejects('failed_precondition', rig.fs.mount({ ...args, readOnly: true }));
        await rejects('failed_precondition', rig.fs.wipeInterruptedFormat(rig.device));
        assert.deepEqual(await rig.fs.unmount(PATH), { ok: true });
        assert.deepEqual(await rig.fs.unmount(PATH), { ok: true });
        assert.deepEqual(await at(PATH), []);
      });
    }

    test('xfs and btrfs refuse a device that is too small, by name and remedy', async () => {
      for (const fsType of ['xfs', 'btrfs'] as const) {
        const error = await rejects('failed_precondition', rig.fs.mkfs(rig.small, fsType));
        assert.equal(error.details.reason, 'DeviceTooSmall', error.message);
        await rig.wipe(rig.small);
      }
    });

    test('the signatures of an interrupted format are removed, and the device is blank', async () => {
      await rig.fs.wipeInterruptedFormat(rig.device);
      assert.deepEqual(await rig.fs.probe(rig.device), { state: 'blank' });
      await rig.fs.mkfs(rig.device, 'ext4');
    });

    test('a device without the right file system is not mounted, and the check says so', async () => {
      const args = { device: rig.other, path: PATH, fsType: 'ext4' as const, readOnly: false };
      await rejects('failed_precondition', rig.fs.mount(args));
      assert.deepEqual(await at(PATH), []);
      const check = await rig.fs.fsck(rig.other, 'ext4');
      assert.equal(check.ok, false);
    });

    test('a mount point that another device has is not mounted over', async () => {
      await rig.fs.mkfs(rig.other, 'ext4');
      await rig.fs.mount({ device: rig.other, path: PATH, fsType: 'ext4', readOnly: false });
      const args = { device: rig.device, path: PATH, fsType: 'ext4' as const, readOnly: false };
      const error = await rejects('failed_precondition', rig.fs.mount(args));
      assert.equal(error.details.reason, 'MountPointTaken');
      assert.equal((await at(PATH)).length, 1);
    });

    test('stacked mounts are refused by mount and all taken off by unmount', async () => {
      await rig.stack(rig.device, PATH);
      assert.equal((await at(PATH)).length, 2);
      await rejects(
        'failed_precondition',
        rig.fs.mount({ device: rig.device, path: PATH, fsType: 'ext4', readOnly: false }),
      );
      assert.deepEqual(await rig.fs.unmount(PATH), { ok: true });
      assert.deepEqual(await at(PATH), []);
    });

    test('a read-only mount is read-only', async () => {
      await rig.fs.mount({ device: rig.device, path: PATH, fsType: 'ext4', readOnly: true });
      const [entry] = await at(PATH);
      assert.equal(entry?.options.split(',')[0], 'ro');
      assert.deepEqual(await rig.fs.unmount(PATH), { ok: true });
    });

    test('a busy mount point stays mounted, names who holds it, and is free once they are gone', async () => {
      await rig.fs.mount({ device: rig.device, path: PATH, fsType: 'ext4', readOnly: false });
      const occupant = await rig.occupy(PATH);
      const busy = await rig.fs.unmount(PATH);
      assert.equal(busy.ok, false);
      if (!busy.ok) {
        assert.equal(busy.busy, true);
        assert.deepEqual(busy.holders, [occupant.pid]);
      }
      await occupant.leave();
      assert.deepEqual(await rig.fs.unmount(PATH), { ok: true });
    });

    test('holders of a mount point are ended, and nobody when nothing is mounted there', async () => {
      await rig.fs.mount({ device: rig.device, path: PATH, fsType: 'ext4', readOnly: false });
      const occupant = await rig.occupy(PATH);
      assert.deepEqual(await rig.fs.killHolders(PATH), [occupant.pid]);
      await occupant.leave();
      assert.deepEqual(await rig.fs.unmount(PATH), { ok: true });
      assert.deepEqual(await rig.fs.killHolders(PATH), []);
    });

    test('a lazy unmount takes the mount point away from its holders', async () => {
      await rig.fs.mount({ device: rig.device, path: PATH, fsType: 'ext4', readOnly: false });
      const occupant = await rig.occupy(PATH);
      await rig.fs.unmountLazy(PATH);
      await rig.fs.unmountLazy(PATH);
      assert.deepEqual(await at(PATH), []);
      await occupant.leave();
    });

    test('a file system grows with its device while mounted, and growing again is harmless', async () => {
      const args = { device: rig.device, path: PATH, fsType: 'ext4' as const };
      await rig.fs.mount({ ...args, readOnly: false });
      const before = await rig.fsBytes(rig.device, PATH);
      await rig.enlarge();
      assert.equal(await rig.fs.deviceSizeBytes(rig.device), 768 * MIB);
      await rig.fs.growFs(args);
      await rig.fs.growFs(args);
      assert.ok((await rig.fsBytes(rig.device, PATH)) > before + 200 * MIB);
    });

    test('a mount point is removed only when nothing is mounted there, and removing it again is harmless', async () => {
      await rejects('failed_precondition', rig.fs.removeMountPoint(PATH));
      assert.deepEqual(await rig.fs.unmount(PATH), { ok: true });
      await rig.fs.removeMountPoint(PATH);
      await rig.fs.removeMountPoint(PATH);
    });
  });
}
