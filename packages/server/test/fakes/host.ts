import { AppError } from '@holdfast/api/errors.ts';
import type { NodeDisk } from '@holdfast/api/schema/node.ts';
import { whyNotFree } from '../../src/adapters/host/disk-use.ts';
import type { Host } from '../../src/ports/host.ts';
import type { FakeFiles } from './files.ts';
import { FakeDevices } from './host-devices.ts';

/** A fake machine: disks by stable id, loop devices, modules. */
export class FakeHost implements Host {
  readonly devices: FakeDevices;
  readonly #name: string;
  readonly #disks = new Map<string, string>();
  readonly #loops = new Map<string, string>();
  readonly #files: FakeFiles | undefined;
  readonly loaded = new Set<string>();
  /** Modules that this kernel does not have. */
  readonly missingModules = new Set<string>();
  root = true;
  boots = 1;
  addressList = [{ interface: 'eth0', address: '192.0.2.1', prefix: 24 }];
  #loopNumber = 0;

  constructor(options: { name?: string; devices?: FakeDevices; files?: FakeFiles } = {}) {
    this.#name = options.name ?? 'n1';
    this.devices = options.devices ?? new FakeDevices();
    this.#files = options.files;
  }

  /** A blank disk. */
  addDisk(id: string, path: string, sizeBytes: number): void {
    this.devices.add(path, sizeBytes);
    this.#disks.set(id, path);
  }

  /** Pulls the disk out. What was on it comes back with {@link plugIn}. */
  pullOut(id: string): () => void {
    const path = this.#disks.get(id);
    const device = path === undefined ? undefined : this.devices.get(path);
    if (path === undefined || device === undefined) throw new Error(`no disk ${id}`);
    this.#disks.delete(id);
    this.devices.remove(path);
    return () => {
      const again = this.devices.add(path, device.sizeBytes);
      again.signature = device.signature;
      this.#disks.set(id, path);
    };
  }

  reboot(): void {
    this.boots += 1;
    for (const device of this.#loops.values()) this.devices.remove(device);
    this.#loops.clear();
    this.loaded.clear();
  }

  async hostname(): Promise<string> {
    return this.#name;
  }

  async bootId(): Promise<string> {
    return `${this.#name}-boot-${this.boots}`;
  }

  async kernelVersion(): Promise<string> {
    return '6.1.0-fake';
  }

  isRoot(): boolean {
    return this.root;
  }

  async addresses(): Promise<{ interface: string; address: string; prefix: number }[]> {
    return [...this.addressList];
  }

  async disks(): Promise<NodeDisk[]> {
    return [...this.#disks].map(([id, path]) => this.#disk(id, path));
  }

  async whyDiskNotFree(id: string): Promise<string | null> {
    const path = this.#disks.get(id);
    return path === undefined ? `disk ${id} is not on this node; see hf disk list` : whyNotFree(this.#disk(id, path));
  }

  async holders(path: string): Promise<string[]> {
    return [...(this.devices.get(path)?.holders ?? [])];
  }

  async diskPath(id: string): Promise<string | undefined> {
    return this.#disks.get(id);
  }

  async loadModules(names: readonly string[]): Promise<{ missing: string[] }> {
    for (const name of names) if (!this.missingModules.has(name)) this.loaded.add(name);
    return { missing: names.filter((name) => this.missingModules.has(name)) };
  }

  async attachLoop(file: string, sizeBytes: number): Promise<string> {
    await this.#files?.write(file, '');
    const existing = this.#loops.get(file);
    if (existing !== undefined) {
      const device = this.devices.get(existing);
      if (device !== undefined) device.sizeBytes = Math.max(device.sizeBytes, sizeBytes);
      return existing;
    }
    const path = `/dev/loop${this.#loopNumber++}`;
    this.devices.add(path, sizeBytes);
    this.#loops.set(file, path);
    return path;
  }

  async loopDevice(file: string): Promise<string | undefined> {
    return this.#loops.get(file);
  }

  async detachLoop(file: string): Promise<void> {
    const device = this.#loops.get(file);
    if (device === undefined) return;
    this.devices.remove(device);
    this.#loops.delete(file);
  }

  #disk(id: string, path: string): NodeDisk {
    const device = this.devices.get(path);
    if (device === undefined) throw new AppError('internal', `the fake disk ${id} has no device`);
    const common = { id, path, sizeBytes: device.sizeBytes, rotational: false, readOnly: false };
    const [holder] = device.holders;
    if (device.unreadable !== undefined) return { ...common, use: 'unknown', usedBy: device.unreadable };
    if (holder?.startsWith('lvm ') || device.signature?.type === 'LVM2_member') {
      return { ...common, use: 'lvm', usedBy: holder?.slice(4) ?? 'LVM2_member' };
    }
    if (holder?.startsWith('mount ')) return { ...common, use: 'mounted', usedBy: holder.slice(6) };
    if (holder !== undefined) return { ...common, use: 'holder', usedBy: holder };
    if (device.signature !== undefined) return { ...common, use: 'filesystem', usedBy: device.signature.type };
    return { ...common, use: 'free' };
  }
}
