import { AppError } from '@holdfast/api/errors.ts';
import type { FsType } from '@holdfast/api/schema/volume.ts';
import type { Exec, ExecRequest, ExecResult } from '../../ports/exec.ts';
import type { Files } from '../../ports/files.ts';
import type { FileSystems, MountEntry } from '../../ports/filesystem.ts';
import { execFailure, lastWords } from '../exec/failure.ts';
import * as commands from './commands.ts';
import { fsError } from './errors.ts';
import { parseBlockNumber, parseMountInfo, parsePids } from './parse.ts';
import { deviceSize, probeDevice } from './probe.ts';

const QUICK_MS = 20_000;
const MOUNT_MS = 120_000;
const FORMAT_MS = 30 * 60_000;
/** A running fsck is never ended half-way: it has a day. The volume waits, nothing else does. */
const FSCK_MS = 24 * 3_600_000;
/** More entries than this at one path means that somebody else mounts there in a loop. */
const MAX_STACK = 32;

/** File systems through the usual tools. `files` is only used for /proc. */
export function createFileSystems(deps: { readonly exec: Exec; readonly files: Files }): FileSystems {
  const { exec, files } = deps;

  async function run(request: ExecRequest, subject: string, verb: string): Promise<ExecResult> {
    try {
      return await exec.run(request);
    } catch (error) {
      throw fsError(error, subject, verb);
    }
  }

  async function mounts(): Promise<MountEntry[]> {
    const text = await files.read('/proc/self/mountinfo');
    if (text === undefined) {
      throw new AppError('internal', '/proc/self/mountinfo cannot be read; mount /proc', {
        details: { reason: 'NoProc', remedy: 'mount /proc' },
      });
    }
    return parseMountInfo(text);
  }

  async function entriesAt(path: string): Promise<MountEntry[]> {
    return (await mounts()).filter((entry) => entry.mountPath === path);
  }

  /** major:minor of a block device. Only the device node is looked at, not what is on it. */
  async function blockNumber(device: string): Promise<string> {
    const argv = commands.fileKind(device);
    const { stdout } = await run({ argv, timeoutMs: QUICK_MS, sideEffect: false }, device, 'inspect');
    const number = parseBlockNumber(stdout);
    if (number === undefined) {
      throw new AppError('invalid_argument', `${device} is not a block device`, {
        details: { field: 'device', value: device, reason: 'NotABlockDevice' },
      });
    }
    return number;
  }

  async function sameDevice(entry: MountEntry, device: string): Promise<boolean> {
    return entry.device === device || entry.majorMinor === (await blockNumber(device));
  }

  async function mkfs(device: string, fsType: FsType): Promise<void> {
    const probe = await probeDevice(exec, device);
    if (probe.state !== 'blank') {
      const found = probe.state === 'signature' ? `it carries ${probe.type} (${probe.usage})` : probe.why;
      throw new AppError('failed_precondition', `${device} is not formatted as ${fsType}: ${found}`, {
        details: {
          reason: probe.state === 'signature' ? 'NotBlank' : 'ProbeFailed',
          field: 'device',
          value: device,
          remedy: 'look at what is on the device; Holdfast never overwrites it (INV-6)',
        },
      });
    }
    await run({ argv: commands.mkfs(device, fsType), timeoutMs: FORMAT_MS }, `${fsType} on ${device}`, 'make');
  }

  async function wipeInterruptedFormat(device: string): Promise<void> {
    const number = await blockNumber(device);
    const mounted = (await mounts()).find((entry) => entry.device === device || entry.majorMinor === number);
    if (mounted !== undefined) {
      throw new AppError('failed_precondition', `${device} is mounted at ${mounted.mountPath} and is not wiped`, {
        details: { reason: 'InUse', value: device, remedy: `unmount ${mounted.mountPath}` },
      });
    }
    await run({ argv: commands.wipe(device), timeoutMs: MOUNT_MS }, device, 'wipe');
  }

  async function fsck(device: string, fsType: FsType): Promise<{ ok: true } | { ok: false; message: string }> {
    if (fsType !== 'ext4') return { ok: true };
    try {
      // 0 clean, 1 repaired. 4 and above: left damaged, or could not run.
      await exec.run({ argv: commands.e2fsck(device), timeoutMs: FSCK_MS, okCodes: [0, 1] });
      return { ok: true };
    } catch (error) {
      const failure = execFailure(error);
      if (failure === undefined) throw error;
      const remedy = 'run e2fsck by hand on the detached volume';
      return { ok: false, message: `e2fsck -p ${device}: ${lastWords(failure)}; ${remedy}` };
    }
  }

  async function mount(args: Parameters<FileSystems['mount']>[0]): Promise<void> {
    checkPath(args.path);
    const existing = await entriesAt(args.path);
    if (existing.length > 0) {
      const why = await whyOtherMount(existing, args);
      if (why === undefined) return;
      throw new AppError('failed_precondition', `${args.device} is not mounted at ${args.path}: ${why}`, {
        details: { reason: 'MountPointTaken', field: 'path', value: args.path, remedy: `unmount ${args.path}` },
      });
    }
    await run({ argv: commands.mount(args), timeoutMs: MOUNT_MS }, `${args.device} at ${args.path}`, 'mount');
  }

  async function whyOtherMount(
    existing: readonly MountEntry[],
    args: { device: string; readOnly: boolean },
  ): Promise<string | undefined> {
    const [entry] = existing;
    if (entry === undefined) return undefined;
    if (existing.length > 1) return `${existing.length} mounts are stacked there`;
    if (!(await sameDevice(entry, args.device))) return `${entry.device} is mounted there`;
    const readOnly = entry.options.split(',')[0] === 'ro';
    if (readOnly !== args.readOnly) return `it is mounted there ${readOnly ? 'read-only' : 'read-write'}`;
    return undefined;
  }

  async function unmount(path: string): ReturnType<FileSystems['unmount']> {
    checkPath(path);
    for (let round = 0; round < MAX_STACK; round += 1) {
      if ((await entriesAt(path)).length === 0) return { ok: true };
      try {
        await exec.run({ argv: commands.unmount(path, false), timeoutMs: MOUNT_MS });
      } catch (error) {
        const failure = execFailure(error);
        if (failure === undefined) throw error;
        // Somebody else may have unmounted it just now.
        if ((await entriesAt(path)).length === 0) return { ok: true };
        const busy = /busy/i.test(failure.stderr);
        const holders = busy ? await holdersOf(path) : [];
        const by = holders.length > 0 ? ` (processes ${holders.join(', ')})` : '';
        return { ok: false, busy, holders, message: `cannot unmount ${path}: ${lastWords(failure)}${by}` };
      }
    }
    return { ok: false, busy: false, holders: [], message: `${path} is mounted again and again by somebody else` };
  }

  /** Best effort, for the message: an empty list when fuser cannot tell. */
  async function holdersOf(path: string): Promise<string[]> {
    const request = { argv: commands.fuserMount(path, false), timeoutMs: QUICK_MS, okCodes: [0, 1], sideEffect: false };
    try {
      return parsePids((await exec.run(request)).stdout);
    } catch (error) {
      if (error instanceof AppError) return [];
      throw error;
    }
  }

  async function unmountLazy(path: string): Promise<void> {
    checkPath(path);
    for (let round = 0; round < MAX_STACK; round += 1) {
      if ((await entriesAt(path)).length === 0) return;
      await run({ argv: commands.unmount(path, true), timeoutMs: MOUNT_MS }, path, 'unmount');
    }
    throw new AppError('failed_precondition', `${path} is mounted again and again by somebody else`, {
      details: { reason: 'MountPointTaken', value: path },
    });
  }

  async function killHolders(target: string): Promise<string[]> {
    checkPath(target);
    const isDevice = target.startsWith('/dev/');
    // fuser -m on anything else than a mount point or a block device means the whole file system around it.
    if (isDevice) await blockNumber(target);
    else if ((await entriesAt(target)).length === 0) return [];
    const argv = isDevice ? commands.fuserDevice(target, true) : commands.fuserMount(target, true);
    const { stdout } = await run({ argv, timeoutMs: QUICK_MS, okCodes: [0, 1] }, target, 'free');
    return parsePids(stdout);
  }

  return {
    probe: (device) => probeDevice(exec, device),
    mkfs,
    wipeInterruptedFormat,
    fsck,
    mounts,
    mount,
    unmount,
    unmountLazy,
    killHolders,
    async growFs(args) {
      await run({ argv: commands.grow(args), timeoutMs: FORMAT_MS }, `the file system at ${args.path}`, 'grow');
    },
    async deviceSizeBytes(device) {
      try {
        return await deviceSize(exec, device);
      } catch (error) {
        throw fsError(error, device, 'measure');
      }
    },
    async makeMountPoint(path) {
      checkPath(path);
      await run({ argv: commands.makeDirectory(path), timeoutMs: QUICK_MS }, `mount point ${path}`, 'make');
    },
    async removeMountPoint(path) {
      checkPath(path);
      if ((await entriesAt(path)).length > 0) {
        throw new AppError('failed_precondition', `${path} is still mounted`, {
          details: { reason: 'InUse', value: path, remedy: `unmount ${path}` },
        });
      }
      try {
        await run({ argv: commands.removeDirectory(path), timeoutMs: QUICK_MS }, `mount point ${path}`, 'remove');
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'not_found') throw error;
      }
    },
  };
}

/** Paths go into argv, and fuser compares them with /proc/mounts, where blanks are written differently. */
export function checkPath(path: string): void {
  if (/^\/[^\s\\]+$/.test(path) && !/(^|\/)\.\.(\/|$)/.test(path) && !path.endsWith('/')) return;
  throw new AppError('invalid_argument', `'${path}' cannot be a mount point`, {
    details: { field: 'path', value: path, remedy: 'use an absolute path without blanks', reason: 'BadPath' },
  });
}
