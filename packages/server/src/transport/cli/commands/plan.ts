import { VOLUMES } from '@holdfast/api/client/kinds.ts';
import { stepOf } from '../../../core/explain/explain.ts';
import { observationOf } from '../../../core/explain/view.ts';
import { planVolume } from '../../../core/volume/plan.ts';
import { mustFind } from '../checks/lookup.ts';
import type { Ctx } from '../context.ts';
import { printObject } from '../output.ts';
import { volumeReason } from '../views/volume.ts';
import { readSnapshot } from '../wait.ts';
import { renderSteps } from './explain.ts';
import { viewOptions } from './shared.ts';

/** What the controller would do next for a volume, from what the API shows now: the same pure function that it runs. */
export async function plan(ctx: Ctx, name: string): Promise<void> {
  const client = await ctx.client();
  const volume = await mustFind(client.resource(VOLUMES), name, 'VOLUME');
  const objects = await readSnapshot(client);
  const planned = planVolume(observationOf(volume, objects, new Date(ctx.now()).toISOString()));
  const steps = planned.actions.map(stepOf);
  await printObject(
    ctx,
    { volume: name, waitsForPlace: planned.waitsForPlace, steps },
    {
      name: () => `volume/${name}`,
      describe: () => {
        const waiting = volumeReason(volume);
        const tail = waiting === '' ? '' : `${ctx.paint.dim('now:')} ${waiting}\n`;
        return (
          (steps.length === 0 ? `nothing to do for volume/${name}\n` : renderSteps(steps, viewOptions(ctx))) + tail
        );
      },
    },
  );
}
