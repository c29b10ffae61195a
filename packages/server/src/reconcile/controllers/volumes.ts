import { REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { LABEL_VOLUME } from '@holdfast/api/labels.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import { planVolume } from '../../core/volume/plan.ts';
import { needsFreshRead, takesCapacity, type VolumePlan } from '../../core/volume/types.ts';
import { createLoop, type Loop, type ReconcileResult } from '../loop.ts';
import type { Caches } from './caches.ts';
import type { ClusterState } from './cluster-state.ts';
import type { ControllerConfig, ControllerDeps } from './deps.ts';
import { executePlan } from './execute.ts';

export interface VolumeController {
  readonly loop: Loop;
  /** Volumes that wait for a place look again. */
  retryPlacement(): void;
}

/**
 * Volumes. Inputs: Volume.spec and .status.arbiter, Replicas, Nodes, Pools, node health. Owns: Volume.status but the
 * agents' fields (arbiter, save `remove-replica`, and format), the Volume's finalizer, Replica.spec but `evict`.
 */
export function createVolumeController(
  deps: ControllerDeps,
  caches: Caches,
  state: ClusterState,
  config: ControllerConfig,
): VolumeController {
  const waiting = new Set<string>();
  /** Volumes whose last round failed half-way: what the cache shows may be older than what was done. */
  const doubtful = new Set<string>();
  const loop = createLoop({
    name: 'volume',
    clock: deps.clock,
    random: deps.random,
    log: deps.log,
    concurrency: config.concurrency,
    reconcile,
  });

  async function reconcile(name: string): Promise<ReconcileResult> {
    const cached = caches.volumes.get(name);
    if (cached === undefined) {
      forget(name);
      return {};
    }
    const plan = planFrom(cached, caches.replicas.byIndex('volume', name));
    const cautious =
      doubtful.has(name) || plan.actions.some((action) => needsFreshRead(action) || takesCapacity(action));
    if (!cautious) {
      await execute(name, cached, plan);
      return {};
    }
    const volume = await deps.client.resource(VOLUMES).find(name);
    if (volume === undefined) {
      forget(name);
      return {};
    }
    const { items } = await deps.client.resource(REPLICAS).list({ labelSelector: `${LABEL_VOLUME}=${name}` });
    // From here to the reservations nothing waits: no other volume can be promised the same space in between.
    state.settle(name, items);
    const fresh = planFrom(volume, items);
    state.reserve(name, fresh.actions, items);
    await execute(name, volume, fresh);
    doubtful.delete(name);
    return {};
  }

  function planFrom(volume: Stored<Volume>, replicas: readonly Stored<Replica>[]): VolumePlan {
    return planVolume({ volume, replicas, cluster: state, now: new Date(deps.clock.now()).toISOString() });
  }

  async function execute(name: string, volume: Stored<Volume>, plan: VolumePlan): Promise<void> {
    if (plan.waitsForPlace) waiting.add(name);
    else waiting.delete(name);
    if (plan.actions.length === 0) return;
    try {
      await executePlan(deps, volume, plan.actions);
    } catch (error) {
      doubtful.add(name);
      throw error;
    }
  }

  function forget(name: string): void {
    state.settle(name, []);
    waiting.delete(name);
    doubtful.delete(name);
  }

  return {
    loop,
    retryPlacement: () => {
      for (const name of waiting) loop.enqueue(name);
    },
  };
}
