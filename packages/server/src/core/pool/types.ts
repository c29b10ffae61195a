import type { PoolNode, PoolType } from '@holdfast/api/schema/pool.ts';
import type { LvmInventory } from '../../ports/lvm.ts';

/** What the Pool object wants on this node. */
export interface WantedPool {
  readonly name: string;
  readonly uid: string;
  readonly type: PoolType;
  /** This node's entry of `spec.nodes`. */
  readonly node: PoolNode;
  /** Thin usage from which the pool counts as nearly full. */
  readonly stopAtDataPercent: number;
  /** Disk id -> name of an older pool that names the same disk on this node. */
  readonly claimedBy: ReadonlyMap<string, string>;
}

/** One disk that the pool names, as it was seen. */
export interface SeenDisk {
  readonly id: string;
  /** undefined: not on this node. */
  readonly path: string | undefined;
  /** Why it must not be touched; null: free. Not asked (undefined) while LVM says that it is in use. */
  readonly whyNotFree: string | null | undefined;
  /** Devices above it, when it carries our label and LVM knows of no group: LVM may see a path below multipath. */
  readonly heldBy?: readonly string[];
}

/** What is so on this node. */
export interface SeenPool {
  readonly inventory: LvmInventory;
  readonly disks: readonly SeenDisk[];
  /** Type `file`. */
  readonly loop: { readonly file: string; readonly exists: boolean; readonly device: string | undefined } | undefined;
  /** This pool was complete on this node before: it is never made a second time, that would hide the loss of its data. */
  readonly wasReady: boolean;
}

export type PoolAction =
  | { readonly kind: 'attach-loop'; readonly file: string; readonly sizeBytes: number; readonly reason: string }
  | {
      readonly kind: 'create-pv';
      readonly disk: string;
      readonly device: string;
      readonly uuid: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'create-vg';
      readonly vg: string;
      readonly devices: readonly string[];
      readonly tags: readonly string[];
      readonly reason: string;
    }
  | { readonly kind: 'extend-vg'; readonly vg: string; readonly devices: readonly string[]; readonly reason: string }
  | {
      readonly kind: 'create-thin-pool';
      readonly vg: string;
      readonly pool: string;
      readonly tags: readonly string[];
      readonly dataBytes: number;
      readonly metadataBytes: number;
      readonly chunkBytes: number;
      readonly reason: string;
    }
  | {
      readonly kind: 'grow-thin-pool';
      readonly vg: string;
      readonly pool: string;
      readonly dataBytes: number;
      readonly metadataBytes: number;
      readonly reason: string;
    }
  | { readonly kind: 'activate-vg'; readonly vg: string; readonly reason: string };

/** Why a pool cannot be what it should be; `reason` in CamelCase, `message` for people with the remedy. */
export interface PoolProblem {
  readonly reason: string;
  readonly message: string;
}
