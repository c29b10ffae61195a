import type { ApiObject, Stored } from './object.ts';

/** What changed in a cache. */
export interface CacheChange<T extends ApiObject> {
  readonly old: Stored<T> | undefined;
  readonly new: Stored<T> | undefined;
}

/**
 * A cache of one kind that is fed by list + watch, survives every failure of both, and says when it is stale.
 * Reading it is never a basis for an arbiter decision (design 3.1).
 */
export interface Informer<T extends ApiObject> {
  /** Runs until the signal aborts. Never returns early, never swallows a handler's throw (it is reported and retried). */
  run(signal: AbortSignal): Promise<void>;
  /** True after the first complete list. */
  readonly synced: boolean;
  /** Milliseconds since the cache was last known to be current: 0 while a watch is open, Infinity before the first list. */
  readonly staleMs: number;
  /** Resolves when synced. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  get(name: string, namespace?: string): Stored<T> | undefined;
  list(): Stored<T>[];
  /** Objects with this value in a declared index. */
  byIndex(index: string, value: string): Stored<T>[];
  /**
   * Called for every change, and for every object on each (jittered) resync (`old` and `new` are then the same object).
   * A handler added late gets every cached object first. One that throws is reported and called again with that object
   * until it accepts. Synchronous and short: enqueue a key. Returns an unsubscribe function.
   */
  onChange(handler: (change: CacheChange<T>) => void): () => void;
}
