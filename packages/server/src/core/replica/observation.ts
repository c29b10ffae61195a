import type { PoolType } from '@holdfast/api/schema/pool.ts';
import type { ReplicaSpec, ReplicaStatus } from '@holdfast/api/schema/replica.ts';
import type { ArbiterRecord, FormatRecord } from '@holdfast/api/schema/volume.ts';
import type { DrbdState } from '../../ports/drbd.ts';
import type { MountEntry } from '../../ports/filesystem.ts';
import type { LogicalVolume } from '../../ports/lvm.ts';

/** Something that could not be observed is unknown, never empty: nothing is removed, formatted or promoted on it. */
export type Observed<T> =
  | { readonly state: 'known'; readonly value: T }
  | { readonly state: 'unknown'; readonly why: string };

export function known<T>(value: T): Observed<T> {
  return { state: 'known', value };
}

export function unknown(why: string): Observed<never> {
  return { state: 'unknown', why };
}

/** The parts of the Volume that the agent decides on, as just read from the API server (never from a cache). */
export interface VolumeView {
  readonly name: string;
  readonly deleting: boolean;
  readonly record: ArbiterRecord;
  readonly format: FormatRecord;
}

/** Everything the plan of one replica may look at. Plain data. */
export interface ReplicaObservation {
  readonly name: string;
  readonly uid: string;
  readonly deleting: boolean;
  readonly generation: number;
  readonly spec: ReplicaSpec;
  readonly status: ReplicaStatus;
  /** `undefined` value: the Volume is gone (or another one with the same name took its place). */
  readonly volume: Observed<VolumeView | undefined>;
  readonly pool:
    | { readonly type: PoolType; readonly ready: boolean; readonly full: boolean; readonly message: string }
    | undefined;
  readonly dataLv: Observed<LogicalVolume | undefined>;
  readonly metaLv: Observed<LogicalVolume | undefined>;
  /** Does the metadata LV hold DRBD metadata? Only looked at while the resource is not up. */
  readonly metadata: Observed<'valid' | 'blank'>;
  /** The kernel's state of the resource; `undefined` value: not configured in the kernel. */
  readonly drbd: Observed<DrbdState | undefined>;
  /** Does our resource file exist and say what the spec says? */
  readonly config: 'current' | 'stale' | 'absent';
  /** Bytes the metadata LV must have. */
  readonly metadataBytes: number;
  readonly mounts: Observed<readonly MountEntry[]>;
  readonly device: string;
  readonly mountPath: string;
  /** Size of the usable device in bytes, when it could be read. */
  readonly deviceSizeBytes: number | undefined;
  /** Device size up to which the file system was grown. */
  readonly grownToBytes: number | undefined;
  readonly linkCurrent: boolean;
  /** Why this node could not freeze safely on the loss of a peer (the fence-peer helper is not in place), or null. */
  readonly unprotected: string | null;
  /** The kernel waits for a fence verdict at this moment. */
  readonly fencePending: boolean;
}
