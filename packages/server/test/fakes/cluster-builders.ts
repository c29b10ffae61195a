/** Builders of API objects for tests: every default is a healthy cluster; name only what the test is about. */
import { API_VERSION, type Stored, type StoredMeta } from '@holdfast/api/schema/meta.ts';
import type { Node, NodePool, NodeSpec, NodeStatus } from '@holdfast/api/schema/node.ts';
import type { Pool, PoolSpec } from '@holdfast/api/schema/pool.ts';
import type { Replica, ReplicaSpec, ReplicaStatus } from '@holdfast/api/schema/replica.ts';
import type { Volume, VolumeSpec, VolumeStatus } from '@holdfast/api/schema/volume.ts';

export const GIB = 2 ** 30;
const CREATED = '2026-01-01T00:00:00Z';

function meta(name: string, extra: Partial<StoredMeta> = {}): StoredMeta {
  return { name, uid: `uid-${name}`, resourceVersion: '1', generation: 1, creationTimestamp: CREATED, ...extra };
}

export function aNodePool(name: string, changes: Partial<NodePool> = {}): NodePool {
  return {
    name,
    type: 'lvm-thin',
    state: 'Ready',
    sizeBytes: 100 * GIB,
    freeBytes: 100 * GIB,
    dataPercent: 0,
    metadataPercent: 1,
    ...changes,
  };
}

export function aNode(
  name: string,
  changes: { spec?: Partial<NodeSpec>; status?: Partial<NodeStatus>; meta?: Partial<StoredMeta> } = {},
): Stored<Node> {
  return {
    apiVersion: API_VERSION,
    kind: 'Node',
    metadata: meta(name, changes.meta),
    spec: { schedulable: true, evict: false, ...changes.spec },
    status: {
      bootId: `boot-${name}`,
      drbd: '8.4',
      addresses: {
        management: `10.0.0.${name.length}`,
        replication: `10.1.0.${name.charCodeAt(name.length - 1) % 250}`,
      },
      pools: [aNodePool('fast')],
      conditions: [
        { type: 'Ready', status: 'True', reason: 'AgentAlive', message: 'alive', lastTransitionTime: CREATED },
      ],
      ...changes.status,
    },
  };
}

export function aPool(name: string, nodes: readonly string[], changes: Partial<PoolSpec> = {}): Stored<Pool> {
  return {
    apiVersion: API_VERSION,
    kind: 'Pool',
    metadata: meta(name),
    spec: {
      type: 'lvm-thin',
      classes: [],
      nodes: nodes.map((node) => ({ name: node, disks: [`disk-${node}`] })),
      overProvision: 2,
      reservePercent: 10,
      stopAtDataPercent: 80,
      ...changes,
    },
  };
}

export function aVolume(
  name: string,
  changes: { spec?: Partial<VolumeSpec>; status?: VolumeStatus; meta?: Partial<StoredMeta> } = {},
): Stored<Volume> {
  return {
    apiVersion: API_VERSION,
    kind: 'Volume',
    metadata: meta(name, changes.meta),
    spec: {
      sizeBytes: GIB,
      replicas: 2,
      poolClass: '',
      protocol: 'C',
      volumeMode: 'Filesystem',
      fsType: 'ext4',
      attachments: [],
      ...changes.spec,
    },
    ...(changes.status === undefined ? {} : { status: changes.status }),
  };
}

export function aReplica(
  name: string,
  changes: { spec?: Partial<ReplicaSpec>; status?: ReplicaStatus; meta?: Partial<StoredMeta> } = {},
): Stored<Replica> {
  const volume = changes.spec?.volume ?? name.replace(/-r[0-9]+$/, '');
  return {
    apiVersion: API_VERSION,
    kind: 'Replica',
    metadata: meta(name, changes.meta),
    spec: {
      volume,
      volumeUid: `uid-${volume}`,
      node: 'a',
      pool: 'fast',
      type: 'Diskful',
      sizeBytes: GIB,
      layout: 'local',
      peers: [],
      bootstrap: 'none',
      ...changes.spec,
    },
    ...(changes.status === undefined ? {} : { status: changes.status }),
  };
}
