import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '@holdfast/api/errors.ts';
import { type FakeAnswer, FakeExec } from '../../../test/fakes/exec.ts';
import { FakeFiles } from '../../../test/fakes/files.ts';
import { createBindMounts } from './bind.ts';
import { createFileSystems } from './index.ts';
import { parseUsage } from './parse.ts';

const TARGET = '/var/lib/kubelet/pods/1/mount';

function machine(answer: (line: string) => FakeAnswer = () => ({})) {
  const exec = new FakeExec((argv) => answer(argv.join(' ')));
  return { exec, binds: createBindMounts({ exec }) };
}

const code = (error: unknown): string => (error instanceof AppError ? error.code : String(error));

test('a read-only bind mount takes two steps, because the kernel ignores the flag in the first', async () => {
  const { exec, binds } = machine();
  await binds.bind({ source: '/staging', target: TARGET, readOnly: true });
  assert.deepEqual(exec.lineOfCalls, [
    `mount --no-canonicalize --bind --source /staging --target ${TARGET}`,
    `mount --no-canonicalize --options remount,bind,ro --target ${TARGET}`,
  ]);
});

test('options of a class go to mount(8) beside the access, an SELinux context in its quotes', async () => {
  const files = new FakeFiles();
  files.content.set('/proc/self/mountinfo', '');
  const { exec } = machine();
  const context = 'context="system_u:object_r:container_file_t:s0:c1,c2"';
  await createFileSystems({ exec, files }).mount({
    device: '/dev/drbd1000',
    path: '/staging',
    fsType: 'xfs',
    readOnly: false,
    options: ['noatime', context],
  });
  assert.deepEqual(exec.calls[0]?.argv.slice(4, 6), ['--options', `rw,noatime,${context}`]);
});

test('only an empty directory or an empty file is removed, and never more than that', async () => {
  const removals: [string, string[]][] = [
    ['directory|4096|0:0', [`rmdir ${TARGET}`]],
    ['regular empty file|0|0:0', [`unlink ${TARGET}`]],
  ];
  for (const [stdout, expected] of removals) {
    const { exec, binds } = machine((line) => (line.startsWith('stat') ? { stdout } : {}));
    await binds.removeTarget(TARGET);
    assert.deepEqual(exec.lineOfCalls.slice(1), expected);
  }
  for (const stdout of ['regular file|17|0:0', 'block special file|0|93:3e8', 'symbolic link|4|0:0']) {
    const { exec, binds } = machine(() => ({ stdout }));
    await assert.rejects(binds.removeTarget(TARGET), (error) => code(error) === 'failed_precondition');
    assert.equal(exec.calls.length, 1);
  }
  const { exec, binds } = machine(() => ({
    code: 1,
    stderr: `stat: cannot statx '${TARGET}': No such file or directory`,
  }));
  await binds.removeTarget(TARGET);
  assert.equal(exec.calls.length, 1);
  assert.ok(machine().exec.lineOfCalls.every((line) => !line.startsWith('rm ')));
});

test('a directory that is not empty stays, and the answer says so', async () => {
  const { binds } = machine((line) =>
    line.startsWith('stat')
      ? { stdout: 'directory|4096|0:0' }
      : { code: 1, stderr: `rmdir: failed to remove '${TARGET}': Directory not empty` },
  );
  await assert.rejects(binds.removeTarget(TARGET), (error) => code(error) === 'failed_precondition');
});

test('a device node is known by its number wherever it is, also behind a link', async () => {
  const direct = machine(() => ({ stdout: 'block special file|0|93:3e8\n' }));
  assert.equal(await direct.binds.blockNumber(TARGET), '147:1000');
  const linked = machine((line) => ({
    stdout: line.includes('--dereference') ? 'block special file fd:4\n' : 'symbolic link|7|0:0\n',
  }));
  assert.equal(await linked.binds.blockNumber('/dev/holdfast/db'), '253:4');
  assert.equal(await machine(() => ({ stdout: 'directory|4096|0:0' })).binds.blockNumber(TARGET), undefined);
});

test('usage is read in fundamental blocks; anything else that stat says is not taken for numbers', async () => {
  const { exec, binds } = machine(() => ({ stdout: '1024 100 60 50 64 53\n' }));
  assert.deepEqual(await binds.usage(TARGET), {
    blockBytes: 1024,
    blocks: 100,
    freeBlocks: 60,
    availableBlocks: 50,
    inodes: 64,
    freeInodes: 53,
  });
  assert.deepEqual(exec.lineOfCalls, [`stat --file-system --format %S %b %f %a %c %d ${TARGET}`]);
  for (const odd of ['', '1 2 3', 'a b c d e f', '1 2 3 4 5 -6', '1.5 2 3 4 5 6']) {
    assert.throws(
      () => parseUsage(odd),
      (error) => code(error) === 'internal',
      odd,
    );
  }
});

test('a device is set read-only as a whole', async () => {
  const { exec, binds } = machine((line) => ({ stdout: line.includes('--getro') ? '1\n' : '' }));
  assert.equal(await binds.isReadOnly('/dev/drbd1000'), true);
  await binds.setReadOnly('/dev/drbd1000', false);
  assert.equal(exec.lineOfCalls[1], 'blockdev --setrw /dev/drbd1000');
});

test('paths that mount or stat would read differently are refused before anything runs', async () => {
  const { exec, binds } = machine();
  for (const path of ['relative', '/a b', '/a/../b', '/a/']) {
    await assert.rejects(binds.makeDirectory(path), (error) => code(error) === 'invalid_argument');
    await assert.rejects(binds.removeTarget(path), (error) => code(error) === 'invalid_argument');
  }
  assert.deepEqual(exec.calls, []);
});
