import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AppError } from '@holdfast/api/errors.ts';
import { createFiles } from './index.ts';

const files = createFiles();
let dir = '';

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hf-files-'));
});
after(() => rm(dir, { recursive: true }));

test('what is written is read, in new directories, with the wanted mode, and without traces of the way there', async () => {
  const path = join(dir, 'a/b/state.json');
  await files.write(path, 'one');
  await files.write(path, 'two');
  assert.equal(await files.read(path), 'two');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await files.write(path, 'three', 0o644);
  assert.equal((await stat(path)).mode & 0o777, 0o644);
  assert.deepEqual(await readdir(join(dir, 'a/b')), ['state.json']);
});

test('a failed write leaves the old content and no temporary file', async () => {
  const path = join(dir, 'target');
  await files.mkdir(path);
  await writeFile(join(path, 'inside'), '');
  await assert.rejects(files.write(path, 'text'), (error) => error instanceof AppError && error.code === 'internal');
  assert.ok(!(await readdir(dir)).some((name) => name.endsWith('.tmp')));
});

test('what does not exist is undefined, empty or already removed, and other trouble is an error', async () => {
  const missing = join(dir, 'missing/file');
  assert.equal(await files.read(missing), undefined);
  assert.equal(await files.readlink(missing), undefined);
  assert.deepEqual(await files.list(missing), []);
  await files.remove(missing);
  await assert.rejects(files.read(dir), (error) => error instanceof AppError && error.details['errno'] === 'EISDIR');
});

test('lists names in order', async () => {
  for (const name of ['b', 'a', 'c']) await files.write(join(dir, 'list', name), '');
  assert.deepEqual(await files.list(join(dir, 'list')), ['a', 'b', 'c']);
});

test('a link is made, replaced and read, but never put over a file', async () => {
  const link = join(dir, 'links/volume');
  await files.symlink('/dev/drbd1', link);
  await files.symlink('/dev/drbd1', link);
  await files.symlink('/dev/drbd2', link);
  assert.equal(await files.readlink(link), '/dev/drbd2');
  const file = join(dir, 'links/file');
  await files.write(file, 'data');
  assert.equal(await files.readlink(file), undefined);
  await assert.rejects(files.symlink('/x', file), (e) => e instanceof AppError && e.code === 'already_exists');
  assert.equal(await files.read(file), 'data');
});

test('a kernel file is written in place', async () => {
  const path = join(dir, 'parameter');
  await writeFile(path, 'old value');
  await chmod(path, 0o640);
  const { ino } = await stat(path);
  await files.writeKernel(path, 'new');
  assert.equal((await stat(path)).ino, ino);
  await assert.rejects(files.writeKernel(join(dir, 'no-such-parameter'), 'x'));
});

test('a watch starts with "everything", then names what changes, and ends when aborted', async () => {
  const watched = join(dir, 'watched');
  const controller = new AbortController();
  const seen: string[] = [];
  for await (const name of files.watch(watched, controller.signal)) {
    seen.push(name);
    if (name === '') await files.write(join(watched, 'request'), '1');
    if (name === 'request') controller.abort();
  }
  assert.equal(seen[0], '');
  assert.equal(seen.at(-1), 'request');
});
