/** The loop of one node's replicas: observe, plan, execute, report; until there is nothing left to do. */
import { REPLICAS } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { FINALIZER_REPLICA } from '@holdfast/api/labels.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica, ReplicaStatus } from '@holdfast/api/schema/replica.ts';
import { mergeDiff } from '../../core/merge-diff.ts';
import { MOVES_DRBD, type ReplicaPlan } from '../../core/replica/actions.ts';
import { planReplica } from '../../core/replica/plan.ts';
import { replicaStatus } from '../../core/replica/status.ts';
import type { ReconcileResult } from '../loop.ts';
import type { ExecuteContext } from './deps.ts';
import { executeAction } from './execute.ts';
import { type Look, observeReplica } from './observe.ts';

/** More rounds than any volume needs; a plan that never ends is a bug and must not spin. */
const MAX_ROUNDS = 20;
/** A plan that repeats itself made no progress: look again later, milliseconds. */
const NO_PROGRESS_MS = 3_000;

/** Reconciles one Replica of this node by name. `find` reads the cache. */
export function createReplicaReconciler(
  context: ExecuteContext,
  find: (name: string) => Stored<Replica> | undefined,
): (name: string) => Promise<ReconcileResult> {
  return async (name) => {
    const cached = find(name);
    if (cached === undefined) return {};
    let last: { look: Look; plan: ReplicaPlan; replica: Stored<Replica> } | undefined;
    let previous = '';
    let freshDrbd = false;
    try {
      let replica = await ensureFinalizer(context, cached);
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        const metadataIsBlank = context.blankMetadata.has(cached.metadata.uid);
        const look = await observeReplica(context.deps, context.inventory, replica, { freshDrbd, metadataIsBlank });
        const plan = planReplica(look.observation);
        last = { look, plan, replica };
        const removing = plan.actions.some((action) => action.type === 'remove-finalizer');
        if (!removing) replica = await report(context, replica, replicaStatus(look.observation, plan));
        if (plan.actions.length === 0) return waitOf(plan.lookAgainMs);
        const text = JSON.stringify(plan.actions);
        if (text === previous) return { requeueAfterMs: Math.max(NO_PROGRESS_MS, plan.lookAgainMs ?? 0) };
        previous = text;
        for (const action of plan.actions) {
          context.deps.log.info('replica action', { replica: name, op: action.type, reason: action.reason });
          if (MOVES_DRBD.has(action.type)) freshDrbd = true;
          await executeAction(context, replica, look, action);
        }
        if (removing) return {};
      }
      return { requeueAfterMs: NO_PROGRESS_MS };
    } catch (thrown) {
      const error = AppError.from(thrown);
      if (last !== undefined && error.code !== 'aborted') await reportFailure(context, last, error);
      throw error;
    }
  };
}

function waitOf(ms: number | undefined): ReconcileResult {
  return ms === undefined ? {} : { requeueAfterMs: ms };
}

async function ensureFinalizer(context: ExecuteContext, replica: Stored<Replica>): Promise<Stored<Replica>> {
  const finalizers = replica.metadata.finalizers ?? [];
  if (finalizers.includes(FINALIZER_REPLICA) || replica.metadata.deletionTimestamp !== undefined) return replica;
  return context.deps.client.resource(REPLICAS).patch(replica.metadata.name, {
    metadata: { resourceVersion: replica.metadata.resourceVersion, finalizers: [...finalizers, FINALIZER_REPLICA] },
  });
}

/** Writes the status when it changed. An unreachable API server must not stop the work on the node. */
async function report(
  context: ExecuteContext,
  replica: Stored<Replica>,
  status: ReplicaStatus,
): Promise<Stored<Replica>> {
  const patch = mergeDiff(replica.status ?? {}, status);
  if (patch === undefined) return replica;
  try {
    return await context.deps.client.resource(REPLICAS).patchStatus(replica.metadata.name, { status: patch });
  } catch (thrown) {
    const error = AppError.from(thrown);
    if (error.code === 'unavailable' || error.code === 'deadline_exceeded') {
      context.deps.log.warn('status not reported', { replica: replica.metadata.name, err: error });
      return replica;
    }
    throw error;
  }
}

/** The status says why the node could not do what it should; the next try overwrites it. */
async function reportFailure(
  context: ExecuteContext,
  last: { look: Look; plan: ReplicaPlan; replica: Stored<Replica> },
  error: AppError,
): Promise<void> {
  const reason = error.details.reason ?? 'ActionFailed';
  const plan: ReplicaPlan = { ...last.plan, blocked: { reason, message: error.message, failed: false } };
  const status = replicaStatus(last.look.observation, plan);
  if (last.replica.status?.message !== error.message) {
    context.deps.recorder.record(last.replica, { type: 'Warning', reason: reason, message: error.message });
  }
  await report(context, last.replica, status).catch((failure: unknown) => {
    context.deps.log.warn('status not reported', { replica: last.replica.metadata.name, err: failure });
  });
}
