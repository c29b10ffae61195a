import { formatBytes } from '@holdfast/api/bytes.ts';
import { REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { API_VERSION, type Stored } from '@holdfast/api/schema/meta.ts';
import { FS_TYPES, type Volume } from '@holdfast/api/schema/volume.ts';
import { checkChoice, checkName, mustFind, parseCount } from '../checks/lookup.ts';
import { checkSize } from '../checks/size.ts';
import { type Cluster, checkFits, checkNodeNames } from '../checks/volume.ts';
import { type Ctx, confirm } from '../context.ts';
import { compareExisting, createOrUnchanged } from '../create.ts';
import { objectRef, printChange, printObject } from '../output.ts';
import { listNames } from '../suggest.ts';
import { describeVolume, replicasOf } from '../views/volume.ts';
import { judgeResized, judgeVolumeGone, judgeVolumeReady, readSnapshot, type Waiting, waitFor } from '../wait.ts';
import { noteWaiting, viewOptions } from './shared.ts';

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

function usableNodes(options: CreateVolumeOptions): string[] | undefined {
  return options.node === undefined
    ? undefined
    : options.node.filter((node) => options.excludeNode?.includes(node) !== true);
}

async function readChecked(ctx: Ctx, options: CreateVolumeOptions): Promise<Cluster> {
  const cluster = await readSnapshot(await ctx.client());
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
      await readSnapshot(await ctx.client()),
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

export async function showVolume(ctx: Ctx, name: string): Promise<void> {
  const client = await ctx.client();
  const volume = await mustFind(client.resource(VOLUMES), name, 'VOLUME');
  const { items: replicas } = await client.resource(REPLICAS).list();
  await printObject(ctx, volume, {
    name: objectRef,
    describe: () => describeVolume(volume, replicas, viewOptions(ctx)),
  });
}
