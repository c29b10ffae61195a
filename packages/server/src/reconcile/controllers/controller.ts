/**
 * The control loops of a cluster: node health, pools, volumes. One process of several leads (Lease `controller`); the
 * others wait. Everything is driven by watches; an idle cluster costs no API call but the leader's lease.
 */
import { createEventRecorder, type EventRecorder } from '@holdfast/api/client/events.ts';
import type { CacheChange } from '@holdfast/api/client/informer-types.ts';
import { EVENTS, LEASES } from '@holdfast/api/client/kinds.ts';
import { runLeaderElection } from '@holdfast/api/client/leader.ts';
import { SYSTEM_NAMESPACE } from '@holdfast/api/schema/core.ts';
import type { Node } from '@holdfast/api/schema/node.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import { deepEqual } from '../../core/merge-diff.ts';
import { NODE_HEALTH_DEFAULTS } from '../../core/node-health/tracker.ts';
import { type Caches, createCaches } from './caches.ts';
import { ClusterState } from './cluster-state.ts';
import type { ControllerConfig, ControllerDeps } from './deps.ts';
import { createNodeController } from './nodes.ts';
import { createPoolController } from './pools.ts';
import { createVolumeController } from './volumes.ts';

export const CONTROLLER_LEASE = 'controller';

/** Longest wait for a first judgement of every node after a start, milliseconds. */
const JUDGE_MS = 2_000;

export const CONTROLLER_DEFAULTS: ControllerConfig = {
  health: NODE_HEALTH_DEFAULTS,
  concurrency: 16,
  resyncMs: 600_000,
  leaseDurationMs: 6_000,
  renewDeadlineMs: 4_000,
  retryMs: 1_000,
};

export interface ControllerOptions extends Omit<ControllerDeps, 'recorder'> {
  /** Unique per process. */
  readonly identity: string;
  readonly config?: Partial<ControllerConfig>;
  /** Told when this process starts and stops leading. */
  readonly onLeading?: (leading: boolean) => void;
  readonly recorder?: EventRecorder;
}

export interface Controller {
  /** Takes part in the election and leads until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

export function createController(options: ControllerOptions): Controller {
  const { client, clock, random, log } = options;
  const config = { ...CONTROLLER_DEFAULTS, ...options.config };
  const recorder =
    options.recorder ??
    createEventRecorder({
      events: client.resource(EVENTS),
      clock,
      random,
      component: 'holdfast-controller',
      onError: (error) => log.warn('event not written', { err: error }),
    });
  const deps: ControllerDeps = { client, clock, random, log, recorder };
  return {
    run: (signal) =>
      runLeaderElection(
        {
          leases: client.resource(LEASES),
          name: CONTROLLER_LEASE,
          namespace: SYSTEM_NAMESPACE,
          identity: options.identity,
          clock,
          random,
          leaseDurationMs: config.leaseDurationMs,
          renewDeadlineMs: config.renewDeadlineMs,
          retryMs: config.retryMs,
          onStarted: async (leading) => {
            log.info('leading', { op: options.identity });
            options.onLeading?.(true);
            await lead(deps, config, leading);
          },
          onStopped: (lost) => {
            options.onLeading?.(false);
            log.info('stopped leading', { reason: lost ? 'the lease was lost' : 'asked to stop' });
          },
          onError: (error) => log.warn('leader election', { err: error }),
        },
        signal,
      ),
  };
}

/** One term of leadership: fresh caches, fresh reservations, a grace period for every node. */
async function lead(deps: ControllerDeps, config: ControllerConfig, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const term = AbortSignal.any([signal, stop.signal]);
  const caches = createCaches(deps, config.resyncMs);
  const state = new ClusterState();
  const volumes = createVolumeController(deps, caches, state, config);
  const pools = createPoolController(deps, caches, state, config);
  const nodes = createNodeController(deps, caches, state, config, (node) => {
    for (const replica of caches.replicas.byIndex('node', node)) volumes.loop.enqueue(replica.spec?.volume ?? '');
    for (const volume of caches.volumes.byIndex('wantedOn', node)) volumes.loop.enqueue(volume.metadata.name);
    volumes.retryPlacement();
  });
  wire(caches, state, { volumes, pools, nodes });
  // Volumes wait for two heartbeats: before that, every node looks silent.
  const runVolumes = async (): Promise<void> => {
    await nodes.whenJudged(JUDGE_MS, term);
    await volumes.loop.run(term);
  };
  const work = [
    caches.run(term),
    caches.whenSynced(term).then(() => Promise.all([runVolumes(), pools.run(term), nodes.loop.run(term)])),
  ];
  // One part that ends (it never should) ends the term: better no leader than half of one.
  const results = await Promise.allSettled(work.map((part) => part.finally(() => stop.abort())));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined && !signal.aborted) throw failure.reason;
}

