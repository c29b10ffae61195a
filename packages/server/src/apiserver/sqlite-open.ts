import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '@holdfast/api/errors.ts';
import { APPLICATION_ID, CREATE_TABLES, USER_VERSION } from './sqlite-schema.ts';

export const MEMORY = ':memory:';

function refuse(path: string, why: string, remedy: string, cause?: unknown): AppError {
  return new AppError('failed_precondition', `database ${path}: ${why}; ${remedy}`, {
    cause,
    details: { field: 'database', value: path, remedy, reason: 'DatabaseUnusable' },
  });
}

function fsyncPath(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The number SQLite gives its own failures; undefined for anything else. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/**
 * Makes a new database complete under another name and then renames it: a database at its final name is never half made, so an
 * empty or short file there is always damage.
 */
function create(path: string): void {
  const draft = `${path}.new`;
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${draft}${suffix}`, { force: true });
  const database = new DatabaseSync(draft);
  try {
    database.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA page_size = 4096;');
    database.exec(`BEGIN;${CREATE_TABLES}COMMIT;`);
  } finally {
    database.close();
  }
  fsyncPath(draft);
  renameSync(draft, path);
  fsyncPath(dirname(path));
}

/**
 * Opens (or makes) the database and proves that it is ours, whole and writable.
 * @throws AppError `failed_precondition` that names the file, what is wrong with it and the remedy.
 */
export function openDatabase(path: string): DatabaseSync {
  if (path === MEMORY) {
    const memory = new DatabaseSync(MEMORY);
    memory.exec(CREATE_TABLES);
    return memory;
  }
  const backup = 'restore a backup, or move the file away to start with an empty cluster';
  let database: DatabaseSync | undefined;
  try {
    if (!existsSync(path)) {
      if (existsSync(`${path}-wal`)) {
        throw refuse(
          path,
          'it is missing but its write-ahead log is there',
          'put the database back, or move the -wal file away',
        );
      }
      create(path);
    }
    if (statSync(path).size === 0) throw refuse(path, 'it is truncated to 0 bytes', backup);
    database = new DatabaseSync(path);
    // One process owns the file: two servers on one database would each believe their own resourceVersion.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 0;');
    const id = database.prepare('PRAGMA application_id').get()?.['application_id'];
    const version = database.prepare('PRAGMA user_version').get()?.['user_version'];
    if (id !== APPLICATION_ID) throw refuse(path, 'it is not a Holdfast database', 'name another file with --database');
    if (version !== USER_VERSION) {
      throw refuse(
        path,
        `its layout is version ${String(version)}, this server knows ${USER_VERSION}`,
        'start the version of Holdfast that wrote it, or upgrade this one',
      );
    }
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 2000;');
    const mode = database.prepare('PRAGMA journal_mode').get()?.['journal_mode'];
    if (mode !== 'wal')
      throw refuse(path, `it cannot be put into WAL mode (it is in ${String(mode)})`, 'put it on a local file system');
    const check = database
      .prepare('PRAGMA quick_check(3)')
      .all()
      .map((row) => String(row['quick_check']));
    if (check.length !== 1 || check[0] !== 'ok')
      throw refuse(path, `it is damaged: ${check.join('; ').replace(/\s+/g, ' ')}`, backup);
    // A write that changes nothing but must reach the disk: a read-only or full file system is found now, not at the first user's write.
    database.exec("BEGIN IMMEDIATE; UPDATE state SET value = value WHERE key = 'resourceVersion'; COMMIT;");
    fsyncPath(dirname(path));
    return database;
  } catch (error) {
    database?.close();
    throw error instanceof AppError ? error : explain(path, error, backup);
  }
}

function explain(path: string, error: unknown, backup: string): AppError {
  const message = error instanceof Error ? error.message : String(error);
  switch (sqliteCode(error) ?? 0) {
    case 5:
    case 6:
      return refuse(
        path,
        'it is locked by another process',
        'stop the other API server, or name another file with --database',
        error,
      );
    case 8:
    case 14:
      return refuse(
        path,
        `it cannot be opened for writing (${message})`,
        `make ${dirname(path)} and the file writable for this user`,
        error,
      );
    case 10:
    case 13:
      return refuse(
        path,
        `its disk refuses writes (${message})`,
        `free space on, or repair, the file system of ${dirname(path)}`,
        error,
      );
    case 11:
    case 26:
      return refuse(path, `it is damaged (${message})`, backup, error);
    default:
      return refuse(
        path,
        `it cannot be opened (${message})`,
        `check that ${dirname(path)} exists and is writable`,
        error,
      );
  }
}
