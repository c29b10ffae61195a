import { formatBytes } from '@holdfast/api/bytes.ts';
import { NODES, POOLS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Node } from '@holdfast/api/schema/node.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import {
  type ExplainedNode,
  type ExplainedStep,
  explainVolume,
  type VolumeExplanation,
} from '../../../core/explain/explain.ts';
import { type ClusterObjects, observationOf } from '../../../core/explain/view.ts';
import { healthFromCondition } from '../../../core/node-health/from-condition.ts';
import { largestFit, roomOf } from '../../../core/placement/capacity.ts';
import { usageOf } from '../../../core/placement/usage.ts';
import { mustFind } from '../checks/lookup.ts';
import type { Ctx } from '../context.ts';
import { printObject } from '../output.ts';
import { renderSection, renderTable } from '../table.ts';
import { count } from '../units.ts';
import { byName, type ViewOptions } from '../views/common.ts';
import { poolOnNodes } from '../views/pool.ts';
import { readSnapshot } from '../wait.ts';
import { viewOptions } from './shared.ts';

function explained(ctx: Ctx, volume: Stored<Volume>, objects: ClusterObjects): VolumeExplanation | undefined {
  return explainVolume(observationOf(volume, objects, new Date(ctx.now()).toISOString()));
}

export async function explain(ctx: Ctx, kind: string, name: string): Promise<void> {
  if (kind === 'node') await explainNode(ctx, name);
  else if (kind === 'pool') await explainPool(ctx, name);
  else await explainOneVolume(ctx, name);
}

async function explainOneVolume(ctx: Ctx, name: string): Promise<void> {
  const volume = await mustFind((await ctx.client()).resource(VOLUMES), name);
  const explanation = explained(ctx, volume, await readSnapshot(await ctx.client()));
  await printObject(ctx, explanation, {
    name: () => `volume/${name}`,
    describe: () =>
      explanation === undefined ? `volume/${name} has no spec\n` : renderExplanation(explanation, viewOptions(ctx)),
  });
}

function bullets(lines: readonly string[], none: string): string {
  return lines.length === 0 ? `${none}\n` : lines.map((line) => `${line}\n`).join('');
}

function renderExplanation(explanation: VolumeExplanation, options: ViewOptions): string {
  const { paint } = options;
  const { arbiter } = explanation;
  const roles = { holds: paint.good('holds a copy'), could: 'could take one', cannot: paint.warn('cannot') };
  let text = `${paint.bold(explanation.summary)}\n`;
  text += renderSection(
    'Copies',
    renderTable<VolumeExplanation['replicas'][number]>(
      [
        { head: 'REPLICA', cell: (one) => one.replica },
        { head: 'NODE', cell: (one) => one.node },
        { head: 'POOL', cell: (one) => one.pool },
        { head: 'IN-SYNC SET', cell: (one) => (one.inSync ? paint.good('member') : paint.warn('no')) },
        { head: 'MAY WRITE', cell: (one) => (one.primary ? 'yes' : 'no') },
        { head: 'STATE', cell: (one) => one.state },
      ],
      explanation.replicas,
      options,
    ),
    paint,
  );
  text += renderSection('Waits for', bullets(explanation.waitsFor, 'nothing'), paint);
  text += renderSection(
    'If a node died now',
    bullets(
      explanation.ifNodeDied.map((one) => `${one.node}: ${one.outcome}`),
      'no node holds a copy',
    ),
    paint,
  );
  text += renderSection(
    'Placement, node by node',
    renderTable<ExplainedNode>(
      [
        { head: 'NODE', cell: (one) => one.node },
        { head: 'VERDICT', cell: (one) => roles[one.role] },
        { head: 'WHY', cell: (one) => one.reason },
      ],
      explanation.nodes,
      options,
    ),
    paint,
  );
  text += renderSection(
    'Next steps of the controller',
    explanation.plan.length === 0 ? 'none\n' : renderSteps(explanation.plan, options),
    paint,
  );
  return `${text}\n${paint.dim(`record: epoch ${arbiter.epoch}, in-sync set {${arbiter.inSync.join(', ')}}, may write: ${arbiter.primary ?? 'nobody'}`)}\n`;
}

