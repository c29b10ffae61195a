import { POOLS, REPLICAS } from '@holdfast/api/client/kinds.ts';
import { FINALIZER_POOL } from '@holdfast/api/labels.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Pool, PoolStatus } from '@holdfast/api/schema/pool.ts';
import { mergeDiff } from '../../core/merge-diff.ts';
import { planPool } from '../../core/placement/pool-status.ts';
import { createLoop, type Loop, type ReconcileResult } from '../loop.ts';
import type { Caches } from './caches.ts';
import type { ClusterState } from './cluster-state.ts';
import type { ControllerConfig, ControllerDeps } from './deps.ts';

/**
 * Pools. Inputs: Pool.spec, Node.status.pools, Replicas. Owns: Pool.status and the Pool's finalizer (a pool stays while a
 * replica uses it). What is on the disks is the agents' business, and never removed because an object is missing (INV-7).
 */
export function createPoolController(
  deps: ControllerDeps,
  caches: Caches,
  state: ClusterState,
  config: ControllerConfig,
): Loop {
  const pools = deps.client.resource(POOLS);
  return createLoop({
    name: 'pool',
    clock: deps.clock,
    random: deps.random,
    log: deps.log,
    concurrency: config.concurrency,
    reconcile,
  });

  async function reconcile(name: string): Promise<ReconcileResult> {
    const pool = caches.pools.get(name);
    if (pool === undefined) return {};
    const deleting = pool.metadata.deletionTimestamp !== undefined;
    const finalizers = pool.metadata.finalizers ?? [];
    const users = caches.replicas.byIndex('pool', name).map((replica) => replica.metadata.name);
    if (deleting && users.length === 0) {
      if (!finalizers.includes(FINALIZER_POOL)) return {};
      await removeFinalizer(pool);
      return {};
    }
    if (!deleting && !finalizers.includes(FINALIZER_POOL)) {
      const { resourceVersion } = pool.metadata;
      await pools.patch(name, { metadata: { resourceVersion, finalizers: [...finalizers, FINALIZER_POOL] } });
      return {};
    }
    await writeStatus(pool, users);
    return {};
  }

  /** An empty cache proves nothing: the server is asked. */
  async function removeFinalizer(pool: Stored<Pool>): Promise<void> {
    const { name, resourceVersion } = pool.metadata;
    const { items } = await deps.client.resource(REPLICAS).list();
    if (items.some((replica) => replica.spec?.pool === name)) return;
    const finalizers = (pool.metadata.finalizers ?? []).filter((one) => one !== FINALIZER_POOL);
    await pools.patch(name, { metadata: { resourceVersion, finalizers } });
    deps.log.info('pool released', { pool: name, reason: 'no replica uses it' });
  }

  async function writeStatus(pool: Stored<Pool>, users: readonly string[]): Promise<void> {
    const status: PoolStatus = planPool(pool, state, users, new Date(deps.clock.now()).toISOString());
    const patch = mergeDiff(pool.status ?? {}, status);
    if (patch === undefined) return;
    const { name, resourceVersion } = pool.metadata;
    await pools.patchStatus(name, { metadata: { resourceVersion }, status: patch });
  }
}
