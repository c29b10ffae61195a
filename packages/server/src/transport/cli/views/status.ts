import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Node } from '@holdfast/api/schema/node.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import { healthFromCondition } from '../../../core/node-health/from-condition.ts';
import { renderSection, renderTable } from '../table.ts';
import { count, formatPercent } from '../units.ts';
import type { Snapshot } from '../wait.ts';
import { byName, nodeHealth, type ViewOptions } from './common.ts';
import { renderNodes } from './node.ts';
import { isFillingUp, poolUsage, renderPools } from './pool.ts';
import { type SyncRates, syncOf, syncText } from './replica.ts';
import { inSyncText, replicasOf, volumePhase, volumeReason } from './volume.ts';

export type Health = 'healthy' | 'working' | 'degraded' | 'unavailable' | 'empty';

export interface ClusterHealth {
  readonly health: Health;
  /** One line for a person: what is wrong, or that nothing is. */
  readonly summary: string;
  readonly nodes: { readonly ready: number; readonly total: number };
  readonly pools: { readonly ready: number; readonly total: number };
  readonly volumes: { readonly ready: number; readonly total: number; readonly attached: number };
  /** What is not healthy, worst first. */
  readonly problems: readonly Problem[];
}

export interface Problem {
  readonly object: string;
  readonly state: string;
  readonly why: string;
}

/** The whole cluster judged: pure, also what `-o json` prints. */
export function clusterHealth(snapshot: Snapshot): ClusterHealth {
  const { nodes, pools, volumes, replicas } = snapshot;
  const unavailable = volumes.filter((volume) => volumePhase(volume) === 'Unavailable');
  const degraded = volumes.filter((volume) => volumePhase(volume) === 'Degraded');
  const busy = volumes.filter((volume) => ['Pending', 'Creating', 'Deleting'].includes(volumePhase(volume)));
  const down = nodes.filter((node) => nodeHealth(node) !== 'Ready');
  const poolStates = pools.map((pool) => ({ pool, usage: poolUsage(pool, nodes, replicas) }));
  const brokenPools = poolStates.filter(({ usage }) => usage.ready < usage.total);
  const fullPools = poolStates.filter(({ pool, usage }) => isFillingUp(pool, usage));
  const problems: Problem[] = [
    ...byName(unavailable).map((volume) => volumeProblem(volume, snapshot)),
    ...byName(degraded).map((volume) => volumeProblem(volume, snapshot)),
    ...byName(down).map(nodeProblem),
    ...brokenPools.map(({ pool, usage }) => ({
      object: `pool/${pool.metadata.name}`,
      state: `${usage.ready}/${usage.total} ready`,
      why: poolWhy(pool.metadata.name, nodes),
    })),
    ...fullPools.map(({ pool, usage }) => ({
      object: `pool/${pool.metadata.name}`,
      state: 'filling up',
      why: `${formatPercent((usage.fullest?.fraction ?? 0) * 100)} full on ${usage.fullest?.node ?? '?'}, nothing new is placed there: add a disk, or delete or trim volumes`,
    })),
    ...byName(busy).map((volume) => volumeProblem(volume, snapshot)),
  ];
  const parts = [
    [unavailable.length, `${count(unavailable.length, 'volume')} unavailable`],
    [degraded.length, `${count(degraded.length, 'volume')} degraded`],
    [down.length, `${count(down.length, 'node')} not ready`],
    [brokenPools.length, `${count(brokenPools.length, 'pool')} not ready everywhere`],
    [fullPools.length, `${count(fullPools.length, 'pool')} filling up`],
    [busy.length, `${count(busy.length, 'volume')} in the making or going`],
  ] as const;
  const trouble = parts.filter(([n]) => n > 0).map(([, text]) => text);
  return {
    health: judge(),
    summary:
      trouble.length > 0
        ? trouble.join(', ')
        : nodes.length === 0
          ? 'no node has registered yet'
          : `all ${count(volumes.length, 'volume')} in sync`,
    nodes: { ready: nodes.length - down.length, total: nodes.length },
    pools: { ready: pools.length - brokenPools.length, total: pools.length },
    volumes: {
      ready: volumes.filter((volume) => volumePhase(volume) === 'Ready').length,
      total: volumes.length,
      attached: volumes.filter((volume) => volume.status?.attachedTo !== undefined).length,
    },
    problems,
  };

  function judge(): Health {
    if (unavailable.length > 0) return 'unavailable';
    if (degraded.length + down.length + brokenPools.length + fullPools.length > 0) return 'degraded';
    if (busy.length > 0) return 'working';
    return nodes.length === 0 ? 'empty' : 'healthy';
  }
}

