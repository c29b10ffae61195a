/** One stored object: its JSON text includes metadata.resourceVersion. */
export interface StoredRow {
  readonly name: string;
  readonly namespace: string;
  readonly resourceVersion: number;
  readonly text: string;
}

/** One entry of the event log. */
export interface LoggedEvent {
  readonly resourceVersion: number;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly text: string;
  /** The object before (none for ADDED): a watcher with a selector may have to see it go, a paged list needs the state at its start. */
  readonly previous: string | undefined;
}

/** Reads and writes inside one transaction. */
export interface Transaction {
  /** The next resourceVersion; every write takes its own. */
  nextResourceVersion(): number;
  get(resource: string, namespace: string, name: string): StoredRow | undefined;
  /** Stores an object and logs the event. */
  put(event: LoggedEvent, uid: string, owners: readonly string[]): void;
  /** Removes an object and logs the event. */
  remove(event: LoggedEvent, uid: string): void;
}

/** Where an object is. */
export interface StoredKey {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

/** Where a page of a list starts and ends. */
export interface Page {
  readonly after?: { readonly namespace: string; readonly name: string };
  readonly limit?: number;
}

/** Durable storage of the API server. Synchronous: SQLite is, and a batch is one transaction and one fsync. */
export interface Store {
  /** The highest resourceVersion given out and committed. */
  readonly resourceVersion: number;
  /** Events up to and including this one are gone. */
  readonly compacted: number;
  /**
   * Runs `work` in one transaction and returns after it is on disk (fsync).
   * @throws StatusError 503/507 when it is not; nothing of the transaction then remains.
   */
  transact<T>(work: (transaction: Transaction) => T): T;
  get(resource: string, namespace: string, name: string): StoredRow | undefined;
  /** Ordered by namespace, then name. `namespace` undefined: all. */
  list(resource: string, namespace: string | undefined, page: Page): StoredRow[];
  /** Objects after this one, in list order. */
  count(resource: string, namespace: string | undefined, after: { namespace: string; name: string }): number;
  /** The state of a kind at an earlier resourceVersion that is still in the log; used by consistent pagination. */
  listAt(resource: string, namespace: string | undefined, resourceVersion: number): StoredRow[];
  changedSince(resource: string, resourceVersion: number): boolean;
  /** Objects that name this uid as an owner. */
  ownedBy(uid: string): StoredKey[];
  findByUid(uid: string): StoredKey | undefined;
  /** Objects whose JSON text contains `text`; a scan, for the start of the server only. */
  containing(text: string): StoredKey[];
  /** Events after `resourceVersion`, oldest first. */
  eventsAfter(resource: string, resourceVersion: number): LoggedEvent[];
  /** Drops the events up to and including `resourceVersion`. */
  compact(resourceVersion: number): void;
  /** Owner uids that no stored object has: their dependents are garbage. */
  absentOwners(): string[];
  /** undefined when the database still is where it was and whole, otherwise what is wrong. */
  health(): string | undefined;
  close(): void;
}
