import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeExec } from '../../../test/fakes/exec.ts';
import { failure } from '../../../test/fakes/failure.ts';
import { FakeFiles } from '../../../test/fakes/files.ts';
import { createFileSystems } from './index.ts';

const PATH = '/var/lib/holdfast/mounts/db';
const MOUNT = `40 1 147:0 / ${PATH} rw - ext4 /dev/drbd0 rw\n`;

function machine(answer: (line: string, files: FakeFiles) => { code?: number; stdout?: string; stderr?: string }) {
  const files = new FakeFiles();
  files.content.set('/proc/self/mountinfo', '');
  const exec = new FakeExec((argv) => answer(argv.join(' '), files));
  return { files, exec, fs: createFileSystems({ exec, files }) };
}

test('INV-6: mkfs is never reached when the probe is not blank', async () => {
  const { exec, fs } = machine((line) => (line.startsWith('blockdev') ? { code: 1, stderr: 'No such file' } : {}));
  for (const fsType of ['ext4', 'xfs', 'btrfs'] as const) {
    assert.equal((await failure(fs.mkfs('/dev/drbd0', fsType))).code, 'failed_precondition');
  }
  assert.ok(exec.lineOfCalls.every((line) => !line.startsWith('mkfs')));
});

test('mkfs commands never force and leave out features that old kernels do not know', async () => {
  const { exec, fs } = machine((line) => {
    if (line.startsWith('blockdev')) return { stdout: '1073741824\n' };
    if (line.startsWith('dd')) return { stderr: '1+0 records in\n' };
    return line.startsWith('blkid') ? { code: 2 } : {};
  });
  for (const fsType of ['ext4', 'xfs', 'btrfs'] as const) await fs.mkfs('/dev/drbd0', fsType);
  const made = exec.calls.filter((call) => call.argv[0].startsWith('mkfs')).map((call) => call.argv);
  assert.equal(made.length, 3);
  for (const argv of made) assert.ok(!argv.some((word) => /^-[a-zA-Z]*[fF]$/.test(word) || word === '--force'));
  assert.ok(made[0]?.includes('64bit,metadata_csum,^metadata_csum_seed,^orphan_file'));
  assert.ok(made[1]?.includes('crc=1,finobt=1,reflink=1,rmapbt=0,bigtime=0,inobtcount=0'));
});

test('nobody is ended when the path is no mount point or the device is none: fuser would mean the root file system', async () => {
  const { exec, fs } = machine((line) =>
    line.startsWith('stat') ? { stdout: 'regular file 0:0\n' } : { code: 1, stderr: 'unexpected' },
  );
  assert.deepEqual(await fs.killHolders(PATH), []);
  assert.equal((await failure(fs.killHolders('/dev/drbd0'))).code, 'invalid_argument');
  assert.ok(exec.lineOfCalls.every((line) => !line.startsWith('fuser')));
});

test('holders of a mount point are found only under the condition that it is one at that moment', async () => {
  const { exec, files, fs } = machine(() => ({ stdout: ' 11 12' }));
  files.content.set('/proc/self/mountinfo', MOUNT);
  assert.deepEqual(await fs.killHolders(PATH), ['11', '12']);
  assert.deepEqual(exec.lineOfCalls, [`fuser -k -KILL -M -m ${PATH}`]);
});

test('unmounting goes on until no entry is left, and stops when somebody mounts for ever', async () => {
  const twice = machine((_, files) => {
    files.content.set('/proc/self/mountinfo', (files.content.get('/proc/self/mountinfo') ?? '').slice(MOUNT.length));
    return {};
  });
  twice.files.content.set('/proc/self/mountinfo', MOUNT + MOUNT);
  assert.deepEqual(await twice.fs.unmount(PATH), { ok: true });
  assert.equal(twice.exec.calls.length, 2);
  const forever = machine(() => ({}));
  forever.files.content.set('/proc/self/mountinfo', MOUNT);
  const result = await forever.fs.unmount(PATH);
  assert.equal(result.ok, false);
});

test('an unmount that fails because somebody else was faster is success', async () => {
  const { files, fs } = machine((line, all) => {
    if (!line.startsWith('umount')) return {};
    all.content.set('/proc/self/mountinfo', '');
    return { code: 32, stderr: 'umount: not mounted.\n' };
  });
  files.content.set('/proc/self/mountinfo', MOUNT);
  assert.deepEqual(await fs.unmount(PATH), { ok: true });
});

test('a check that leaves damage is an outcome with its remedy, one that could not run is a failure', async () => {
  const damaged = machine(() => ({ code: 4, stderr: '/dev/drbd0: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.\n' }));
  const result = await damaged.fs.fsck('/dev/drbd0', 'ext4');
  assert.ok(!result.ok && /RUN fsck MANUALLY.*run e2fsck by hand/.test(result.message));
  assert.deepEqual(await machine(() => ({ code: 1 })).fs.fsck('/dev/drbd0', 'ext4'), { ok: true });
  const none = createFileSystems({ exec: new FakeExec(() => undefined), files: new FakeFiles() });
  assert.equal((await failure(none.fsck('/dev/drbd0', 'ext4'))).code, 'unavailable');
});

test('paths that fuser or mount would read differently are refused', async () => {
  const { exec, fs } = machine(() => ({}));
  for (const path of ['relative', '/', '/a b', '/a/../b', '/a\\040b', '/a/']) {
    assert.equal((await failure(fs.unmount(path))).code, 'invalid_argument', path);
  }
  assert.deepEqual(exec.calls, []);
});

test('without /proc nothing is taken for unmounted', async () => {
  const { files, fs } = machine(() => ({}));
  files.content.delete('/proc/self/mountinfo');
  await assert.rejects(fs.unmount(PATH), /mountinfo cannot be read/);
});
