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
  /** Kernel paths of its physical volumes. */
  readonly pvs: readonly string[];
  readonly missingPvs: number;
  /** Bytes left in the VG metadata area (vg_mda_free). */
  readonly metadataFreeBytes: number;
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
  /** Health or other trouble in lv_attr / lv_health_status, empty when fine. */
  readonly trouble: string;
}

export interface LvmInventory {
  readonly vgs: readonly VolumeGroup[];
  readonly lvs: readonly LogicalVolume[];
}

export interface Lvm {
  version(): Promise<string>;
  /** One `fullreport`. Throws when LVM fails: never an empty inventory by accident. */
  inventory(): Promise<LvmInventory>;
  /** pvcreate (larger metadata area) + vgcreate with tags, idempotent when the VG already carries the tags. Never with force. */
  createVg(args: { vg: string; devices: readonly string[]; tags: readonly string[] }): Promise<void>;
  extendVg(args: { vg: string; devices: readonly string[] }): Promise<void>;
  /** Thin pool filling the VG but `reserveBytes` for metadata repair; zeroing on; discards passdown; errorwhenfull as given. */
  createThinPool(args: { vg: string; pool: string; tags: readonly string[] }): Promise<void>;
  /** Exact size in bytes, a multiple of the extent. Wipes signatures (-W y -Zy). Tagged atomically with creation. */
  createLv(args: {
    vg: string;
    lv: string;
    sizeBytes: number;
    tags: readonly string[];
    thinPool?: string;
  }): Promise<void>;
  /** Grows to exactly sizeBytes; a no-op when already that size; refuses to shrink. */
  extendLv(args: { vg: string; lv: string; sizeBytes: number }): Promise<void>;
  /** Removes it after checking, in the same call chain, that it carries `requiredTag` (INV-7). `not_found` is success. */
  removeLv(args: { vg: string; lv: string; requiredTag: string }): Promise<void>;
  activateVg(vg: string): Promise<void>;
  activateLv(args: { vg: string; lv: string }): Promise<void>;
  deactivateLv(args: { vg: string; lv: string }): Promise<void>;
  removeVg(args: { vg: string; requiredTag: string }): Promise<void>;
}
