import { NODES, POOLS, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { healthFromCondition } from '../../../core/node-health/from-condition.ts';
import { usageOf } from '../../../core/placement/usage.ts';
import { planVolume } from '../../../core/volume/plan.ts';
import type { VolumeAction } from '../../../core/volume/types.ts';
import { mustFind } from '../checks/lookup.ts';
import type { Ctx } from '../context.ts';
import { printObject } from '../output.ts';
import { renderTable } from '../table.ts';
import { volumeReason } from '../views/volume.ts';
import { viewOptions } from './shared.ts';

/** The object a step is about. */
function subject(action: VolumeAction, volume: string): string {
  switch (action.type) {
    case 'create-replica':
      return `replica/${action.replica.metadata.name} on ${action.replica.spec?.node ?? '?'}`;
    case 'update-replica':
      return `replica/${action.replica}: ${Object.keys(action.patch).join(', ')}`;
    case 'delete-replica':
    case 'arbiter-remove':
      return `replica/${action.replica}`;
    case 'add-finalizer':
    case 'remove-finalizer':
    case 'reserve-ordinals':
    case 'update-status':
      return `volume/${volume}`;
  }
}

/** What the controller would do next for a volume, from what the API shows now: the same pure function that it runs. */
export async function plan(ctx: Ctx, name: string): Promise<void> {
  const client = await ctx.client();
  const volume = await mustFind(client.resource(VOLUMES), name, 'VOLUME');
  const [nodes, pools, replicas] = await Promise.all([
    client.resource(NODES).list(),
    client.resource(POOLS).list(),
    client.resource(REPLICAS).list(),
  ]);
  const planned = planVolume({
    volume,
    replicas: replicas.items.filter((replica) => replica.spec?.volume === name),
    cluster: {
      nodes: new Map(nodes.items.map((node) => [node.metadata.name, node])),
      health: new Map(nodes.items.map((node) => [node.metadata.name, healthFromCondition(node)])),
      pools: new Map(pools.items.map((pool) => [pool.metadata.name, pool])),
      usage: usageOf(replicas.items),
    },
    now: new Date(ctx.now()).toISOString(),
  });
  await printObject(ctx, planned, {
    name: () => `volume/${name}`,
    describe: () => {
      const waiting = volumeReason(volume);
      const tail = waiting === '' ? '' : `${ctx.paint.dim('now:')} ${waiting}\n`;
      if (planned.actions.length === 0) return `nothing to do for volume/${name}\n${tail}`;
      return (
        renderTable<VolumeAction>(
          [
            { head: 'STEP', align: 'right', cell: (action) => String(planned.actions.indexOf(action) + 1) },
            { head: 'DOES', cell: (action) => action.type },
            { head: 'TO', cell: (action) => subject(action, name) },
            { head: 'BECAUSE', cell: (action) => action.reason },
          ],
          planned.actions,
          viewOptions(ctx),
        ) + tail
      );
    },
  });
}
