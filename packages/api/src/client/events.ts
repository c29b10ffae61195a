import { AppError } from '../errors.ts';
import type { EventObject } from '../schema/core.ts';
import { secondTime } from './micro-time.ts';
import type { ApiObject } from './object.ts';
import type { ClockPort, RandomPort } from './ports.ts';
import { createTokenBuckets } from './token-bucket.ts';
import type { ResourceApi } from './types.ts';

/** Where Events about cluster-scoped objects live: the Kubernetes API server refuses them in any other namespace. */
export const CLUSTER_EVENTS_NAMESPACE = 'default';

export interface EventRecorderOptions {
  readonly events: ResourceApi<EventObject>;
  readonly clock: ClockPort;
  readonly random: RandomPort;
  /** Who speaks: `holdfast-controller`, `holdfast-agent`. */
  readonly component: string;
  /** Node name of the speaker. */
  readonly host?: string;
  /** Events that could not be written, or were dropped. Must not throw. */
  readonly onError: (error: AppError) => void;
  /** Events at once and then per minute, for each object. Default 25 and 1. */
  readonly burst?: number;
  readonly perMinute?: number;
  /** Events waiting for the API; the oldest are dropped (and reported) beyond it. Default 1000. */
  readonly queueLimit?: number;
}

export interface EventText {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, from the error catalogue. */
  readonly reason: string;
  /** For people. Never a secret (INV-9). Cut at 1024 characters, as the API demands. */
  readonly message: string;
}

/**
 * Tells the story of an object as Kubernetes Events. Never throws and never waits: what an Event says must also be in a
 * status. The same text again within ten minutes raises the count of the first Event; more than ten different texts of
 * one reason are combined into one Event.
 */
export interface EventRecorder {
  record(object: ApiObject, text: EventText): void;
  /** Resolves when everything recorded so far was written or dropped. For tests and orderly ends. */
  flush(): Promise<void>;
}

/** How long an Event may be counted up before a new one is made. */
const SAME_EVENT_MS = 600_000;
/** Different messages of one object and reason within that time, beyond which they are combined. */
const SIMILAR_LIMIT = 10;
const MESSAGE_LIMIT = 1024;
const ATTEMPTS = 5;

interface Written {
  readonly name: string;
  readonly namespace: string;
  count: number;
  lastMs: number;
}

interface Similar {
  readonly messages: Set<string>;
  lastMs: number;
}

interface Pending {
  readonly key: string;
  readonly object: ApiObject;
  readonly text: EventText;
  readonly namespace: string;
  readonly atMs: number;
  count: number;
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { events, clock, random } = options;
  const queueLimit = options.queueLimit ?? 1_000;
  const buckets = createTokenBuckets(clock, { burst: options.burst ?? 25, perMinute: options.perMinute ?? 1 });
  const written = new Map<string, Written>();
  const similar = new Map<string, Similar>();
  const queue = new Map<string, Pending>();
  let worker: Promise<void> | undefined;

  /** Forgets what can no longer be counted up, so that memory stays bounded. */
  function forgetOld(nowMs: number): void {
    for (const [key, entry] of written) {
      if (nowMs - entry.lastMs < SAME_EVENT_MS) break;
      written.delete(key);
    }
    for (const [key, entry] of similar) {
      if (nowMs - entry.lastMs < SAME_EVENT_MS) break;
      similar.delete(key);
    }
  }

  function combine(group: string, text: EventText, nowMs: number): EventText {
    const entry = similar.get(group) ?? { messages: new Set<string>(), lastMs: nowMs };
    similar.delete(group);
    similar.set(group, entry);
    entry.lastMs = nowMs;
    if (entry.messages.has(text.message)) return text;
    if (entry.messages.size >= SIMILAR_LIMIT) {
      return {
        ...text,
        message: `(combined from similar events) ${[...entry.messages][0] ?? ''}`.slice(0, MESSAGE_LIMIT),
      };
    }
    entry.messages.add(text.message);
    return text;
  }

  async function write(pending: Pending): Promise<void> {
    const known = written.get(pending.key);
    const lastTimestamp = secondTime(pending.atMs);
    if (known !== undefined) {
      try {
        const count = known.count + pending.count;
        await events.patch(known.name, { count, lastTimestamp, message: pending.text.message }, known.namespace);
        written.delete(pending.key);
        written.set(pending.key, { ...known, count, lastMs: clock.monotonic() });
        return;
      } catch (error) {
        // Events expire on the server; a new one takes over.
        if (!(error instanceof AppError && error.code === 'not_found')) throw error;
        written.delete(pending.key);
      }
    }
    const { metadata, apiVersion, kind } = pending.object;
    const event: EventObject = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${metadata.name.slice(0, 200)}.${random.hex(8)}`, namespace: pending.namespace },
      involvedObject: {
        apiVersion,
        kind,
        name: metadata.name,
        ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
        ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      },
      ...pending.text,
      count: pending.count,
      firstTimestamp: lastTimestamp,
      lastTimestamp,
      source: { component: options.component, ...(options.host === undefined ? {} : { host: options.host }) },
      reportingComponent: options.component,
      reportingInstance: options.host ?? options.component,
    };
    const made = await events.create(event);
    written.set(pending.key, {
      name: made.metadata.name,
      namespace: pending.namespace,
      count: pending.count,
      lastMs: clock.monotonic(),
    });
  }

  async function writeOrDrop(pending: Pending): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await write(pending);
        return;
      } catch (thrown) {
        const error = AppError.from(thrown);
        const hopeless = error.code !== 'unavailable' && error.code !== 'deadline_exceeded';
        if (hopeless || attempt >= ATTEMPTS) {
          options.onError(error);
          return;
        }
        await clock.sleep(500 * 2 ** attempt * (0.5 + random.next() / 2));
      }
    }
  }

  async function drain(): Promise<void> {
    for (;;) {
      const next = queue.entries().next();
      if (next.done === true) return;
      const [key, pending] = next.value;
      queue.delete(key);
      await writeOrDrop(pending);
    }
  }

  function start(): void {
    if (worker !== undefined) return;
    worker = drain()
      .catch((error: unknown) => options.onError(AppError.from(error)))
      .finally(() => {
        worker = undefined;
        if (queue.size > 0) start();
      });
  }

  return {
    record(object, given) {
      const nowMs = clock.monotonic();
      forgetOld(nowMs);
      const identity = `${object.kind}/${object.metadata.namespace ?? ''}/${object.metadata.uid ?? object.metadata.name}`;
      const text = combine(
        `${identity}/${given.type}/${given.reason}`,
        { type: given.type, reason: given.reason, message: given.message.slice(0, MESSAGE_LIMIT) },
        nowMs,
      );
      const key = `${identity}/${text.type}/${text.reason}/${text.message}`;
      const waiting = queue.get(key);
      if (waiting !== undefined) {
        waiting.count += 1;
        return;
      }
      if (!buckets.take(identity)) return;
      if (queue.size >= queueLimit) {
        const [oldest] = queue.keys();
        if (oldest !== undefined) queue.delete(oldest);
        options.onError(
          new AppError('resource_exhausted', `events: more than ${queueLimit} are waiting; the oldest was dropped`),
        );
      }
      const namespace = object.metadata.namespace ?? CLUSTER_EVENTS_NAMESPACE;
      queue.set(key, { key, object, text, namespace, atMs: clock.now(), count: 1 });
      start();
    },
    async flush() {
      while (worker !== undefined) await worker;
    },
  };
}
