import { LEASES, NODES, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { SYSTEM_NAMESPACE } from '@holdfast/api/schema/core.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import { nodeLeaseName } from '../../core/names/names.ts';
import { isGivenUp } from '../../core/node-health/forget.ts';
import type { VolumeAction } from '../../core/volume/types.ts';
import type { ControllerDeps } from './deps.ts';
import { eventsOf } from './events.ts';

/**
 * Executes a plan: one API call per action, in order. Every write to the Volume is a compare-and-swap on exactly what the
 * plan was made from (plus our own writes since), every write to a Replica on the version that was observed.
 * @throws AppError `aborted` when anything changed meanwhile: observe and plan again.
 */
export async function executePlan(
  deps: ControllerDeps,
  observed: Stored<Volume>,
  actions: readonly VolumeAction[],
): Promise<void> {
  let volume = observed;
  for (const action of actions) {
    volume = (await executeAction(deps, volume, action)) ?? volume;
    deps.log.info(action.type, { volume: observed.metadata.name, reason: action.reason });
    for (const event of eventsOf(action, observed.status?.conditions ?? [])) deps.recorder.record(observed, event);
  }
}

async function executeAction(
  deps: ControllerDeps,
  volume: Stored<Volume>,
  action: VolumeAction,
): Promise<Stored<Volume> | undefined> {
  const volumes = deps.client.resource(VOLUMES);
  const replicas = deps.client.resource(REPLICAS);
  const { name, resourceVersion } = volume.metadata;
  switch (action.type) {
    case 'add-finalizer':
    case 'remove-finalizer':
      return volumes.patch(name, { metadata: { resourceVersion, finalizers: action.finalizers } });
    case 'reserve-ordinals':
      return volumes.patchStatus(name, { metadata: { resourceVersion }, status: { nextReplica: action.nextReplica } });
    case 'create-replica':
      await replicas.create(action.replica);
      return undefined;
    case 'update-replica':
      await replicas.patch(action.replica, {
        metadata: { resourceVersion: action.resourceVersion },
        spec: action.patch,
      });
      return undefined;
    case 'delete-replica':
      await replicas.delete(action.replica, { preconditions: { uid: action.uid } });
      return undefined;
    case 'forget-replica':
      await requireGivenUp(deps, action.node);
      await replicas.patch(action.replica, {
        metadata: { resourceVersion: action.resourceVersion, finalizers: action.finalizers },
      });
      return undefined;
    case 'arbiter-remove': {
      const arbiter = { ...action.next, primary: action.next.primary ?? null };
      return volumes.patchStatus(name, { metadata: { resourceVersion }, status: { arbiter } });
    }
    case 'update-status':
      return volumes.patchStatus(name, { metadata: { resourceVersion }, status: action.status });
    default:
      return action satisfies never;
  }
}

/** The word of the operator and the silence of the node, from the API server itself. */
async function requireGivenUp(deps: ControllerDeps, name: string): Promise<void> {
  const [node, lease] = await Promise.all([
    deps.client.resource(NODES).find(name),
    deps.client.resource(LEASES).find(nodeLeaseName(name), SYSTEM_NAMESPACE),
  ]);
  if (!isGivenUp(node, lease)) throw new AppError('aborted', `node ${name} is not given up any more`);
}
