import { AppError } from '@holdfast/api/errors.ts';
import type { NodeDisk } from '@holdfast/api/schema/node.ts';
import type { Exec } from '../../ports/exec.ts';
import type { Files } from '../../ports/files.ts';
import type { MountEntry, ProbeResult } from '../../ports/filesystem.ts';
import { parseMountInfo } from '../filesystem/parse.ts';
import { probeDevice } from '../filesystem/probe.ts';
import { isWholeDisk, stableId } from './disk-id.ts';
import { diskUse, whyNotFree } from './disk-use.ts';

const SYS = '/sys/block';
const BY_ID = '/dev/disk/by-id';
/** blkid on this many disks at once: enough for a disk shelf, not enough to swamp a node. */
const PROBES_AT_ONCE = 4;
const NO_ATTRIBUTE: ReadonlySet<string> = new Set(['EINVAL', 'ENODEV', 'ENXIO', 'EOPNOTSUPP', 'EIO']);

/** One whole disk as found in /sys, before anything is opened. */
interface FoundDisk {
  readonly name: string;
  readonly id: string | undefined;
  readonly path: string;
  readonly sizeBytes: number;
}

export interface DiskInspector {
  disks(): Promise<NodeDisk[]>;
  whyDiskNotFree(id: string): Promise<string | null>;
  holders(path: string): Promise<string[]>;
  diskPath(id: string): Promise<string | undefined>;
}

