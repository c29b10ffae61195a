/**
 * The agent of one node. It watches the Replicas of its node, the Pools, and its own Node object; heartbeats every
 * second; and drives three loops: pools, replicas, node status. An idle node makes no API call but the heartbeat.
 */
import { createInformer } from '@holdfast/api/client/informer.ts';
import { keepLease } from '@holdfast/api/client/keep-lease.ts';
import { LEASES, NODES, POOLS, REPLICAS } from '@holdfast/api/client/kinds.ts';
import type { AppError } from '@holdfast/api/errors.ts';
import { SYSTEM_NAMESPACE } from '@holdfast/api/schema/core.ts';
import { API_VERSION, type Stored } from '@holdfast/api/schema/meta.ts';
import type { Node, NodePool, NodeStatus } from '@holdfast/api/schema/node.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import { deepEqual, mergeDiff } from '../../core/merge-diff.ts';
import { nodeLeaseName } from '../../core/names/names.ts';
import type { BindMounts } from '../../ports/bind-mounts.ts';
import type { NodeVolumes } from '../../ports/node-volumes.ts';
import { createLoop } from '../loop.ts';
import type { AgentDeps } from './deps.ts';
import { createInventoryCache } from './inventory.ts';
import { createNodeVolumes } from './node-volumes.ts';
import { findOrphans, type Orphan } from './orphans.ts';
import { createReplicaLoop } from './replica-loop.ts';

/** Replicas come and go in crowds: the node looks at its pools this long after the first of them, milliseconds. */
const SETTLE_MS = 3_000;
/** Thin usage and disks are looked at again this often even when nothing tells of a change, milliseconds. */
const NODE_RESYNC_MS = 60_000;
/** While a thin pool fills quickly, milliseconds. */
const BUSY_RESYNC_MS = 5_000;

/** Brings the node's pools to what the Pool objects say and reports them. */
export interface PoolKeeper {
  reconcile(pools: readonly Stored<Pool>[]): Promise<NodePool[]>;
}

/** Assembles Node.status from the machine. */
export interface NodeReporter {
  status(args: {
    readonly pools: readonly NodePool[];
    readonly orphans: readonly Orphan[];
    readonly previous: NodeStatus;
  }): Promise<NodeStatus>;
}

export interface AgentOptions extends Omit<AgentDeps, 'pools'> {
  /** For {@link serve}. */
  readonly binds?: BindMounts;
  /** Offers the node's volumes to somebody outside (CSI), until the signal aborts. Begins at once, API server or not. */
  readonly serve?: (volumes: NodeVolumes, signal: AbortSignal) => Promise<void>;
  readonly poolKeeper: PoolKeeper;
  readonly reporter: NodeReporter;
}

