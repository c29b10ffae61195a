import { z } from 'zod';
import { EXTENT_BYTES } from '../bytes.ts';
import { type ApiObject, condition, GROUP, type KindDescriptor, nodeName, timestamp, VERSION } from './meta.ts';

export const VOLUME_MODES = ['Filesystem', 'Block'] as const;
export const FS_TYPES = ['ext4', 'xfs', 'btrfs'] as const;

export const placement = z.object({
  nodes: z.array(nodeName).max(100).optional().describe('Only these nodes.'),
  excludeNodes: z.array(nodeName).max(100).optional().describe('None of these nodes.'),
  nodeSelector: z.record(z.string(), z.string()).optional().describe('Only nodes that carry all these labels.'),
  spreadBy: z
    .string()
    .optional()
    .describe('Label key of the failure domain: replicas go to different values when possible.'),
});

/** Who wants the volume, where. One writer at a time (INV-2). */
export const attachment = z.object({
  node: nodeName,
  readOnly: z.boolean().default(false),
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
  volumeMode: z.enum(VOLUME_MODES).default('Filesystem'),
  fsType: z.enum(FS_TYPES).default('ext4'),
  placement: placement.optional(),
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
  'remove-replica',
  'operator',
] as const;

export const arbiterDecision = z.object({
  epoch: z.int(),
  inSync: z.array(z.string()),
  primary: z.string().optional(),
  cause: z.enum(ARBITER_CAUSES),
  by: z.string().describe('Who decided: agent/<node> or controller.'),
  at: timestamp,
  evidence: z.string().describe('What was seen in the kernel, DRBD generation ids included.'),
});

/**
 * The arbiter record (design 3.1). Only compare-and-swap on it counts.
 * Members are Replica names. `primary` is the replica that may write.
 */
export const arbiterRecord = z.object({
  epoch: z.int().min(0).describe('Counts every decision; grows by one with each.'),
  inSync: z.array(z.string()).max(16).describe('Replicas that hold every acknowledged write. Empty until bootstrap.'),
  primary: z.string().optional().describe('Replica that may write now; absent when none may.'),
  history: z.array(arbiterDecision).max(16).default([]).describe('The last decisions, newest first.'),
});

/** INV-6: `mkfs` happens once in a volume's life. */
export const formatRecord = z.object({
  state: z.enum(['never', 'formatting', 'done']),
  fsType: z.enum(FS_TYPES).optional(),
  by: z.string().optional().describe('Replica that formats or formatted.'),
  at: timestamp.optional(),
});

export const VOLUME_PHASES = ['Pending', 'Creating', 'Ready', 'Degraded', 'Unavailable', 'Deleting'] as const;

export const volumeStatus = z.object({
  phase: z.enum(VOLUME_PHASES).optional(),
  sizeBytes: z.int().optional().describe('Size usable now; differs from spec while growing.'),
  nextReplica: z.int().optional().describe('Ordinal of the next Replica name. Names are never reused.'),
  arbiter: arbiterRecord.optional(),
  format: formatRecord.optional(),
  attachedTo: nodeName.optional(),
  allocatedBytes: z.int().optional(),
  conditions: z.array(condition).optional(),
});

export type Placement = z.infer<typeof placement>;
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
      rule: '!has(self.primary) || self.primary in self.inSync',
      message: 'INV-3: only a member of the in-sync set may be primary',
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
