import type { FsType } from '@holdfast/api/schema/volume.ts';

/** What a low-level probe found on a device. `unknown` is never `blank`. */
export type ProbeResult =
  | { readonly state: 'blank' }
  | { readonly state: 'signature'; readonly type: string; readonly usage: string }
  | { readonly state: 'unknown'; readonly why: string };

export interface MountEntry {
  /** Mount source as the kernel shows it, normally the device path that was mounted. */
  readonly device: string;
  /** `major:minor` of the file system; an anonymous number for btrfs. */
  readonly majorMinor: string;
  readonly mountPath: string;
  readonly fsType: string;
  /** Options of the mount, then those of the file system, comma-separated. */
  readonly options: string;
  /** Which part of the file system is mounted: `/`, or the path of a bind mount's source inside it. */
  readonly root: string;
  /** Mount order: of two entries at one path the later hides the earlier. */
  readonly id: number;
}

/**
 * File systems and mounts. Every touch of a volume path is a child process with a deadline; mounts are read from
 * mountinfo. Errors: `failed_precondition` (not blank, busy, other mount), `invalid_argument`, `deadline_exceeded`, `internal`.
 */
export interface FileSystems {
  /** blkid -p with all usages, after an explicit read of the first and last MiB (INV-6, csi-checklist 6.C). Never throws for a bad device: that is `unknown`. */
  probe(device: string): Promise<ProbeResult>;
  /** mkfs with a feature set that old kernels mount. Never with force. Throws `failed_precondition` when not blank. */
  mkfs(device: string, fsType: FsType): Promise<void>;
  /** Removes the signatures of our own interrupted mkfs. Caller proves that it was ours and never finished. Refuses while mounted. */
  wipeInterruptedFormat(device: string): Promise<void>;
  /** Repairs what is safe without asking (ext4 preen); xfs and btrfs recover while mounting. Not to be called on a mounted device. */
  fsck(device: string, fsType: FsType): Promise<{ ok: true } | { ok: false; message: string }>;
  mounts(): Promise<MountEntry[]>;
  /**
   * Idempotent: the same device already mounted there with the same access is success; anything else mounted there is
   * `failed_precondition`. The mount point must exist.
   */
  mount(args: {
    device: string;
    path: string;
    fsType: FsType;
    readOnly: boolean;
    /** For mount(8), besides ro and rw. They are not compared with what is mounted already. */
    options?: readonly string[];
  }): Promise<void>;
  /** Until no entry is left at path; not mounted is success. `busy` lists the pids that hold it. */
  unmount(path: string): Promise<{ ok: true } | { ok: false; busy: boolean; holders: string[]; message: string }>;
  /** Lazy unmount, for a device that can no longer answer (zombie path). */
  unmountLazy(path: string): Promise<void>;
  /** Ends (SIGKILL) the processes that hold the mount point or device; returns their pids. Zombie path only. */
  killHolders(target: string): Promise<string[]>;
  /** Grows a mounted file system to its device. A no-op when it is that large already. */
  growFs(args: { device: string; path: string; fsType: FsType }): Promise<void>;
  deviceSizeBytes(device: string): Promise<number>;
  /** With parents, mode 0700; existing is success. */
  makeMountPoint(path: string): Promise<void>;
  /** rmdir only, never recursive; missing is success, something inside is `failed_precondition`. */
  removeMountPoint(path: string): Promise<void>;
}
