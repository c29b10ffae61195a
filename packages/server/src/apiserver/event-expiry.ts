import { AppError } from '@holdfast/api/errors.ts';
import { ADMINS } from './authz.ts';
import type { Engine, WriteContext } from './engine.ts';
import type { Resource } from './resources.ts';
import { isObject, type Json, type KubeObject } from './types.ts';

/** As kube-apiserver's --event-ttl. */
export const EVENT_TTL_MS = 60 * 60_000;
const CHECK_MS = 10 * 60_000;

const CONTEXT: WriteContext = {
  user: { name: 'system:apiserver', uid: '', groups: [ADMINS] },
  verb: 'delete',
  manager: 'apiserver',
  dryRun: false,
};

function time(value: Json | undefined): number {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? 0 : at;
}

/** When an Event last said something, in milliseconds since the epoch. Pure. */
export function lastSeen(event: KubeObject): number {
  const series = isObject(event['series']) ? event['series']['lastObservedTime'] : undefined;
  return Math.max(
    time(event.metadata.creationTimestamp),
    time(event['lastTimestamp']),
    time(event['eventTime']),
    time(series),
  );
}

/** Removes Events an hour after their last occurrence, so that they cannot fill the disk. No timer runs while there are none. */
export class EventExpiry {
  readonly #engine: Engine;
  readonly #resource: Resource | undefined;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#resource = engine.table.find('v1', 'events');
  }

  start(): void {
    this.#engine.onCommit((changes) => {
      if (this.#cancel === undefined && changes.some((change) => change.resource === this.#resource)) this.#arm();
    });
    if (
      this.#resource !== undefined &&
      this.#engine.store.list(this.#resource.id, undefined, { limit: 1 }).length > 0
    ) {
      this.#arm();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(): void {
    if (this.#stopped) return;
    this.#cancel = this.#engine.clock.timer(CHECK_MS, () => {
      this.#expire().then(
        (isLeft) => this.#rearm(isLeft),
        (error: unknown) => {
          this.#engine.log.warn('old Events could not be removed; it is tried again', { err: AppError.from(error) });
          this.#rearm(true);
        },
      );
    });
  }

  #rearm(isLeft: boolean): void {
    this.#cancel = undefined;
    if (isLeft) this.#arm();
  }

  /** @returns whether Events are left. */
  async #expire(): Promise<boolean> {
    const resource = this.#resource;
    if (resource === undefined) return false;
    const before = this.#engine.clock.now() - EVENT_TTL_MS;
    return await this.#engine.committer.submit((batch) => {
      const events = this.#engine.store
        .list(resource.id, undefined, {})
        .map((row) => JSON.parse(row.text) as KubeObject);
      const old = events.filter((event) => lastSeen(event) <= before);
      for (const event of old) {
        const key = { resource, namespace: event.metadata.namespace ?? '', name: event.metadata.name ?? '' };
        this.#engine.deleteIn(batch, key, { propagation: 'Background', preconditions: {} }, CONTEXT, event);
      }
      return events.length > old.length;
    });
  }
}
