import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { AppError } from '@holdfast/api/errors.ts';
import { SqliteStore } from './sqlite-store.ts';
import { StatusError } from './status-error.ts';
import type { LoggedEvent } from './store.ts';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-store-'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

let serial = 0;
function freshPath(): string {
  serial += 1;
  return join(dir, `s${serial}.db`);
}

function event(resourceVersion: number, name: string, text: string, type: LoggedEvent['type'] = 'ADDED'): LoggedEvent {
  return { resourceVersion, resource: 'things', namespace: '', name, type, text, previous: undefined };
}

function put(store: SqliteStore, name: string, text = '{}'): number {
  return store.transact((transaction) => {
    const version = transaction.nextResourceVersion();
    transaction.put(event(version, name, text), `uid-${name}`, []);
    return version;
  });
}

/** What opening or writing is refused with. */
function refusal(work: () => unknown): AppError {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return error;
  }
  assert.fail('expected a refusal');
}

test('keeps objects, versions and the log over a restart', () => {
  const path = freshPath();
  const store = new SqliteStore(path);
  put(store, 'a', '{"n":1}');
  put(store, 'b');
  store.close();
  const again = new SqliteStore(path);
  assert.equal(again.resourceVersion, 2);
  assert.equal(again.get('things', '', 'a')?.text, '{"n":1}');
  assert.deepEqual(
    again.eventsAfter('things', 1).map((item) => item.name),
    ['b'],
  );
  again.close();
});

test('leaves nothing of a transaction that throws', () => {
  const store = new SqliteStore(':memory:');
  assert.throws(() =>
    store.transact((transaction) => {
      transaction.put(event(transaction.nextResourceVersion(), 'a', '{}'), 'u', []);
      throw new Error('stop');
    }),
  );
  assert.equal(store.resourceVersion, 0);
  assert.equal(store.get('things', '', 'a'), undefined);
  assert.equal(put(store, 'b'), 1);
  store.close();
});

test('never gives a resourceVersion twice, also when the log is compacted to nothing', () => {
  const path = freshPath();
  const store = new SqliteStore(path);
  for (let index = 0; index < 5; index += 1) put(store, `o${index}`);
  store.compact(5);
  store.close();
  const again = new SqliteStore(path);
  assert.equal(again.compacted, 5);
  assert.deepEqual(again.eventsAfter('things', 0), []);
  assert.equal(put(again, 'next'), 6);
  again.close();
});

test('undoes later events to show a past state', () => {
  const store = new SqliteStore(':memory:');
  put(store, 'kept');
  put(store, 'deleted', '{"old":true}');
  store.transact((transaction) => {
    const version = transaction.nextResourceVersion();
    transaction.remove({ ...event(version, 'deleted', '{}', 'DELETED'), previous: '{"old":true}' }, 'uid-deleted');
    transaction.put(event(transaction.nextResourceVersion(), 'added', '{}'), 'uid-added', []);
  });
  assert.deepEqual(
    store.listAt('things', undefined, 2).map((row) => [row.name, row.text]),
    [
      ['deleted', '{"old":true}'],
      ['kept', '{}'],
    ],
  );
  assert.deepEqual(
    store.list('things', undefined, {}).map((row) => row.name),
    ['added', 'kept'],
  );
  store.close();
});

test('refuses a database truncated to nothing, cut short, overwritten or foreign, and says what to do', () => {
  const path = freshPath();
  const store = new SqliteStore(path);
  for (let index = 0; index < 400; index += 1) put(store, `o${index}`, JSON.stringify({ pad: 'x'.repeat(1000) }));
  store.close();
  const whole = readFileSync(path);
  const restore = (bytes: Buffer): void => {
    for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    writeFileSync(path, bytes);
  };

  truncateSync(path, 0);
  assert.match(refusal(() => new SqliteStore(path)).message, /truncated to 0 bytes; restore a backup/);
  restore(whole.subarray(0, 65_536));
  assert.match(refusal(() => new SqliteStore(path)).message, /damaged.*restore a backup/);
  const scribbled = Buffer.from(whole);
  scribbled.fill(0xa5, 40_960, 81_920);
  restore(scribbled);
  assert.match(refusal(() => new SqliteStore(path)).message, /damaged.*restore a backup/);
  restore(
    Buffer.from(
      'this is not a database, it is a poem of some length that fills the header of the file and goes on'.repeat(20),
    ),
  );
  assert.match(refusal(() => new SqliteStore(path)).message, /damaged \(file is not a database\)/);
  rmSync(path);
  const foreign = new DatabaseSync(path);
  foreign.exec('CREATE TABLE t (a)');
  foreign.close();
  assert.match(refusal(() => new SqliteStore(path)).message, /not a Holdfast database/);
  restore(whole);
  const good = new SqliteStore(path);
  assert.equal(good.resourceVersion, 400);
  good.close();
});

