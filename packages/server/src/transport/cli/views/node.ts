import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Node, NodeDisk, NodePool } from '@holdfast/api/schema/node.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import { NODE_FORGOTTEN } from '../../../core/node-health/forget.ts';
import { healthFromCondition } from '../../../core/node-health/from-condition.ts';
import { type Column, renderFields, renderSection, renderTable } from '../table.ts';
import { bar, formatPercent, formatSize } from '../units.ts';
import { age, byName, conditionOf, nameOf, nodeHealth, renderConditions, type ViewOptions } from './common.ts';

function paintHealth(node: Stored<Node>, { paint }: ViewOptions): string {
  const health = nodeHealth(node);
  if (health === 'Ready') return paint.good(health);
  return health === 'Lost' ? paint.bad(health) : paint.warn(health);
}

/** Is new work placed here? */
function scheduling(node: Stored<Node>, { paint }: ViewOptions): string {
  if (healthFromCondition(node).reason === NODE_FORGOTTEN) return paint.bad('given up');
  if (node.spec?.evict === true) return paint.warn('evicting');
  return node.spec?.schedulable === false ? paint.warn('no') : 'yes';
}

function drbdVersion(node: Stored<Node>): string {
  if (node.status?.drbd === 'none') return 'none';
  return node.status?.versions?.drbdKernel ?? node.status?.drbd ?? '';
}

function poolSummary(pool: NodePool): string {
  if (pool.state !== 'Ready') return `${pool.name} ${pool.state}`;
  const used = poolUsedFraction(pool);
  return used === undefined ? pool.name : `${pool.name} ${formatPercent(used * 100)}`;
}

/** Used part of a pool on one node, 0..1; undefined when the agent has not said. Thin: written bytes, not promised ones. */
export function poolUsedFraction(pool: NodePool): number | undefined {
  if (pool.dataPercent !== undefined) return pool.dataPercent / 100;
  if (pool.sizeBytes === undefined || pool.freeBytes === undefined || pool.sizeBytes === 0) return undefined;
  return (pool.sizeBytes - pool.freeBytes) / pool.sizeBytes;
}

/** `█░░░░░░░░░ 4.1%`, coloured by how close it is to full. */
export function usageBar(fraction: number | undefined, { paint }: ViewOptions): string {
  if (fraction === undefined) return '';
  const text = `${bar(fraction)} ${formatPercent(fraction * 100)}`;
  if (fraction >= 0.9) return paint.bad(text);
  return fraction >= 0.8 ? paint.warn(text) : text;
}

export function renderNodes(
  nodes: readonly Stored<Node>[],
  replicas: readonly Stored<Replica>[],
  options: ViewOptions,
): string {
  const columns: Column<Stored<Node>>[] = [
    { head: 'NAME', cell: nameOf },
    { head: 'STATUS', cell: (node) => paintHealth(node, options) },
    { head: 'SCHEDULABLE', cell: (node) => scheduling(node, options) },
    { head: 'DRBD', cell: drbdVersion },
    {
      head: 'DISKS',
      cell: (node) => {
        const disks = node.status?.disks;
        if (disks === undefined) return '';
        return `${disks.filter((disk) => disk.use === 'free').length}/${disks.length} free`;
      },
    },
    { head: 'POOLS', cell: (node) => (node.status?.pools ?? []).map(poolSummary).join(', ') },
    {
      head: 'REPLICAS',
      align: 'right',
      cell: (node) => String(replicas.filter((replica) => replica.spec?.node === node.metadata.name).length),
    },
    { head: 'AGE', align: 'right', cell: (node) => age(node, options) },
    { head: 'ADDRESS', wide: true, cell: (node) => node.status?.addresses?.replication ?? '' },
    { head: 'KERNEL', wide: true, cell: (node) => node.status?.versions?.kernel ?? '' },
    { head: 'LVM', wide: true, cell: (node) => node.status?.versions?.lvm ?? '' },
    { head: 'AGENT', wide: true, cell: (node) => node.status?.versions?.agent ?? '' },
    {
      head: 'WHY NOT READY',
      optional: true,
      cell: (node) => (nodeHealth(node) === 'Ready' ? '' : healthFromCondition(node).message),
    },
  ];
  return renderTable(columns, byName(nodes), options);
}

/** A disk with the node it is in: what `hf disk list` shows. */
export interface DiskRow extends NodeDisk {
  readonly node: string;
}

export function diskRows(nodes: readonly Stored<Node>[]): DiskRow[] {
  return byName(nodes).flatMap((node) =>
    (node.status?.disks ?? []).map((disk) => ({ node: node.metadata.name, ...disk })),
  );
}