export function renderSteps(steps: readonly ExplainedStep[], options: ViewOptions): string {
  return renderTable<ExplainedStep>(
    [
      { head: 'STEP', align: 'right', cell: (step) => String(steps.indexOf(step) + 1) },
      { head: 'DOES', cell: (step) => step.type },
      { head: 'WITH', cell: (step) => step.what },
      { head: 'BECAUSE', cell: (step) => step.reason },
    ],
    steps,
    options,
  );
}

/** What depends on a node, and what its loss would mean for each volume. */
async function explainNode(ctx: Ctx, name: string): Promise<void> {
  const node = await mustFind((await ctx.client()).resource(NODES), name);
  const objects = await readSnapshot(await ctx.client());
  const held = byName(objects.volumes).flatMap((volume) => {
    const died = explained(ctx, volume, objects)?.ifNodeDied.find((one) => one.node === name);
    return died === undefined ? [] : [{ volume: volume.metadata.name, ifNodeDied: died.outcome }];
  });
  const health = healthFromCondition(node);
  const answer = { node: name, health: health.state, why: health.message, placement: placementOf(node), volumes: held };
  await printObject(ctx, answer, {
    name: () => `node/${name}`,
    describe: () => {
      const { paint } = ctx;
      let text = `${paint.bold(`Node ${name}: ${health.state}`)}, ${health.message}\n${answer.placement}\n`;
      text += renderSection(
        `If it died now (${count(held.length, 'volume')} with a copy here)`,
        bullets(
          held.map((one) => `${one.volume}: ${one.ifNodeDied}`),
          'nothing would change: it holds no copy',
        ),
        paint,
      );
      return text;
    },
  });
}

function placementOf(node: Stored<Node>): string {
  if (node.spec?.evict === true) return 'every copy is being moved away (hf node set --evict true)';
  if (node.spec?.schedulable === false) return 'no new copy is placed here (hf node set --schedulable false)';
  return 'new copies may be placed here, as far as its pools have room';
}

/** How much room a pool has, node by node, and why not more. */
async function explainPool(ctx: Ctx, name: string): Promise<void> {
  const pool: Stored<Pool> = await mustFind((await ctx.client()).resource(POOLS), name);
  const objects = await readSnapshot(await ctx.client());
  const usage = usageOf(objects.replicas);
  const places = poolOnNodes(pool, objects.nodes).map(({ node, report }) => {
    if (pool.spec === undefined) return { node, largestBytes: 0, why: 'the pool has no spec' };
    const used = usage.pool(node, name);
    const room = roomOf(pool.spec, name, report, used);
    const largestBytes = largestFit(pool.spec, room, true);
    const why = room.ok
      ? `${formatBytes(used.placedBytes)} of ${formatBytes(room.budgetBytes)} promised to ${count(used.replicas, 'replica')}`
      : room.reason;
    return { node, largestBytes, why };
  });
  await printObject(
    ctx,
    { pool: name, nodes: places },
    {
      name: () => `pool/${name}`,
      describe: () => {
        const head = `${ctx.paint.bold(`Pool ${name}`)}: ${pool.spec?.type ?? '?'}, over-provisioning ${pool.spec?.overProvision ?? '?'}x, reserve ${pool.spec?.reservePercent ?? '?'}%, nothing new above ${pool.spec?.stopAtDataPercent ?? '?'}% data\n\n`;
        return (
          head +
          renderTable<(typeof places)[number]>(
            [
              { head: 'NODE', cell: (place) => place.node },
              { head: 'LARGEST NEW REPLICA', align: 'right', cell: (place) => formatBytes(place.largestBytes) },
              { head: 'BECAUSE', cell: (place) => place.why },
            ],
            places,
            viewOptions(ctx),
          )
        );
      },
    },
  );
}
