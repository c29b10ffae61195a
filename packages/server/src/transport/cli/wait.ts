import { NODES, POOLS, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import type { ClusterClient } from '@holdfast/api/client/types.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Node } from '@holdfast/api/schema/node.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import { parseDuration } from './checks/lookup.ts';
import type { Ctx } from './context.ts';
import { LiveView } from './live.ts';
import { startProgress } from './progress.ts';
import { nodeHealth } from './views/common.ts';
import { syncOf, syncText } from './views/replica.ts';
import { inSyncText, replicasOf, volumePhase, volumeReason } from './views/volume.ts';

/** The cluster as a waiting command sees it. */
export interface Snapshot {
  readonly nodes: readonly Stored<Node>[];
  readonly pools: readonly Stored<Pool>[];
  readonly volumes: readonly Stored<Volume>[];
  readonly replicas: readonly Stored<Replica>[];
}

/** Reads all four kinds: they are few and small, so one way serves every table and every wait. */
export async function readSnapshot(client: ClusterClient): Promise<Snapshot> {
  const [nodes, pools, volumes, replicas] = await Promise.all([
    client.resource(NODES).list(),
    client.resource(POOLS).list(),
    client.resource(VOLUMES).list(),
    client.resource(REPLICAS).list(),
  ]);
  return { nodes: nodes.items, pools: pools.items, volumes: volumes.items, replicas: replicas.items };
}

/** The same, kept current by a view; call the result for the present state. */
export function followAll(live: LiveView): () => Snapshot {
  const nodes = live.follow(NODES);
  const pools = live.follow(POOLS);
  const volumes = live.follow(VOLUMES);
  const replicas = live.follow(REPLICAS);
  return () => ({ nodes: nodes(), pools: pools(), volumes: volumes(), replicas: replicas() });
}

/** `done`, or what it still waits for. */
export type WaitVerdict = { readonly done: true } | { readonly done: false; readonly waitingFor: string };

export interface WaitOptions {
  readonly timeout?: string;
}

/** Options of a command that can wait. */
export interface Waiting extends WaitOptions {
  readonly wait?: boolean;
}

export const DEFAULT_TIMEOUT = '120s';

/**
 * Waits until `judge` says done, and says meanwhile what it waits for.
 * @throws AppError `deadline_exceeded` with the last thing it waited for; `aborted` when the person interrupts.
 */
export async function waitFor(
  ctx: Ctx,
  what: string,
  options: WaitOptions & { explain?: string },
  judge: (snapshot: Snapshot) => WaitVerdict,
): Promise<Snapshot> {
  const timeoutMs = parseDuration(options.timeout ?? DEFAULT_TIMEOUT, '--timeout');
  const client = await ctx.client();
  // One look before the clock runs: what is so already needs no waiting, and a time-out can always say what was missing.
  const first = await readSnapshot(client);
  const verdict = judge(first);
  if (verdict.done) return first;
  let last = verdict.waitingFor;
  let done: Snapshot | undefined;
  const progress = startProgress(ctx);
  progress.update(`waiting for ${what}: ${last}`);
  const deadline = new AbortController();
  const cancel = ctx.io.clock.timer(timeoutMs, () => deadline.abort());
  const live = new LiveView(client, ctx.io.clock);
  const take = followAll(live);
  try {
    await live.run(AbortSignal.any([ctx.io.signal, deadline.signal]), () => {
      const snapshot = take();
      const now = judge(snapshot);
      if (now.done) {
        done = snapshot;
        return true;
      }
      last = now.waitingFor;
      progress.update(`waiting for ${what}: ${last}`);
      return false;
    });
  } finally {
    cancel();
    progress.end();
  }
  if (done !== undefined) return done;
  if (ctx.io.signal.aborted)
    throw new AppError('aborted', `stopped waiting for ${what}; the work goes on in the cluster`);
  throw new AppError('deadline_exceeded', `${what}: not so after ${timeoutMs / 1000}s; still waiting for: ${last}`, {
    details: {
      field: '--timeout',
      value: options.timeout ?? DEFAULT_TIMEOUT,
      remedy: `the work goes on; look with '${options.explain ?? 'hf status'}', or wait longer with --timeout`,
    },
  });
}

function replicaProgress(volume: Stored<Volume>, snapshot: Snapshot): string {
  const mine = replicasOf(volume, snapshot.replicas);
  const [sync] = syncOf(mine);
  if (sync !== undefined) return `resync of ${sync.target}: ${syncText(sync)}`;
  const behind = mine.filter((replica) => replica.status?.phase !== 'Ready');
  const [first] = behind;
  if (first === undefined) return '';
  const message = first.status?.message;
  return `replica ${first.metadata.name} on ${first.spec?.node ?? '?'} is ${first.status?.phase ?? 'Pending'}${message === undefined ? '' : ` (${message})`}`;
}

/** Every copy asked for is in the in-sync set. */
export function judgeVolumeReady(name: string): (snapshot: Snapshot) => WaitVerdict {
  return (snapshot) => {
    const volume = snapshot.volumes.find((candidate) => candidate.metadata.name === name);
    if (volume === undefined) return { done: false, waitingFor: `volume ${name} to appear` };
    const inSync = volume.status?.arbiter?.inSync.length ?? 0;
    if (volumePhase(volume) === 'Ready' && inSync >= (volume.spec?.replicas ?? 1)) return { done: true };
    const why = volumeReason(volume, ['Placed', 'Ready', 'Redundant']) || replicaProgress(volume, snapshot);
    return {
      done: false,
      waitingFor: `${volumePhase(volume)}, ${inSyncText(volume)} in sync${why === '' ? '' : `; ${why}`}`,
    };
  };
}

/** Promoted (and mounted) on the node, as that node's agent reports. */
export function judgeAttached(name: string, node: string): (snapshot: Snapshot) => WaitVerdict {
  return (snapshot) => {
    const volume = snapshot.volumes.find((candidate) => candidate.metadata.name === name);
    if (volume === undefined) return { done: false, waitingFor: `volume ${name} to appear` };
    const here = replicasOf(volume, snapshot.replicas).find((replica) => replica.spec?.node === node);
    if (here?.status?.attached !== undefined && volume.status?.attachedTo === node) return { done: true };
    const reason = volumeReason(volume, ['Attached', 'Ready']) || here?.status?.message || '';
    const step =
      here === undefined
        ? `a replica on ${node}`
        : here.spec?.attach === undefined
          ? `every other node to have released it`
          : `${here.metadata.name} to be promoted and mounted`;
    return { done: false, waitingFor: reason === '' ? step : `${step}; ${reason}` };
  };
}

export function judgeDetached(name: string): (snapshot: Snapshot) => WaitVerdict {
  return (snapshot) => {
    const volume = snapshot.volumes.find((candidate) => candidate.metadata.name === name);
    if (volume === undefined) return { done: true };
    const holders = replicasOf(volume, snapshot.replicas).filter((replica) => replica.status?.attached !== undefined);
    if (holders.length === 0 && volume.status?.attachedTo === undefined) return { done: true };
    const [first] = holders;
    return {
      done: false,
      waitingFor:
        first === undefined
          ? `${volume.status?.attachedTo ?? '?'} to release it`
          : `${first.spec?.node ?? '?'} to unmount and demote it${first.status?.message === undefined ? '' : ` (${first.status.message})`}`,
    };
  };
}

export function judgeVolumeGone(name: string): (snapshot: Snapshot) => WaitVerdict {
  return (snapshot) => {
    const volume = snapshot.volumes.find((candidate) => candidate.metadata.name === name);
    if (volume === undefined) return { done: true };
    const left = replicasOf(volume, snapshot.replicas);
    const [first] = left;
    if (first === undefined) return { done: false, waitingFor: 'the controller to remove the volume' };
    const node = snapshot.nodes.find((candidate) => candidate.metadata.name === first.spec?.node);
    const down = node !== undefined && nodeHealth(node) !== 'Ready' ? `; node ${node.metadata.name} is not ready` : '';
    return {
      done: false,
      waitingFor: `${left.map((replica) => replica.metadata.name).join(', ')} to be removed${first.status?.message === undefined ? '' : ` (${first.status.message})`}${down}`,
    };
  };
}

export function judgeResized(name: string, bytes: number): (snapshot: Snapshot) => WaitVerdict {
  return (snapshot) => {
    const volume = snapshot.volumes.find((candidate) => candidate.metadata.name === name);
    if (volume === undefined) return { done: false, waitingFor: `volume ${name} to appear` };
    if ((volume.status?.sizeBytes ?? 0) >= bytes) return { done: true };
    const small = replicasOf(volume, snapshot.replicas).filter((replica) => (replica.status?.lvSizeBytes ?? 0) < bytes);
    const why = volumeReason(volume, ['Resizing', 'Ready']);
    return {
      done: false,
      waitingFor: `${small.length > 0 ? `${small.map((replica) => replica.metadata.name).join(', ')} to grow` : 'the device and file system to grow'}${why === '' ? '' : `; ${why}`}`,
    };
  };
}

export function judgePoolReady(name: string): (snapshot: Snapshot) => WaitVerdict {
  return (snapshot) => {
    const pool = snapshot.pools.find((candidate) => candidate.metadata.name === name);
    if (pool === undefined) return { done: false, waitingFor: `pool ${name} to appear` };
    for (const { name: nodeName } of pool.spec?.nodes ?? []) {
      const report = snapshot.nodes
        .find((node) => node.metadata.name === nodeName)
        ?.status?.pools?.find((candidate) => candidate.name === name);
      if (report?.state === 'Ready') continue;
      const what =
        report === undefined
          ? 'to begin'
          : `which is ${report.state}${report.message === undefined ? '' : `: ${report.message}`}`;
      return { done: false, waitingFor: `node ${nodeName} ${what}` };
    }
    return { done: true };
  };
}

export function judgePoolGone(name: string): (snapshot: Snapshot) => WaitVerdict {
  return (snapshot) => {
    const pool = snapshot.pools.find((candidate) => candidate.metadata.name === name);
    if (pool === undefined) return { done: true };
    const holders = snapshot.nodes.filter((node) => node.status?.pools?.some((candidate) => candidate.name === name));
    return {
      done: false,
      waitingFor:
        holders.length === 0
          ? 'the controller to remove the pool'
          : `${holders.map((node) => node.metadata.name).join(', ')} to remove it`,
    };
  };
}
