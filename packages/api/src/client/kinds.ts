import type { EventObject, Lease, Secret } from '../schema/core.ts';
import type { ApiObject, KindDescriptor } from '../schema/meta.ts';
import { NODE, type Node } from '../schema/node.ts';
import { POOL, type Pool } from '../schema/pool.ts';
import { REPLICA, type Replica } from '../schema/replica.ts';
import { VOLUME, type Volume } from '../schema/volume.ts';
import type { ResourceType } from './types.ts';

function typeOf<T extends ApiObject>(kind: KindDescriptor): ResourceType<T> {
  return {
    group: kind.group,
    version: kind.version,
    kind: kind.kind,
    plural: kind.plural,
    namespaced: kind.scope === 'Namespaced',
  };
}

export const NODES: ResourceType<Node> = typeOf(NODE);
export const POOLS: ResourceType<Pool> = typeOf(POOL);
export const VOLUMES: ResourceType<Volume> = typeOf(VOLUME);
export const REPLICAS: ResourceType<Replica> = typeOf(REPLICA);
export const LEASES: ResourceType<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};
export const SECRETS: ResourceType<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
};
export const EVENTS: ResourceType<EventObject> = {
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};
