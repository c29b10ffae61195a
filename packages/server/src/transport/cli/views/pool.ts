import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Node, NodePool } from '@holdfast/api/schema/node.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import { type Column, renderFields, renderSection, renderTable } from '../table.ts';
import { formatPercent, formatSize } from '../units.ts';
import { age, byName, isDeleting, nameOf, renderConditions, type ViewOptions } from './common.ts';
import { poolUsedFraction, usageBar } from './node.ts';

/** A pool on one of its nodes, as that node's agent reports it; `report` is undefined before the first report. */
export interface PoolOnNode {
  readonly node: string;
  readonly disks: readonly string[];
  readonly report: NodePool | undefined;
}

export function poolOnNodes(pool: Stored<Pool>, nodes: readonly Stored<Node>[]): PoolOnNode[] {
  return (pool.spec?.nodes ?? []).map((entry) => ({
    node: entry.name,
    disks: entry.disks,
    report: nodes
      .find((node) => node.metadata.name === entry.name)
      ?.status?.pools?.find((candidate) => candidate.name === pool.metadata.name),
  }));
}

export interface PoolUsage {
  readonly ready: number;
  readonly total: number;
  /** Sums over the nodes that have reported; undefined when none has. */
  readonly sizeBytes: number | undefined;
  readonly usedBytes: number | undefined;
  /** The node where data or metadata is closest to full: writes fail there first. */
  readonly fullest: { readonly node: string; readonly fraction: number } | undefined;
  /** Sum of the sizes of replicas in it: what was promised. */
  readonly promisedBytes: number;
}

export function poolUsage(
  pool: Stored<Pool>,
  nodes: readonly Stored<Node>[],
  replicas: readonly Stored<Replica>[],
): PoolUsage {
  const places = poolOnNodes(pool, nodes);
  let sizeBytes: number | undefined;
  let usedBytes: number | undefined;
  let fullest: PoolUsage['fullest'];
  for (const { node, report } of places) {
    if (report === undefined) continue;
    const worst = Math.max(poolUsedFraction(report) ?? 0, (report.metadataPercent ?? 0) / 100);
    if (worst > 0 && worst > (fullest?.fraction ?? 0)) fullest = { node, fraction: worst };
    if (report.sizeBytes === undefined) continue;
    const fraction = poolUsedFraction(report);
    sizeBytes = (sizeBytes ?? 0) + report.sizeBytes;
    if (fraction !== undefined) usedBytes = (usedBytes ?? 0) + fraction * report.sizeBytes;
  }
  return {
    ready: places.filter((place) => place.report?.state === 'Ready').length,
    total: places.length,
    sizeBytes,
    usedBytes,
    fullest,
    promisedBytes: replicas
      .filter((replica) => replica.spec?.pool === pool.metadata.name)
      .reduce((sum, replica) => sum + (replica.spec?.sizeBytes ?? 0), 0),
  };
}

export function usedFraction(usage: PoolUsage): number | undefined {
  if (usage.sizeBytes === undefined || usage.usedBytes === undefined || usage.sizeBytes === 0) return undefined;
  return usage.usedBytes / usage.sizeBytes;
}

/** Is a node of the pool so full that nothing new is placed there? */
export function isFillingUp(pool: Stored<Pool>, usage: PoolUsage): boolean {
  return usage.fullest !== undefined && usage.fullest.fraction * 100 >= (pool.spec?.stopAtDataPercent ?? 100);
}

function usedText(pool: Stored<Pool>, usage: PoolUsage, options: ViewOptions): string {
  const text = usageBar(usedFraction(usage), options);
  if (usage.fullest === undefined || !isFillingUp(pool, usage)) return text;
  return `${text} ${options.paint.bad(`(${usage.fullest.node} ${formatPercent(usage.fullest.fraction * 100)})`)}`;
}

function readyText(pool: Stored<Pool>, usage: PoolUsage, { paint }: ViewOptions): string {
  if (isDeleting(pool)) return paint.warn('deleting');
  const text = `${usage.ready}/${usage.total}`;
  return usage.ready === usage.total ? paint.good(text) : paint.warn(text);
}

