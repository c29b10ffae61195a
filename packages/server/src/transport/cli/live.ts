import type { ClusterClient, ResourceType } from '@holdfast/api/client/types.ts';
import { AppError, retryOf } from '@holdfast/api/errors.ts';
import type { ApiObject, Stored } from '@holdfast/api/schema/meta.ts';
import type { Clock } from '../../ports/clock.ts';

/** How long a burst of changes is collected before the person sees it. */
const SETTLE_MS = 80;
const RECONNECT_MS = 1000;

/** The objects of one kind, kept current by list + watch while a command waits or watches. */
interface Feed {
  readonly items: Map<string, Stored<ApiObject>>;
  synced: boolean;
}

/**
 * A view of several kinds that follows the cluster. `onChange` runs after every burst of changes, first when all kinds are
 * listed; the view ends when it returns true or the signal aborts. Lost streams are listed again, for as long as it takes:
 * the deadline is the caller's (its signal).
 */
export class LiveView {
  readonly #client: ClusterClient;
  readonly #clock: Clock;
  readonly #feeds = new Map<string, Feed>();
  readonly #types: ResourceType<ApiObject>[] = [];

  constructor(client: ClusterClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Adds a kind to follow; returns a reader of its current objects. Call before {@link run}. */
  follow<T extends ApiObject>(type: ResourceType<T>): () => Stored<T>[] {
    const feed: Feed = { items: new Map(), synced: false };
    this.#feeds.set(type.plural, feed);
    this.#types.push(type as ResourceType<ApiObject>);
    return () => [...feed.items.values()] as Stored<T>[];
  }

  async run(signal: AbortSignal, onChange: () => boolean | Promise<boolean>): Promise<void> {
    const ended = new AbortController();
    const inner = AbortSignal.any([signal, ended.signal]);
    let wake: () => void = () => {};
    let dirty = false;
    const touch = (): void => {
      dirty = true;
      wake();
    };
    let failure: unknown;
    const feeds = this.#types.map((type) =>
      this.#follow(type, inner, touch).catch((error: unknown) => {
        failure ??= error;
        touch();
      }),
    );
    try {
      while (!signal.aborted) {
        if (!dirty) {
          await new Promise<void>((resolve) => {
            wake = resolve;
            signal.addEventListener('abort', () => resolve(), { once: true });
          });
        }
        if (failure !== undefined) throw failure;
        if (signal.aborted) return;
        await this.#clock.sleep(SETTLE_MS, signal).catch(() => {});
        dirty = false;
        if ([...this.#feeds.values()].every((feed) => feed.synced) && (await onChange())) return;
      }
    } finally {
      ended.abort();
      await Promise.allSettled(feeds);
    }
  }

  async #follow(type: ResourceType<ApiObject>, signal: AbortSignal, touch: () => void): Promise<void> {
    const api = this.#client.resource(type);
    const feed = this.#feeds.get(type.plural);
    if (feed === undefined) return;
    let first = true;
    while (!signal.aborted) {
      try {
        const listed = await api.list({ signal });
        feed.items.clear();
        for (const item of listed.items) feed.items.set(item.metadata.uid, item);
        feed.synced = true;
        first = false;
        touch();
        for await (const event of api.watch({ resourceVersion: listed.resourceVersion, signal })) {
          if (event.type === 'BOOKMARK') continue;
          if (event.type === 'DELETED') feed.items.delete(event.object.metadata.uid);
          else feed.items.set(event.object.metadata.uid, event.object);
          touch();
        }
      } catch (thrown) {
        if (signal.aborted) return;
        const error = AppError.from(thrown);
        // The first answer tells the person about a wrong address or token; later failures heal by themselves.
        if (first || (retryOf(error.code) === 'never' && error.code !== 'not_found')) throw error;
      }
      await this.#clock.sleep(RECONNECT_MS, signal).catch(() => {});
    }
  }
}
