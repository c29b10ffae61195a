import type { NodeDisk } from '@holdfast/api/schema/node.ts';

/**
 * Facts of the machine, read from /proc and /sys.
 *
 * Stable id of a disk, first that exists; the same with and without udev, equal to udev's link in /dev/disk/by-id where
 * udev makes one:
 * 1. device-mapper: `dm-uuid-<uuid>` (multipath: `dm-uuid-mpath-3600...`);
 * 2. the kernel's wwid: `wwn-0x5000...` (naa), `nvme-eui....`, `nvme-uuid....`, otherwise `wwid-<text>`;
 * 3. a serial number: `virtio-<serial>`, `nvme-<model>_<serial>`, `<bus>-<model>_<serial>`.
 * Every other link in /dev/disk/by-id that points to the disk is accepted in its place, and the id of a path of a
 * multipath device leads to that device. A disk without any of them
 * cannot be named in a pool, because nothing would tell it from another one after a reboot.
 */
export interface Host {
  /** uname -n. */
  hostname(): Promise<string>;
  bootId(): Promise<string>;
  kernelVersion(): Promise<string>;
  isRoot(): boolean;
  /** Global addresses of interfaces that are up; no loopback, no link-local. */
  addresses(): Promise<{ interface: string; address: string; prefix: number }[]>;
  /** Every whole disk, with what is on it; read from /sys, signatures from blkid. Loop, ram and DRBD devices are left out. */
  disks(): Promise<NodeDisk[]>;
  /** Re-probes one disk right before use and says why it must not be touched, or null. */
  whyDiskNotFree(id: string): Promise<string | null>;
  /** Names of the devices that lie above this device or one of its partitions (multipath, RAID, LUKS, mapper). */
  holders(path: string): Promise<string[]>;
  /** Kernel path of a stable id, or undefined. Throws `failed_precondition` when two disks carry it. */
  diskPath(id: string): Promise<string | undefined>;
  /** Loads kernel modules; missing ones are reported, not thrown. */
  loadModules(names: readonly string[]): Promise<{ missing: string[] }>;
  /** A sparse file attached to a loop device; idempotent; grows, never shrinks; returns the device path (pool type `file`). */
  attachLoop(file: string, sizeBytes: number): Promise<string>;
  /** Device that the file is attached to now, or undefined. */
  loopDevice(file: string): Promise<string | undefined>;
  /** Not attached is success. The file stays. */
  detachLoop(file: string): Promise<void>;
}
