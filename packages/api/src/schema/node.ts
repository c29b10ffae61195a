import * as z from 'zod';
import { type ApiObject, conditions, GROUP, type KindDescriptor, VERSION } from './meta.ts';

export const DRBD_FLAVOURS = ['none', '8.4', '9'] as const;

/** A block device of the node. Discovery only reports; nothing is ever used without being named in a Pool. */
export const nodeDisk = z.object({
  id: z.string().describe('Stable id, as under /dev/disk/by-id (wwn, serial, dm uuid). This is what a Pool names.'),
  path: z.string().describe('Kernel path at the time of the report, e.g. /dev/vdb. May differ after a reboot.'),
  sizeBytes: z.int().describe('Size of the whole disk.'),
  rotational: z.boolean().describe('true: a spinning disk. false: flash.'),
  model: z.string().optional().describe('Model as the disk tells it.'),
  serial: z.string().optional().describe('Serial number as the disk tells it.'),
  readOnly: z.boolean().describe('The kernel refuses writes to it.'),
  use: z
    .enum(['free', 'pool', 'partitioned', 'filesystem', 'lvm', 'raid', 'crypt', 'swap', 'mounted', 'holder', 'unknown'])
    .describe('What is on it. Only "free" can be given to a new pool; "unknown" means it could not be probed.'),
  usedBy: z.string().optional().describe('Pool, signature, holder or mount point that occupies it.'),
});

/** Capacity of one pool on this node. */
export const nodePool = z.object({
  name: z.string().describe('Name of the Pool.'),
  type: z.enum(['lvm-thin', 'lvm', 'file']).describe('Type of the Pool.'),
  state: z
    .enum(['Creating', 'Ready', 'Failed', 'Missing'])
    .describe('Missing: it was here once and its volume group cannot be found now.'),
  reason: z.string().optional().describe('Why it is not Ready, as one word in CamelCase.'),
  message: z.string().optional().describe('Why it is not Ready, with the remedy.'),
  sizeBytes: z.int().optional().describe('Size of the thin pool, or of the volume group for thick pools.'),
  freeBytes: z.int().optional().describe('Unallocated bytes (thick) or unwritten bytes (thin).'),
  dataPercent: z.number().optional().describe('Thin pool: written part of its data area.'),
  metadataPercent: z.number().optional().describe('Thin pool: used part of its metadata area.'),
  diskIds: z.array(z.string()).optional().describe('Stable ids of the disks it is made of.'),
});

export const nodeSpec = z.object({
  schedulable: z.boolean().default(true).describe('false: no new replica is placed here.'),
  evict: z.boolean().default(false).describe('true: move every replica elsewhere.'),
  forget: z
    .object({
      renewTime: z.string().max(63).describe("spec.renewTime of the node's Lease at that moment."),
    })
    .optional()
    .describe(
      'An operator says that this machine never comes back: its copies are given up. Void as soon as its Lease is renewed.',
    ),
});

export const nodeStatus = z.object({
  bootId: z.string().optional().describe('Changes with every boot of the machine.'),
  addresses: z
    .object({
      management: z.string().optional().describe('Address on the network of the API server.'),
      replication: z.string().optional().describe('Address on which DRBD replicates.'),
    })
    .optional()
    .describe('IP addresses; DRBD uses the replication address.'),
  versions: z
    .object({
      agent: z.string().optional().describe('Holdfast agent.'),
      kernel: z.string().optional().describe('Linux kernel.'),
      lvm: z.string().optional().describe('LVM tools.'),
      drbdUtils: z.string().optional().describe('DRBD tools.'),
      drbdKernel: z.string().optional().describe('DRBD kernel module.'),
    })
    .optional()
    .describe('Versions found on the machine; absent where the thing is absent.'),
  drbd: z
    .enum(DRBD_FLAVOURS)
    .optional()
    .describe('Kind of DRBD that the kernel offers: 8.4 gives two copies of a volume, 9 up to sixteen.'),
  disks: z.array(nodeDisk).optional().describe('Every disk found, with what is on it.'),
  pools: z.array(nodePool).optional().describe('What this node contributes to each Pool.'),
  conditions: conditions.optional(),
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
