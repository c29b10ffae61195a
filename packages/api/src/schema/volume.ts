import * as z from 'zod';
import { EXTENT_BYTES } from '../bytes.ts';
import {
  type ApiObject,
  conditions,
  GROUP,
  type KindDescriptor,
  LABEL_NAME_RULE,
  nodeName,
  timestamp,
  VERSION,
} from './meta.ts';

export const VOLUME_MODES = ['Filesystem', 'Block'] as const;
export const FS_TYPES = ['ext4', 'xfs', 'btrfs'] as const;

/** Where the first replicas go, once; later replacements are free of it, because the nodes of today may be gone by then. */
export const firstPlacement = z.object({
  nodes: z.array(nodeName).max(1000).optional().describe('Only these nodes.'),
  each: z.array(nodeName).max(16).optional().describe('A replica on every one of these nodes.'),
  prefer: z
    .array(nodeName)
    .max(16)
    .optional()
    .describe('The first of these nodes that can take a replica gets one; the others are placed as usual.'),
});

export const placement = z.object({
  nodes: z.array(nodeName).max(100).optional().describe('Only these nodes.'),
  excludeNodes: z.array(nodeName).max(100).optional().describe('None of these nodes.'),
  nodeSelector: z.record(z.string(), z.string()).optional().describe('Only nodes that carry all these labels.'),
  spreadBy: z
    .string()
    .optional()
    .describe('Label key of the failure domain: replicas go to different values when possible.'),
  sameBy: z
    .string()
    .optional()
    .describe('Label key: all replicas go to nodes with the same value of it. Nodes without it are left out.'),
  first: firstPlacement.optional().describe('Holds for the first placement only.'),
});

/** Who wants the volume, where. One writer at a time (INV-2). */
export const attachment = z.object({
  node: nodeName.describe('Node that should have the volume. It must hold a replica.'),
  readOnly: z.boolean().default(false).describe('Attach without the right to write.'),
  mount: z
    .boolean()
    .default(true)
    .describe(
      'true: the agent formats (once) and mounts it under its own mount root. false: only the device (CSI mounts it).',
    ),
});

export const volumeSpec = z.object({
  sizeBytes: z
    .int()
    .min(EXTENT_BYTES)
    .max(2 ** 50)
    .multipleOf(EXTENT_BYTES)
    .describe('Usable bytes, a multiple of 4 MiB. It can grow, never shrink.'),
  replicas: z.int().min(1).max(16).default(2).describe('Copies on different nodes. In-tree DRBD 8.4 allows 2.'),
  poolClass: z.string().max(63).default('').describe('Class tag of the pools to use; empty means any.'),
  protocol: z
    .enum(['C'])
    .default('C')
    .describe('DRBD protocol. Only C (both disks) keeps every acknowledged write (INV-1).'),
  volumeMode: z.enum(VOLUME_MODES).default('Filesystem').describe('Block: a raw device, never formatted.'),
  fsType: z.enum(FS_TYPES).default('ext4').describe('File system made once, at the first attach (INV-6).'),
  placement: placement.optional().describe('Where replicas may live. Absent: anywhere in the pools of the class.'),
  attachments: z
    .array(attachment)
    .max(1)
    .default([])
    .describe('Where the volume is wanted. At most one writer (INV-2).'),
});

/** Why the arbiter record changed. */
export const ARBITER_CAUSES = [
  'bootstrap',
  'promote',
  'demote',
  'fence-peer',
  'readmit',
  'disk-lost',
  'remove-replica',
  'operator',
] as const;

export const arbiterDecision = z.object({
  epoch: z.int().describe('Epoch that this decision made.'),
  inSync: z.array(z.string()).describe('In-sync set after it.'),
  primary: z.string().optional().describe('Replica that could write after it.'),
  cause: z.enum(ARBITER_CAUSES).describe('What was decided.'),
  by: z.string().describe('Who decided: agent/<node> or controller.'),
  at: timestamp.describe('When, by the clock of who decided.'),
  evidence: z.string().describe('What was seen in the kernel, DRBD generation ids included.'),
});