function volumeProblem(volume: Stored<Volume>, snapshot: Snapshot): Problem {
  const [sync] = syncOf(replicasOf(volume, snapshot.replicas));
  const reason = volumeReason(volume);
  const progress = sync === undefined ? '' : `resync ${syncText(sync)}`;
  return {
    object: `volume/${volume.metadata.name}`,
    state: `${volumePhase(volume)}, ${inSyncText(volume)} in sync`,
    why: [reason, progress].filter((part) => part !== '').join('; '),
  };
}

function nodeProblem(node: Stored<Node>): Problem {
  const health = healthFromCondition(node);
  return { object: `node/${node.metadata.name}`, state: health.state, why: health.message };
}

function poolWhy(pool: string, nodes: readonly Stored<Node>[]): string {
  for (const node of byName(nodes)) {
    const report = node.status?.pools?.find((candidate) => candidate.name === pool);
    if (report !== undefined && report.state !== 'Ready') {
      return `${node.metadata.name}: ${report.state}${report.message === undefined ? '' : `, ${report.message}`}`;
    }
  }
  return 'waiting for the first report of a node';
}

export function renderStatus(snapshot: Snapshot, options: ViewOptions & { rates?: SyncRates }): string {
  const { paint } = options;
  const health = clusterHealth(snapshot);
  const mark = {
    healthy: paint.good('● healthy'),
    working: paint.accent('● working'),
    degraded: paint.warn('● degraded'),
    unavailable: paint.bad('● unavailable'),
    empty: paint.dim('● empty'),
  }[health.health];
  const { nodes, pools, volumes } = health;
  let text = `${mark}  ${health.summary}\n`;
  text += `${paint.dim('nodes')} ${nodes.ready}/${nodes.total} ready   ${paint.dim('pools')} ${pools.ready}/${pools.total} ready   ${paint.dim('volumes')} ${volumes.ready}/${volumes.total} ready, ${volumes.attached} attached\n`;
  if (health.problems.length > 0) {
    text += renderSection(
      'Needs attention',
      renderTable<Problem>(
        [
          { head: 'WHAT', cell: (problem) => problem.object },
          { head: 'STATE', cell: (problem) => paint.warn(problem.state) },
          { head: 'WHY', cell: (problem) => problem.why },
        ],
        health.problems,
        options,
      ),
      paint,
    );
  }
  if (snapshot.nodes.length > 0)
    text += renderSection('Nodes', renderNodes(snapshot.nodes, snapshot.replicas, options), paint);
  if (snapshot.pools.length > 0)
    text += renderSection('Pools', renderPools(snapshot.pools, snapshot.nodes, snapshot.replicas, options), paint);
  const next = nextStep(snapshot);
  if (next !== undefined) text += `\n${paint.dim('next:')} ${next}\n`;
  return text;
}

/** For somebody who has just started. */
function nextStep(snapshot: Snapshot): string | undefined {
  if (snapshot.nodes.length === 0) return "'hf lab up' starts three nodes on this machine";
  if (snapshot.pools.length === 0)
    return "'hf disk list --free' shows disks, 'hf pool create NAME --disk NODE=ID' makes a pool";
  if (snapshot.volumes.length === 0) return "'hf volume create NAME --size 1GiB --wait' makes a volume with two copies";
  return undefined;
}
