/** A block device of a fake machine: what low-level tools would find on it. */
export interface FakeDevice {
  readonly path: string;
  sizeBytes: number;
  signature: { readonly type: string; readonly usage: string } | undefined;
  /** A read fails: a dead disk, or a DRBD device that is not primary. */
  unreadable: string | undefined;
  /** Who has it open: mount points, DRBD, mapper devices. */
  readonly holders: Set<string>;
  readonly majorMinor: string;
  /** Told of every write; throws when there is no room (a thin volume in a full pool). */
  onWrite: ((bytes: number) => void) | undefined;
}

/** The block devices of one fake machine, shared by the fakes of LVM, file systems, host and DRBD. */
export class FakeDevices {
  readonly #devices = new Map<string, FakeDevice>();
  #minor = 0;

  add(path: string, sizeBytes: number): FakeDevice {
    this.#minor += 1;
    const device: FakeDevice = {
      path,
      sizeBytes,
      signature: undefined,
      unreadable: undefined,
      holders: new Set(),
      majorMinor: `253:${this.#minor}`,
      onWrite: undefined,
    };
    this.#devices.set(path, device);
    return device;
  }

  get(path: string): FakeDevice | undefined {
    return this.#devices.get(path);
  }

  remove(path: string): void {
    this.#devices.delete(path);
  }

  paths(): string[] {
    return [...this.#devices.keys()].sort();
  }
}
