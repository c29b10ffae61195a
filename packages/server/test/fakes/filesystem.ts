import { AppError } from '@holdfast/api/errors.ts';
import type { FsType } from '@holdfast/api/schema/volume.ts';
import type { FileSystems, MountEntry, ProbeResult } from '../../src/ports/filesystem.ts';
import { FakeDevices } from './host-devices.ts';

const MINIMUM: Readonly<Record<FsType, number>> = { ext4: 2 ** 20, xfs: 300 * 2 ** 20, btrfs: 128 * 2 ** 20 };
/** What mkfs writes at least: journal and tables. */
const MKFS_BYTES = 4 * 2 ** 20;

/** File systems and mounts of a fake machine; pinned by contract-storage/filesystem-contract.ts. */
export class FakeFileSystems implements FileSystems {
  readonly devices: FakeDevices;
  readonly #mounts: MountEntry[] = [];
  readonly #directories = new Set<string>();
  /** Mount point -> pids that hold it. */
  readonly #holders = new Map<string, Set<string>>();
  /** Device -> size of its file system. */
  readonly fsBytes = new Map<string, number>();
  #mountId = 100;

  constructor(devices: FakeDevices = new FakeDevices()) {
    this.devices = devices;
  }

  async probe(device: string): Promise<ProbeResult> {
    const found = this.devices.get(device);
    if (found === undefined) return { state: 'unknown', why: `cannot open ${device}: No such file or directory` };
    if (found.unreadable !== undefined) return { state: 'unknown', why: found.unreadable };
    return found.signature === undefined ? { state: 'blank' } : { state: 'signature', ...found.signature };
  }

  async mkfs(device: string, fsType: FsType): Promise<void> {
    const probe = await this.probe(device);
    // INV-6
    if (probe.state !== 'blank') {
      throw new AppError('failed_precondition', `${device} is not formatted: ${JSON.stringify(probe)}`, {
        details: { reason: probe.state === 'signature' ? 'NotBlank' : 'ProbeFailed' },
      });
    }
    const found = this.#require(device);
    if (found.sizeBytes < MINIMUM[fsType]) {
      throw new AppError('failed_precondition', `${device} is too small for ${fsType}`, {
        details: { reason: 'DeviceTooSmall' },
      });
    }
    found.onWrite?.(MKFS_BYTES);
    found.signature = { type: fsType, usage: 'filesystem' };
    this.fsBytes.set(device, found.sizeBytes);
  }

  async wipeInterruptedFormat(device: string): Promise<void> {
    if (this.#mounts.some((entry) => entry.device === device)) {
      throw new AppError('failed_precondition', `${device} is mounted`, { details: { reason: 'InUse' } });
    }
    this.#require(device).signature = undefined;
  }

  async fsck(device: string, fsType: FsType): Promise<{ ok: true } | { ok: false; message: string }> {
    const found = this.#require(device);
    if (fsType !== 'ext4') return { ok: true };
    return found.signature?.type === 'ext4' && found.unreadable === undefined
      ? { ok: true }
      : { ok: false, message: `e2fsck -p ${device}: bad magic number in super-block` };
  }

  async mounts(): Promise<MountEntry[]> {
    return [...this.#mounts];
  }

  async mount(args: Parameters<FileSystems['mount']>[0]): Promise<void> {
    const [existing, ...more] = this.#mounts.filter((entry) => entry.mountPath === args.path);
    const access = args.readOnly ? 'ro' : 'rw';
    if (existing !== undefined) {
      if (more.length === 0 && existing.device === args.device && existing.options === access) return;
      throw new AppError('failed_precondition', `${args.path} is taken by ${existing.device}`, {
        details: { reason: 'MountPointTaken' },
      });
    }
    const device = this.#require(args.device);
    if (!this.#directories.has(args.path)) throw new AppError('not_found', `mount point ${args.path} does not exist`);
    if (device.signature?.type !== args.fsType) {
      throw new AppError('failed_precondition', `wrong fs type on ${args.device}`, {
        details: { reason: 'FileSystemDamaged' },
      });
    }
    this.stackMount(args.device, args.path, args.fsType, access);
  }

  async unmount(path: string): ReturnType<FileSystems['unmount']> {
    const holders = [...(this.#holders.get(path) ?? [])];
    const entries = this.#mounts.filter((entry) => entry.mountPath === path);
    if (entries.length > 0 && holders.length > 0) {
      return { ok: false, busy: true, holders, message: `cannot unmount ${path}: target is busy` };
    }
    this.#forget(path);
    return { ok: true };
  }

  async unmountLazy(path: string): Promise<void> {
    this.#forget(path);
  }

  async killHolders(target: string): Promise<string[]> {
    const mounted = this.#mounts.filter((entry) => entry.mountPath === target || entry.device === target);
    const paths = new Set(mounted.map((entry) => entry.mountPath));
    const pids = [...paths].flatMap((path) => [...(this.#holders.get(path) ?? [])]);
    for (const path of paths) this.#holders.delete(path);
    return pids;
  }

  async growFs(args: { device: string; path: string; fsType: FsType }): Promise<void> {
    if (!this.#mounts.some((entry) => entry.mountPath === args.path)) {
      throw new AppError('failed_precondition', `${args.path} is not mounted`);
    }
    this.fsBytes.set(args.device, this.#require(args.device).sizeBytes);
  }

  async deviceSizeBytes(device: string): Promise<number> {
    const bound = this.#mounts.findLast((entry) => entry.mountPath === device && entry.fsType === 'devtmpfs');
    return this.#require(bound === undefined ? device : `/dev${bound.root}`).sizeBytes;
  }

  async makeMountPoint(path: string): Promise<void> {
    this.#directories.add(path);
  }

  async removeMountPoint(path: string): Promise<void> {
    if (this.#mounts.some((entry) => entry.mountPath === path)) {
      throw new AppError('failed_precondition', `${path} is still mounted`, { details: { reason: 'InUse' } });
    }
    this.#directories.delete(path);
  }

  // What tests do to it.

  /** A process that keeps the mount point busy. */
  hold(path: string, pid: string): void {
    this.#holders.set(path, (this.#holders.get(path) ?? new Set()).add(pid));
  }

  release(path: string, pid: string): void {
    this.#holders.get(path)?.delete(pid);
  }

  /** Mounts past all rules, as somebody else could. */
  stackMount(device: string, path: string, fsType: string, options = 'rw', root = '/'): void {
    this.#mountId += 1;
    const found = this.devices.get(device);
    found?.holders.add(`mount ${path}`);
    this.#mounts.push({
      id: this.#mountId,
      device,
      majorMinor: found?.majorMinor ?? '0:1',
      mountPath: path,
      fsType,
      root,
      options,
    });
  }

  reboot(): void {
    for (const path of new Set(this.#mounts.map((entry) => entry.mountPath))) this.#forget(path);
    this.#holders.clear();
  }

  #forget(path: string): void {
    for (let index = this.#mounts.length - 1; index >= 0; index -= 1) {
      const entry = this.#mounts[index];
      if (entry?.mountPath !== path) continue;
      this.devices.get(entry.device)?.holders.delete(`mount ${path}`);
      this.#mounts.splice(index, 1);
    }
  }

  #require(device: string) {
    const found = this.devices.get(device);
    if (found === undefined) {
      throw new AppError('not_found', `${device}: No such file or directory`, { details: { reason: 'NotFound' } });
    }
    return found;
  }
}
