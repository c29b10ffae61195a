import type { NodeDisk } from '@holdfast/api/schema/node.ts';

/** Facts of the machine, read from /proc and /sys. */
export interface Host {
  /** uname -n. */
  hostname(): Promise<string>;
  bootId(): Promise<string>;
  kernelVersion(): Promise<string>;
  isRoot(): boolean;
  addresses(): Promise<{ interface: string; address: string; prefix: number }[]>;
  /** Every whole disk, with what is on it; read from /sys, signatures from blkid. Loop, ram and DRBD devices are left out. */
  disks(): Promise<NodeDisk[]>;
  /** Re-probes one disk right before use and says why it must not be touched, or null. */
  whyDiskNotFree(id: string): Promise<string | null>;
  /** Kernel path of a stable id, or undefined. */
  diskPath(id: string): Promise<string | undefined>;
  /** Loads kernel modules; missing ones are reported, not thrown. */
  loadModules(names: readonly string[]): Promise<{ missing: string[] }>;
  /** A sparse file attached to a loop device; idempotent; returns the device path (pool type `file`). */
  attachLoop(file: string, sizeBytes: number): Promise<string>;
  detachLoop(file: string): Promise<void>;
}
