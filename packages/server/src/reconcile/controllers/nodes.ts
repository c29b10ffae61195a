import { LEASES, NODES, REPLICAS } from '@holdfast/api/client/kinds.ts';
import { type Lease, SYSTEM_NAMESPACE } from '@holdfast/api/schema/core.ts';
import type { Condition, Stored, StoredMeta } from '@holdfast/api/schema/meta.ts';
import { nodeLeaseName } from '../../core/names/names.ts';
import { isForgotten, isGivenUp, withOperatorsWord } from '../../core/node-health/forget.ts';
import { connectedPeerOf } from '../../core/node-health/peers-view.ts';
import { NodeHealthTracker } from '../../core/node-health/tracker.ts';
import type { NodeHealth } from '../../core/node-health/types.ts';
import { mergeConditions } from '../../core/volume/status.ts';
import { createLoop, type Loop, type ReconcileResult } from '../loop.ts';
import type { Caches } from './caches.ts';
import type { ClusterState } from './cluster-state.ts';
import type { ControllerConfig, ControllerDeps } from './deps.ts';

const LEASE_PREFIX = nodeLeaseName('');

export interface NodeController {
  readonly loop: Loop;
  /** A lease as watched. */
  observeLease(lease: Stored<Lease>): void;
  /** Resolves when something is known of every node, at most after the given time. */
  whenJudged(limitMs: number, signal: AbortSignal): Promise<void>;
}

/**
 * Node health. Inputs: the Leases of nodes, the replication connections that Replicas report. Owns: condition `Ready` of
 * Node.status, and the end of a Node that an operator gave up. Watching costs no API call; a write happens when a node comes or goes.
 */
export function createNodeController(
  deps: ControllerDeps,
  caches: Caches,
  state: ClusterState,
  config: ControllerConfig,
  onHealthChange: (node: string) => void,
): NodeController {
  const tracker = new NodeHealthTracker(config.health, deps.clock.monotonic());
  const judged = new Set<string>();
  let onJudged: () => void = () => {};
  const loop = createLoop({
    name: 'node-health',
    clock: deps.clock,
    random: deps.random,
    log: deps.log,
    concurrency: 4,
    reconcile,
  });

  async function reconcile(name: string): Promise<ReconcileResult> {
    const node = caches.nodes.get(name);
    if (node === undefined) {
      tracker.forget(name);
      if (state.health.delete(name)) onHealthChange(name);
      return {};
    }
    const cutOff = caches.leases.staleMs >= config.health.unknownAfterMs;
    const report = tracker.evaluate(name, deps.clock.monotonic(), cutOff, () => connectedPeer(name));
    const health = withOperatorsWord(report.health, node, caches.leases.get(nodeLeaseName(name), SYSTEM_NAMESPACE));
    setHealth(name, health);
    if (!report.tentative) {
      judged.add(name);
      onJudged();
    }
    if (!report.tentative) await writeCondition(name, health);
    if (isForgotten(health) && caches.replicas.byIndex('node', name).length === 0) await removeNode(name);
    return { requeueAfterMs: report.lookAgainMs };
  }

  function connectedPeer(name: string): string | undefined {
    return connectedPeerOf(
      name,
      caches.replicas.byIndex('node', name),
      (replica) => caches.replicas.get(replica),
      (node) => state.health.get(node)?.state === 'Ready',
    );
  }

  function setHealth(name: string, health: NodeHealth): void {
    const old = state.health.get(name);
    state.health.set(name, health);
    if (old?.state === health.state && old.message === health.message) return;
    if (old?.state !== health.state) {
      deps.log.info('node health', { node: name, state: health.state, reason: health.reason });
    }
    onHealthChange(name);
  }

  async function writeCondition(name: string, health: NodeHealth): Promise<void> {
    const node = caches.nodes.get(name);
    if (node === undefined) return;
    const before = node.status?.conditions ?? [];
    const status: Condition['status'] =
      health.state === 'Ready' ? 'True' : health.state === 'Lost' ? 'False' : 'Unknown';
    const ready = { type: 'Ready', status, reason: health.reason, message: health.message };
    const now = new Date(deps.clock.now()).toISOString();
    const conditions = mergeConditions(before, new Map([['Ready', ready]]), now);
    if (conditions === undefined) return;
    // The agent writes its own conditions into the same list: compare-and-swap, so that neither erases the other's.
    const { resourceVersion } = node.metadata;
    await deps.client.resource(NODES).patchStatus(name, { metadata: { resourceVersion }, status: { conditions } });
    const old = before.find((condition) => condition.type === 'Ready');
    if (old?.status !== status || (isForgotten(health) && old.reason !== health.reason)) {
      const type = status === 'True' ? 'Normal' : 'Warning';
      deps.recorder.record(node, { type, reason: health.reason, message: `node ${name}: ${health.message}` });
    }
  }

  /** Nothing names a node that was given up any more. An empty cache proves nothing: the server is asked. */
  async function removeNode(name: string): Promise<void> {
    const nodes = deps.client.resource(NODES);
    const leases = deps.client.resource(LEASES);
    const [node, lease, { items }] = await Promise.all([
      nodes.find(name),
      leases.find(nodeLeaseName(name), SYSTEM_NAMESPACE),
      deps.client.resource(REPLICAS).list(),
    ]);
    if (node === undefined || lease === undefined || !isGivenUp(node, lease)) return;
    if (items.some((replica) => replica.spec?.node === name)) return;
    const exactly = ({ metadata: { uid, resourceVersion } }: { metadata: StoredMeta }) => ({
      preconditions: { uid, resourceVersion },
    });
    await nodes.delete(name, exactly(node));
    deps.recorder.record(node, {
      type: 'Warning',
      reason: 'NodeRemoved',
      message: `node ${name}: it was given up and no replica names it any more`,
    });
    // One that came back in this moment has renewed it, and keeps it.
    await leases.delete(lease.metadata.name, { namespace: SYSTEM_NAMESPACE, ...exactly(lease) });
  }

  return {
    loop,
    async whenJudged(limitMs, signal) {
      const limit = new AbortController();
      const done = (): void => limit.abort();
      onJudged = () => {
        if (caches.nodes.list().every((node) => judged.has(node.metadata.name))) done();
      };
      onJudged();
      try {
        await deps.clock.sleep(limitMs, AbortSignal.any([signal, limit.signal]));
      } catch {
        // Judged early, or ended: both are answers.
      }
    },
    observeLease(lease) {
      const { name, uid } = lease.metadata;
      if (!name.startsWith(LEASE_PREFIX)) return;
      const node = name.slice(LEASE_PREFIX.length);
      const mark = `${uid} ${lease.spec?.holderIdentity} ${lease.spec?.renewTime} ${lease.spec?.leaseTransitions}`;
      const alive = tracker.observe(node, mark, deps.clock.monotonic());
      if (alive && state.health.get(node)?.state !== 'Ready') loop.enqueue(node);
    },
  };
}