interface Loops {
  readonly volumes: ReturnType<typeof createVolumeController>;
  readonly pools: ReturnType<typeof createPoolController>;
  readonly nodes: ReturnType<typeof createNodeController>;
}

/** Who is to look again when something changes. Keys only: a loop reads what is, not what happened. */
function wire(caches: Caches, state: ClusterState, { volumes, pools, nodes }: Loops): void {
  caches.leases.onChange((change) => {
    if (change.new !== undefined) nodes.observeLease(change.new);
  });
  caches.volumes.onChange((change) => volumes.loop.enqueue((change.new ?? change.old)?.metadata.name ?? ''));
  caches.replicas.onChange((change) => {
    const name = (change.new ?? change.old)?.metadata.name ?? '';
    state.replica(name, change.new);
    volumes.loop.enqueue((change.new ?? change.old)?.spec?.volume ?? '');
    if (change.new === undefined) {
      volumes.retryPlacement();
      pools.enqueue(change.old?.spec?.pool ?? '');
      nodes.loop.enqueue(change.old?.spec?.node ?? '');
    }
    for (const node of silentPeers(change, state)) nodes.loop.enqueue(node);
  });
  caches.pools.onChange((change) => {
    const name = (change.new ?? change.old)?.metadata.name ?? '';
    state.pool(name, change.new);
    pools.enqueue(name);
    if (!deepEqual(poolFacts(change.old), poolFacts(change.new))) volumes.retryPlacement();
  });
  caches.nodes.onChange((change) => {
    const name = (change.new ?? change.old)?.metadata.name ?? '';
    state.node(name, change.new);
    nodes.loop.enqueue(name);
    if (change.old !== change.new && deepEqual(nodeFacts(change.old), nodeFacts(change.new))) return;
    for (const pool of caches.pools.list()) {
      if (pool.spec?.nodes.some((member) => member.name === name) === true) pools.enqueue(pool.metadata.name);
    }
    volumes.retryPlacement();
    if (deepEqual(replicaFacts(change.old), replicaFacts(change.new))) return;
    for (const replica of caches.replicas.byIndex('node', name)) volumes.loop.enqueue(replica.spec?.volume ?? '');
    for (const volume of caches.volumes.byIndex('wantedOn', name)) volumes.loop.enqueue(volume.metadata.name);
  });
}

/** What of a node matters to placement and pools: everything but conditions and disks. */
function nodeFacts(node: Node | undefined): unknown {
  return node === undefined
    ? undefined
    : [node.spec, node.metadata.labels, node.metadata.deletionTimestamp, node.status?.pools, replicaFacts(node)];
}

/** What of a node matters to replicas that are on it. */
function replicaFacts(node: Node | undefined): unknown {
  return node === undefined ? undefined : [node.spec?.evict, node.status?.drbd, node.status?.addresses];
}

function poolFacts(pool: Pool | undefined): unknown {
  return pool === undefined ? undefined : [pool.spec, pool.metadata.deletionTimestamp];
}

/** Nodes that are silent and that this replica's kernel just said something about. */
function silentPeers(change: CacheChange<Replica>, state: ClusterState): string[] {
  const peers = change.new?.status?.drbd?.peers ?? [];
  const before = change.old?.status?.drbd?.peers ?? [];
  return peers
    .filter((peer) => {
      const health = state.health.get(peer.node);
      const old = before.find((one) => one.replica === peer.replica);
      return health !== undefined && health.state !== 'Ready' && old?.connection !== peer.connection;
    })
    .map((peer) => peer.node);
}
