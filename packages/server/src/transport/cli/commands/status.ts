import { NODES, POOLS, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import type { Ctx } from '../context.ts';
import { LiveView } from '../live.ts';
import type { Listing } from '../output.ts';
import { printObject } from '../output.ts';
import { type ClusterHealth, clusterHealth, renderStatus } from '../views/status.ts';
import type { Snapshot } from '../wait.ts';
import { watchListing } from '../watch.ts';
import { viewOptions } from './shared.ts';

export async function showStatus(ctx: Ctx): Promise<void> {
  if (ctx.options.watch === true) {
    const live = new LiveView(await ctx.client(), ctx.io.clock);
    const nodes = live.follow(NODES);
    const pools = live.follow(POOLS);
    const volumes = live.follow(VOLUMES);
    const replicas = live.follow(REPLICAS);
    await watchListing(ctx, live, (): Listing<ClusterHealth> => {
      const snapshot = { nodes: nodes(), pools: pools(), volumes: volumes(), replicas: replicas() };
      return {
        items: [clusterHealth(snapshot)],
        name: (item) => item.health,
        table: (wide) => renderStatus(snapshot, { ...viewOptions(ctx), wide }),
        empty: '',
      };
    });
    return;
  }
  const client = await ctx.client();
  const [nodes, pools, volumes, replicas] = await Promise.all([
    client.resource(NODES).list(),
    client.resource(POOLS).list(),
    client.resource(VOLUMES).list(),
    client.resource(REPLICAS).list(),
  ]);
  const snapshot: Snapshot = {
    nodes: nodes.items,
    pools: pools.items,
    volumes: volumes.items,
    replicas: replicas.items,
  };
  await printObject(ctx, clusterHealth(snapshot), {
    name: (health) => health.health,
    describe: () => renderStatus(snapshot, viewOptions(ctx)),
  });
}
