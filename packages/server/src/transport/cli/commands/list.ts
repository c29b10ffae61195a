import { NODES, POOLS, REPLICAS } from '@holdfast/api/client/kinds.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Node } from '@holdfast/api/schema/node.ts';
import { mustFind, notFound } from '../checks/lookup.ts';
import type { Ctx } from '../context.ts';
import { LiveView } from '../live.ts';
import { type Listing, objectRef, printListing, printObject } from '../output.ts';
import { renderFields } from '../table.ts';
import { formatSize } from '../units.ts';
import { type DiskRow, describeNode, diskRows, diskUse, renderDisks, renderNodes } from '../views/node.ts';
import { describePool, renderPools } from '../views/pool.ts';
import { describeReplica, measureRates, renderReplicas, type Sync, type SyncRates, syncOf } from '../views/replica.ts';
import { renderVolumes } from '../views/volume.ts';
import { followAll, readSnapshot, type Snapshot } from '../wait.ts';
import { watchListing } from '../watch.ts';
import { viewOptions } from './shared.ts';

type ListingOf = (snapshot: Snapshot, rates?: SyncRates) => Listing<unknown>;

/** Prints a listing once, or again and again with --watch. */
async function listOrWatch(ctx: Ctx, listing: ListingOf): Promise<void> {
  if (ctx.options.watch !== true) {
    await printListing(ctx, listing(await readSnapshot(await ctx.client())));
    return;
  }
  const live = new LiveView(await ctx.client(), ctx.io.clock);
  const take = followAll(live);
  let before: { atMs: number; syncs: Sync[]; rates: SyncRates } | undefined;
  await watchListing(ctx, live, () => {
    const snapshot = take();
    const atMs = ctx.io.clock.monotonic();
    const syncs = syncOf(snapshot.replicas);
    // A rate over less than half a second is noise: keep the last one until then.
    const rates =
      before === undefined || atMs - before.atMs < 500
        ? before?.rates
        : measureRates(before.syncs, syncs, atMs - before.atMs);
    if (before === undefined || atMs - before.atMs >= 500) before = { atMs, syncs, rates: rates ?? new Map() };
    return listing(snapshot, rates);
  });
}

/** The named ones, in the order of the names; an unknown name is an error. */
function pick<T extends { metadata: { name: string } }>(
  items: readonly T[],
  names: readonly string[],
  kind: string,
): readonly T[] {
  if (names.length === 0) return items;
  return names.map((name) => {
    const found = items.find((item) => item.metadata.name === name);
    if (found === undefined)
      throw notFound(
        kind,
        name,
        items.map((item) => item.metadata.name),
      );
    return found;
  });
}

export async function listNodes(ctx: Ctx, names: readonly string[]): Promise<void> {
  await listOrWatch(ctx, (snapshot) => {
    const items = pick(snapshot.nodes, names, 'node');
    return {
      items,
      name: (item) => objectRef(item as Stored<Node>),
      table: (wide) => renderNodes(items, snapshot.replicas, { ...viewOptions(ctx), wide }),
      empty: "no node has registered yet: start an agent, or 'hf lab up'",
    };
  });
}

export async function listPools(ctx: Ctx, names: readonly string[]): Promise<void> {
  await listOrWatch(ctx, (snapshot) => {
    const items = pick(snapshot.pools, names, 'pool');
    return {
      items,
      name: (item) => objectRef(item as (typeof items)[number]),
      table: (wide) => renderPools(items, snapshot.nodes, snapshot.replicas, { ...viewOptions(ctx), wide }),
      empty: "no pool yet: look for free disks with 'hf disk list', then 'hf pool create NAME --disk NODE=ID'",
    };
  });
}

export async function listVolumes(ctx: Ctx, names: readonly string[]): Promise<void> {
  await listOrWatch(ctx, (snapshot, rates) => {
    const items = pick(snapshot.volumes, names, 'volume');
    return {
      items,
      name: (item) => objectRef(item as (typeof items)[number]),
      table: (wide) =>
        renderVolumes(items, snapshot.replicas, {
          ...viewOptions(ctx),
          wide,
          ...(rates === undefined ? {} : { rates }),
        }),
      empty: "no volume yet: 'hf volume create NAME --size 10GiB'",
    };
  });
}

