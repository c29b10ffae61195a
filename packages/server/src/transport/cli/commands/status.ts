import type { Ctx } from '../context.ts';
import { LiveView } from '../live.ts';
import type { Listing } from '../output.ts';
import { printObject } from '../output.ts';
import { type ClusterHealth, clusterHealth, renderStatus } from '../views/status.ts';
import { followAll, readSnapshot } from '../wait.ts';
import { watchListing } from '../watch.ts';
import { viewOptions } from './shared.ts';

export async function showStatus(ctx: Ctx): Promise<void> {
  if (ctx.options.watch === true) {
    const live = new LiveView(await ctx.client(), ctx.io.clock);
    const take = followAll(live);
    await watchListing(ctx, live, (): Listing<ClusterHealth> => {
      const snapshot = take();
      return {
        items: [clusterHealth(snapshot)],
        name: (item) => item.health,
        table: (wide) => renderStatus(snapshot, { ...viewOptions(ctx), wide }),
        empty: '',
      };
    });
    return;
  }
  const snapshot = await readSnapshot(await ctx.client());
  await printObject(ctx, clusterHealth(snapshot), {
    name: (health) => health.health,
    describe: () => renderStatus(snapshot, viewOptions(ctx)),
  });
}
