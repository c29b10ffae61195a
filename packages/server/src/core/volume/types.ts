import type { Condition, Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica, ReplicaSpec } from '@holdfast/api/schema/replica.ts';
import type { ArbiterRecord, Volume, VolumePhase } from '@holdfast/api/schema/volume.ts';
import type { ClusterView, NodeVerdict } from '../placement/types.ts';

/** Everything the plan of one volume may look at. Plain data; a replica list that could not be read is not given at all. */
export interface VolumeObservation {
  readonly volume: Stored<Volume>;
  /** Every Replica object that names this volume, those being deleted and those of an older namesake included. */
  readonly replicas: readonly Stored<Replica>[];
  readonly cluster: ClusterView;
  /** RFC 3339, UTC; only for timestamps. */
  readonly now: string;
}

/** The fields of Volume.status that the controller writes. `null` removes one (JSON merge patch). */
export interface VolumeStatusPatch {
  readonly phase?: VolumePhase;
  readonly sizeBytes?: number;
  readonly allocatedBytes?: number | null;
  readonly attachedTo?: string | null;
  readonly conditions?: readonly Condition[];
}

/**
 * One step: one API call. Steps are executed in order; after a failure the plan is made anew from a fresh observation.
 * `reason` says why in words, for `hf plan`, logs and Events.
 */
export type VolumeAction = { readonly reason: string } & (
  | { readonly type: 'add-finalizer'; readonly finalizers: readonly string[] }
  | { readonly type: 'remove-finalizer'; readonly finalizers: readonly string[] }
  /** status.nextReplica by compare-and-swap, before any object with such an ordinal exists: a name is never used twice. */
  | { readonly type: 'reserve-ordinals'; readonly nextReplica: number }
  | { readonly type: 'create-replica'; readonly replica: Replica }
  /** JSON merge patch of the spec, on exactly the object that was observed. `spec` is the result. */
  | {
      readonly type: 'update-replica';
      readonly replica: string;
      readonly resourceVersion: string;
      readonly patch: Readonly<Record<string, unknown>>;
      readonly spec: ReplicaSpec;
    }
  | { readonly type: 'delete-replica'; readonly replica: string; readonly uid: string }
  /** The agent's finalizer, in place of an agent that an operator gave up. */
  | {
      readonly type: 'forget-replica';
      readonly replica: string;
      readonly node: string;
      readonly resourceVersion: string;
      readonly finalizers: readonly string[];
    }
  /** Design 3.1 rule 5, by compare-and-swap on exactly the Volume that was observed. */
  | { readonly type: 'arbiter-remove'; readonly replica: string; readonly next: ArbiterRecord }
  | { readonly type: 'update-status'; readonly status: VolumeStatusPatch }
);

export interface VolumePlan {
  readonly actions: readonly VolumeAction[];
  /** Set when replicas are to be placed and there is no place: try again when the cluster changes. */
  readonly waitsForPlace: boolean;
  /** Of the last placement that the plan made, for explain. */
  readonly verdicts: readonly NodeVerdict[] | undefined;
}

/**
 * Steps that create, remove or decide something: planned from a fresh read of the volume and its replicas, never from a
 * cache. The others repeat harmlessly.
 */
export function needsFreshRead(action: VolumeAction): boolean {
  switch (action.type) {
    case 'reserve-ordinals':
    case 'create-replica':
    case 'delete-replica':
    case 'forget-replica':
    case 'arbiter-remove':
    case 'remove-finalizer':
      return true;
    case 'add-finalizer':
    case 'update-replica':
    case 'update-status':
      return false;
    default:
      return action satisfies never;
  }
}

/** Steps that take space or numbers: planned and reserved one volume at a time. */
export function takesCapacity(action: VolumeAction): boolean {
  return (
    action.type === 'create-replica' ||
    (action.type === 'update-replica' && ('sizeBytes' in action.patch || 'drbd' in action.patch))
  );
}
