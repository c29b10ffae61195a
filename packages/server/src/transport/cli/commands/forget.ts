import { LEASES, NODES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { type Lease, SYSTEM_NAMESPACE } from '@holdfast/api/schema/core.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Node } from '@holdfast/api/schema/node.ts';
import { nodeLeaseName } from '../../../core/names/names.ts';
import { isGivenUp } from '../../../core/node-health/forget.ts';
import { healthFromCondition } from '../../../core/node-health/from-condition.ts';
import { mustFind } from '../checks/lookup.ts';
import { type Ctx, confirmByName } from '../context.ts';
import { objectRef, printChange } from '../output.ts';
import { listNames } from '../suggest.ts';
import { count } from '../units.ts';
import { readSnapshot, type Snapshot, type Waiting, waitFor } from '../wait.ts';

export async function forgetNode(
  ctx: Ctx,
  name: string,
  options: Waiting & { yes?: boolean; dryRun?: boolean },
): Promise<void> {
  const client = await ctx.client();
  const node = await mustFind(client.resource(NODES), name, 'NODE');
  const lease = await client.resource(LEASES).find(nodeLeaseName(name), SYSTEM_NAMESPACE);
  const renewTime = checkForgettable(node, lease);
  const snapshot = await readSnapshot(client);
  const copies = snapshot.replicas.filter((replica) => replica.spec?.node === name);
  for (const note of notesOn(name, snapshot)) ctx.note(`note: ${note}\n`);
  const what = `${count(copies.length, 'copy', 'copies')} on it${copies.length === 0 ? '' : ` (${listNames(copies.map((copy) => copy.metadata.name))})`}`;
  if (options.dryRun === true) {
    ctx.note('dry run: nothing was changed\n');
    ctx.print(`${objectRef(node)} would be given up, with ${what}\n`);
    return;
  }
  let given = node;
  if (!isGivenUp(node, lease)) {
    await confirmByName(ctx, `Give up node '${name}' for ever, and ${what}?`, name, options.yes);
    given = await client.resource(NODES).patch(name, {
      metadata: { resourceVersion: node.metadata.resourceVersion },
      spec: { forget: { renewTime } },
    });
  }
  if (options.wait === true) {
    await waitFor(
      ctx,
      `node ${name} to be forgotten`,
      { ...options, explain: `hf explain node ${name}` },
      ({ nodes, replicas }) => {
        if (!nodes.some((one) => one.metadata.name === name)) return { done: true };
        const left = replicas.filter((replica) => replica.spec?.node === name).map((replica) => replica.metadata.name);
        return { done: false, waitingFor: left.length === 0 ? 'the node to be removed' : `${listNames(left)} to go` };
      },
    );
  }
  await printChange(ctx, given, options.wait === true ? 'forgotten' : 'given up');
}

/** The last heartbeat, by which the mark is bound to the machine as it was. @throws AppError while the node may live. */
function checkForgettable(node: Stored<Node>, lease: Stored<Lease> | undefined): string {
  const { name } = node.metadata;
  const health = healthFromCondition(node);
  const refuse = (message: string, remedy: string, reason: string): AppError =>
    new AppError('failed_precondition', message, { details: { field: 'NODE', value: name, remedy, reason } });
  if (health.state === 'Ready') {
    const remedy = `to empty a node that lives: hf node set ${name} --evict true`;
    throw refuse(`node '${name}' is Ready and cannot be forgotten: ${health.message}`, remedy, 'NodeReady');
  }
  if (health.state === 'Unknown') {
    const remedy = `power it off, and wait until 'hf node list' shows it Lost`;
    throw refuse(`node '${name}' is not known to be lost: ${health.message}`, remedy, 'NodeNotLost');
  }
  const renewTime = lease?.spec?.renewTime;
  if (renewTime === undefined) {
    const remedy = `if no copy names it (hf replica list --node ${name}): kubectl delete node.holdfast.storage ${name}`;
    throw refuse(`node '${name}' has no heartbeat on record that it could be bound to`, remedy, 'NoLease');
  }
  return renewTime;
}

/** What giving the node up does not settle by itself. */
function notesOn(name: string, { volumes, replicas }: Snapshot): string[] {
  return volumes.flatMap((volume) => {
    const { name: db } = volume.metadata;
    const here = replicas.find((replica) => replica.spec?.node === name && replica.spec.volume === db);
    if (here === undefined || volume.metadata.deletionTimestamp !== undefined) return [];
    const { inSync, primary } = volume.status?.arbiter ?? { inSync: [], primary: undefined };
    if (inSync.length === 1 && inSync[0] === here.metadata.name) {
      return `the only complete copy of '${db}' is here; it stays on record until ${name} is back or the volume is deleted (hf volume delete ${db})`;
    }
    if (primary === here.metadata.name || volume.spec?.attachments.some((one) => one.node === name) === true) {
      return `'${db}' is attached here; its copy goes after 'hf volume attach ${db} NODE' on another node`;
    }
    return [];
  });
}
