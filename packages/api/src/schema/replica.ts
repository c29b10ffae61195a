import { z } from 'zod';
import { type ApiObject, condition, GROUP, type KindDescriptor, nodeName, objectName, VERSION } from './meta.ts';
import { FS_TYPES, VOLUME_MODES } from './volume.ts';

export const REPLICA_TYPES = ['Diskful', 'Diskless', 'TieBreaker'] as const;
export const DRBD_ROLES = ['Primary', 'Secondary', 'Unknown'] as const;
export const DISK_STATES = [
  'Diskless',
  'Attaching',
  'Detaching',
  'Failed',
  'Negotiating',
  'Inconsistent',
  'Outdated',
  'DUnknown',
  'Consistent',
  'UpToDate',
] as const;
export const CONNECTION_STATES = [
  'StandAlone',
  'Disconnecting',
  'Unconnected',
  'Timeout',
  'BrokenPipe',
  'NetworkFailure',
  'ProtocolError',
  'TearDown',
  'Connecting',
  'Connected',
] as const;

/** Another replica of the same volume, as the DRBD configuration of this one needs it. */
export const replicaPeer = z.object({
  replica: objectName,
  node: nodeName,
  type: z.enum(REPLICA_TYPES).default('Diskful'),
  nodeId: z.int().min(0).max(31),
  address: z.string().describe('Replication IP address of the peer.'),
  port: z.int().min(1).max(65535),
  minor: z.int().min(0),
});

export const replicaAttach = z.object({
  volumeMode: z.enum(VOLUME_MODES),
  fsType: z.enum(FS_TYPES),
  readOnly: z.boolean().default(false),
  mount: z.boolean().default(true),
});

export const replicaSpec = z.object({
  volume: objectName,
  volumeUid: z.string(),
  node: nodeName,
  pool: objectName,
  type: z.enum(REPLICA_TYPES).default('Diskful'),
  sizeBytes: z.int().min(0),
  layout: z.enum(['local', 'drbd']).describe('local: the LV alone (one replica). drbd: LV under DRBD.'),
  drbd: z
    .object({
      minor: z.int().min(0),
      port: z.int().min(1).max(65535),
      nodeId: z.int().min(0).max(31),
      address: z.string().describe('Replication IP address of this node.'),
    })
    .optional()
    .describe('Present for layout drbd. Numbers are unique on the node and never change.'),
  peers: z.array(replicaPeer).max(31).default([]),
  bootstrap: z
    .enum(['none', 'skip-sync', 'source', 'join'])
    .default('none')
    .describe(
      'How a new disk enters: skip-sync: all first replicas are blank thin LVs and start equal; source: this one holds the data, the others sync from it; join: full sync from a peer.',
    ),
  attach: replicaAttach.optional().describe('Present while the volume is wanted here.'),
  evict: z
    .object({ to: nodeName.optional(), acceptReducedRedundancy: z.boolean().default(false) })
    .optional()
    .describe('Written by the operator: move this replica away.'),
});

export const drbdPeerStatus = z.object({
  replica: z.string(),
  node: z.string(),
  connection: z.enum(CONNECTION_STATES),
  role: z.enum(DRBD_ROLES),
  disk: z.enum(DISK_STATES),
  replication: z.string().optional().describe('Off, Established, SyncSource, SyncTarget, VerifyS, PausedSyncS...'),
  outOfSyncBytes: z.int().optional(),
  syncPercent: z.number().optional(),
});

export const replicaDrbdStatus = z.object({
  role: z.enum(DRBD_ROLES),
  disk: z.enum(DISK_STATES),
  suspended: z.array(z.enum(['user', 'no-data', 'fencing', 'quorum'])).default([]),
  peers: z.array(drbdPeerStatus).default([]),
});

export const REPLICA_PHASES = ['Pending', 'Creating', 'Ready', 'Failed', 'Deleting', 'Unknown'] as const;

export const replicaStatus = z.object({
  phase: z.enum(REPLICA_PHASES).optional(),
  reason: z.string().optional(),
  message: z.string().optional().describe('What it waits for or why it failed, with the remedy.'),
  observedGeneration: z.int().optional(),
  lvSizeBytes: z.int().optional().describe('Size of the backing LV.'),
  deviceSizeBytes: z.int().optional().describe('Size of the usable device.'),
  thin: z.boolean().optional().describe('The backing LV is thin: unwritten extents read as zeros.'),
  device: z.string().optional().describe('Usable block device while attached, e.g. /dev/drbd1000.'),
  drbd: replicaDrbdStatus.optional().describe('Absent for layout local, and when the kernel could not be asked.'),
  attached: z
    .object({ device: z.string(), mountPath: z.string().optional(), readOnly: z.boolean().default(false) })
    .optional()
    .describe('Present while promoted (and mounted, when asked).'),
  conditions: z.array(condition).optional(),
});

export type ReplicaPeer = z.infer<typeof replicaPeer>;
export type ReplicaAttach = z.infer<typeof replicaAttach>;
export type ReplicaSpec = z.infer<typeof replicaSpec>;
export type ReplicaStatus = z.infer<typeof replicaStatus>;
export type ReplicaPhase = (typeof REPLICA_PHASES)[number];
export type DrbdPeerStatus = z.infer<typeof drbdPeerStatus>;
export type ReplicaDrbdStatus = z.infer<typeof replicaDrbdStatus>;
export type DrbdRole = (typeof DRBD_ROLES)[number];
export type DiskState = (typeof DISK_STATES)[number];
export type ConnectionState = (typeof CONNECTION_STATES)[number];
export type Replica = ApiObject<ReplicaSpec, ReplicaStatus>;

export const REPLICA: KindDescriptor = {
  group: GROUP,
  version: VERSION,
  kind: 'Replica',
  plural: 'replicas',
  singular: 'replica',
  shortNames: ['hfr'],
  categories: ['holdfast'],
  scope: 'Cluster',
  description: 'One copy of a volume on one node. The controller writes the spec, the agent of the node the status.',
  spec: replicaSpec,
  status: replicaStatus,
  printerColumns: [
    { name: 'Volume', type: 'string', jsonPath: '.spec.volume' },
    { name: 'Node', type: 'string', jsonPath: '.spec.node' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Role', type: 'string', jsonPath: '.status.drbd.role' },
    { name: 'Disk', type: 'string', jsonPath: '.status.drbd.disk' },
    { name: 'Pool', type: 'string', jsonPath: '.spec.pool', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  cel: [
    {
      path: 'spec',
      rule: 'self.volume == oldSelf.volume && self.volumeUid == oldSelf.volumeUid && self.node == oldSelf.node && self.pool == oldSelf.pool',
      message: 'a replica stays where it is: volume, node and pool cannot change',
    },
    {
      path: 'spec',
      rule: 'self.sizeBytes >= oldSelf.sizeBytes',
      message: 'a replica cannot shrink',
      fieldPath: '.sizeBytes',
    },
    {
      path: 'spec',
      rule: '!has(oldSelf.drbd) || (has(self.drbd) && self.drbd.nodeId == oldSelf.drbd.nodeId && self.drbd.minor == oldSelf.drbd.minor && self.drbd.port == oldSelf.drbd.port)',
      message: 'DRBD minor, port and node-id never change',
      fieldPath: '.drbd',
    },
  ],
  selectableFields: ['.spec.node', '.spec.volume', '.spec.pool'],
};
