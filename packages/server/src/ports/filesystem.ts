import type { FsType } from '@holdfast/api/schema/volume.ts';

/** What a low-level probe found on a device. `unknown` is never `blank`. */
export type ProbeResult =
  | { readonly state: 'blank' }
  | { readonly state: 'signature'; readonly type: string; readonly usage: string }
  | { readonly state: 'unknown'; readonly why: string };

export interface MountEntry {
  readonly device: string;
  readonly majorMinor: string;
  readonly mountPath: string;
  readonly fsType: string;
  readonly options: string;
}

/** File systems and mounts. Every touch of a volume path is a child process with a deadline; mounts are read from mountinfo. */
export interface FileSystems {
  /** blkid -p with all usages, after an explicit read of the first and last MiB (INV-6, csi-checklist 6.C). */
  probe(device: string): Promise<ProbeResult>;
  /** mkfs with a feature set that old kernels mount. Never with force. Throws `failed_precondition` when not blank. */
  mkfs(device: string, fsType: FsType): Promise<void>;
  /** Removes the signatures of our own interrupted mkfs. Caller proves that it was ours and never finished. */
  wipeInterruptedFormat(device: string): Promise<void>;
  fsck(device: string, fsType: FsType): Promise<{ ok: true } | { ok: false; message: string }>;
  mounts(): Promise<MountEntry[]>;
  mount(args: { device: string; path: string; fsType: FsType; readOnly: boolean }): Promise<void>;
  /** Until no entry is left at path. `busy` lists the pids that hold it. */
  unmount(path: string): Promise<{ ok: true } | { ok: false; busy: boolean; holders: string[]; message: string }>;
  /** Lazy unmount, for a device that can no longer answer (zombie path). */
  unmountLazy(path: string): Promise<void>;
  /** Ends (SIGKILL) the processes that hold the path or device; returns their pids. Zombie path only. */
  killHolders(target: string): Promise<string[]>;
  growFs(args: { device: string; path: string; fsType: FsType }): Promise<void>;
  deviceSizeBytes(device: string): Promise<number>;
  makeMountPoint(path: string): Promise<void>;
  removeMountPoint(path: string): Promise<void>;
}
