import { createInformer } from '@holdfast/api/client/informer.ts';
import type { Informer } from '@holdfast/api/client/informer-types.ts';
import { NODES, POOLS, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import type { ClusterClient } from '@holdfast/api/client/types.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { ApiObject } from '@holdfast/api/schema/meta.ts';
import type { Node } from '@holdfast/api/schema/node.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import { healthFromCondition } from '../../../core/node-health/from-condition.ts';
import type { ClusterView } from '../../../core/placement/types.ts';
import { usageOf } from '../../../core/placement/usage.ts';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { Log } from '../../../ports/log.ts';
import type { Call } from '../method.ts';

/** A cache that has been without a connection for longer answers nothing, milliseconds. */
const STALEST_MS = 60_000;

/** What the sidecars ask for again and again (capacity, lists), from caches: no request per question, none per idle volume. */
export interface View {
  /** @throws AppError `unavailable` while the API server cannot be read. */
  read(call: Call): Promise<Caches>;
  /**
   * After a write of ours: waits until the caches show it, so that a list told right after it is true. Returns at once when
   * nothing was ever listed.
   */
  settle(call: Call, isShown: (caches: Caches) => boolean): Promise<void>;
}

export interface Caches {
  readonly volumes: Informer<Volume>;
  readonly replicas: Informer<Replica>;
  readonly nodes: Informer<Node>;
  readonly pools: Informer<Pool>;
}

export interface ViewDeps {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Nothing is watched before the first question: of several controller pods only the one whose sidecars lead is asked, and
 * only it keeps caches. They live until the signal aborts.
 */
export function createView(deps: ViewDeps, signal: AbortSignal): View {
  let caches: Caches | undefined;

  function start(): Caches {
    const made: Caches = {
      volumes: informer(VOLUMES),
      replicas: createInformer({ ...common(REPLICAS), indexes: { volume: (one) => [one.spec?.volume ?? ''] } }),
      nodes: informer(NODES),
      pools: informer(POOLS),
    };
    for (const one of all(made)) {
      one.run(signal).catch((error: unknown) => {
        if (!signal.aborted) deps.log.error('a cache ended', { err: error });
      });
    }
    return made;
  }

  const common = <T extends ApiObject>(type: Parameters<typeof deps.client.resource<T>>[0]) => ({
    api: deps.client.resource<T>(type),
    clock: deps.clock,
    random: deps.random,
    resyncMs: 0,
    onError: (error: AppError, source: string) =>
      deps.log.warn('cache trouble', { op: `${source} ${type.plural}`, err: error }),
  });
  const informer = <T extends ApiObject>(type: Parameters<typeof deps.client.resource<T>>[0]): Informer<T> =>
    createInformer<T>(common(type));

  return {
    async read(call) {
      caches ??= start();
      const ready = caches;
      try {
        await Promise.all(all(ready).map((one) => one.whenSynced(call.signal)));
      } catch (cause) {
        throw new AppError('unavailable', 'the API server cannot be read', { cause });
      }
      const stalest = Math.max(...all(ready).map((one) => one.staleMs));
      if (stalest <= STALEST_MS) return ready;
      throw new AppError('unavailable', `the API server has not answered for ${Math.round(stalest / 1000)} s`);
    },
    async settle(call, isShown) {
      const ready = caches;
      if (ready === undefined || isShown(ready)) return;
      const shown = Promise.withResolvers<void>();
      const look = (): void => {
        if (isShown(ready)) shown.resolve();
      };
      const onAbort = (): void => shown.resolve();
      const stops = all(ready).map((one) => one.onChange(look));
      call.signal.addEventListener('abort', onAbort, { once: true });
      try {
        if (!call.signal.aborted) await shown.promise;
      } finally {
        call.signal.removeEventListener('abort', onAbort);
        for (const stop of stops) stop();
      }
    },
  };
}

function all(caches: Caches): Pick<Informer<ApiObject>, 'run' | 'whenSynced' | 'staleMs' | 'onChange'>[] {
  return [caches.volumes, caches.replicas, caches.nodes, caches.pools];
}

/** The caches as placement sees a cluster. */
export function clusterView(caches: Caches): ClusterView {
  const nodes = caches.nodes.list();
  return {
    nodes: new Map(nodes.map((node) => [node.metadata.name, node])),
    health: new Map(nodes.map((node) => [node.metadata.name, healthFromCondition(node)])),
    pools: new Map(caches.pools.list().map((pool) => [pool.metadata.name, pool])),
    usage: usageOf(caches.replicas.list()),
  };
}
