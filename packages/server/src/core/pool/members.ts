import type { PhysicalVolume, VolumeGroup } from '../../ports/lvm.ts';
import { TAG_OURS, tagValue } from '../names/names.ts';
import { pvUuid } from './pv-uuid.ts';
import type { PoolProblem, SeenDisk, SeenPool, WantedPool } from './types.ts';

/**
 * A disk that the pool names and may use. `member`: in the volume group. `labelled`: carries our LVM label (a crash came
 * between pvcreate and vgcreate, or vgextend). `unlabelled`: free.
 */
export interface Member {
  readonly id: string;
  readonly path: string;
  readonly uuid: string;
  readonly state: 'member' | 'labelled' | 'unlabelled';
}

export interface Members {
  readonly members: readonly Member[];
  /** One per disk that cannot be used. */
  readonly problems: readonly PoolProblem[];
  /** Paths of physical volumes that are in the group though the pool does not name them. */
  readonly strangers: readonly string[];
}

/** The id under which the loop device of a `file` pool is labelled. */
export const LOOP_DISK_ID = 'loop-file';

/** Sorts the disks that the pool names by what may be done with them. `group`: the pool's own volume group, if there is one. */
export function membersOf(wanted: WantedPool, seen: SeenPool, group: VolumeGroup | undefined): Members {
  const members: Member[] = [];
  const problems: PoolProblem[] = [];
  for (const disk of disksOf(wanted, seen)) {
    const verdict = judge(wanted, seen, group, disk);
    if ('reason' in verdict) problems.push(verdict);
    else members.push(verdict);
  }
  const named = new Set(members.map((member) => member.path));
  const strangers = (group?.pvs ?? []).filter((path) => !named.has(path));
  return { members, problems, strangers };
}

function disksOf(wanted: WantedPool, seen: SeenPool): readonly SeenDisk[] {
  if (wanted.type !== 'file') return seen.disks;
  // Nothing but LVM looks into the file; pvcreate itself refuses one that holds something.
  return [{ id: LOOP_DISK_ID, path: seen.loop?.device, whyNotFree: null }];
}

function judge(
  wanted: WantedPool,
  seen: SeenPool,
  group: VolumeGroup | undefined,
  disk: SeenDisk,
): Member | PoolProblem {
  const uuid = pvUuid(wanted.uid, disk.id);
  const pv = findPv(seen.inventory.pvs, uuid, disk.path);
  if (pv?.path !== undefined && group !== undefined && pv.vg === group.name) {
    return { id: disk.id, path: pv.path, uuid: pv.uuid, state: 'member' };
  }
  const claimant = wanted.claimedBy.get(disk.id);
  if (claimant !== undefined) {
    return {
      reason: 'DiskInOtherPool',
      message: `disk ${disk.id} belongs to pool ${claimant}, which is older; name it in one pool only`,
    };
  }
  if (disk.path === undefined || (pv !== undefined && pv.path === undefined)) {
    return { reason: 'DiskMissing', message: `disk ${disk.id} is not on node ${wanted.node.name}; see hf disk list` };
  }
  if (pv === undefined) return unlabelled(disk, disk.path, uuid);
  if (pv.vg !== undefined) return inOtherGroup(seen, disk.id, pv.vg);
  // Ours by its UUID, and LVM knows of no group that it belongs to.
  if (pv.uuid === uuid && !pv.inUse && pv.path !== undefined) {
    if (disk.heldBy !== undefined && disk.heldBy.length > 0) return held(disk.id, pv.path, disk.heldBy);
    return { id: disk.id, path: pv.path, uuid, state: 'labelled' };
  }
  return unlabelled(disk, disk.path, uuid);
}

function unlabelled(disk: SeenDisk, path: string, uuid: string): Member | PoolProblem {
  if (disk.whyNotFree === null) return { id: disk.id, path, uuid, state: 'unlabelled' };
  const why =
    disk.whyNotFree ?? `disk ${disk.id} (${path}) carries an LVM label; if nothing on it is needed: pvremove ${path}`;
  return { reason: 'DiskNotFree', message: why };
}

/** Writing to it would go past the device above it: a group made here is torn apart by the other path. */
function held(diskId: string, path: string, by: readonly string[]): PoolProblem {
  return {
    reason: 'DiskHeld',
    message: `disk ${diskId} (${path}) is held by ${by.join(', ')}, a device that lies above it; name that device in the pool, or remove it`,
  };
}

function inOtherGroup(seen: SeenPool, diskId: string, vg: string): PoolProblem {
  const tags = seen.inventory.vgs.find((candidate) => candidate.name === vg)?.tags ?? [];
  const pool = tags.includes(TAG_OURS) ? tagValue(tags, 'pool') : undefined;
  if (pool !== undefined) {
    return { reason: 'DiskInOtherPool', message: `disk ${diskId} already belongs to pool ${pool}; name another disk` };
  }
  return {
    reason: 'DiskNotFree',
    message: `disk ${diskId} belongs to volume group ${vg}, which Holdfast did not make; name another disk`,
  };
}

/** By our label first: it stays right when the disk has another kernel name today. */
function findPv(pvs: readonly PhysicalVolume[], uuid: string, path: string | undefined): PhysicalVolume | undefined {
  return pvs.find((pv) => pv.uuid === uuid) ?? pvs.find((pv) => path !== undefined && pv.path === path);
}