/** Runs the agent until the signal aborts. Rejects when one of its parts dies, so that the process ends and is restarted. */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, random, log, node } = options;
  const onError = (source: string) => (error: AppError, detail?: unknown) =>
    log.warn('trouble with the API server', { op: source, detail, err: error });
  const common = { clock, random };
  const replicas = createInformer({
    api: client.resource(REPLICAS),
    listOptions: { fieldSelector: `spec.node=${node}` },
    onError: onError('replicas'),
    ...common,
  });
  const pools = createInformer({ api: client.resource(POOLS), onError: onError('pools'), ...common });
  const nodes = createInformer({
    api: client.resource(NODES),
    listOptions: { fieldSelector: `metadata.name=${node}` },
    onError: onError('node'),
    ...common,
  });

  const inventory = createInventoryCache(options.lvm);
  let nodePools: NodePool[] = [];
  const deps: AgentDeps = {
    ...options,
    pools: {
      get(name) {
        const pool = pools.get(name);
        const state = nodePools.find((each) => each.name === name);
        return pool === undefined || state === undefined ? undefined : { pool, state };
      },
    },
  };
  const replicaLoop = createReplicaLoop(deps, replicas, inventory);
  const poolsSeen = Promise.withResolvers<void>();

  async function reconcileNode(): Promise<{ requeueAfterMs: number }> {
    inventory.invalidate();
    const before = nodePools;
    try {
      nodePools = await options.poolKeeper.reconcile(pools.list());
    } finally {
      // Also when it failed: then the pools are unknown, and the replicas say so.
      poolsSeen.resolve();
    }
    inventory.invalidate();
    const orphans = replicas.synced ? findOrphans(await inventory.read(), replicas.list()) : [];
    await reportNode(orphans);
    if (!sameStates(before, nodePools)) replicaLoop.enqueueAll();
    return { requeueAfterMs: isBusy(before, nodePools) ? BUSY_RESYNC_MS : NODE_RESYNC_MS };
  }

  async function reportNode(orphans: readonly Orphan[]): Promise<void> {
    const current = nodes.get(node) ?? (await client.resource(NODES).find(node)) ?? (await createNode());
    const status = await options.reporter.status({ pools: nodePools, orphans, previous: current.status ?? {} });
    const patch = mergeDiff(current.status ?? {}, { ...current.status, ...status });
    if (patch === undefined) return;
    // The controller writes its own condition into the same list: compare-and-swap, so that neither erases the other's.
    await client
      .resource(NODES)
      .patchStatus(node, { metadata: { resourceVersion: current.metadata.resourceVersion }, status: patch });
  }

  async function createNode(): Promise<Stored<Node>> {
    const spec = { schedulable: true, evict: false };
    return client.resource(NODES).create({ apiVersion: API_VERSION, kind: 'Node', metadata: { name: node }, spec });
  }

  const nodeLoop = createLoop({
    name: 'node',
    clock,
    random,
    log,
    concurrency: 1,
    reconcile: reconcileNode,
    backoffMs: { first: 200, max: 10_000 },
  });

  async function runNode(): Promise<void> {
    await Promise.all([pools.whenSynced(signal), replicas.whenSynced(signal), nodes.whenSynced(signal)]);
    pools.onChange((change) => {
      if (!deepEqual(change.old?.spec, change.new?.spec)) nodeLoop.enqueue(node);
    });
    // A replica that came or went changes what the pool has left; fifty of them are one reason to look.
    let settling: (() => void) | undefined;
    replicas.onChange((change) => {
      if (change.old !== undefined && change.new !== undefined) return;
      settling ??= clock.timer(SETTLE_MS, () => {
        settling = undefined;
        nodeLoop.enqueue(node);
      });
    });
    nodeLoop.enqueue(node);
    await nodeLoop.run(signal);
    settling?.();
  }

  const heartbeat = keepLease(
    {
      leases: client.resource(LEASES),
      name: nodeLeaseName(node),
      namespace: SYSTEM_NAMESPACE,
      identity: node,
      ...common,
      onError: (error, failuresInARow) => {
        if (failuresInARow === 1) log.warn('heartbeat failed', { node, err: error });
      },
      onAlive: () => log.info('heartbeat', { node }),
    },
    signal,
  );
  const { binds, serve } = options;
  const serving =
    binds === undefined || serve === undefined
      ? Promise.resolve()
      : serve(createNodeVolumes({ ...deps, binds, nodePools: () => nodePools }, replicas), signal);
  await options.fence?.install();
  const parts = Promise.all([
    replicas.run(signal),
    pools.run(signal),
    nodes.run(signal),
    heartbeat,
    serving,
    runNode(),
    replicaLoop.run(signal, poolsSeen.promise),
  ]);
  try {
    await parts;
  } finally {
    // Calls from outside that run at an orderly end have their own time to finish.
    if (signal.aborted) await serving.catch(() => undefined);
  }
}

function sameStates(a: readonly NodePool[], b: readonly NodePool[]): boolean {
  const text = (pools: readonly NodePool[]): string => pools.map((pool) => `${pool.name}=${pool.state}`).join();
  return text(a) === text(b);
}

/** A thin pool that gained a whole percent since the last look is being written to. */
function isBusy(before: readonly NodePool[], now: readonly NodePool[]): boolean {
  return now.some((pool) => {
    const old = before.find((each) => each.name === pool.name);
    return Math.abs((pool.dataPercent ?? 0) - (old?.dataPercent ?? pool.dataPercent ?? 0)) >= 1;
  });
}