test('refuses a write-ahead log without its database', () => {
  const path = freshPath();
  writeFileSync(`${path}-wal`, 'x');
  assert.match(refusal(() => new SqliteStore(path)).message, /missing but its write-ahead log is there/);
});

test('refuses the layout of a newer version', () => {
  const path = freshPath();
  new SqliteStore(path).close();
  const database = new DatabaseSync(path);
  database.exec('PRAGMA user_version = 99');
  database.close();
  assert.match(refusal(() => new SqliteStore(path)).message, /layout is version 99/);
});

test('refuses a database that another server has open', () => {
  const path = freshPath();
  const store = new SqliteStore(path);
  const error = refusal(() => new SqliteStore(path));
  assert.match(error.message, /locked by another process; stop the other API server/);
  assert.equal(error.code, 'failed_precondition');
  store.close();
  new SqliteStore(path).close();
});

test('refuses a directory that is missing or cannot be written', () => {
  assert.match(refusal(() => new SqliteStore(join(dir, 'none', 'a.db'))).message, /cannot be opened/);
  // A file where the directory should be is refused for every user, root included.
  writeFileSync(join(dir, 'file'), '');
  assert.match(refusal(() => new SqliteStore(join(dir, 'file', 'a.db'))).message, /database .*file\/a\.db: /);
  const path = freshPath();
  new SqliteStore(path).close();
  chmodSync(path, 0o444);
  if (process.getuid?.() !== 0) assert.match(refusal(() => new SqliteStore(path)).message, /opened for writing/);
  chmodSync(path, 0o644);
});

test('starts over a half-made database of a crashed first start', () => {
  const path = freshPath();
  writeFileSync(`${path}.new`, 'half');
  const store = new SqliteStore(path);
  assert.equal(put(store, 'a'), 1);
  store.close();
  assert.ok(!existsSync(`${path}.new`));
});

test('acknowledges nothing more once its file was removed, replaced or truncated under it', () => {
  const cases: [string, (path: string) => void, RegExp][] = [
    ['removed', (path) => rmSync(path), /removed or replaced while in use/],
    [
      'replaced',
      (path) => {
        renameSync(path, `${path}.old`);
        writeFileSync(path, readFileSync(`${path}.old`));
      },
      /removed or replaced while in use/,
    ],
    ['truncated', (path) => truncateSync(path, 4096), /truncated while in use/],
    ['without its log', (path) => rmSync(`${path}-wal`), /write-ahead log .* was removed/],
  ];
  for (const [name, damage, message] of cases) {
    const path = freshPath();
    const store = new SqliteStore(path);
    put(store, 'a');
    assert.equal(store.health(), undefined);
    damage(path);
    const error = refusal(() => put(store, 'b'));
    assert.ok(error instanceof StatusError);
    assert.equal(error.httpStatus, 503, name);
    assert.match(error.message, /^nothing was stored: /);
    assert.match(error.message, message);
    assert.match(store.health() ?? '', message);
    store.close();
  }
});

test('answers 507 when the disk is full, and goes on when there is room again', () => {
  const path = freshPath();
  const store = new SqliteStore(path);
  put(store, 'a');
  const pages = Math.ceil(statSync(path).size / 4096);
  store.limitPages(pages + 8);
  const big = JSON.stringify({ pad: 'x'.repeat(100_000) });
  const error = refusal(() => put(store, 'big', big));
  assert.ok(error instanceof StatusError);
  assert.equal(error.httpStatus, 507);
  assert.match(error.message, /nothing was stored: the disk of .* is full; free space on it/);
  assert.equal(store.get('things', '', 'big'), undefined);
  assert.equal(store.resourceVersion, 1);
  store.limitPages(100_000);
  assert.equal(put(store, 'big', big), 2);
  store.close();
});
