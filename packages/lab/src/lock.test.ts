import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { AppError } from '@holdfast/api/errors.ts';
import { acquireLock, isAlive, parseStartTicks, processIdentity, readLock } from './lock.ts';

describe('lock', () => {
  let dir = '';
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hf-lock-'));
  });
  after(() => rm(dir, { recursive: true }));

  it('reads the start time of a command with spaces and parentheses in its name', () => {
    const fields = Array.from({ length: 30 }, (_, i) => String(i + 4));
    assert.equal(parseStartTicks(`42 (evil) name (x) S ${fields.join(' ')}`), '22');
  });

  it('knows this process as alive, and neither a reused pid nor one of an earlier boot', () => {
    const me = processIdentity(process.pid);
    assert.ok(me);
    assert.ok(isAlive(me));
    assert.ok(!isAlive({ ...me, startTicks: '1' }));
    assert.ok(!isAlive({ ...me, bootId: 'another' }));
    assert.equal(processIdentity(2 ** 22 + 1), undefined);
  });

  it('refuses a lock that a living process has, naming it', async () => {
    const path = join(dir, 'a.lock');
    const lock = await acquireLock(path, { wait: false });
    await assert.rejects(acquireLock(path, { wait: false }), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, 'already_exists');
      assert.equal(error.details['pid'], process.pid);
      return true;
    });
    await lock.release();
    await (await acquireLock(path, { wait: false })).release();
  });

  it('takes over from a dead owner and from an unreadable file', async () => {
    const path = join(dir, 'b.lock');
    const me = processIdentity(process.pid);
    assert.ok(me);
    for (const content of [JSON.stringify({ ...me, startTicks: '1' }), '{"pid":', '']) {
      await writeFile(path, content);
      const lock = await acquireLock(path, { wait: false });
      assert.deepEqual(await readLock(path), me);
      await lock.release();
    }
  });

  it('lets one of many waiters in at a time and leaves no files', async () => {
    const path = join(dir, 'c.lock');
    let inside = 0;
    await Promise.all(
      Array.from({ length: 5 }, async () => {
        const lock = await acquireLock(path, { wait: true });
        inside += 1;
        assert.equal(inside, 1);
        await Promise.resolve();
        inside -= 1;
        await lock.release();
      }),
    );
    assert.deepEqual(
      (await readdir(dir)).filter((name) => name.startsWith('c.')),
      [],
    );
  });
});
