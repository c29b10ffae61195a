import { statSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { AppError } from '@holdfast/api/errors.ts';
import { MEMORY, openDatabase, sqliteCode } from './sqlite-open.ts';
import { StatusError } from './status-error.ts';
import type { LoggedEvent, Page, Store, StoredKey, StoredRow, Transaction } from './store.ts';

type Row = Record<string, unknown>;

function toRow(row: Row): StoredRow {
  return {
    name: String(row['name']),
    namespace: String(row['namespace']),
    resourceVersion: Number(row['rv']),
    text: String(row['text']),
  };
}

function toKey(row: Row): StoredKey {
  return { resource: String(row['resource']), namespace: String(row['namespace']), name: String(row['name']) };
}

function toEvent(row: Row): LoggedEvent {
  return {
    resourceVersion: Number(row['rv']),
    resource: String(row['resource']),
    namespace: String(row['namespace']),
    name: String(row['name']),
    type: row['type'] as LoggedEvent['type'],
    text: String(row['text']),
    previous: row['previous'] === null ? undefined : String(row['previous']),
  };
}

/** A failed write as an answer: the client must know that nothing was stored, and what would help. */
function refusal(path: string, error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = sqliteCode(error);
  if (code === 13) {
    return new StatusError(
      507,
      'InsufficientStorage',
      `nothing was stored: the disk of ${path} is full; free space on it`,
      undefined,
      error,
    );
  }
  if (code === 11 || code === 26) {
    return new StatusError(
      503,
      'ServiceUnavailable',
      `nothing was stored: the database ${path} is damaged (${message}); stop the server and restore a backup`,
      undefined,
      error,
    );
  }
  return new StatusError(
    503,
    'ServiceUnavailable',
    `nothing was stored: the database ${path} cannot be written (${message}); check its disk and permissions`,
    undefined,
    error,
  );
}

/** {@link Store} on SQLite: WAL, synchronous=FULL, one writer. `:memory:` for tests keeps nothing. */
export class SqliteStore implements Store {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #resourceVersion: number;
  #compacted: number;
  #inode: number | undefined;
  #walInode: number | undefined;
  #size = 0;
  #failure: string | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#database = openDatabase(path);
    this.#resourceVersion = this.#state('resourceVersion');
    this.#compacted = this.#state('compacted');
    this.#remember();
  }

  get resourceVersion(): number {
    return this.#resourceVersion;
  }

  get compacted(): number {
    return this.#compacted;
  }

  #sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#database.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  #state(key: string): number {
    const row = this.#sql('SELECT value FROM state WHERE key = ?').get(key);
    if (row === undefined) {
      throw new AppError('failed_precondition', `database ${this.#path}: state '${key}' is missing; restore a backup`);
    }
    return Number(row['value']);
  }

  #remember(): void {
    if (this.#path === MEMORY) return;
    const file = statSync(this.#path);
    this.#inode = file.ino;
    this.#size = file.size;
    this.#walInode = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.ino ?? this.#walInode;
  }

  health(): string | undefined {
    if (this.#failure !== undefined || this.#path === MEMORY) return this.#failure;
    const file = statSync(this.#path, { throwIfNoEntry: false });
    const wal = statSync(`${this.#path}-wal`, { throwIfNoEntry: false });
    if (file === undefined || file.ino !== this.#inode) {
      this.#failure = `the database file ${this.#path} was removed or replaced while in use; put it back and restart the server`;
    } else if (file.size < this.#size) {
      this.#failure = `the database file ${this.#path} was truncated while in use; stop the server and restore a backup`;
    } else if (this.#walInode !== undefined && wal?.ino !== this.#walInode) {
      this.#failure = `the write-ahead log ${this.#path}-wal was removed or replaced while in use; stop the server and restore a backup`;
    }
    return this.#failure;
  }

  transact<T>(work: (transaction: Transaction) => T): T {
    // Writing on into an unlinked or replaced file would acknowledge what no restart can find again.
    const sick = this.health();
    if (sick !== undefined) throw new StatusError(503, 'ServiceUnavailable', `nothing was stored: ${sick}`);
    const before = this.#resourceVersion;
    try {
      this.#sql('BEGIN IMMEDIATE').run();
      const result = work(this.#transaction());
      if (this.#resourceVersion !== before) {
        this.#sql("UPDATE state SET value = ? WHERE key = 'resourceVersion'").run(this.#resourceVersion);
      }
      this.#sql('COMMIT').run();
      this.#remember();
      return result;
    } catch (error) {
      this.#resourceVersion = before;
      this.#rollback();
      if (sqliteCode(error) === 10) {
        // The kernel may drop dirty pages after a failed fsync: only a restart, which reads the disk, knows what is there.
        this.#failure = `the disk of ${this.#path} failed while writing; check it and restart the server`;
        throw new StatusError(
          503,
          'ServiceUnavailable',
          `it is unknown whether this was stored: ${this.#failure}`,
          undefined,
          error,
        );
      }
      // Anything but a failure of SQLite is a bug in the work and must not be blamed on the disk.
      throw sqliteCode(error) === undefined && this.#database.isOpen ? error : refusal(this.#path, error);
    }
  }

  #rollback(): void {
    try {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    } catch (error) {
      this.#failure = `a failed transaction could not be rolled back (${String(error)}); restart the server`;
    }
  }

  #transaction(): Transaction {
    return {
      nextResourceVersion: () => {
        this.#resourceVersion += 1;
        return this.#resourceVersion;
      },
      get: (resource, namespace, name) => this.get(resource, namespace, name),
      put: (event, uid, owners) => {
        this.#sql('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)').run(
          event.resource,
          event.namespace,
          event.name,
          event.resourceVersion,
          uid,
          event.text,
        );
        this.#log(event);
        this.#setOwners(event, owners);
      },
      remove: (event) => {
        this.#sql('DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?').run(
          event.resource,
          event.namespace,
          event.name,
        );
        this.#log(event);
        this.#setOwners(event, []);
      },
    };
  }

  #log(event: LoggedEvent): void {
    this.#sql('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)').run(
      event.resourceVersion,
      event.resource,
      event.namespace,
      event.name,
      event.type,
      event.text,
      event.previous ?? null,
    );
  }

  #setOwners(event: LoggedEvent, owners: readonly string[]): void {
    this.#sql('DELETE FROM owners WHERE resource = ? AND namespace = ? AND name = ?').run(
      event.resource,
      event.namespace,
      event.name,
    );
    for (const owner of owners) {
      this.#sql('INSERT OR IGNORE INTO owners VALUES (?, ?, ?, ?)').run(
        owner,
        event.resource,
        event.namespace,
        event.name,
      );
    }
  }

  get(resource: string, namespace: string, name: string): StoredRow | undefined {
    const row = this.#sql(
      'SELECT name, namespace, rv, text FROM objects WHERE resource = ? AND namespace = ? AND name = ?',
    ).get(resource, namespace, name);
    return row === undefined ? undefined : toRow(row);
  }

  list(resource: string, namespace: string | undefined, page: Page): StoredRow[] {
    const limit = page.limit ?? -1;
    const afterNamespace = page.after?.namespace ?? '';
    const afterName = page.after?.name ?? '';
    const rows =
      namespace === undefined
        ? this.#sql(
            'SELECT name, namespace, rv, text FROM objects WHERE resource = ? AND (namespace, name) > (?, ?) ORDER BY namespace, name LIMIT ?',
          ).all(resource, afterNamespace, afterName, limit)
        : this.#sql(
            'SELECT name, namespace, rv, text FROM objects WHERE resource = ? AND namespace = ? AND name > ? ORDER BY name LIMIT ?',
          ).all(resource, namespace, afterName, limit);
    return rows.map(toRow);
  }

  count(resource: string, namespace: string | undefined, after: { namespace: string; name: string }): number {
    const row =
      namespace === undefined
        ? this.#sql('SELECT count(*) AS n FROM objects WHERE resource = ? AND (namespace, name) > (?, ?)').get(
            resource,
            after.namespace,
            after.name,
          )
        : this.#sql('SELECT count(*) AS n FROM objects WHERE resource = ? AND namespace = ? AND name > ?').get(
            resource,
            namespace,
            after.name,
          );
    return Number(row?.['n'] ?? 0);
  }

  listAt(resource: string, namespace: string | undefined, resourceVersion: number): StoredRow[] {
    const rows = new Map(this.list(resource, namespace, {}).map((row) => [`${row.namespace}/${row.name}`, row]));
    for (const event of this.eventsAfter(resource, resourceVersion).reverse()) {
      if (namespace !== undefined && event.namespace !== namespace) continue;
      const key = `${event.namespace}/${event.name}`;
      if (event.previous === undefined) rows.delete(key);
      else rows.set(key, { name: event.name, namespace: event.namespace, resourceVersion, text: event.previous });
    }
    const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
    return [...rows.values()].sort((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name));
  }

  changedSince(resource: string, resourceVersion: number): boolean {
    return (
      this.#sql('SELECT 1 FROM events WHERE resource = ? AND rv > ? LIMIT 1').get(resource, resourceVersion) !==
      undefined
    );
  }

  ownedBy(uid: string): StoredKey[] {
    return this.#sql('SELECT resource, namespace, name FROM owners WHERE owner = ?').all(uid).map(toKey);
  }

  findByUid(uid: string): StoredKey | undefined {
    const row = this.#sql('SELECT resource, namespace, name FROM objects WHERE uid = ? LIMIT 1').get(uid);
    return row === undefined ? undefined : toKey(row);
  }

  containing(text: string): StoredKey[] {
    return this.#sql('SELECT resource, namespace, name FROM objects WHERE instr(text, ?) > 0').all(text).map(toKey);
  }

  eventsAfter(resource: string, resourceVersion: number): LoggedEvent[] {
    return this.#sql('SELECT * FROM events WHERE resource = ? AND rv > ? ORDER BY rv')
      .all(resource, resourceVersion)
      .map(toEvent);
  }

  compact(resourceVersion: number): void {
    if (resourceVersion <= this.#compacted) return;
    this.transact(() => {
      this.#sql('DELETE FROM events WHERE rv <= ?').run(resourceVersion);
      this.#sql("UPDATE state SET value = ? WHERE key = 'compacted'").run(resourceVersion);
    });
    this.#compacted = resourceVersion;
  }

  absentOwners(): string[] {
    return this.#sql('SELECT DISTINCT owner FROM owners WHERE owner NOT IN (SELECT uid FROM objects)')
      .all()
      .map((row) => String(row['owner']));
  }

  /** The largest the database may grow, in pages of 4 KiB. What is over that is refused as a full disk is. */
  limitPages(pages: number): void {
    this.#database.exec(`PRAGMA max_page_count = ${Math.trunc(pages)}`);
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