/**
 * The arbiter record (design 3.1). Only compare-and-swap on it counts.
 * Members are Replica names. `primary` is the replica that may write: a member of the set when it is promoted; it leaves the
 * set and stays primary when its own disk fails and it goes on through the network.
 */
export const arbiterRecord = z.object({
  epoch: z.int().min(0).describe('Counts every decision; grows by one with each.'),
  // The limits keep the cost of the CEL rules below within what an API server accepts.
  inSync: z
    .array(z.string().max(63))
    .max(16)
    .describe('Replicas that hold every acknowledged write. Empty until bootstrap.'),
  primary: z.string().max(63).optional().describe('Replica that may write now; absent when none may.'),
  history: z.array(arbiterDecision).max(16).default([]).describe('The last decisions, newest first.'),
});

/** INV-6: `mkfs` happens once in a volume's life. */
export const formatRecord = z.object({
  state: z.enum(['never', 'formatting', 'done']).describe('Goes forward only.'),
  fsType: z.enum(FS_TYPES).optional().describe('File system that was made.'),
  by: z.string().optional().describe('Replica that formats or formatted.'),
  at: timestamp.optional().describe('When the state last changed.'),
});

export const VOLUME_PHASES = ['Pending', 'Creating', 'Ready', 'Degraded', 'Unavailable', 'Deleting'] as const;

export const volumeStatus = z.object({
  phase: z
    .enum(VOLUME_PHASES)
    .optional()
    .describe(
      'Summary of the conditions. Degraded: usable with fewer copies than asked for. Unavailable: not usable now.',
    ),
  sizeBytes: z.int().optional().describe('Size usable now; differs from spec while growing.'),
  nextReplica: z.int().optional().describe('Ordinal of the next Replica name. Names are never reused.'),
  arbiter: arbiterRecord
    .optional()
    .describe('Who holds every acknowledged write, and who may write. Changed only by compare-and-swap.'),
  format: formatRecord.optional().describe('Whether a file system was ever made on it (INV-6).'),
  attachedTo: nodeName.optional().describe('Node on which it is attached now.'),
  allocatedBytes: z.int().optional().describe('Bytes that its replicas occupy in their pools, all together.'),
  conditions: conditions.optional(),
});

export type Placement = z.infer<typeof placement>;
export type FirstPlacement = z.infer<typeof firstPlacement>;
export type Attachment = z.infer<typeof attachment>;
export type VolumeSpec = z.infer<typeof volumeSpec>;
export type VolumeStatus = z.infer<typeof volumeStatus>;
export type VolumePhase = (typeof VOLUME_PHASES)[number];
export type ArbiterRecord = z.infer<typeof arbiterRecord>;
export type ArbiterDecision = z.infer<typeof arbiterDecision>;
export type ArbiterCause = (typeof ARBITER_CAUSES)[number];
export type FormatRecord = z.infer<typeof formatRecord>;
export type FsType = (typeof FS_TYPES)[number];
export type Volume = ApiObject<VolumeSpec, VolumeStatus>;

