import { formatBytes } from '@holdfast/api/bytes.ts';
import type { LogicalVolume, VolumeGroup } from '../../ports/lvm.ts';
import { poolTags, poolUidTag, THIN_POOL_LV, tagValue, vgName } from '../names/names.ts';
import { grownLayout, thinPoolLayout } from './layout.ts';
import { membersOf } from './members.ts';
import type { PoolAction, PoolProblem, SeenPool, WantedPool } from './types.ts';

/**
 * What to do next, and what is wrong. `fatal`: the pool cannot be used. `missing`: it was there and its disks are gone.
 * `notice`: it works, but a person should know. With actions: do them, look again, plan again.
 */
export interface PoolPlan {
  readonly actions: readonly PoolAction[];
  readonly fatal?: PoolProblem;
  readonly missing?: PoolProblem;
  readonly notice?: PoolProblem;
}

/**
 * From the Pool object and what is on the node to the next actions. Pure. Every action can be repeated, and every state
 * between two actions is one that this function knows how to go on from (INV-8). Nothing that does not carry our tag or
 * label is ever touched (INV-7).
 */
export function planPool(wanted: WantedPool, seen: SeenPool): PoolPlan {
  const vg = vgName(wanted.name);
  const groups = seen.inventory.vgs.filter((group) => group.name === vg);
  const [group] = groups;
  if (groups.length > 1) {
    return failed(
      'VolumeGroupAmbiguous',
      `${groups.length} volume groups are called ${vg} (${groups.map((each) => each.uuid).join(', ')}); rename all but ours: vgrename <uuid> <name>`,
    );
  }
  if (group !== undefined && !group.tags.includes(poolUidTag(wanted.uid))) return foreignGroup(wanted, group);

  if (wanted.type === 'file' && seen.loop !== undefined && seen.loop.device === undefined) {
    return planLoop(wanted, seen, seen.loop);
  }
  return group === undefined ? planNewGroup(wanted, seen, vg) : planExistingGroup(wanted, seen, group);
}

function foreignGroup(wanted: WantedPool, group: VolumeGroup): PoolPlan {
  const otherUid = tagValue(group.tags, 'pool-uid');
  if (otherUid !== undefined) {
    return failed(
      'VolumeGroupOfOtherPool',
      `volume group ${group.name} was made for another Pool object (uid ${otherUid}); to take it over with its volumes run: ` +
        `vgchange --deltag ${poolUidTag(otherUid)} --addtag ${poolUidTag(wanted.uid)} ${group.name}`,
    );
  }
  return failed(
    'VolumeGroupNotOurs',
    `volume group ${group.name} exists and was not made by Holdfast; rename it (vgrename ${group.name} <name>) or use another pool name`,
  );
}

function planLoop(wanted: WantedPool, seen: SeenPool, loop: NonNullable<SeenPool['loop']>): PoolPlan {
  if (!loop.exists && seen.wasReady) {
    return missing('FileMissing', `${loop.file}, which held this pool, is gone; bring it back or delete the pool`);
  }
  const sizeBytes = wanted.node.fileSizeBytes;
  if (sizeBytes === undefined) {
    return failed('NoFileSize', `spec.nodes[${wanted.node.name}].fileSizeBytes is not set; give the size of the file`);
  }
  const reason = loop.exists ? 'the file is not attached' : `there is no file of ${formatBytes(sizeBytes)} yet`;
  return { actions: [{ kind: 'attach-loop', file: loop.file, sizeBytes, reason }] };
}

function planNewGroup(wanted: WantedPool, seen: SeenPool, vg: string): PoolPlan {
  if (seen.wasReady) {
    const ids = seen.disks.map((disk) => disk.id).join(', ');
    return missing(
      'VolumeGroupMissing',
      `volume group ${vg} was on this node and is gone; bring its disks back (${ids || 'the loop file'}), or delete the pool if they are lost`,
    );
  }
  const { members, problems } = membersOf(wanted, seen, undefined);
  const [problem] = problems;
  // All or nothing: a pool on half of its disks would be a surprise.
  if (problem !== undefined) return failed(problem.reason, problems.map((each) => each.message).join('; '));
  const actions: PoolAction[] = [];
  for (const member of members) {
    if (member.state === 'unlabelled') {
      actions.push({
        kind: 'create-pv',
        disk: member.id,
        device: member.path,
        uuid: member.uuid,
        reason: `disk ${member.id} is free`,
      });
    }
  }
  actions.push({
    kind: 'create-vg',
    vg,
    devices: members.map((member) => member.path),
    tags: poolTags(wanted),
    reason: 'the volume group does not exist',
  });
  return { actions };
}

function planExistingGroup(wanted: WantedPool, seen: SeenPool, group: VolumeGroup): PoolPlan {
  const { members, problems, strangers } = membersOf(wanted, seen, group);
  if (group.missingPvs > 0) {
    const lost = problems.map((problem) => problem.message).join('; ');
    return missing(
      'DiskMissing',
      `${group.missingPvs} of the disks of volume group ${group.name} cannot be found${lost === '' ? '' : `: ${lost}`}; bring them back`,
    );
  }
  const notice = noticeOf(problems, strangers, wanted);
  const added = members.filter((member) => member.state !== 'member');
  if (added.length > 0) {
    const actions: PoolAction[] = [];
    for (const member of added) {
      if (member.state === 'unlabelled') {
        actions.push({
          kind: 'create-pv',
          disk: member.id,
          device: member.path,
          uuid: member.uuid,
          reason: `disk ${member.id} was added to the pool`,
        });
      }
    }
    const devices = added.map((member) => member.path);
    actions.push({ kind: 'extend-vg', vg: group.name, devices, reason: 'disks were added to the pool' });
    return { actions, ...notice };
  }
  const volumes = seen.inventory.lvs.filter((lv) => lv.vg === group.name);
  return wanted.type === 'lvm' ? planThick(group, volumes, notice) : planThin(wanted, seen, group, volumes, notice);
}

