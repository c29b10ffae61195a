import { AppError } from '@holdfast/api/errors.ts';
import type { BindMounts, FsUsage } from '../../src/ports/bind-mounts.ts';
import type { FakeFiles } from './files.ts';
import type { FakeFileSystems } from './filesystem.ts';

const BLOCK_BYTES = 4096;

/** Bind mounts of a fake machine, in the mount table of its file systems. Device nodes are the devices there. */
export class FakeBindMounts implements BindMounts {
  readonly #fs: FakeFileSystems;
  readonly #files: FakeFiles;
  /** Paths that exist: what kind of thing is there. */
  readonly targets = new Map<string, 'directory' | 'file' | 'foreign'>();
  readonly #readOnly = new Set<string>();
  /** Told when a target was made or removed, for clients that look at the real file system. */
  onTarget: (path: string, kind: 'directory' | 'file' | undefined) => void = () => undefined;

  constructor(fs: FakeFileSystems, files: FakeFiles) {
    this.#fs = fs;
    this.#files = files;
  }

  async bind(args: { source: string; target: string; readOnly: boolean }): Promise<void> {
    if (!this.targets.has(args.target)) throw new AppError('not_found', `mount point ${args.target} does not exist`);
    const access = args.readOnly ? 'ro' : 'rw';
    if (this.#fs.devices.get(args.source) !== undefined) {
      this.#fs.stackMount('udev', args.target, 'devtmpfs', access, args.source.replace('/dev', ''));
      return;
    }
    const source = (await this.#fs.mounts()).findLast((entry) => entry.mountPath === args.source);
    if (source === undefined) throw new AppError('not_found', `${args.source} does not exist`);
    this.#fs.stackMount(source.device, args.target, source.fsType, access);
  }

  async makeReadOnly(target: string): Promise<void> {
    const [entry] = (await this.#fs.mounts()).filter((each) => each.mountPath === target);
    if (entry === undefined) throw new AppError('not_found', `${target} is not mounted`);
    await this.#fs.unmount(target);
    this.#fs.stackMount(entry.device, target, entry.fsType, 'ro', entry.root);
  }

  async makeDirectory(path: string): Promise<void> {
    if (this.targets.has(path)) return;
    this.targets.set(path, 'directory');
    this.onTarget(path, 'directory');
  }

  async makeFile(path: string): Promise<void> {
    if (this.targets.has(path)) return;
    this.targets.set(path, 'file');
    this.onTarget(path, 'file');
  }

  async removeTarget(path: string): Promise<void> {
    if (this.targets.get(path) === 'foreign') throw new AppError('failed_precondition', `${path} holds something`);
    if ((await this.#fs.mounts()).some((entry) => entry.mountPath === path)) {
      throw new AppError('failed_precondition', `${path} is still mounted`);
    }
    if (this.targets.delete(path)) this.onTarget(path, undefined);
  }

  async usage(path: string): Promise<FsUsage> {
    const entry = (await this.#fs.mounts()).findLast((each) => each.mountPath === path);
    const bytes = this.#fs.fsBytes.get(entry?.device ?? '') ?? 0;
    const blocks = Math.floor(bytes / BLOCK_BYTES);
    const inodes = entry?.fsType === 'btrfs' ? 0 : 1000;
    return {
      blockBytes: BLOCK_BYTES,
      blocks,
      freeBlocks: blocks - 10,
      availableBlocks: blocks - 20,
      inodes,
      freeInodes: Math.max(0, inodes - 11),
    };
  }

  async blockNumber(path: string): Promise<string | undefined> {
    const linked = this.#files.links.get(path) ?? path;
    const bound = (await this.#fs.mounts()).findLast(
      (entry) => entry.mountPath === linked && entry.fsType === 'devtmpfs',
    );
    return this.#fs.devices.get(bound === undefined ? linked : `/dev${bound.root}`)?.majorMinor;
  }

  async isReadOnly(device: string): Promise<boolean> {
    return this.#readOnly.has(device);
  }

  async setReadOnly(device: string, readOnly: boolean): Promise<void> {
    if (readOnly) this.#readOnly.add(device);
    else this.#readOnly.delete(device);
  }
}
