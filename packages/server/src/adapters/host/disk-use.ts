import type { NodeDisk } from '@holdfast/api/schema/node.ts';
import type { ProbeResult } from '../../ports/filesystem.ts';

/** Everything that was seen on and above one disk. */
export interface DiskFindings {
  readonly readOnly: boolean;
  /** Kernel names of partitions. */
  readonly partitions: readonly string[];
  /** Mount points of the disk itself or of one of its partitions. */
  readonly mountPaths: readonly string[];
  readonly swap: boolean;
  readonly holders: readonly { readonly name: string; readonly dmUuid: string | undefined }[];
  readonly probe: ProbeResult;
}

/** The state of a disk as reported: the strongest reason first. Only `free` may be given to a new pool. */
export function diskUse(found: DiskFindings): Pick<NodeDisk, 'use' | 'usedBy'> {
  const [mountPath] = found.mountPaths;
  if (mountPath !== undefined) return { use: 'mounted', usedBy: found.mountPaths.join(', ') };
  if (found.swap) return { use: 'swap', usedBy: 'active swap' };
  const holder = found.holders[0];
  if (holder !== undefined) return holderUse(holder, found.holders);
  if (found.partitions.length > 0) return { use: 'partitioned', usedBy: found.partitions.join(', ') };
  switch (found.probe.state) {
    case 'blank':
      return found.readOnly ? { use: 'unknown', usedBy: 'it is read-only' } : { use: 'free' };
    case 'unknown':
      return { use: 'unknown', usedBy: found.probe.why };
    case 'signature':
      return signatureUse(found.probe.type, found.probe.usage);
    default:
      return found.probe satisfies never;
  }
}

function holderUse(
  first: DiskFindings['holders'][number],
  all: DiskFindings['holders'],
): Pick<NodeDisk, 'use' | 'usedBy'> {
  const usedBy = [...new Set(all.map((holder) => holder.name))].join(', ');
  if (first.dmUuid?.startsWith('LVM-')) return { use: 'lvm', usedBy };
  if (first.dmUuid?.startsWith('CRYPT-')) return { use: 'crypt', usedBy };
  if (/^md\d/.test(first.name)) return { use: 'raid', usedBy };
  return { use: 'holder', usedBy };
}

function signatureUse(type: string, usage: string): Pick<NodeDisk, 'use' | 'usedBy'> {
  if (type === 'LVM2_member' || type === 'LVM1_member') return { use: 'lvm', usedBy: type };
  if (type === 'swap') return { use: 'swap', usedBy: type };
  if (usage === 'partition-table') return { use: 'partitioned', usedBy: `${type} partition table` };
  if (usage === 'raid') return { use: 'raid', usedBy: type };
  if (usage === 'crypto') return { use: 'crypt', usedBy: type };
  return { use: 'filesystem', usedBy: type };
}

/** For people: why a disk in this state cannot be given to a pool, and what would lift it. null when it can. */
export function whyNotFree(disk: Pick<NodeDisk, 'id' | 'path' | 'use' | 'usedBy'>): string | null {
  const name = `disk ${disk.id} (${disk.path})`;
  const by = disk.usedBy ?? 'something';
  const empty = `if nothing on it is needed, empty it yourself: wipefs -a ${disk.path}`;
  switch (disk.use) {
    case 'free':
      return null;
    case 'mounted':
      return `${name} is mounted at ${by}; name another disk`;
    case 'swap':
      return `${name} is used for swap; swapoff it and ${empty}`;
    case 'holder':
      return `${name} is held by ${by}, a device that lies above it; name that device or remove it`;
    case 'partitioned':
      return `${name} is partitioned (${by}); ${empty}`;
    case 'filesystem':
      return `${name} carries a signature of ${by}; ${empty}`;
    case 'lvm':
      return `${name} belongs to LVM (${by}); remove it from its volume group and pvremove ${disk.path}`;
    case 'raid':
      return `${name} is part of a RAID (${by}); name the array, or stop it and ${empty}`;
    case 'crypt':
      return `${name} is encrypted (${by}); ${empty}`;
    case 'pool':
      return `${name} already belongs to pool ${by}`;
    case 'unknown':
      return `${name} cannot be judged: ${by}; nothing is done to it until it can be read`;
    default:
      return disk.use satisfies never;
  }
}
