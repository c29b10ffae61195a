import { z } from 'zod';
import { type ApiObject, condition, GROUP, type KindDescriptor, VERSION } from './meta.ts';

export const DRBD_FLAVOURS = ['none', '8.4', '9'] as const;

/** A block device of the node. Discovery only reports; nothing is ever used without being named in a Pool. */
export const nodeDisk = z.object({
  id: z.string().describe('Stable id, as under /dev/disk/by-id (wwn, serial, dm uuid). This is what a Pool names.'),
  path: z.string().describe('Kernel path at the time of the report, e.g. /dev/vdb. May differ after a reboot.'),
  sizeBytes: z.int(),
  rotational: z.boolean(),
  model: z.string().optional(),
  serial: z.string().optional(),
  readOnly: z.boolean(),
  use: z
    .enum(['free', 'pool', 'partitioned', 'filesystem', 'lvm', 'raid', 'crypt', 'swap', 'mounted', 'holder', 'unknown'])
    .describe('What is on it. Only "free" can be given to a new pool; "unknown" means it could not be probed.'),
  usedBy: z.string().optional().describe('Pool, signature, holder or mount point that occupies it.'),
});

/** Capacity of one pool on this node. */
export const nodePool = z.object({
  name: z.string(),
  type: z.enum(['lvm-thin', 'lvm', 'file']),
  state: z.enum(['Creating', 'Ready', 'Failed', 'Missing']),
  reason: z.string().optional(),
  message: z.string().optional(),
  sizeBytes: z.int().optional().describe('Size of the thin pool, or of the volume group for thick pools.'),
  freeBytes: z.int().optional().describe('Unallocated bytes (thick) or unwritten bytes (thin).'),
  dataPercent: z.number().optional(),
  metadataPercent: z.number().optional(),
  diskIds: z.array(z.string()).optional(),
});

export const nodeSpec = z.object({
  schedulable: z.boolean().default(true).describe('false: no new replica is placed here.'),
  evict: z.boolean().default(false).describe('true: move every replica elsewhere.'),
});

export const nodeStatus = z.object({
  bootId: z.string().optional().describe('Changes with every boot of the machine.'),
  addresses: z
    .object({ management: z.string().optional(), replication: z.string().optional() })
    .optional()
    .describe('IP addresses; DRBD uses the replication address.'),
  versions: z
    .object({
      agent: z.string().optional(),
      kernel: z.string().optional(),
      lvm: z.string().optional(),
      drbdUtils: z.string().optional(),
      drbdKernel: z.string().optional(),
    })
    .optional(),
  drbd: z.enum(DRBD_FLAVOURS).optional(),
  disks: z.array(nodeDisk).optional(),
  pools: z.array(nodePool).optional(),
  conditions: z.array(condition).optional(),
});

export type NodeDisk = z.infer<typeof nodeDisk>;
export type NodePool = z.infer<typeof nodePool>;
export type NodeSpec = z.infer<typeof nodeSpec>;
export type NodeStatus = z.infer<typeof nodeStatus>;
export type DrbdFlavour = (typeof DRBD_FLAVOURS)[number];
export type Node = ApiObject<NodeSpec, NodeStatus>;

export const NODE: KindDescriptor = {
  group: GROUP,
  version: VERSION,
  kind: 'Node',
  plural: 'nodes',
  singular: 'node',
  shortNames: ['hfn'],
  categories: ['holdfast'],
  scope: 'Cluster',
  description: 'A machine that can hold replicas. Its agent writes the status; an operator writes the spec.',
  spec: nodeSpec,
  status: nodeStatus,
  printerColumns: [
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Schedulable', type: 'boolean', jsonPath: '.spec.schedulable' },
    { name: 'DRBD', type: 'string', jsonPath: '.status.versions.drbdKernel' },
    { name: 'Address', type: 'string', jsonPath: '.status.addresses.replication', priority: 1 },
    { name: 'Kernel', type: 'string', jsonPath: '.status.versions.kernel', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  cel: [],
  selectableFields: [],
};
