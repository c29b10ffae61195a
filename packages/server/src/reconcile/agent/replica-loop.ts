/** Wires one node's replicas: cache changes, DRBD events, fence questions and pool changes lead to the same queue. */
import type { Informer } from '@holdfast/api/client/informer-types.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import { resourceName, volumeOfResource } from '../../core/names/names.ts';
import { createLoop, type Loop } from '../loop.ts';
import type { AgentDeps } from './deps.ts';
import { serveFencing } from './fencing.ts';
import type { InventoryCache } from './inventory.ts';
import { createReplicaReconciler } from './replicas.ts';

/** Replicas worked on at once: enough to overlap waiting for peers, few enough for a small node. */
const CONCURRENCY = 4;

export interface ReplicaLoop {
  readonly loop: Loop;
  enqueueAll(): void;
  /**
   * Runs until the signal aborts; rejects when one of its parts dies, which must end the agent. Fence questions are
   * answered at once; the replicas' work begins with `poolsSeen`, so that a start does not report pools as unknown.
   */
  run(signal: AbortSignal, poolsSeen: Promise<void>): Promise<void>;
}

export function createReplicaLoop(
  deps: AgentDeps,
  replicas: Informer<Replica>,
  inventory: InventoryCache,
): ReplicaLoop {
  const promoting = new Set<string>();
  const context = { deps, inventory, promoting, blankMetadata: new Set<string>() };
  const loop = createLoop({
    name: 'replica',
    clock: deps.clock,
    random: deps.random,
    log: deps.log,
    concurrency: CONCURRENCY,
    reconcile: createReplicaReconciler(context, (name) => replicas.get(name)),
    backoffMs: { first: 100, max: 10_000 },
  });
  const enqueueAll = (): void => {
    for (const replica of replicas.list()) loop.enqueue(replica.metadata.name);
  };
  const replicaOf = (resource: string): Stored<Replica> | undefined => {
    const volume = volumeOfResource(resource);
    if (volume === undefined) return undefined;
    return replicas.list().find((replica) => replica.spec?.volume === volume && resourceName(volume) === resource);
  };

  async function followDrbd(signal: AbortSignal): Promise<void> {
    if (deps.drbd === undefined) return;
    for await (const resource of deps.drbd.changes(signal)) {
      if (resource === '*') {
        enqueueAll();
        continue;
      }
      const replica = replicaOf(resource);
      if (replica !== undefined) loop.enqueue(replica.metadata.name);
    }
  }

  async function run(signal: AbortSignal, poolsSeen: Promise<void>): Promise<void> {
    await replicas.whenSynced(signal);
    const unsubscribe = replicas.onChange((change) => {
      const replica = change.new;
      // Our own status writes come back as changes: only the spec, the deletion and a resync are news.
      const own = change.old !== undefined && replica !== undefined && sameWork(change.old, replica);
      if (replica !== undefined && !own) loop.enqueue(replica.metadata.name);
    });
    const onVerdict = (replica: Stored<Replica>): void => loop.enqueue(replica.metadata.name);
    const fencing =
      deps.fence === undefined
        ? Promise.resolve()
        : serveFencing({ deps, gate: deps.fence, promoting, replicaOf, onVerdict }, signal);
    enqueueAll();
    try {
      await Promise.all([poolsSeen.then(() => loop.run(signal)), followDrbd(signal), fencing]);
    } finally {
      unsubscribe();
    }
  }

  return { loop, enqueueAll, run };
}

function sameWork(old: Stored<Replica>, now: Stored<Replica>): boolean {
  return (
    old.metadata.resourceVersion !== now.metadata.resourceVersion &&
    old.metadata.generation === now.metadata.generation &&
    old.metadata.deletionTimestamp === now.metadata.deletionTimestamp
  );
}
