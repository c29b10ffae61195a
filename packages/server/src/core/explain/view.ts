import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Node } from '@holdfast/api/schema/node.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import { healthFromCondition } from '../node-health/from-condition.ts';
import type { ClusterView } from '../placement/types.ts';
import { usageOf } from '../placement/usage.ts';
import type { VolumeObservation } from '../volume/types.ts';

/** The objects of a cluster as just listed. `replicas` are all of them: capacity is what they take together. */
export interface ClusterObjects {
  readonly nodes: readonly Stored<Node>[];
  readonly pools: readonly Stored<Pool>[];
  readonly replicas: readonly Stored<Replica>[];
}

/** The cluster for readers that do not watch leases: health is what the controller wrote into the Nodes. */
export function clusterViewOf(objects: ClusterObjects): ClusterView {
  return {
    nodes: new Map(objects.nodes.map((node) => [node.metadata.name, node])),
    health: new Map(objects.nodes.map((node) => [node.metadata.name, healthFromCondition(node)])),
    pools: new Map(objects.pools.map((pool) => [pool.metadata.name, pool])),
    usage: usageOf(objects.replicas),
  };
}

/** What the plan of this volume looks at, from a listing of the cluster. `now`: RFC 3339, UTC. */
export function observationOf(volume: Stored<Volume>, objects: ClusterObjects, now: string): VolumeObservation {
  const replicas = objects.replicas.filter((replica) => replica.spec?.volume === volume.metadata.name);
  return { volume, replicas, cluster: clusterViewOf(objects), now };
}
