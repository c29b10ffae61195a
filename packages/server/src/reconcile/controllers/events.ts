import type { EventText } from '@holdfast/api/client/events.ts';
import type { Condition } from '@holdfast/api/schema/meta.ts';
import type { VolumeAction } from '../../core/volume/types.ts';

/** Reasons of conditions that deserve a look when they appear. */
const WARNINGS: ReadonlySet<string> = new Set([
  'NoPlace',
  'NoSpace',
  'Unavailable',
  'Degraded',
  'NodeNotFound',
  'NodeNotReady',
  'NoReplicaOnNode',
  'ReplicaLeaving',
  'NotInSync',
  'NeedsReducedRedundancy',
  'WaitingForRelease',
]);

/** Reasons that say that all is well again. */
const GOOD: ReadonlySet<string> = new Set(['InSync', 'Attached', 'Usable']);

/**
 * What an executed step tells people: the same words as `hf plan` and `hf explain`. The vocabulary of reasons is this
 * file's and that of the conditions in core/volume.
 */
export function eventsOf(action: VolumeAction, before: readonly Condition[]): EventText[] {
  switch (action.type) {
    case 'create-replica':
      return [
        { type: 'Normal', reason: 'ReplicaPlaced', message: `${action.replica.metadata.name} on ${action.reason}` },
      ];
    case 'delete-replica':
      return [{ type: 'Normal', reason: 'ReplicaRemoved', message: `${action.replica}: ${action.reason}` }];
    case 'forget-replica':
      return [{ type: 'Warning', reason: 'ReplicaForgotten', message: `${action.replica}: ${action.reason}` }];
    case 'arbiter-remove':
      return [{ type: 'Normal', reason: 'LeftInSyncSet', message: action.reason }];
    case 'update-replica':
      return updateEvents(action.replica, action.patch, action.reason);
    case 'update-status':
      return (action.status.conditions ?? []).flatMap((condition) => conditionEvent(condition, before) ?? []);
    case 'add-finalizer':
    case 'remove-finalizer':
    case 'reserve-ordinals':
      return [];
    default:
      return action satisfies never;
  }
}

function updateEvents(replica: string, patch: Readonly<Record<string, unknown>>, reason: string): EventText[] {
  const message = `${replica}: ${reason}`;
  if (patch['attach'] === null) return [{ type: 'Normal', reason: 'Detaching', message }];
  if (patch['attach'] !== undefined) {
    return reason.startsWith('failover')
      ? [{ type: 'Warning', reason: 'Failover', message }]
      : [{ type: 'Normal', reason: 'Attaching', message }];
  }
  if (patch['layout'] !== undefined) return [{ type: 'Normal', reason: 'Replicating', message }];
  if (patch['sizeBytes'] !== undefined) return [{ type: 'Normal', reason: 'Growing', message }];
  return [];
}

function conditionEvent(condition: Condition, before: readonly Condition[]): EventText | undefined {
  const old = before.find((candidate) => candidate.type === condition.type);
  if (old?.status === condition.status && old.reason === condition.reason && old.message === condition.message) {
    return undefined;
  }
  if (WARNINGS.has(condition.reason)) return { type: 'Warning', reason: condition.reason, message: condition.message };
  const changed = old?.status !== condition.status || old.reason !== condition.reason;
  return changed && GOOD.has(condition.reason)
    ? { type: 'Normal', reason: condition.reason, message: condition.message }
    : undefined;
}