export function renderPools(
  pools: readonly Stored<Pool>[],
  nodes: readonly Stored<Node>[],
  replicas: readonly Stored<Replica>[],
  options: ViewOptions,
): string {
  const usage = new Map(pools.map((pool) => [pool.metadata.name, poolUsage(pool, nodes, replicas)]));
  const of = (pool: Stored<Pool>): PoolUsage => usage.get(pool.metadata.name) ?? poolUsage(pool, nodes, replicas);
  const columns: Column<Stored<Pool>>[] = [
    { head: 'NAME', cell: nameOf },
    { head: 'TYPE', cell: (pool) => pool.spec?.type ?? '' },
    { head: 'CLASSES', cell: (pool) => (pool.spec?.classes ?? []).join(',') },
    { head: 'READY', cell: (pool) => readyText(pool, of(pool), options) },
    { head: 'SIZE', align: 'right', cell: (pool) => formatSize(of(pool).sizeBytes) },
    { head: 'USED', cell: (pool) => usedText(pool, of(pool), options) },
    { head: 'PROMISED', align: 'right', cell: (pool) => formatSize(of(pool).promisedBytes) },
    { head: 'AGE', align: 'right', cell: (pool) => age(pool, options) },
    { head: 'NODES', wide: true, cell: (pool) => (pool.spec?.nodes ?? []).map((entry) => entry.name).join(',') },
    { head: 'OVERPROVISION', wide: true, align: 'right', cell: (pool) => `${pool.spec?.overProvision ?? '-'}x` },
    { head: 'RESERVE', wide: true, align: 'right', cell: (pool) => `${pool.spec?.reservePercent ?? '-'}%` },
  ];
  return renderTable(columns, byName(pools), options);
}

export function describePool(
  pool: Stored<Pool>,
  nodes: readonly Stored<Node>[],
  replicas: readonly Stored<Replica>[],
  options: ViewOptions,
): string {
  const { paint } = options;
  const usage = poolUsage(pool, nodes, replicas);
  let text = renderFields(
    [
      ['Pool', paint.bold(pool.metadata.name)],
      ['Type', pool.spec?.type ?? ''],
      ['Classes', (pool.spec?.classes ?? []).join(', ')],
      ['Ready', `${readyText(pool, usage, options)} nodes`],
      ['Size', formatSize(usage.sizeBytes)],
      ['Used', usedText(pool, usage, options)],
      ['Promised', formatSize(usage.promisedBytes)],
      [
        'Limits',
        `over-provisioning ${pool.spec?.overProvision ?? '-'}x, reserve ${pool.spec?.reservePercent ?? '-'}%, no new replica above ${pool.spec?.stopAtDataPercent ?? '-'}% data`,
      ],
      ['Age', age(pool, options)],
    ],
    paint,
  );
  text += renderSection(
    'Nodes',
    renderTable<PoolOnNode>(
      [
        { head: 'NODE', cell: (place) => place.node },
        {
          head: 'STATE',
          cell: ({ report }) => {
            if (report === undefined) return paint.warn('no report yet');
            return report.state === 'Ready' ? paint.good(report.state) : paint.warn(report.state);
          },
        },
        { head: 'SIZE', align: 'right', cell: ({ report }) => formatSize(report?.sizeBytes) },
        {
          head: 'DATA',
          cell: ({ report }) => (report === undefined ? '' : usageBar(poolUsedFraction(report), options)),
        },
        {
          head: 'METADATA',
          optional: true,
          cell: ({ report }) =>
            usageBar(report?.metadataPercent === undefined ? undefined : report.metadataPercent / 100, options),
        },
        { head: 'DISKS', cell: (place) => place.disks.join(', ') },
        { head: 'MESSAGE', optional: true, cell: ({ report }) => report?.message ?? '' },
      ],
      poolOnNodes(pool, nodes),
      options,
    ),
    paint,
  );
  if ((pool.status?.conditions?.length ?? 0) > 0) {
    text += renderSection('Conditions', renderConditions(pool.status?.conditions ?? [], options), paint);
  }
  return text;
}
