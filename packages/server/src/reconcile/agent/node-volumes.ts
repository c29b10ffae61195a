/**
 * The node's volumes in the hands of a client (CSI). The agent attaches: it claims, promotes and links the device when the
 * Replica says so. This is the other half: what the client does with the device. It keeps nothing: attached is what has a
 * device link, staged and published is what the kernel's mount table says.
 */
import type { Informer } from '@holdfast/api/client/informer-types.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { NodePool } from '@holdfast/api/schema/node.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import { FS_TYPES } from '@holdfast/api/schema/volume.ts';
import { deviceLink } from '../../core/names/names.ts';
import type { BindMounts } from '../../ports/bind-mounts.ts';
import type { MountEntry } from '../../ports/filesystem.ts';
import type { ExpandArgs, NodeVolumes, PublishArgs, StageArgs, VolumeUsage } from '../../ports/node-volumes.ts';
import { formatOnce } from './claim.ts';
import type { AgentDeps } from './deps.ts';
import { type Attached, awaitAttached } from './node-attached.ts';
import { nodeTroubles } from './node-troubles.ts';

/** How often a device that has to grow is looked at, milliseconds. DRBD tells nobody. */
const GROW_TICK_MS = 300;

export interface NodeVolumesDeps extends AgentDeps {
  readonly binds: BindMounts;
  /** The pools of this node as last reconciled. */
  readonly nodePools: () => readonly NodePool[];
}

