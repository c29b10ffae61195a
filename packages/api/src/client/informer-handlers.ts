import { AppError } from '../errors.ts';
import { type IndexedCache, keyOf } from './indexed-cache.ts';
import type { CacheChange } from './informer-types.ts';
import type { ApiObject, Stored } from './object.ts';
import type { ClockPort, RandomPort } from './ports.ts';

type Handler<T extends ApiObject> = (change: CacheChange<T>) => void;

export interface HandlerSet<T extends ApiObject> {
  /** Existing objects follow as additions, right after the current turn. */
  add(handler: Handler<T>): () => void;
  deliver(change: CacheChange<T>): void;
  /** Cancels pending retries. */
  stop(): void;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 30_000;

/**
 * Calls every handler with every change. A handler that throws (or whose promise rejects) is reported and called again
 * with the same key until it accepts: `old` is then what it last accepted, `new` what is in the cache by that time.
 */
export function createHandlerSet<T extends ApiObject>(options: {
  readonly cache: IndexedCache<T>;
  readonly clock: ClockPort;
  readonly random: RandomPort;
  readonly onError: (error: AppError) => void;
}): HandlerSet<T> {
  const { cache, clock, random, onError } = options;
  const subscriptions = new Set<{ deliver: Handler<T>; replay: () => void; stop: () => void }>();

  function subscribe(handler: Handler<T>) {
    /** Key -> what the handler last accepted (or the object itself, when it never accepted any). */
    const failed = new Map<string, Stored<T>>();
    let cancelTimer: (() => void) | undefined;
    let attempts = 0;
    let stopped = false;

    function fail(error: unknown, key: string, known: Stored<T>): void {
      if (stopped) return;
      failed.set(key, known);
      onError(AppError.from(error));
      if (cancelTimer !== undefined) return;
      const ceilingMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts, 16));
      attempts += 1;
      cancelTimer = clock.timer(ceilingMs * (0.5 + random.next() / 2), retry);
    }

    function call(change: CacheChange<T>): void {
      const object = change.new ?? change.old;
      if (stopped || object === undefined) return;
      const key = keyOf(object);
      const known = change.old ?? object;
      try {
        // Handlers are synchronous by contract; one that is not must not lose its rejection.
        const result: unknown = handler(change);
        if (result instanceof Promise) result.catch((error: unknown) => fail(error, key, known));
      } catch (error) {
        fail(error, key, known);
      }
    }

    function retry(): void {
      cancelTimer = undefined;
      const pending = [...failed];
      failed.clear();
      for (const [key, old] of pending) call({ old, new: cache.get(key) });
      if (failed.size === 0) attempts = 0;
    }

    function deliver(change: CacheChange<T>): void {
      const object = change.new ?? change.old;
      if (object === undefined) return;
      const key = keyOf(object);
      const old = failed.get(key);
      failed.delete(key);
      call(old === undefined ? change : { old, new: change.new });
    }

    return {
      deliver,
      replay: () => {
        for (const object of cache.list()) call({ old: undefined, new: object });
      },
      stop: () => {
        stopped = true;
        cancelTimer?.();
        failed.clear();
      },
    };
  }

  return {
    add(handler) {
      const subscription = subscribe(handler);
      subscriptions.add(subscription);
      if (cache.list().length > 0) queueMicrotask(subscription.replay);
      return () => {
        subscription.stop();
        subscriptions.delete(subscription);
      };
    },
    deliver(change) {
      for (const subscription of subscriptions) subscription.deliver(change);
    },
    stop() {
      for (const subscription of subscriptions) subscription.stop();
    },
  };
}
