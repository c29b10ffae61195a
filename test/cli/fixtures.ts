import type { EventObject } from '@holdfast/api/schema/core.ts';
import { API_VERSION, type Condition } from '@holdfast/api/schema/meta.ts';
import type { Node, NodeDisk, NodePool } from '@holdfast/api/schema/node.ts';
import type { Pool, PoolSpec } from '@holdfast/api/schema/pool.ts';
import type { DrbdPeerStatus, Replica, ReplicaStatus } from '@holdfast/api/schema/replica.ts';
import type { Volume, VolumeSpec, VolumeStatus } from '@holdfast/api/schema/volume.ts';
import { createFakeCluster, type FakeCluster } from './fake-cluster.ts';
import { NOW_MS } from './harness.ts';

export const GIB = 2 ** 30;

export function ago(seconds: number): string {
  return new Date(NOW_MS - seconds * 1000).toISOString();
}

export function condition(type: string, status: Condition['status'], reason: string, message: string): Condition {
  return { type, status, reason, message, lastTransitionTime: ago(95) };
}

export function aDisk(id: string, more: Partial<NodeDisk> = {}): NodeDisk {
  return { id, path: '/dev/vdb', sizeBytes: 4 * GIB, rotational: false, readOnly: false, use: 'free', ...more };
}

export function aNodePool(name: string, more: Partial<NodePool> = {}): NodePool {
  return {
    name,
    type: 'lvm-thin',
    state: 'Ready',
    sizeBytes: 4 * GIB,
    freeBytes: 3.5 * GIB,
    dataPercent: 12.5,
    metadataPercent: 3.1,
    ...more,
  };
}

export function aNode(
  name: string,
  more: {
    ready?: 'True' | 'False' | 'Unknown';
    message?: string;
    disks?: NodeDisk[];
    pools?: NodePool[];
    schedulable?: boolean;
    drbd?: 'none' | '8.4' | '9';
  } = {},
): Node {
  const ready = more.ready ?? 'True';
  const reasons = { True: 'AgentReports', False: 'NodeLost', Unknown: 'NotReporting' };
  return {
    apiVersion: API_VERSION,
    kind: 'Node',
    metadata: { name, creationTimestamp: ago(3700) },
    spec: { schedulable: more.schedulable ?? true, evict: false },
    status: {
      addresses: { management: `10.77.0.1${name.slice(1)}`, replication: `10.78.0.1${name.slice(1)}` },
      versions: {
        agent: '0.1.0',
        kernel: '6.1.0-40-cloud-amd64',
        lvm: '2.03.16',
        drbdUtils: '9.22.0',
        drbdKernel: '8.4.11',
      },
      drbd: more.drbd ?? '8.4',
      disks: more.disks ?? [
        aDisk(`virtio-hf-${name}-d0`, { use: 'pool', usedBy: 'fast' }),
        aDisk(`virtio-hf-${name}-d1`, { path: '/dev/vdc', rotational: true }),
      ],
      pools: more.pools ?? [aNodePool('fast')],
      conditions: [
        condition(
          'Ready',
          ready,
          reasons[ready],
          more.message ?? (ready === 'True' ? 'its agent reports' : 'no sign of life from its agent or its peers'),
        ),
      ],
    },
  };
}

export function aPool(name: string, nodes: readonly string[], more: Partial<PoolSpec> = {}): Pool {
  return {
    apiVersion: API_VERSION,
    kind: 'Pool',
    metadata: { name, creationTimestamp: ago(3000) },
    spec: {
      type: 'lvm-thin',
      classes: ['ssd'],
      nodes: nodes.map((node) => ({ name: node, disks: [`virtio-hf-${node}-d0`] })),
      overProvision: 2,
      reservePercent: 10,
      stopAtDataPercent: 80,
      ...more,
    },
    status: { nodesReady: nodes.length, nodesTotal: nodes.length },
  };
}

