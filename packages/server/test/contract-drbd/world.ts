import type { Drbd } from '../../src/ports/drbd.ts';
import type { FenceGate } from '../../src/ports/fence.ts';

/**
 * Two nodes with DRBD, as the contract suite needs them: made of VMs (lab-world.ts) or of the fake (fake-world.ts).
 * Everything that is not behind the ports Drbd and FenceGate is here.
 */
export interface ContractNode {
  readonly name: string;
  readonly address: string;
  /** A new driver after each power-on, as a new agent would have. */
  readonly drbd: Drbd;
  readonly fence: FenceGate;
  /** Makes a blank thin data volume and a blank metadata volume. */
  makeDisks(volume: string, sizeBytes: number): Promise<Disks>;
  growDisk(volume: string, sizeBytes: number): Promise<void>;
  /** A synchronous write of one 4 KiB block that begins with `text`. `result` settles when the kernel completes it. */
  write(minor: number, block: number, text: string): Promise<PendingWrite>;
  /** `bytes` of not repeating data from `block` on, on the DRBD device; resolves when written. */
  fill(minor: number, block: number, bytes: number): Promise<void>;
  /** Same, on the bare volume under it (only while DRBD is not using it). */
  fillDisk(volume: string, bytes: number): Promise<void>;
  read(minor: number, block: number): Promise<string>;
  /** Checksum of the bare data volume. */
  checksum(volume: string): Promise<string>;
  /** Opens the device and keeps it open. */
  hold(minor: number): Promise<() => Promise<void>>;
  powerOff(): Promise<void>;
  /** Boots and starts what an agent starts: module, volume group, helper. Brings no resource up. */
  powerOn(): Promise<void>;
  /** The kernel's helper is not there. `fence.install()` brings it back. */
  loseHelper(): Promise<void>;
}

export interface Disks {
  readonly disk: string;
  readonly metaDisk: string;
}

export interface PendingWrite {
  readonly result: Promise<'acked' | 'failed'>;
}

export interface ContractWorld {
  readonly a: ContractNode;
  readonly b: ContractNode;
  cut(): Promise<void>;
  heal(): Promise<void>;
  /** Lets (real or virtual) time pass. */
  pause(ms: number): Promise<void>;
  readonly flavour: '8.4' | '9';
}
