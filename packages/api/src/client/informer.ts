import { AppError } from '../errors.ts';
import { createIndexedCache, type IndexFunction, keyOf } from './indexed-cache.ts';
import { createHandlerSet } from './informer-handlers.ts';
import type { CacheChange, Informer } from './informer-types.ts';
import type { ApiObject, Stored } from './object.ts';
import type { ClockPort, RandomPort } from './ports.ts';
import { isExpired } from './status.ts';
import type { ListOptions, ResourceApi } from './types.ts';

/** Where an informer's trouble came from. None of them ends it. */
export type InformerErrorSource = 'list' | 'watch' | 'handler';

export interface InformerOptions<T extends ApiObject> {
  readonly api: ResourceApi<T>;
  /** Only this namespace; all when absent. */
  readonly namespace?: string;
  readonly listOptions?: Pick<ListOptions, 'labelSelector' | 'fieldSelector' | 'limit'>;
  /** Index name -> values of an object in that index. */
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  readonly clock: ClockPort;
  readonly random: RandomPort;
  /** Every failure is told here, once per occurrence; the informer goes on by itself. Must not throw. */
  readonly onError: (error: AppError, source: InformerErrorSource) => void;
  /** Mean time between two deliveries of every object to every handler; each pause is 0.75 to 1.25 of it. Default 10 min; 0: never. */
  readonly resyncMs?: number;
  /** A watch without event or bookmark for this long is taken for dead and replaced. Default 90 s (bookmarks come each minute). */
  readonly stallMs?: number;
  /** First and last pause after failures; each is jittered to between half and all of it. Default 100 ms .. 10 s. */
  readonly backoffMs?: { readonly first: number; readonly max: number };
}

/** A watch that lived this long, or told anything, was a good one: the back-off starts over. */
const GOOD_WATCH_MS = 5_000;

/** After a failure, a new watch that says nothing counts as good after this long: more than the deadline of a request. */
const PROVEN_WATCH_MS = 15_000;

/** Our own reason for ending a watch: it went silent. */
class Stalled extends Error {}