export function aVolume(
  name: string,
  more: { spec?: Partial<VolumeSpec>; status?: Partial<VolumeStatus> } = {},
): Volume {
  return {
    apiVersion: API_VERSION,
    kind: 'Volume',
    metadata: { name, creationTimestamp: ago(600), finalizers: ['holdfast.storage/volume'] },
    spec: {
      sizeBytes: GIB,
      replicas: 2,
      poolClass: 'ssd',
      protocol: 'C',
      volumeMode: 'Filesystem',
      fsType: 'ext4',
      attachments: [],
      ...more.spec,
    },
    status: {
      phase: 'Ready',
      sizeBytes: GIB,
      nextReplica: 2,
      arbiter: {
        epoch: 1,
        inSync: [`${name}-r0`, `${name}-r1`],
        history: [
          {
            epoch: 1,
            inSync: [`${name}-r0`, `${name}-r1`],
            cause: 'bootstrap',
            by: 'agent/n1',
            at: ago(590),
            evidence: 'both blank, all connected',
          },
        ],
      },
      format: { state: 'never' },
      ...more.status,
    },
  };
}

export function aReplica(
  volume: string,
  ordinal: number,
  node: string,
  more: { status?: Partial<ReplicaStatus>; peer?: Partial<DrbdPeerStatus> } = {},
): Replica {
  const other = ordinal === 0 ? 1 : 0;
  return {
    apiVersion: API_VERSION,
    kind: 'Replica',
    metadata: { name: `${volume}-r${ordinal}`, creationTimestamp: ago(600), finalizers: ['holdfast.storage/replica'] },
    spec: {
      volume,
      volumeUid: `uid-volumes-${volume}`,
      node,
      pool: 'fast',
      type: 'Diskful',
      sizeBytes: GIB,
      layout: 'drbd',
      drbd: { minor: 1000 + ordinal, port: 7000, nodeId: ordinal, address: `10.78.0.1${node.slice(1)}` },
      peers: [
        {
          replica: `${volume}-r${other}`,
          node: `n${other + 1}`,
          type: 'Diskful',
          nodeId: other,
          address: `10.78.0.1${other + 1}`,
          port: 7000,
          minor: 1000 + other,
        },
      ],
      bootstrap: 'skip-sync',
    },
    status: {
      phase: 'Ready',
      lvSizeBytes: GIB,
      deviceSizeBytes: GIB,
      drbd: {
        role: 'Secondary',
        disk: 'UpToDate',
        suspended: [],
        peers: [
          {
            replica: `${volume}-r${other}`,
            node: `n${other + 1}`,
            connection: 'Connected',
            role: 'Secondary',
            disk: 'UpToDate',
            replication: 'Established',
            ...more.peer,
          },
        ],
      },
      ...more.status,
    },
  };
}

export function anEvent(
  name: string,
  seconds: number,
  about: string,
  reason: string,
  message: string,
  more: Partial<EventObject> = {},
): EventObject {
  const [kind = '', object = ''] = about.split('/');
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: 'holdfast-system', creationTimestamp: ago(seconds) },
    involvedObject: { apiVersion: API_VERSION, kind, name: object },
    reason,
    message,
    type: 'Normal',
    count: 1,
    firstTimestamp: ago(seconds),
    lastTimestamp: ago(seconds),
    source: { component: 'controller' },
    ...more,
  };
}

/** Three nodes with one pool of class ssd, one spare disk each, and a healthy two-copy volume `db` on n1 and n2. */
export function aCluster(): FakeCluster {
  const cluster = createFakeCluster(NOW_MS);
  for (const name of ['n1', 'n2', 'n3']) cluster.put(aNode(name));
  cluster.put(aPool('fast', ['n1', 'n2', 'n3']));
  cluster.put(aVolume('db'));
  cluster.put(aReplica('db', 0, 'n1'));
  cluster.put(aReplica('db', 1, 'n2'));
  return cluster;
}
