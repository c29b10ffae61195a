import { createInformer, type InformerOptions } from '@holdfast/api/client/informer.ts';
import type { Informer } from '@holdfast/api/client/informer-types.ts';
import { LEASES, NODES, POOLS, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import type { ApiObject } from '@holdfast/api/client/object.ts';
import type { ResourceType } from '@holdfast/api/client/types.ts';
import { type Lease, SYSTEM_NAMESPACE } from '@holdfast/api/schema/core.ts';
import type { Node } from '@holdfast/api/schema/node.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import type { ControllerDeps } from './deps.ts';

/** Everything the controllers read, kept current by watches. */
export interface Caches {
  readonly volumes: Informer<Volume>;
  readonly replicas: Informer<Replica>;
  readonly nodes: Informer<Node>;
  readonly pools: Informer<Pool>;
  readonly leases: Informer<Lease>;
  run(signal: AbortSignal): Promise<void>;
  whenSynced(signal: AbortSignal): Promise<void>;
}

export function createCaches(deps: ControllerDeps, resyncMs: number): Caches {
  function informer<T extends ApiObject>(
    type: ResourceType<T>,
    extra: Pick<InformerOptions<T>, 'indexes' | 'namespace' | 'resyncMs'> = {},
  ): Informer<T> {
    return createInformer<T>({
      api: deps.client.resource(type),
      clock: deps.clock,
      random: deps.random,
      resyncMs,
      onError: (error, source) => deps.log.warn('cache trouble', { op: `${source} ${type.plural}`, err: error }),
      ...extra,
    });
  }
  const volumes = informer(VOLUMES, {
    indexes: { wantedOn: (volume) => (volume.spec?.attachments ?? []).map((attachment) => attachment.node) },
  });
  const replicas = informer(REPLICAS, {
    indexes: {
      volume: (replica) => [replica.spec?.volume ?? ''],
      node: (replica) => [replica.spec?.node ?? ''],
      pool: (replica) => [replica.spec?.pool ?? ''],
    },
  });
  const nodes = informer(NODES);
  const pools = informer(POOLS);
  // Leases change every second by themselves; nothing is gained by telling the old ones again.
  const leases = informer(LEASES, { namespace: SYSTEM_NAMESPACE, resyncMs: 0 });
  const all = [volumes, replicas, nodes, pools, leases];
  return {
    volumes,
    replicas,
    nodes,
    pools,
    leases,
    run: async (signal) => {
      await Promise.all(all.map((one) => one.run(signal)));
    },
    whenSynced: async (signal) => {
      await Promise.all(all.map((one) => one.whenSynced(signal)));
    },
  };
}