export function createNodeVolumes(deps: NodeVolumesDeps, replicas: Informer<Replica>): NodeVolumes {
  const { fs, binds, files } = deps;

  /** Device of a volume that is attached here, or undefined. /dev is empty after a boot, so no link outlives it. */
  const deviceOf = (volume: string): Promise<string | undefined> => files.readlink(deviceLink(volume));

  const entriesAt = async (path: string): Promise<MountEntry[]> =>
    (await fs.mounts()).filter((entry) => entry.mountPath === path);

  async function stage(args: StageArgs, signal: AbortSignal): Promise<void> {
    const attached = await awaitAttached(deps, replicas, args.volume, signal);
    const { attach, device } = attached;
    if (attach.volumeMode !== args.volumeMode) throw otherMode(args.volume, attach.volumeMode);
    if (attach.readOnly && !args.readOnly) throw precondition(`volume '${args.volume}' is attached read-only`);
    if (args.volumeMode === 'Block') return;
    if (args.fsType !== undefined && args.fsType !== attach.fsType) {
      throw precondition(`volume '${args.volume}' is made for ${attach.fsType}, not for ${args.fsType}`);
    }
    if (await isStaged(args, device)) return;
    await mountStaged(args, attached);
  }

  /** Repeats of the same call. @throws AppError when something else is mounted there. */
  async function isStaged(args: StageArgs, device: string): Promise<boolean> {
    const entries = await entriesAt(args.path);
    const [entry] = entries;
    if (entry === undefined) return false;
    const foreign = entries.find((each) => each.device !== device);
    if (foreign !== undefined) throw taken(args.path, foreign.device);
    if (entries.length > 1) {
      // Left by somebody who did not look: taken down to nothing and mounted once.
      await unmount(args.path);
      return false;
    }
    if (isReadOnly(entry) === args.readOnly) return true;
    throw new AppError('already_exists', `${args.path} is mounted ${isReadOnly(entry) ? 'read-only' : 'read-write'}`, {
      details: { field: 'staging_target_path', value: args.path, remedy: 'unstage it first' },
    });
  }

  async function mountStaged(args: StageArgs, { replica, attach, device }: Attached): Promise<void> {
    const { fsType } = attach;
    await formatOnce(deps, replica, device, fsType);
    const inUse = (await fs.mounts()).some((entry) => entry.device === device);
    if (!inUse && !args.readOnly) {
      const check = await fs.fsck(device, fsType);
      if (!check.ok) throw precondition(`file system check of ${device} failed: ${check.message}`);
    }
    await fs.makeMountPoint(args.path);
    await fs.mount({ device, path: args.path, fsType, readOnly: args.readOnly, options: args.mountOptions });
    // A volume that grew while nobody had it.
    if (!args.readOnly) await fs.growFs({ device, path: args.path, fsType });
    const message = `mounted ${device} at ${args.path}`;
    deps.recorder.record(replica, { type: 'Normal', reason: 'Mounted', message });
    deps.log.info('staged', { volume: args.volume, replica: replica.metadata.name });
  }

  /** @throws AppError `unavailable` naming the processes that hold it. */
  async function unmount(path: string): Promise<void> {
    const outcome = await fs.unmount(path);
    if (!outcome.ok) throw new AppError('unavailable', outcome.message, { details: { reason: 'InUse', value: path } });
  }

  async function publish(args: PublishArgs): Promise<void> {
    const device = await deviceOf(args.volume);
    if (device === undefined) throw precondition(`volume '${args.volume}' is not attached to this node`);
    if (args.volumeMode === 'Block') await publishBlock(args, device);
    else await publishMounted(args, device);
    deps.log.info('published', { volume: args.volume, path: args.target });
  }

  async function publishMounted(args: PublishArgs, device: string): Promise<void> {
    const mounts = await fs.mounts();
    const staged = mounts.findLast((entry) => entry.mountPath === args.stagingPath);
    if (staged?.device !== device) throw precondition(`volume '${args.volume}' is not staged at ${args.stagingPath}`);
    const readOnly = args.readOnly || isReadOnly(staged);
    const others = mounts.filter(
      (entry) => entry.device === device && entry.mountPath !== args.stagingPath && entry.mountPath !== args.target,
    );
    if (args.exclusive && others[0] !== undefined) throw alreadyUsed(args.volume, others[0].mountPath);
    const existing = mounts.filter((entry) => entry.mountPath === args.target);
    const foreign = existing.find((entry) => entry.device !== device);
    if (foreign !== undefined) throw taken(args.target, foreign.device);
    const [only, ...stacked] = existing;
    if (only !== undefined && stacked.length === 0) {
      if (isReadOnly(only) === readOnly) return;
      if (!readOnly) throw otherAccess(args.target, true);
      // The step after binding, which makes it read-only, may be what a killed process did not come to (INV-8).
      await binds.makeReadOnly(args.target);
      return;
    }
    if (existing.length > 0) await unmount(args.target);
    await binds.makeDirectory(args.target);
    await binds.bind({ source: args.stagingPath, target: args.target, readOnly });
  }

  /** A bind mount cannot make a device read-only: the device itself is set, the same for everybody on the node. */
  async function publishBlock(args: PublishArgs, device: string): Promise<void> {
    const number = await binds.blockNumber(device);
    if (number === undefined) throw precondition(`${device} of volume '${args.volume}' is no block device`);
    const published = await blockTargets(number);
    const others = published.filter((path) => path !== args.target);
    if (args.exclusive && others[0] !== undefined) throw alreadyUsed(args.volume, others[0]);
    const isSet = await binds.isReadOnly(device);
    if (isSet !== args.readOnly) {
      if (published.includes(args.target)) throw otherAccess(args.target, isSet);
      if (others[0] !== undefined)
        throw precondition(`${device} is used ${isSet ? 'read-only' : 'read-write'} at ${others[0]}`);
      await binds.setReadOnly(device, args.readOnly);
    }
    const there = (await entriesAt(args.target)).length;
    if (there === 1 && published.includes(args.target)) return;
    if (there > 0 && !published.includes(args.target)) throw taken(args.target, 'something else');
    if (there > 0) await unmount(args.target);
    await binds.makeFile(args.target);
    await binds.bind({ source: device, target: args.target, readOnly: false });
  }

  /** Where the device node with this number is mounted: bind mounts of one file of a devtmpfs. */
  async function blockTargets(number: string): Promise<string[]> {
    const paths: string[] = [];
    for (const entry of await fs.mounts()) {
      if (entry.fsType !== 'devtmpfs' || entry.root === '/') continue;
      if ((await binds.blockNumber(entry.mountPath)) === number) paths.push(entry.mountPath);
    }
    return paths;
  }

  async function mountedAt(volume: string, path: string): Promise<MountEntry> {
    const entry = (await entriesAt(path)).at(-1);
    const device = await deviceOf(volume);
    const isOther = entry !== undefined && device !== undefined && !isDeviceNode(entry) && entry.device !== device;
    if (entry !== undefined && !isOther) return entry;
    throw new AppError('not_found', `volume '${volume}' is not mounted at ${path}`, {
      details: { field: 'volume_path', value: path },
    });
  }

  async function usage({ volume, path }: { volume: string; path: string }): Promise<VolumeUsage> {
    const entry = await mountedAt(volume, path);
    if (isDeviceNode(entry)) return { kind: 'block', totalBytes: await fs.deviceSizeBytes(path) };
    const { blockBytes, blocks, freeBlocks, availableBlocks, inodes, freeInodes } = await binds.usage(path);
    return {
      kind: 'filesystem',
      totalBytes: blocks * blockBytes,
      usedBytes: (blocks - freeBlocks) * blockBytes,
      availableBytes: availableBlocks * blockBytes,
      inodes: inodes === 0 ? undefined : { total: inodes, used: inodes - freeInodes, available: freeInodes },
    };
  }

  async function expand(args: ExpandArgs, signal: AbortSignal): Promise<number> {
    const { device, entry } = await grownBy(args);
    for (;;) {
      const size = await fs.deviceSizeBytes(device);
      if (size >= args.requiredBytes) {
        const fsType = FS_TYPES.find((type) => type === entry?.fsType);
        if (fsType !== undefined && entry !== undefined && !isReadOnly(entry)) {
          await fs.growFs({ device, path: args.path, fsType });
        }
        return size;
      }
      try {
        await deps.clock.sleep(GROW_TICK_MS, signal);
      } catch (cause) {
        const message = `${device} has ${size} of ${args.requiredBytes} bytes; it still grows`;
        throw new AppError('deadline_exceeded', message, { cause });
      }
    }
  }

  /** The device, and the mount of the file system on it, if there is one. */
  async function grownBy(args: ExpandArgs): Promise<{ device: string; entry: MountEntry | undefined }> {
    const attached = await deviceOf(args.volume);
    if (args.block && attached !== undefined) return { device: attached, entry: undefined };
    const entry = await mountedAt(args.volume, args.path);
    return isDeviceNode(entry) ? { device: args.path, entry: undefined } : { device: entry.device, entry };
  }

  return {
    stage,
    async unstage({ path }) {
      await unmount(path);
    },
    publish,
    async unpublish({ target }) {
      await unmount(target);
      await binds.removeTarget(target);
    },
    usage,
    expand,
    ...nodeTroubles(deps.nodePools, replicas),
  };
}

function isReadOnly(entry: MountEntry): boolean {
  return entry.options.split(',')[0] === 'ro';
}

/** A device node that is bound onto a file, instead of a file system. */
function isDeviceNode(entry: MountEntry): boolean {
  return entry.fsType === 'devtmpfs';
}

function precondition(message: string): AppError {
  return new AppError('failed_precondition', message);
}

function otherMode(volume: string, has: string): AppError {
  return precondition(`volume '${volume}' is attached as ${has}; stage it as that`);
}

function taken(path: string, by: string): AppError {
  return new AppError('failed_precondition', `${path} is taken: ${by} is mounted there`, {
    details: { reason: 'MountPointTaken', value: path, remedy: `unmount ${path}` },
  });
}

function alreadyUsed(volume: string, path: string): AppError {
  return new AppError('failed_precondition', `volume '${volume}' is for one user at a time and is used at ${path}`, {
    details: { reason: 'AlreadyPublished', value: path, remedy: 'end the other pod first' },
  });
}

function otherAccess(path: string, readOnly: boolean): AppError {
  return new AppError('already_exists', `${path} is published ${readOnly ? 'read-only' : 'read-write'}`, {
    details: { field: 'readonly', value: path, remedy: 'unpublish it first' },
  });
}
