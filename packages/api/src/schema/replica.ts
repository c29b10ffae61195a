import * as z from 'zod';
import {
  type ApiObject,
  conditions,
  GROUP,
  type KindDescriptor,
  LABEL_NAME_RULE,
  nodeName,
  objectName,
  VERSION,
} from './meta.ts';
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
  replica: objectName.describe('Name of the other Replica.'),
  node: nodeName.describe('Node it is on.'),
  type: z.enum(REPLICA_TYPES).default('Diskful').describe('Whether it holds data.'),
  nodeId: z.int().min(0).max(31).describe('DRBD node-id of the peer.'),
  address: z.string().describe('Replication IP address of the peer.'),
  port: z.int().min(1).max(65535).describe('DRBD port of the peer.'),
  minor: z.int().min(0).describe('DRBD minor on the node of the peer.'),
});

export const replicaAttach = z.object({
  volumeMode: z.enum(VOLUME_MODES).describe('As the Volume says.'),
  fsType: z.enum(FS_TYPES).describe('As the Volume says.'),
  readOnly: z.boolean().default(false).describe('Attach without the right to write.'),
  mount: z.boolean().default(true).describe('true: format once and mount. false: only the device.'),
});

export const replicaSpec = z.object({
  volume: objectName.describe('Name of the Volume.'),
  volumeUid: z.string().describe('UID of the Volume: a new volume of the same name is another one.'),
  node: nodeName.describe('Node it lives on, for ever.'),
  pool: objectName.describe('Pool its LV is in.'),
  type: z
    .enum(REPLICA_TYPES)
    .default('Diskful')
    .describe(
      'Diskful: a copy of the data. Diskless: reads and writes over the network. TieBreaker: counts for quorum only.',
    ),
  sizeBytes: z.int().min(0).describe('Size of the data LV: the size of the volume, to the byte.'),
  layout: z.enum(['local', 'drbd']).describe('local: the LV alone (one replica). drbd: LV under DRBD.'),
  drbd: z
    .object({
      minor: z.int().min(0).describe('DRBD device minor on this node.'),
      port: z.int().min(1).max(65535).describe('TCP port on this node.'),
      nodeId: z.int().min(0).max(31).describe('DRBD node-id within the volume.'),
      address: z.string().describe('Replication IP address of this node.'),
    })
    .optional()
    .describe('Present for layout drbd. Numbers are unique on the node and never change.'),
  peers: z.array(replicaPeer).max(31).default([]).describe('The other replicas of the volume.'),
  bootstrap: z
    .enum(['none', 'skip-sync', 'source', 'join'])
    .default('none')
    .describe(
      'How a new disk enters: skip-sync: all first replicas are blank thin LVs and start equal; source: this one holds the data, the others sync from it; join: full sync from a peer.',
    ),
  attach: replicaAttach.optional().describe('Present while the volume is wanted here.'),
  evict: z
    .object({
      to: nodeName.optional().describe('Node to move to. Absent: placement chooses.'),
      acceptReducedRedundancy: z
        .boolean()
        .default(false)
        .describe('Remove before adding, where two copies are the most that can be (DRBD 8.4).'),
    })
    .optional()
    .describe('Written by the operator: move this replica away.'),
});

export const drbdPeerStatus = z.object({
  replica: z.string().describe('Name of the peer.'),
  node: z.string().describe('Node of the peer.'),
  connection: z.enum(CONNECTION_STATES).describe('Connection to the peer, as DRBD reports it.'),
  role: z.enum(DRBD_ROLES).describe('Role of the peer.'),
  disk: z.enum(DISK_STATES).describe('Disk of the peer, as seen from here.'),
  replication: z.string().optional().describe('Off, Established, SyncSource, SyncTarget, VerifyS, PausedSyncS...'),
  outOfSyncBytes: z.int().optional().describe('Still different from the peer.'),
  syncPercent: z.number().optional().describe('Progress of a running resync.'),
});

export const replicaDrbdStatus = z.object({
  role: z.enum(DRBD_ROLES).describe('Role of this replica.'),
  disk: z.enum(DISK_STATES).describe('State of the local disk.'),
  suspended: z
    .array(z.enum(['user', 'no-data', 'fencing', 'quorum']))
    .default([])
    .describe('Why I/O is paused. Empty: it runs.'),
  peers: z.array(drbdPeerStatus).default([]).describe('Connections to the other replicas.'),
});

export const REPLICA_PHASES = ['Pending', 'Creating', 'Ready', 'Failed', 'Deleting', 'Unknown'] as const;

export const replicaStatus = z.object({
  phase: z.enum(REPLICA_PHASES).optional().describe('Unknown: its node could not look.'),
  reason: z.string().optional().describe('Why it is not Ready, as one word in CamelCase.'),
  message: z.string().optional().describe('What it waits for or why it failed, with the remedy.'),
  observedGeneration: z.int().optional().describe('metadata.generation that the agent acted on.'),
  lvSizeBytes: z.int().optional().describe('Size of the backing LV.'),
  deviceSizeBytes: z.int().optional().describe('Size of the usable device.'),
  thin: z.boolean().optional().describe('The backing LV is thin: unwritten extents read as zeros.'),
  device: z.string().optional().describe('Usable block device while attached, e.g. /dev/drbd1000.'),
  drbd: replicaDrbdStatus.optional().describe('Absent for layout local, and when the kernel could not be asked.'),
  attached: z
    .object({
      device: z.string().describe('Block device to use.'),
      mountPath: z.string().optional().describe('Where the agent mounted it; absent for raw devices.'),
      readOnly: z.boolean().default(false).describe('Attached without the right to write.'),
    })
    .optional()
    .describe('Present while promoted (and mounted, when asked).'),
  conditions: conditions.optional(),
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
    LABEL_NAME_RULE,
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