/** `free`, or what is on it, for one who wants to use it. */
export function diskUse(disk: NodeDisk): string {
  if (disk.use === 'free') return disk.readOnly ? 'read-only' : 'free';
  if (disk.use === 'unknown') return 'unknown (could not be probed)';
  return disk.usedBy === undefined || disk.usedBy === disk.use ? disk.use : `${disk.use}: ${disk.usedBy}`;
}

export function renderDisks(disks: readonly DiskRow[], options: ViewOptions): string {
  const { paint } = options;
  return renderTable<DiskRow>(
    [
      { head: 'NODE', cell: (disk) => disk.node },
      { head: 'ID', cell: (disk) => disk.id },
      { head: 'PATH', cell: (disk) => disk.path },
      { head: 'SIZE', align: 'right', cell: (disk) => formatSize(disk.sizeBytes) },
      { head: 'KIND', cell: (disk) => (disk.rotational ? 'hdd' : 'ssd') },
      {
        head: 'USE',
        cell: (disk) => {
          const use = diskUse(disk);
          if (use === 'free') return paint.good(use);
          return disk.use === 'pool' ? use : paint.warn(use);
        },
      },
      { head: 'MODEL', wide: true, cell: (disk) => disk.model ?? '' },
      { head: 'SERIAL', wide: true, cell: (disk) => disk.serial ?? '' },
    ],
    disks,
    options,
  );
}

export function describeNode(node: Stored<Node>, replicas: readonly Stored<Replica>[], options: ViewOptions): string {
  const { paint } = options;
  const status = node.status;
  const ready = conditionOf(status?.conditions, 'Ready');
  let text = renderFields(
    [
      ['Node', paint.bold(node.metadata.name)],
      [
        'Status',
        `${paintHealth(node, options)}${ready !== undefined && ready.status !== 'True' ? `: ${ready.message}` : ''}`,
      ],
      ['Schedulable', scheduling(node, options)],
      ['Age', age(node, options)],
      [
        'Addresses',
        [
          status?.addresses?.management === undefined ? '' : `management ${status.addresses.management}`,
          status?.addresses?.replication === undefined ? '' : `replication ${status.addresses.replication}`,
        ]
          .filter((part) => part !== '')
          .join(', '),
      ],
      ['Kernel', status?.versions?.kernel ?? ''],
      ['DRBD', drbdVersion(node)],
      ['LVM', status?.versions?.lvm ?? ''],
      ['Agent', status?.versions?.agent ?? ''],
      ['Boot id', options.wide ? (status?.bootId ?? '') : ''],
    ],
    paint,
  );
  const disks = diskRows([node]);
  if (disks.length > 0) text += renderSection('Disks', renderDisks(disks, options), paint);
  const pools = status?.pools ?? [];
  if (pools.length > 0) text += renderSection('Pools', renderNodePools(pools, options), paint);
  const here = byName(replicas.filter((replica) => replica.spec?.node === node.metadata.name));
  if (here.length > 0) {
    text += renderSection(
      'Replicas',
      renderTable<Stored<Replica>>(
        [
          { head: 'NAME', cell: nameOf },
          { head: 'POOL', cell: (replica) => replica.spec?.pool ?? '' },
          { head: 'SIZE', align: 'right', cell: (replica) => formatSize(replica.spec?.sizeBytes) },
          { head: 'PHASE', cell: (replica) => replica.status?.phase ?? 'Pending' },
          { head: 'ROLE', cell: (replica) => replica.status?.drbd?.role ?? '' },
        ],
        here,
        options,
      ),
      paint,
    );
  }
  if ((status?.conditions?.length ?? 0) > 0) {
    text += renderSection('Conditions', renderConditions(status?.conditions ?? [], options), paint);
  }
  return text;
}

function renderNodePools(pools: readonly NodePool[], options: ViewOptions): string {
  return renderTable<NodePool>(
    [
      { head: 'POOL', cell: (pool) => pool.name },
      { head: 'TYPE', cell: (pool) => pool.type },
      {
        head: 'STATE',
        cell: (pool) => (pool.state === 'Ready' ? options.paint.good(pool.state) : options.paint.warn(pool.state)),
      },
      { head: 'SIZE', align: 'right', cell: (pool) => formatSize(pool.sizeBytes) },
      { head: 'DATA', cell: (pool) => usageBar(poolUsedFraction(pool), options) },
      {
        head: 'METADATA',
        optional: true,
        cell: (pool) => usageBar(pool.metadataPercent === undefined ? undefined : pool.metadataPercent / 100, options),
      },
      { head: 'MESSAGE', optional: true, cell: (pool) => pool.message ?? '' },
    ],
    pools,
    options,
  );
}
