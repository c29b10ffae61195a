import { REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import { mustFind, notFound, parseCount } from '../checks/lookup.ts';
import { type Cluster, checkFits, checkNodeNames } from '../checks/volume.ts';
import type { Ctx } from '../context.ts';
import { objectRef, printChange } from '../output.ts';
import { listNames } from '../suggest.ts';
import { count } from '../units.ts';
import { nodeHealth } from '../views/common.ts';
import { replicasOf } from '../views/volume.ts';
import { judgeVolumeReady, readSnapshot, type Waiting, waitFor } from '../wait.ts';
import { noteWaiting } from './shared.ts';

export async function setReplicas(
  ctx: Ctx,
  name: string,
  countText: string,
  options: Waiting & { dryRun?: boolean },
): Promise<void> {
  const wanted = parseCount(countText, 'N', 1, 16);
  const api = (await ctx.client()).resource(VOLUMES);
  const volume = await mustFind(api, name, 'VOLUME');
  const current = volume.spec?.replicas ?? 1;
  if (wanted === current) {
    await printChange(ctx, volume, 'unchanged');
    return;
  }
  if (wanted > current) {
    noteWaiting(
      ctx,
      checkFits(
        {
          name,
          sizeBytes: volume.spec?.sizeBytes ?? 0,
          replicas: wanted,
          poolClass: volume.spec?.poolClass ?? '',
          nodes: volume.spec?.placement?.nodes,
        },
        await readSnapshot(await ctx.client()),
      ),
    );
    const at = volume.status?.attachedTo;
    if (current === 1 && at !== undefined) {
      ctx.note(
        `note: a volume with one copy is not under DRBD; the second copy starts when '${name}' is detached from ${at}\n`,
      );
    }
  }
  if (options.dryRun === true) {
    ctx.note('dry run: nothing was changed\n');
    ctx.print(`${objectRef(volume)} would have ${wanted} copies instead of ${current}\n`);
    return;
  }
  const patched = await api.patch(name, {
    metadata: { resourceVersion: volume.metadata.resourceVersion },
    spec: { replicas: wanted },
  });
  if (options.wait === true) {
    await waitFor(
      ctx,
      `volume ${name} to have ${count(wanted, 'copy', 'copies')} in sync`,
      { ...options, explain: `hf explain volume ${name}` },
      (snapshot) => {
        const verdict = judgeVolumeReady(name)(snapshot);
        if (!verdict.done) return verdict;
        const mine = snapshot.replicas.filter((replica) => replica.spec?.volume === name);
        return mine.length <= wanted
          ? verdict
          : { done: false, waitingFor: `${mine.length - wanted} copies to be removed` };
      },
    );
  }
  await printChange(ctx, patched, `replicas ${current} -> ${wanted}`);
}

export interface MoveOptions extends Waiting {
  readonly from: string;
  readonly to?: string;
  readonly acceptReducedRedundancy?: boolean;
  readonly dryRun?: boolean;
}

export async function moveReplica(ctx: Ctx, name: string, options: MoveOptions): Promise<void> {
  const client = await ctx.client();
  const volume = await mustFind(client.resource(VOLUMES), name, 'VOLUME');
  const cluster = await readSnapshot(await ctx.client());
  checkNodeNames(
    [options.from, ...(options.to === undefined ? [] : [options.to])],
    cluster.nodes,
    options.to === undefined ? '--from' : '--from/--to',
  );
  const mine = replicasOf(volume, cluster.replicas);
  const replica = mine.find((candidate) => candidate.spec?.node === options.from);
  const copies = mine.map((candidate) => candidate.spec?.node ?? '');
  if (replica === undefined) throw notFound('copy', options.from, copies, '--from');
  checkMoveTarget(name, copies, options, cluster);
  if (volume.status?.attachedTo === options.from) {
    throw new AppError(
      'failed_precondition',
      `--from: volume '${name}' is attached to node '${options.from}', so its copy there cannot go`,
      {
        details: {
          field: '--from',
          value: options.from,
          remedy: `detach it first (hf volume detach ${name}), or move the other copy`,
          reason: 'Attached',
        },
      },
    );
  }
  if (needsReducedRedundancy(mine, cluster) && options.acceptReducedRedundancy !== true) {
    throw new AppError(
      'failed_precondition',
      `with DRBD 8.4 there can be only ${mine.length} copies, so the one on '${options.from}' must go before a new one is made: until its resync is complete '${name}' has ${mine.length - 1} in sync`,
      {
        details: {
          field: '--accept-reduced-redundancy',
          value: false,
          remedy: 'add --accept-reduced-redundancy if that is acceptable',
          reason: 'ReducedRedundancy',
        },
      },
    );
  }
  const evict = {
    acceptReducedRedundancy: options.acceptReducedRedundancy === true,
    ...(options.to === undefined ? {} : { to: options.to }),
  };
  if (options.dryRun === true) {
    ctx.note('dry run: nothing was changed\n');
    ctx.print(`${objectRef(replica)} would move${options.to === undefined ? '' : ` to ${options.to}`}\n`);
    return;
  }
  const changed = await client.resource(REPLICAS).patch(replica.metadata.name, {
    metadata: { resourceVersion: replica.metadata.resourceVersion },
    spec: { evict },
  });
  if (options.wait === true) {
    const gone = replica.metadata.name;
    await waitFor(
      ctx,
      `the copy of ${name} to leave ${options.from}`,
      { ...options, explain: `hf explain volume ${name}` },
      (snapshot) => {
        if (!snapshot.replicas.some((candidate) => candidate.metadata.name === gone))
          return judgeVolumeReady(name)(snapshot);
        const verdict = judgeVolumeReady(name)(snapshot);
        return { done: false, waitingFor: verdict.done ? `replica ${gone} to be removed` : verdict.waitingFor };
      },
    );
  }
  await printChange(ctx, changed, options.wait === true ? 'moved' : 'moving');
}

function checkMoveTarget(name: string, copies: readonly string[], options: MoveOptions, cluster: Cluster): void {
  if (options.to === undefined) return;
  if (copies.includes(options.to)) {
    throw new AppError('failed_precondition', `--to: volume '${name}' already has a copy on node '${options.to}'`, {
      details: {
        field: '--to',
        value: options.to,
        remedy: `use a node without one (copies are on ${listNames(copies)})`,
        reason: 'AlreadyThere',
      },
    });
  }
  const target = cluster.nodes.find((node) => node.metadata.name === options.to);
  if (target !== undefined && nodeHealth(target) !== 'Ready') {
    throw new AppError('failed_precondition', `--to: node '${options.to}' is not ready`, {
      details: {
        field: '--to',
        value: options.to,
        remedy: "use a node that 'hf node list' shows Ready",
        reason: 'NodeNotReady',
      },
    });
  }
}

function needsReducedRedundancy(mine: readonly Stored<Replica>[], cluster: Cluster): boolean {
  const nodes = mine.map((replica) => replica.spec?.node);
  const nine = cluster.nodes
    .filter((node) => nodes.includes(node.metadata.name))
    .every((node) => node.status?.drbd === '9');
  return mine.length >= 2 && !nine;
}