function planThick(group: VolumeGroup, volumes: readonly LogicalVolume[], notice: { notice?: PoolProblem }): PoolPlan {
  // Nothing is active: the machine has booted. One that is inactive among others is so on purpose.
  if (volumes.length > 0 && volumes.every((lv) => !lv.active)) {
    return { actions: [{ kind: 'activate-vg', vg: group.name, reason: 'no volume of it is active' }], ...notice };
  }
  return { actions: [], ...notice };
}

function planThin(
  wanted: WantedPool,
  seen: SeenPool,
  group: VolumeGroup,
  volumes: readonly LogicalVolume[],
  notice: { notice?: PoolProblem },
): PoolPlan {
  const pool = volumes.find((lv) => lv.name === THIN_POOL_LV);
  const others = volumes.filter((lv) => lv !== pool);
  if (pool !== undefined && !pool.tags.includes(poolUidTag(wanted.uid))) {
    return failed('ThinPoolNotOurs', `${group.name}/${pool.name} was not made by Holdfast; rename it with lvrename`);
  }
  if (pool === undefined || pool.kind !== 'thin-pool') {
    if (others.length > 0 || seen.wasReady) {
      return missing(
        'ThinPoolMissing',
        `volume group ${group.name} has no thin pool '${THIN_POOL_LV}' any more; restore it with vgcfgrestore, nothing is made in its place`,
      );
    }
    // A plain LV in its place is what a crash inside lvcreate leaves; its space comes back.
    const layout = thinPoolLayout(Math.min(group.sizeBytes, group.freeBytes + (pool?.sizeBytes ?? 0)));
    if (layout === undefined) {
      return failed(
        'PoolTooSmall',
        `${formatBytes(group.sizeBytes)} are too little for a thin pool; use at least 256 MiB`,
      );
    }
    const { dataBytes, metadataBytes, chunkBytes } = layout;
    const sizes = { dataBytes, metadataBytes, chunkBytes };
    return {
      actions: [
        {
          kind: 'create-thin-pool',
          vg: group.name,
          pool: THIN_POOL_LV,
          tags: poolTags(wanted),
          ...sizes,
          reason: pool === undefined ? 'the thin pool does not exist' : 'the thin pool is half-made',
        },
      ],
      ...notice,
    };
  }
  if (!pool.active) {
    return { actions: [{ kind: 'activate-vg', vg: group.name, reason: 'the thin pool is not active' }], ...notice };
  }
  const trouble = thinTrouble(group, pool);
  if (trouble !== undefined) return trouble;
  const grown = grownSizes(group, pool);
  if (grown !== undefined) {
    const action: PoolAction = {
      kind: 'grow-thin-pool',
      vg: group.name,
      pool: pool.name,
      ...grown,
      reason: 'the volume group has gained space',
    };
    return { actions: [action], ...notice };
  }
  return { actions: [], ...notice };
}

function grownSizes(group: VolumeGroup, pool: LogicalVolume) {
  if (pool.chunkBytes === undefined || pool.metadataBytes === undefined) return undefined;
  return grownLayout({
    vgBytes: group.sizeBytes,
    vgFreeBytes: group.freeBytes,
    dataBytes: pool.sizeBytes,
    metadataBytes: pool.metadataBytes,
    chunkBytes: pool.chunkBytes,
  });
}

/** Damage stops the pool; a full pool is no damage, it is reported by its percentages. */
function thinTrouble(group: VolumeGroup, pool: LogicalVolume): PoolPlan | undefined {
  const words = pool.trouble.split(', ').filter((word) => word !== '' && !word.startsWith('out-of-data'));
  if (words.length === 0) return undefined;
  return failed(
    'ThinPoolDamaged',
    `thin pool ${group.name}/${pool.name}: ${words.join(', ')}; detach its volumes and run lvconvert --repair ${group.name}/${pool.name}`,
  );
}

function noticeOf(
  problems: readonly PoolProblem[],
  strangers: readonly string[],
  wanted: WantedPool,
): { notice?: PoolProblem } {
  const [problem] = problems;
  const messages = problems.map((each) => each.message);
  if (strangers.length > 0) {
    messages.push(
      `${strangers.join(', ')} still ${strangers.length === 1 ? 'holds' : 'hold'} data of pool ${wanted.name}, though the pool no longer names ` +
        `${strangers.length === 1 ? 'it' : 'them'}; name ${strangers.length === 1 ? 'it' : 'them'} again, or empty with pvmove and vgreduce`,
    );
  }
  if (messages.length === 0) return {};
  return { notice: { reason: problem?.reason ?? 'DiskStillInUse', message: messages.join('; ') } };
}

function failed(reason: string, message: string): PoolPlan {
  return { actions: [], fatal: { reason, message } };
}

function missing(reason: string, message: string): PoolPlan {
  return { actions: [], missing: { reason, message } };
}
