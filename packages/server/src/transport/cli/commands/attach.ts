import { VOLUMES } from '@holdfast/api/client/kinds.ts';
import { mustFind } from '../checks/lookup.ts';
import { planAttach } from '../checks/volume.ts';
import type { Ctx } from '../context.ts';
import { objectRef, printChange } from '../output.ts';
import { replicasOf } from '../views/volume.ts';
import { judgeAttached, judgeDetached, readSnapshot, type Waiting, waitFor } from '../wait.ts';

export async function attachVolume(
  ctx: Ctx,
  name: string,
  node: string,
  options: Waiting & { readOnly?: boolean; mount?: boolean; dryRun?: boolean },
): Promise<void> {
  const client = await ctx.client();
  const api = client.resource(VOLUMES);
  const volume = await mustFind(api, name, 'VOLUME');
  const plan = planAttach(volume, node, await readSnapshot(client));
  const attachment = { node, readOnly: options.readOnly === true, mount: options.mount !== false };
  let changed = volume;
  if (plan.kind === 'failover') {
    ctx.note(
      plan.lost
        ? `failover: volume '${name}' was attached to node '${plan.from}', which is lost (${plan.why})\n`
        : `failover: volume '${name}' is attached to node '${plan.from}', which does not report (${plan.why}); it moves when that node is known to be lost or has released it\n`,
    );
  }
  if (options.dryRun === true) {
    ctx.note('dry run: nothing was changed\n');
    ctx.print(`${objectRef(volume)} would be ${plan.kind === 'unchanged' ? 'unchanged' : `attached to ${node}`}\n`);
    return;
  }
  if (plan.kind !== 'unchanged') {
    // Compare-and-swap: of two people who attach at once, one is told.
    changed = await api.patch(name, {
      metadata: { resourceVersion: volume.metadata.resourceVersion },
      spec: { attachments: [attachment] },
    });
  }
  if (options.wait !== true) {
    await printChange(ctx, changed, plan.kind === 'unchanged' ? 'unchanged' : `attaching to ${node}`);
    return;
  }
  const snapshot = await waitFor(
    ctx,
    `volume ${name} to be attached to ${node}`,
    { ...options, explain: `hf explain volume ${name}` },
    judgeAttached(name, node),
  );
  const done = snapshot.volumes.find((candidate) => candidate.metadata.name === name) ?? changed;
  await printChange(ctx, done, plan.kind === 'unchanged' ? 'unchanged' : `attached to ${node}`);
  const attached = replicasOf(done, snapshot.replicas).find((replica) => replica.spec?.node === node)?.status?.attached;
  if (attached !== undefined && (ctx.options.output === 'table' || ctx.options.output === 'wide')) {
    ctx.print(
      `device ${attached.device}${attached.mountPath === undefined ? '' : `, mounted at ${attached.mountPath}`}\n`,
    );
  }
}

export async function detachVolume(ctx: Ctx, name: string, options: Waiting & { dryRun?: boolean }): Promise<void> {
  const api = (await ctx.client()).resource(VOLUMES);
  const volume = await mustFind(api, name, 'VOLUME');
  const wanted = volume.spec?.attachments.length ?? 0;
  if (options.dryRun === true) {
    ctx.note('dry run: nothing was changed\n');
    ctx.print(`${objectRef(volume)} would be ${wanted === 0 ? 'unchanged' : 'detached'}\n`);
    return;
  }
  const changed =
    wanted === 0
      ? volume
      : await api.patch(name, {
          metadata: { resourceVersion: volume.metadata.resourceVersion },
          spec: { attachments: [] },
        });
  if (options.wait === true) {
    await waitFor(
      ctx,
      `volume ${name} to be detached`,
      { ...options, explain: `hf explain volume ${name}` },
      judgeDetached(name),
    );
  }
  await printChange(ctx, changed, wanted === 0 ? 'unchanged' : options.wait === true ? 'detached' : 'detaching');
}