export function createDiskInspector(deps: { readonly exec: Exec; readonly files: Files }): DiskInspector {
  const { exec, files } = deps;
  /** What was found on each disk, and the {@link version} of its content at that time. */
  const remembered = new Map<string, { readonly version: string; readonly probe: ProbeResult }>();

  async function attribute(path: string): Promise<string | undefined> {
    try {
      return await files.read(`${SYS}/${path}`);
    } catch (error) {
      // The kernel's way to say that this disk has no such attribute, or that it has just been removed.
      if (error instanceof AppError && NO_ATTRIBUTE.has(String(error.details['errno']))) return undefined;
      throw error;
    }
  }

  /** A value of /sys without surrounding blanks; undefined when absent or empty. */
  async function sys(...parts: readonly string[]): Promise<string | undefined> {
    const text = (await attribute(parts.join('/')))?.trim();
    return text === '' ? undefined : text;
  }

  async function find(): Promise<FoundDisk[]> {
    const found: FoundDisk[] = [];
    for (const name of await files.list(SYS)) {
      const dmUuid = name.startsWith('dm-') ? await sys(name, 'dm/uuid') : undefined;
      if (!isWholeDisk(name, dmUuid)) continue;
      const sizeBytes = Number((await sys(name, 'size')) ?? 0) * 512;
      // A card reader without a card.
      if (sizeBytes === 0) continue;
      const id = stableId({
        name,
        dmUuid,
        wwid: (await sys(name, 'wwid')) ?? (await sys(name, 'device/wwid')),
        serial: (await sys(name, 'serial')) ?? (await sys(name, 'device/serial')) ?? (await scsiSerial(name)),
        model: await sys(name, 'device/model'),
      });
      found.push({ name, id, path: await devicePath(name), sizeBytes });
    }
    return found;
  }

  /** Mapper devices by their name, which does not change when they are made in another order. */
  async function devicePath(name: string): Promise<string> {
    const mapperName = name.startsWith('dm-') ? await sys(name, 'dm/name') : undefined;
    // The kernel writes '!' for '/' in names such as cciss/c0d0.
    return mapperName === undefined ? `/dev/${name.replaceAll('!', '/')}` : `/dev/mapper/${mapperName}`;
  }

  /** Page 0x80 of SCSI: four bytes of header, then the serial number. */
  async function scsiSerial(name: string): Promise<string | undefined> {
    const page = await attribute(`${name}/device/vpd_pg80`);
    const text = page
      ?.slice(4)
      .replace(/[^\x20-\x7e]/g, '')
      .trim();
    return text === undefined || text === '' ? undefined : text;
  }

  async function partitionsOf(name: string): Promise<string[]> {
    const partitions: string[] = [];
    for (const entry of await files.list(`${SYS}/${name}`)) {
      if (entry.startsWith(name) && (await sys(name, entry, 'partition')) !== undefined) partitions.push(entry);
    }
    return partitions;
  }

  /** Devices above these disks and partitions (`sda`, `sda/sda1`). */
  async function holdersOf(owners: readonly string[]): Promise<{ name: string; dmUuid: string | undefined }[]> {
    const holders = [];
    for (const owner of owners) {
      for (const holder of await files.list(`${SYS}/${owner}/holders`)) {
        const mapperName = await sys(holder, 'dm/name');
        holders.push({ name: mapperName ?? holder, dmUuid: await sys(holder, 'dm/uuid') });
      }
    }
    return holders;
  }

  /** Changes whenever the kernel wrote to the disk, another one took its name, or its size changed. */
  async function version(disk: FoundDisk): Promise<string | undefined> {
    const [diskseq, stat] = await Promise.all([sys(disk.name, 'diskseq'), sys(disk.name, 'stat')]);
    // Documentation/block/stat: the seventh number counts sectors written, the fourteenth sectors discarded.
    const counters = stat?.split(/\s+/);
    if (counters?.[6] === undefined) return undefined;
    return [disk.id, diskseq, disk.sizeBytes, counters[6], counters[13]].join(' ');
  }

  /** A probe costs four programs, a disk that nothing was written to has not changed. An unknown is asked again. */
  async function probeUnlessUnchanged(disk: FoundDisk): Promise<ProbeResult> {
    const now = await version(disk);
    const known = remembered.get(disk.name);
    if (known !== undefined && known.version === now) return known.probe;
    const probe = await probeDevice(exec, disk.path);
    if (now === undefined || probe.state === 'unknown') remembered.delete(disk.name);
    else remembered.set(disk.name, { version: now, probe });
    return probe;
  }

  async function inspect(
    disk: FoundDisk,
    mounts: readonly MountEntry[],
    swaps: string,
    probe: (disk: FoundDisk) => Promise<ProbeResult>,
  ): Promise<NodeDisk> {
    const { name, path } = disk;
    const partitions = await partitionsOf(name);
    const numbers = new Set<string>();
    for (const parts of [[name], ...partitions.map((partition) => [name, partition])]) {
      numbers.add((await sys(...parts, 'dev')) ?? '');
    }
    const holders = await holdersOf([name, ...partitions.map((partition) => `${name}/${partition}`)]);
    const paths = new Set([path, `/dev/${name}`, ...partitions.map((partition) => `/dev/${partition}`)]);
    const readOnly = (await sys(name, 'ro')) === '1';
    const mountPaths = mounts
      .filter((entry) => numbers.has(entry.majorMinor) || paths.has(entry.device))
      .map((entry) => entry.mountPath);
    const swap = swaps.split('\n').some((line) => paths.has(line.split(/\s/)[0] ?? ''));
    // What is in use needs no probe; nothing is read from a disk that somebody works on.
    const inUse = holders.length > 0 || partitions.length > 0 || mountPaths.length > 0 || swap;
    const use =
      disk.id === undefined
        ? {
            use: 'unknown' as const,
            usedBy: 'it has no serial number, wwid or dm uuid by which it could be found again',
          }
        : diskUse({
            readOnly,
            partitions,
            holders,
            mountPaths,
            swap,
            probe: inUse ? { state: 'unknown', why: 'not probed' } : await probe(disk),
          });
    const model = await sys(name, 'device/model');
    const serial = (await sys(name, 'serial')) ?? (await sys(name, 'device/serial'));
    return {
      id: disk.id ?? `unstable-${name}`,
      path,
      sizeBytes: disk.sizeBytes,
      rotational: (await sys(name, 'queue/rotational')) === '1',
      ...(model === undefined ? {} : { model }),
      ...(serial === undefined ? {} : { serial }),
      readOnly,
      ...use,
    };
  }

  async function surroundings(): Promise<{ mounts: MountEntry[]; swaps: string }> {
    const mountInfo = await files.read('/proc/self/mountinfo');
    if (mountInfo === undefined) {
      throw new AppError('internal', '/proc/self/mountinfo cannot be read; mount /proc', {
        details: { reason: 'NoProc', remedy: 'mount /proc' },
      });
    }
    return { mounts: parseMountInfo(mountInfo), swaps: (await files.read('/proc/swaps')) ?? '' };
  }

  async function disks(): Promise<NodeDisk[]> {
    const found = await find();
    const { mounts, swaps } = await surroundings();
    const result: NodeDisk[] = new Array(found.length);
    let next = 0;
    async function worker(): Promise<void> {
      for (let index = next++; index < found.length; index = next++) {
        const disk = found[index];
        if (disk !== undefined) result[index] = await inspect(disk, mounts, swaps, probeUnlessUnchanged);
      }
    }
    await Promise.all(Array.from({ length: PROBES_AT_ONCE }, worker));
    return withoutTwins(result);
  }

  /**
   * What a disk is part of: a multipath device (or any other whole-disk mapper device) above it is the disk to use, so the
   * id of a path leads to it.
   */
  async function top(disk: FoundDisk, all: readonly FoundDisk[]): Promise<FoundDisk> {
    const holders = await files.list(`${SYS}/${disk.name}/holders`);
    const above = all.find((candidate) => candidate.name === holders[0]);
    return holders.length === 1 && above !== undefined ? await top(above, all) : disk;
  }

  /** The disk with this id, or with this link in /dev/disk/by-id. */
  async function lookUp(id: string): Promise<FoundDisk | undefined> {
    const found = await find();
    const matches = new Set<FoundDisk>();
    for (const disk of found.filter((candidate) => candidate.id === id)) matches.add(await top(disk, found));
    if (matches.size > 1) {
      const paths = [...matches].map((disk) => disk.path).join(' and ');
      throw new AppError('failed_precondition', `${paths} carry the same id ${id}; use the multipath device`, {
        details: {
          field: 'disks',
          value: id,
          reason: 'DiskIdAmbiguous',
          remedy: 'use the multipath device above them',
        },
      });
    }
    for (const disk of matches) return disk;
    if (!/^[^/]+$/.test(id)) return undefined;
    const name = (await files.readlink(`${BY_ID}/${id}`))?.split('/').at(-1);
    const linked = found.find((disk) => disk.name === name && disk.id !== undefined);
    return linked === undefined ? undefined : await top(linked, found);
  }

  return {
    disks,
    async holders(path) {
      const mapped = (await find()).find((disk) => disk.path === path);
      const name = mapped?.name ?? path.replace(/^\/dev\//, '').replaceAll('/', '!');
      const owners = [name, ...(await partitionsOf(name)).map((partition) => `${name}/${partition}`)];
      return [...new Set((await holdersOf(owners)).map((holder) => holder.name))];
    },
    async diskPath(id) {
      return (await lookUp(id))?.path;
    },
    async whyDiskNotFree(id) {
      const disk = await lookUp(id);
      if (disk === undefined) return `disk ${id} is not on this node; see hf disk list`;
      const { mounts, swaps } = await surroundings();
      // Decided on what is there now, not on what was.
      const seen = await inspect(disk, mounts, swaps, (each) => probeDevice(exec, each.path));
      return whyNotFree({ ...seen, id });
    },
  };
}

/** Two disks with one id (two paths to one LUN without multipath) are both unusable. */
function withoutTwins(disks: readonly NodeDisk[]): NodeDisk[] {
  const count = new Map<string, number>();
  for (const disk of disks) count.set(disk.id, (count.get(disk.id) ?? 0) + 1);
  return disks.map((disk) =>
    (count.get(disk.id) ?? 0) > 1 && disk.use === 'free'
      ? { ...disk, use: 'unknown', usedBy: 'another disk has the same id; use the multipath device above them' }
      : disk,
  );
}
