import { formatBytes } from '@holdfast/api/bytes.ts';
import { NODES, POOLS, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { API_VERSION, type Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import { FS_TYPES, type Volume } from '@holdfast/api/schema/volume.ts';
import { checkChoice, checkName, mustFind, notFound, parseCount } from '../checks/lookup.ts';
import { checkSize } from '../checks/size.ts';
import { type Cluster, checkFits, checkNodeNames, planAttach } from '../checks/volume.ts';
import { type Ctx, confirm } from '../context.ts';
import { compareExisting, createOrUnchanged } from '../create.ts';
import { objectRef, printChange, printObject } from '../output.ts';
import { listNames } from '../suggest.ts';
import { nodeHealth } from '../views/common.ts';
import { describeVolume, replicasOf } from '../views/volume.ts';
import {
  judgeAttached,
  judgeDetached,
  judgeResized,
  judgeVolumeGone,
  judgeVolumeReady,
  type WaitOptions,
  waitFor,
} from '../wait.ts';
import { viewOptions } from './shared.ts';

export interface Waiting extends WaitOptions {
  readonly wait?: boolean;
}

async function readCluster(ctx: Ctx): Promise<Cluster> {
  const client = await ctx.client();
  const [nodes, pools, replicas] = await Promise.all([
    client.resource(NODES).list(),
    client.resource(POOLS).list(),
    client.resource(REPLICAS).list(),
  ]);
  return { nodes: nodes.items, pools: pools.items, replicas: replicas.items };
}

export interface CreateVolumeOptions extends Waiting {
  readonly size: string;
  readonly replicas?: string;
  readonly class?: string;
  readonly fs?: string;
  readonly block?: boolean;
  readonly node?: readonly string[];
  readonly excludeNode?: readonly string[];
  readonly spreadBy?: string;
  readonly dryRun?: boolean;
}

/** Room for `-r<ordinal>` in the names of its replicas. */
const MAX_VOLUME_NAME = 55;

export async function createVolume(ctx: Ctx, name: string, options: CreateVolumeOptions): Promise<void> {
  checkName('volume', name, MAX_VOLUME_NAME);
  const size = checkSize(options.size, '--size');
  const replicas = parseCount(options.replicas ?? '2', '--replicas', 1, 16);
  const fsType = checkChoice(options.fs ?? 'ext4', '--fs', FS_TYPES);
  if (options.block === true && options.fs !== undefined) {
    throw new AppError('invalid_argument', '--fs: a block volume has no file system', {
      details: { field: '--fs', value: options.fs, remedy: 'give either --block or --fs' },
    });
  }
  const placement = {
    ...(options.node === undefined ? {} : { nodes: [...options.node] }),
    ...(options.excludeNode === undefined ? {} : { excludeNodes: [...options.excludeNode] }),
    ...(options.spreadBy === undefined ? {} : { spreadBy: options.spreadBy }),
  };
  const constrained = Object.keys(placement).length > 0;
  const spec = {
    sizeBytes: size.bytes,
    replicas,
    poolClass: options.class ?? '',
    protocol: 'C' as const,
    volumeMode: options.block === true ? ('Block' as const) : ('Filesystem' as const),
    fsType,
    attachments: [],
    ...(constrained ? { placement } : {}),
  };
  const { attachments: _, ...settings } = spec;
  const mustEqual = { ...settings, placement: constrained ? placement : undefined };
  const volume: Volume = { apiVersion: API_VERSION, kind: 'Volume', metadata: { name }, spec };
  const client = await ctx.client();
  const api = client.resource(VOLUMES);
  // The same request again succeeds even when there would be no room for another such volume.
  const existing = await api.find(name);
  if (existing !== undefined) compareExisting(existing, volume, mustEqual);
  else {
    const request = { name, sizeBytes: size.bytes, replicas, poolClass: spec.poolClass, nodes: usableNodes(options) };
    noteWaiting(ctx, checkFits(request, await readChecked(ctx, options)));
  }
  if (size.note !== undefined) ctx.note(`note: ${size.note}\n`);
  if (options.dryRun === true) {
    ctx.note('dry run: nothing was changed\n');
    await printObject(ctx, volume, {
      name: objectRef,
      describe: () => `${objectRef(volume)} would be ${existing === undefined ? 'created' : 'unchanged'}\n`,
    });
    return;
  }
  const { object, verb } = await createOrUnchanged(api, volume, mustEqual);
  if (options.wait !== true) {
    await printChange(ctx, object, verb);
    return;
  }
  const snapshot = await waitFor(
    ctx,
    `volume ${name} to be ready`,
    { ...options, explain: `hf explain volume ${name}` },
    judgeVolumeReady(name),
  );
  const ready = snapshot.volumes.find((candidate) => candidate.metadata.name === name) ?? object;
  const where = replicasOf(ready, snapshot.replicas).map((replica) => replica.spec?.node ?? '?');
  await printChange(ctx, ready, verb);
  if (ctx.options.output === 'table' || ctx.options.output === 'wide') {
    ctx.print(
      `${formatBytes(size.bytes)}, ${replicas === 1 ? '1 copy' : `${replicas} copies in sync`} on ${listNames(where)}\n`,
    );
  }
}

/** It may fit later: said now, so that nobody wonders why it is pending. */
function noteWaiting(ctx: Ctx, message: string | undefined): void {
  if (message !== undefined) ctx.note(`note: it will wait: ${message}\n`);
}

function usableNodes(options: CreateVolumeOptions): string[] | undefined {
  return options.node === undefined
    ? undefined
    : options.node.filter((node) => options.excludeNode?.includes(node) !== true);
}

async function readChecked(ctx: Ctx, options: CreateVolumeOptions): Promise<Cluster> {
  const cluster = await readCluster(ctx);
  checkNodeNames(options.excludeNode ?? [], cluster.nodes, '--exclude-node');
  if (options.node !== undefined || options.excludeNode === undefined) return cluster;
  return {
    ...cluster,
    nodes: cluster.nodes.filter((node) => options.excludeNode?.includes(node.metadata.name) !== true),
  };
}

export async function resizeVolume(
  ctx: Ctx,
  name: string,
  sizeText: string,
  options: Waiting & { dryRun?: boolean },
): Promise<void> {
  const client = await ctx.client();
  const api = client.resource(VOLUMES);
  const volume = await mustFind(api, name, 'VOLUME');
  const current = volume.spec?.sizeBytes ?? 0;
  const relative = sizeText.startsWith('+');
  const size = checkSize(relative ? sizeText.slice(1) : sizeText, 'SIZE');
  const wanted = relative ? current + size.bytes : size.bytes;
  if (wanted < current) {
    throw new AppError(
      'out_of_range',
      `SIZE: volume '${name}' has ${formatBytes(current)} and cannot shrink to ${formatBytes(wanted)}`,
      {
        details: {
          field: 'SIZE',
          value: sizeText,
          remedy: `give a size above ${formatBytes(current)}, or copy the data to a smaller volume`,
          reason: 'Shrink',
        },
      },
    );
  }
  if (size.note !== undefined) ctx.note(`note: ${size.note}\n`);
  if (wanted === current) {
    await printChange(ctx, volume, 'unchanged');
    return;
  }
  noteWaiting(
    ctx,
    checkFits(
      {
        name,
        sizeBytes: wanted,
        replicas: volume.spec?.replicas ?? 1,
        poolClass: volume.spec?.poolClass ?? '',
        nodes: undefined,
      },
      await readCluster(ctx),
    ),
  );
  if (options.dryRun === true) {
    ctx.note('dry run: nothing was changed\n');
    ctx.print(`${objectRef(volume)} would grow from ${formatBytes(current)} to ${formatBytes(wanted)}\n`);
    return;
  }
  const patched = await api.patch(name, {
    metadata: { resourceVersion: volume.metadata.resourceVersion },
    spec: { sizeBytes: wanted },
  });
  if (options.wait === true) {
    await waitFor(
      ctx,
      `volume ${name} to grow`,
      { ...options, explain: `hf explain volume ${name}` },
      judgeResized(name, wanted),
    );
  }
  await printChange(
    ctx,
    patched,
    options.wait === true ? `grown to ${formatBytes(wanted)}` : `growing to ${formatBytes(wanted)}`,
  );
}

export async function deleteVolume(
  ctx: Ctx,
  names: readonly string[],
  options: Waiting & { yes?: boolean; dryRun?: boolean },
): Promise<void> {
  const client = await ctx.client();
  const api = client.resource(VOLUMES);
  // All are checked before the first one goes.
  const volumes: Stored<Volume>[] = [];
  for (const name of names) volumes.push(await mustFind(api, name, 'VOLUME'));
  for (const volume of volumes) {
    const at = volume.status?.attachedTo ?? volume.spec?.attachments[0]?.node;
    if (at !== undefined) {
      throw new AppError('failed_precondition', `volume '${volume.metadata.name}' is attached to node '${at}'`, {
        details: {
          field: 'VOLUME',
          value: volume.metadata.name,
          remedy: `detach it first: hf volume detach ${volume.metadata.name}`,
          reason: 'Attached',
          attachedTo: at,
        },
      });
    }
  }
  if (options.dryRun === true) {
    ctx.note('dry run: nothing was changed\n');
    for (const volume of volumes) ctx.print(`${objectRef(volume)} would be deleted\n`);
    return;
  }
  const what =
    volumes.length === 1
      ? `volume '${names[0] ?? ''}' (${formatBytes(volumes[0]?.spec?.sizeBytes ?? 0)})`
      : `${volumes.length} volumes (${listNames(names)})`;
  await confirm(ctx, `Delete ${what} and every byte on it?`, options.yes);
  for (const volume of volumes) {
    // The very object that was checked: not one that was attached or made anew meanwhile.
    await api.delete(volume.metadata.name, {
      preconditions: { uid: volume.metadata.uid, resourceVersion: volume.metadata.resourceVersion },
    });
  }
  for (const volume of volumes) {
    const name = volume.metadata.name;
    if (options.wait === true) {
      await waitFor(
        ctx,
        `volume ${name} to be removed`,
        { ...options, explain: `hf explain volume ${name}` },
        judgeVolumeGone(name),
      );
    }
    await printChange(ctx, volume, options.wait === true ? 'deleted' : 'deleting');
  }
}

export async function attachVolume(
  ctx: Ctx,
  name: string,
  node: string,
  options: Waiting & { readOnly?: boolean; mount?: boolean; dryRun?: boolean },
): Promise<void> {
  const client = await ctx.client();
  const api = client.resource(VOLUMES);
  const volume = await mustFind(api, name, 'VOLUME');
  const plan = planAttach(volume, node, await readCluster(ctx));
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
        await readCluster(ctx),
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
      `volume ${name} to have ${wanted} copies in sync`,
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
  const cluster = await readCluster(ctx);
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

export async function showVolume(ctx: Ctx, name: string): Promise<void> {
  const client = await ctx.client();
  const volume = await mustFind(client.resource(VOLUMES), name, 'VOLUME');
  const { items: replicas } = await client.resource(REPLICAS).list();
  await printObject(ctx, volume, {
    name: objectRef,
    describe: () => describeVolume(volume, replicas, viewOptions(ctx)),
  });
}