export const VOLUME: KindDescriptor = {
  group: GROUP,
  version: VERSION,
  kind: 'Volume',
  plural: 'volumes',
  singular: 'volume',
  shortNames: ['hfv'],
  categories: ['holdfast'],
  scope: 'Cluster',
  description: 'A block volume with one or more replicas. Data safety rests on status.arbiter.',
  spec: volumeSpec,
  status: volumeStatus,
  printerColumns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Size', type: 'integer', jsonPath: '.status.sizeBytes' },
    { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
    { name: 'In-Sync', type: 'string', jsonPath: '.status.arbiter.inSync' },
    { name: 'Attached', type: 'string', jsonPath: '.status.attachedTo' },
    { name: 'Class', type: 'string', jsonPath: '.spec.poolClass', priority: 1 },
    { name: 'Epoch', type: 'integer', jsonPath: '.status.arbiter.epoch', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  cel: [
    LABEL_NAME_RULE,
    {
      path: '',
      rule: '!has(oldSelf.status) || !has(oldSelf.status.arbiter) || (has(self.status) && has(self.status.arbiter))',
      message: 'design 3.1: the arbiter record is never removed',
      fieldPath: '.status.arbiter',
    },
    {
      path: '',
      rule: '!has(oldSelf.status) || !has(oldSelf.status.format) || (has(self.status) && has(self.status.format))',
      message: 'INV-6: the format record is never removed',
      fieldPath: '.status.format',
    },
    {
      path: 'spec',
      rule: 'self.sizeBytes >= oldSelf.sizeBytes',
      message: 'a volume cannot shrink',
      fieldPath: '.sizeBytes',
    },
    {
      path: 'spec',
      rule: 'self.volumeMode == oldSelf.volumeMode',
      message: 'volumeMode cannot change',
      fieldPath: '.volumeMode',
    },
    { path: 'spec', rule: 'self.fsType == oldSelf.fsType', message: 'fsType cannot change', fieldPath: '.fsType' },
    // Transition rules below see nothing when a part is missing before or after: so nothing may go missing.
    {
      path: '',
      rule: '!has(oldSelf.status) || has(self.status)',
      message: 'INV-3: the status of a volume is never removed as a whole; change the fields that you own',
      fieldPath: '.status',
    },
    {
      path: 'status',
      rule: '!has(oldSelf.arbiter) || has(self.arbiter)',
      message: 'INV-3: the arbiter record is never removed',
      fieldPath: '.arbiter',
    },
    {
      path: 'status',
      rule: "!has(oldSelf.format) || oldSelf.format.state == 'never' || has(self.format)",
      message: 'INV-6: the record that a volume was formatted is never removed',
      fieldPath: '.format',
    },
    {
      path: 'status.arbiter',
      rule: 'self.epoch == oldSelf.epoch ? (self.inSync == oldSelf.inSync && has(self.primary) == has(oldSelf.primary) && (!has(self.primary) || self.primary == oldSelf.primary)) : self.epoch == oldSelf.epoch + 1',
      message: 'design 3.1: the epoch grows by exactly one with every change of the arbiter record',
      fieldPath: '.epoch',
    },
    {
      path: 'status.arbiter',
      rule: 'size(oldSelf.inSync) == 0 || self.inSync.all(m, m in oldSelf.inSync) || (oldSelf.inSync.all(m, m in self.inSync) && size(self.inSync) == size(oldSelf.inSync) + 1)',
      message: 'design 3.1: the in-sync set only shrinks, or grows by one',
      fieldPath: '.inSync',
    },
    {
      path: 'status.arbiter',
      rule: 'size(oldSelf.inSync) == 0 || size(self.inSync) > 0',
      message: 'INV-3: the in-sync set never becomes empty',
      fieldPath: '.inSync',
    },
    {
      path: 'status.arbiter',
      rule: 'self.inSync.all(m, self.inSync.exists_one(other, other == m))',
      message: 'design 3.1: a replica is in the in-sync set once or not at all',
      fieldPath: '.inSync',
    },
    {
      path: 'status.arbiter',
      rule: '!has(self.primary) || self.primary in self.inSync || (has(oldSelf.primary) && self.primary == oldSelf.primary)',
      message: 'INV-3: only a member of the in-sync set may become primary',
      fieldPath: '.primary',
    },
    {
      // The first decision has no predecessor to compare with.
      path: 'status.arbiter',
      rule: '!has(self.primary) || self.primary in self.inSync || self.epoch > 1',
      message: 'INV-3: the first primary is a member of the in-sync set',
      fieldPath: '.primary',
    },
    {
      path: 'status.format',
      rule: "oldSelf.state != 'done' || self.state == 'done'",
      message: 'INV-6: a formatted volume stays formatted',
      fieldPath: '.state',
    },
  ],
  selectableFields: ['.spec.poolClass', '.status.phase', '.status.attachedTo'],
};
