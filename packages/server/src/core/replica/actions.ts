import type { FsType } from '@holdfast/api/schema/volume.ts';

/** What the agent may do for one replica. Plain data with a reason: logs, Events and `hf plan` show the same thing. */
export type ReplicaAction = { readonly reason: string } & (
  | { readonly type: 'create-data-lv'; readonly sizeBytes: number; readonly thin: boolean }
  | { readonly type: 'create-metadata-lv'; readonly sizeBytes: number; readonly thin: boolean }
  | { readonly type: 'wipe-metadata-lv' }
  | { readonly type: 'activate-lv'; readonly which: 'data' | 'meta' }
  | { readonly type: 'extend-lv'; readonly which: 'data' | 'meta'; readonly sizeBytes: number }
  | { readonly type: 'create-metadata' }
  | { readonly type: 'mark-source' }
  | { readonly type: 'write-config' }
  | { readonly type: 'adjust' }
  | { readonly type: 'connect' }
  | { readonly type: 'skip-initial-sync' }
  | { readonly type: 'record-bootstrap'; readonly members: readonly string[] }
  | { readonly type: 'promote' }
  | { readonly type: 'readmit' }
  | { readonly type: 'record-disk-lost' }
  | { readonly type: 'format'; readonly fsType: FsType }
  | { readonly type: 'mount'; readonly fsType: FsType; readonly readOnly: boolean }
  | { readonly type: 'link-device' }
  | { readonly type: 'unlink-device' }
  | { readonly type: 'resize-device'; readonly assumeClean: boolean }
  | { readonly type: 'grow-filesystem'; readonly fsType: FsType }
  | { readonly type: 'unmount' }
  | { readonly type: 'unmount-foreign'; readonly paths: readonly string[] }
  | { readonly type: 'demote' }
  | { readonly type: 'record-demote' }
  | { readonly type: 'end-holders' }
  | { readonly type: 'fail-paused-io' }
  | { readonly type: 'ask-fence-again' }
  | { readonly type: 'down' }
  | { readonly type: 'remove-config' }
  | { readonly type: 'remove-lv'; readonly which: 'data' | 'meta' }
  | { readonly type: 'remove-finalizer' }
);

/** Actions after which the kernel's DRBD state is read, not taken from the event stream, which may lag behind. */
export const MOVES_DRBD: ReadonlySet<ReplicaAction['type']> = new Set<ReplicaAction['type']>([
  'adjust',
  'connect',
  'skip-initial-sync',
  'promote',
  'resize-device',
  'demote',
  'fail-paused-io',
  'ask-fence-again',
  'down',
]);

/** The plan: what to do now, in this order; then observe again. `blocked` says why nothing (more) can be done. */
export interface ReplicaPlan {
  readonly actions: readonly ReplicaAction[];
  readonly blocked: { readonly reason: string; readonly message: string; readonly failed: boolean } | undefined;
  /** Look again after this many milliseconds even if nothing happens. */
  readonly lookAgainMs: number | undefined;
}
