import * as z from 'zod';
import { EXTENT_BYTES } from '../bytes.ts';
import {
  type ApiObject,
  conditions,
  GROUP,
  type KindDescriptor,
  LABEL_NAME_RULE,
  listMap,
  nodeName,
  VERSION,
} from './meta.ts';

export const POOL_TYPES = ['lvm-thin', 'lvm', 'file'] as const;

/** The disks (or, for `file`, the loop file) that one node contributes. */
export const poolNode = z.object({
  name: nodeName.describe('Name of the Node.'),
  disks: z
    .array(z.string().min(1))
    .max(64)
    .default([])
    .describe('Stable disk ids (hf disk list). Never a guess, never a pattern.'),
  fileSizeBytes: z
    .int()
    .min(64 * EXTENT_BYTES)
    .optional()
    .describe('type "file" only: size of the loop file (at least 256 MiB).'),
});

export const poolSpec = z.object({
  type: z
    .enum(POOL_TYPES)
    .default('lvm-thin')
    .describe(
      'lvm-thin: thin volumes, snapshots, over-provisioning. lvm: fully allocated volumes. file: thin volumes in a loop file, to try Holdfast without a spare disk.',
    ),
  classes: z.array(z.string().min(1).max(63)).max(16).default([]).describe('Tags that a volume can ask for, e.g. ssd.'),
  nodes: listMap(z.array(poolNode).min(1).max(1000), 'name').describe(
    'What each node contributes. A node appears once.',
  ),
  overProvision: z
    .number()
    .min(1)
    .max(100)
    .default(2)
    .describe('lvm-thin and file: sum of volume sizes allowed, as a multiple of the pool size.'),
  reservePercent: z.number().min(0).max(90).default(10).describe('Part of the pool that placement never promises.'),
  stopAtDataPercent: z
    .number()
    .min(10)
    .max(100)
    .default(80)
    .describe('Thin data or metadata usage at which no new replica is placed here.'),
});

export const poolStatus = z.object({
  nodesReady: z.int().optional().describe('Nodes on which the pool can be used now.'),
  nodesTotal: z.int().optional().describe('Nodes named in the spec.'),
  sizeBytes: z.int().optional().describe('Sum over the nodes that reported.'),
  freeBytes: z
    .int()
    .optional()
    .describe('Sum over the nodes that reported: unallocated (lvm) or unwritten (thin) bytes.'),
  conditions: conditions.optional(),
});

export type PoolNode = z.infer<typeof poolNode>;
export type PoolSpec = z.infer<typeof poolSpec>;
export type PoolStatus = z.infer<typeof poolStatus>;
export type PoolType = (typeof POOL_TYPES)[number];
export type Pool = ApiObject<PoolSpec, PoolStatus>;

export const POOL: KindDescriptor = {
  group: GROUP,
  version: VERSION,
  kind: 'Pool',
  plural: 'pools',
  singular: 'pool',
  shortNames: ['hfp'],
  categories: ['holdfast'],
  scope: 'Cluster',
  description: 'Disks, by stable id, that hold replicas: one volume group per node.',
  spec: poolSpec,
  status: poolStatus,
  printerColumns: [
    { name: 'Type', type: 'string', jsonPath: '.spec.type' },
    { name: 'Classes', type: 'string', jsonPath: '.spec.classes' },
    { name: 'Ready', type: 'integer', jsonPath: '.status.nodesReady' },
    { name: 'Nodes', type: 'integer', jsonPath: '.status.nodesTotal' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  cel: [
    LABEL_NAME_RULE,
    {
      path: 'spec',
      rule: 'self.type == oldSelf.type',
      message: 'the type of a pool cannot change; make another pool',
      fieldPath: '.type',
    },
    {
      path: 'spec',
      rule: "self.nodes.all(n, self.type == 'file' ? (has(n.fileSizeBytes) && size(n.disks) == 0) : (size(n.disks) > 0 && !has(n.fileSizeBytes)))",
      message: 'name at least one disk per node (hf disk list), or fileSizeBytes and no disk for type "file"',
      fieldPath: '.nodes',
    },
  ],
  selectableFields: [],
};