export function createInformer<T extends ApiObject>(options: InformerOptions<T>): Informer<T> {
  const { api, clock, random } = options;
  const resyncMs = options.resyncMs ?? 600_000;
  const stallMs = options.stallMs ?? 90_000;
  const backoff = options.backoffMs ?? { first: 100, max: 10_000 };
  const cache = createIndexedCache<T>(options.indexes ?? {}, (error) => onError(error, 'handler'));
  const handlers = createHandlerSet<T>({ cache, clock, random, onError: (error) => onError(error, 'handler') });
  const waiters = new Set<() => void>();
  let synced = false;
  let started = false;
  /** Monotonic time at which the current watch was opened. */
  let watchingSinceMs: number | undefined;
  /** The last watch failed, and this one has not proven itself yet. */
  let suspect = false;
  /** Monotonic time of the last proof that the cache was current. */
  let currentAtMs = Number.NEGATIVE_INFINITY;
  let failures = 0;

  function onError(error: AppError, source: InformerErrorSource): void {
    try {
      options.onError(error, source);
    } catch {
      // A log that fails must not stop the cache.
    }
  }

  async function pause(signal: AbortSignal, atLeastMs = 0): Promise<void> {
    const ceiling = Math.min(backoff.max, backoff.first * 2 ** Math.min(failures, 16));
    failures += 1;
    await clock.sleep(Math.max(atLeastMs, ceiling * (0.5 + random.next() / 2)), signal);
  }

  function deliver(old: Stored<T> | undefined, now: Stored<T> | undefined): void {
    // Deleted and made again under the same name while we were not looking: two changes, as it happened.
    if (old !== undefined && now !== undefined && old.metadata.uid !== now.metadata.uid) {
      handlers.deliver({ old, new: undefined });
      handlers.deliver({ old: undefined, new: now });
      return;
    }
    handlers.deliver({ old, new: now });
  }

  function put(object: Stored<T>): void {
    const old = cache.set(object);
    if (old?.metadata.resourceVersion !== object.metadata.resourceVersion) deliver(old, object);
  }

  function remove(object: Stored<T>): void {
    const old = cache.delete(keyOf(object));
    if (old !== undefined) deliver(object, undefined);
  }

  async function relist(signal: AbortSignal): Promise<string> {
    const { items, resourceVersion } = await api.list({ ...options.listOptions, signal }, options.namespace);
    const seen = new Set(items.map(keyOf));
    for (const object of cache.list()) if (!seen.has(keyOf(object))) remove(object);
    for (const object of items) put(object);
    currentAtMs = clock.monotonic();
    if (!synced) {
      synced = true;
      for (const wake of waiters) wake();
      waiters.clear();
    }
    return resourceVersion;
  }

  /** One watch. Returns the version to go on from. Throws what ended it, after `progress` told how far it came. */
  async function watchOnce(
    from: string,
    progress: (resourceVersion: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const controller = new AbortController();
    const onAbort = (): void => controller.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    let aliveAtMs = clock.monotonic();
    let cancelStall = (): void => {};
    const armStall = (ms: number): void => {
      cancelStall = clock.timer(ms, () => {
        const leftMs = aliveAtMs + stallMs - clock.monotonic();
        if (leftMs > 0) armStall(leftMs);
        else controller.abort(new Stalled());
      });
    };
    try {
      signal.throwIfAborted();
      armStall(stallMs);
      watchingSinceMs = aliveAtMs;
      const events = api.watch(
        {
          ...options.listOptions,
          resourceVersion: from,
          // The server ends it now and then, at different times for each of us, so that load spreads after a restart.
          timeoutSeconds: Math.round(300 * (1 + random.next())),
          signal: controller.signal,
        },
        options.namespace,
      );
      for await (const event of events) {
        aliveAtMs = clock.monotonic();
        currentAtMs = aliveAtMs;
        suspect = false;
        if (event.type === 'BOOKMARK') {
          progress(event.resourceVersion);
          continue;
        }
        if (event.type === 'DELETED') remove(event.object);
        else put(event.object);
        progress(event.object.metadata.resourceVersion);
      }
    } catch (error) {
      if (controller.signal.reason instanceof Stalled) throw controller.signal.reason;
      throw error;
    } finally {
      watchingSinceMs = undefined;
      cancelStall();
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Watches from `from` on, over as many connections as it takes. Returns when only a new list can help. */
  async function follow(from: string, signal: AbortSignal): Promise<void> {
    let resourceVersion = from;
    let moved = false;
    for (;;) {
      const startedMs = clock.monotonic();
      moved = false;
      let failure: unknown;
      try {
        await watchOnce(
          resourceVersion,
          (version) => {
            resourceVersion = version;
            moved = true;
            failures = 0;
          },
          signal,
        );
      } catch (error) {
        failure = error;
      }
      if (signal.aborted) return;
      const good = moved || clock.monotonic() - startedMs >= GOOD_WATCH_MS;
      if (good) failures = 0;
      if (failure === undefined) {
        // The server's normal end. An immediate one, again and again, must not become a busy loop.
        if (!good) await pause(signal);
        continue;
      }
      suspect = true;
      if (failure instanceof Stalled) {
        onError(
          new AppError(
            'unavailable',
            `watch of ${api.type.plural}: silent for ${stallMs} ms; watching again from ${resourceVersion}`,
            {
              details: { reason: 'WatchStalled' },
            },
          ),
          'watch',
        );
        continue;
      }
      const error = AppError.from(failure);
      onError(error, 'watch');
      if (isExpired(error)) return;
      await pause(signal, retryAfterMs(error));
      if (!versionSurvives(error)) return;
    }
  }

  async function resyncs(signal: AbortSignal): Promise<void> {
    while (resyncMs > 0 && !signal.aborted) {
      await clock.sleep(resyncMs * (0.75 + random.next() / 2), signal);
      if (synced) for (const object of cache.list()) handlers.deliver({ old: object, new: object });
    }
  }

  async function listAndWatch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const resourceVersion = await relist(signal);
        failures = 0;
        await follow(resourceVersion, signal);
      } catch (thrown) {
        if (signal.aborted) return;
        const error = AppError.from(thrown);
        onError(error, 'list');
        await pause(signal, retryAfterMs(error));
      }
    }
  }

  return {
    async run(signal) {
      if (started) {
        throw new AppError(
          'failed_precondition',
          `informer of ${api.type.plural}: it was started before; make another`,
        );
      }
      started = true;
      try {
        await Promise.all([untilAborted(listAndWatch(signal), signal), untilAborted(resyncs(signal), signal)]);
      } finally {
        handlers.stop();
      }
    },
    get synced() {
      return synced;
    },
    get staleMs() {
      const nowMs = clock.monotonic();
      const open = watchingSinceMs !== undefined && (!suspect || nowMs - watchingSinceMs >= PROVEN_WATCH_MS);
      return open && synced ? 0 : nowMs - currentAtMs;
    },
    whenSynced(signal) {
      if (synced) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const onAbort = (): void => {
          waiters.delete(wake);
          reject(signal?.reason);
        };
        const wake = (): void => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        };
        waiters.add(wake);
        signal?.addEventListener('abort', onAbort, { once: true });
        if (signal?.aborted === true) onAbort();
      });
    },
    get: (name, namespace) => cache.get(namespace === undefined ? name : `${namespace}/${name}`),
    list: () => cache.list(),
    byIndex: (index, value) => cache.byIndex(index, value),
    onChange: (handler: (change: CacheChange<T>) => void) => handlers.add(handler),
  };
}

/**
 * Is the failure about the connection or the server's load, so that the watch may go on from where it was? Anything else
 * may be about the version itself (a restored server answers 504 to a version it has not reached): list again.
 */
function versionSurvives(error: AppError): boolean {
  const status = error.details['httpStatus'];
  if (typeof status === 'number') return [401, 403, 429, 502, 503].includes(status);
  return error.details.reason === 'NoConnection' || error.code === 'deadline_exceeded';
}

function retryAfterMs(error: AppError): number {
  const value = error.details['retryAfterMs'];
  return typeof value === 'number' ? value : 0;
}

/** An abort is the normal end of a loop, not an error of it. */
async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
