/**
 * LVM as the agent needs it. Every object that Holdfast makes carries tags; INV-7: nothing without them is touched.
 * Errors: AppError `not_found`, `already_exists`, `resource_exhausted` (no space; thin pool full), `failed_precondition`
 * (in use), `deadline_exceeded`, `internal`.
 */
export interface VolumeGroup {
  readonly name: string;
  readonly uuid: string;
  readonly sizeBytes: number;
  readonly freeBytes: number;
  readonly extentBytes: number;
  readonly tags: readonly string[];
  /** Kernel paths of its physical volumes that are present. */
  readonly pvs: readonly string[];
  readonly missingPvs: number;
  /** Bytes left in the VG metadata area (vg_mda_free). */
  readonly metadataFreeBytes: number;
}

export interface PhysicalVolume {
  /** Kernel path; undefined while the device is missing. */
  readonly path: string | undefined;
  readonly uuid: string;
  /** undefined: belongs to no volume group (yet). */
  readonly vg: string | undefined;
  readonly sizeBytes: number;
  /** Says LVM that a volume group uses it, even when that group's metadata cannot be seen here? Then it is no orphan. */
  readonly inUse: boolean;
}

export interface LogicalVolume {
  readonly name: string;
  readonly vg: string;
  readonly uuid: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly tags: readonly string[];
  readonly kind: 'linear' | 'thin' | 'thin-pool' | 'other';
  /** Thin: the pool it lives in. */
  readonly pool: string | undefined;
  readonly active: boolean;
  readonly open: boolean;
  /** Thin volumes and pools. */
  readonly dataPercent: number | undefined;
  readonly metadataPercent: number | undefined;
  /** Thin pools only. */
  readonly chunkBytes: number | undefined;
  readonly metadataBytes: number | undefined;
  /** Health or other trouble in lv_attr / lv_health_status, empty when fine. */
  readonly trouble: string;
}

export interface LvmInventory {
  readonly vgs: readonly VolumeGroup[];
  readonly lvs: readonly LogicalVolume[];
  readonly pvs: readonly PhysicalVolume[];
}

/** Usage of a thin pool as device-mapper tells it (one ioctl, no scan of disks). */
export interface ThinUsage {
  readonly vg: string;
  readonly pool: string;
  readonly dataPercent: number;
  readonly metadataPercent: number;
  /** out-of-data-space, read-only, failed, needs check; empty when fine. */
  readonly trouble: string;
}

/** A thin pool to be made. */
export interface NewThinPool {
  readonly vg: string;
  readonly pool: string;
  readonly tags: readonly string[];
  readonly dataBytes: number;
  readonly metadataBytes: number;
  readonly chunkBytes: number;
}

export interface Lvm {
  /** e.g. `2.03.16(2)`. Throws `unavailable` when LVM is not installed. */
  version(): Promise<string>;
  /** One `fullreport`. Throws when LVM fails: never an empty inventory by accident. */
  inventory(): Promise<LvmInventory>;
  /** Usage of all active thin pools of ours, cheap enough for every 30 s. */
  thinUsage(): Promise<ThinUsage[]>;
  /**
   * Labels a device as a physical volume with this UUID (6-4-4-4-4-4-6 characters), with a metadata area large enough
   * for tens of thousands of LVs. Idempotent for the same device and UUID. Never with force: a device that carries any
   * signature or partition is `failed_precondition`.
   */
  createPv(args: { device: string; uuid: string }): Promise<void>;
  /**
   * vgcreate with tags and 4 MiB extents on devices that {@link createPv} labelled. Idempotent when the group exists and
   * carries all tags; `already_exists` when it exists without them.
   */
  createVg(args: { vg: string; devices: readonly string[]; tags: readonly string[] }): Promise<void>;
  /** Adds labelled devices; those that are in the group already are skipped. */
  extendVg(args: { vg: string; devices: readonly string[] }): Promise<void>;
  /**
   * A thin pool of these sizes (core/pool decides them), active. Zeroing on, discards passed down, errors at once when it
   * is full, a metadata spare for repairs. Idempotent. Something half-made of the same name that carries `tags` is removed
   * first (INV-7); `already_exists` when the name is taken by something else.
   */
  createThinPool(args: NewThinPool): Promise<void>;
  /** Grows to these sizes, metadata first; sizes that it has already are left alone. */
  growThinPool(args: { vg: string; pool: string; dataBytes: number; metadataBytes: number }): Promise<void>;
  /**
   * Exact size in bytes, a multiple of the extent (`invalid_argument` otherwise). Wipes signatures (-W y). Tagged
   * atomically with creation, active afterwards. Idempotent when an LV with the same tags and size exists;
   * `already_exists` when it differs.
   */
  createLv(args: {
    vg: string;
    lv: string;
    sizeBytes: number;
    tags: readonly string[];
    thinPool?: string;
  }): Promise<void>;
  /** Grows to exactly sizeBytes; a no-op when already that size; refuses to shrink (`failed_precondition`). */
  extendLv(args: { vg: string; lv: string; sizeBytes: number }): Promise<void>;
  /**
   * Fills it with zeros and takes `pendingTag` off it, in this order, so that a crash in between wipes again. A no-op
   * without the tag: what is in use is never wiped.
   */
  wipeLv(args: { vg: string; lv: string; pendingTag: string }): Promise<void>;
  /** Removes it after checking, in the same call chain, that it carries `requiredTag` (INV-7). `not_found` is success. */
  removeLv(args: { vg: string; lv: string; requiredTag: string }): Promise<void>;
  activateVg(vg: string): Promise<void>;
  activateLv(args: { vg: string; lv: string }): Promise<void>;
  /** `failed_precondition` while it is open. */
  deactivateLv(args: { vg: string; lv: string }): Promise<void>;
  /** Removes the group (with its thin pool, when no LV is left) and the labels of its devices. `not_found` is success. */
  removeVg(args: { vg: string; requiredTag: string }): Promise<void>;
}