export async function listReplicas(
  ctx: Ctx,
  names: readonly string[],
  options: { volume?: string; node?: string },
): Promise<void> {
  await listOrWatch(ctx, (snapshot, rates) => {
    const knows = (list: readonly { metadata: { name: string } }[]): string[] => list.map((item) => item.metadata.name);
    if (options.volume !== undefined && !knows(snapshot.volumes).includes(options.volume)) {
      throw notFound('volume', options.volume, knows(snapshot.volumes), '--volume');
    }
    if (options.node !== undefined && !knows(snapshot.nodes).includes(options.node)) {
      throw notFound('node', options.node, knows(snapshot.nodes), '--node');
    }
    const items = pick(snapshot.replicas, names, 'replica').filter(
      (replica) =>
        (options.volume === undefined || replica.spec?.volume === options.volume) &&
        (options.node === undefined || replica.spec?.node === options.node),
    );
    return {
      items,
      name: (item) => objectRef(item as (typeof items)[number]),
      table: (wide) => renderReplicas(items, { ...viewOptions(ctx), wide, ...(rates === undefined ? {} : { rates }) }),
      empty: 'no replica',
    };
  });
}

export async function listDisks(ctx: Ctx, options: { node?: string; free?: boolean }): Promise<void> {
  await listOrWatch(ctx, (snapshot) => {
    const names = snapshot.nodes.map((node) => node.metadata.name);
    if (options.node !== undefined && !names.includes(options.node))
      throw notFound('node', options.node, names, '--node');
    const items = diskRows(snapshot.nodes).filter(
      (disk) =>
        (options.node === undefined || disk.node === options.node) && (options.free !== true || disk.use === 'free'),
    );
    return {
      items,
      name: (item) => `${(item as DiskRow).node}=${(item as DiskRow).id}`,
      table: (wide) => renderDisks(items, { ...viewOptions(ctx), wide }),
      empty: options.free === true ? 'no free disk' : 'no disk has been reported yet',
    };
  });
}

export async function showDisk(ctx: Ctx, id: string): Promise<void> {
  const { items } = await (await ctx.client()).resource(NODES).list();
  const rows = diskRows(items);
  const bare = id.replace(/^\/dev\/disk\/by-id\//, '');
  const disk = rows.find(
    (row) => row.id === bare || `${row.node}=${row.id}` === id || `${row.node}=${row.path}` === id,
  );
  if (disk === undefined)
    throw notFound(
      'disk',
      id,
      rows.map((row) => row.id),
      'DISK',
    );
  await printObject(ctx, disk, {
    name: (row) => `${row.node}=${row.id}`,
    describe: () =>
      renderFields(
        [
          ['Disk', ctx.paint.bold(disk.id)],
          ['Node', disk.node],
          ['Path', disk.path],
          ['Size', formatSize(disk.sizeBytes)],
          ['Kind', disk.rotational ? 'hdd (rotational)' : 'ssd'],
          ['Use', diskUse(disk)],
          ['Model', disk.model ?? ''],
          ['Serial', disk.serial ?? ''],
          ['Read-only', disk.readOnly ? 'yes' : 'no'],
        ],
        ctx.paint,
      ),
  });
}

export async function showNode(ctx: Ctx, name: string): Promise<void> {
  const client = await ctx.client();
  const node = await mustFind(client.resource(NODES), name, 'NODE');
  const { items } = await client.resource(REPLICAS).list();
  await printObject(ctx, node, { name: objectRef, describe: () => describeNode(node, items, viewOptions(ctx)) });
}

export async function showPool(ctx: Ctx, name: string): Promise<void> {
  const client = await ctx.client();
  const pool = await mustFind(client.resource(POOLS), name, 'POOL');
  const [nodes, replicas] = await Promise.all([client.resource(NODES).list(), client.resource(REPLICAS).list()]);
  await printObject(ctx, pool, {
    name: objectRef,
    describe: () => describePool(pool, nodes.items, replicas.items, viewOptions(ctx)),
  });
}

export async function showReplica(ctx: Ctx, name: string): Promise<void> {
  const replica = await mustFind((await ctx.client()).resource(REPLICAS), name, 'REPLICA');
  await printObject(ctx, replica, { name: objectRef, describe: () => describeReplica(replica, viewOptions(ctx)) });
}
