import type { NodePool } from '@holdfast/api/schema/node.ts';
import type { LogicalVolume } from '../../ports/lvm.ts';
import { THIN_POOL_LV, vgName } from '../names/names.ts';
import { LOOP_DISK_ID, membersOf } from './members.ts';
import type { PoolPlan } from './plan.ts';
import type { PoolProblem, SeenPool, WantedPool } from './types.ts';

/** Reason of a pool that is Ready but takes no new replicas. */
export const POOL_NEARLY_FULL = 'PoolNearlyFull';

/** What Node.status says about a pool, from the same observation that the plan was made from. Pure. */
export function reportPool(wanted: WantedPool, seen: SeenPool, plan: PoolPlan, failure?: PoolProblem): NodePool {
  const group = seen.inventory.vgs.find((candidate) => candidate.name === vgName(wanted.name));
  // A group that is not ours says nothing about our capacity.
  const usable = plan.fatal === undefined ? group : undefined;
  const thin = seen.inventory.lvs.find(
    (lv) => lv.vg === usable?.name && lv.name === THIN_POOL_LV && lv.kind === 'thin-pool',
  );
  const diskIds = membersOf(wanted, seen, usable)
    .members.filter((member) => member.state === 'member' && member.id !== LOOP_DISK_ID)
    .map((member) => member.id);
  const capacity =
    wanted.type !== 'lvm'
      ? thinCapacity(thin)
      : usable === undefined
        ? {}
        : { sizeBytes: usable.sizeBytes, freeBytes: usable.freeBytes };
  return {
    name: wanted.name,
    type: wanted.type,
    ...stateOf(plan, failure, nearlyFull(wanted, thin)),
    ...capacity,
    ...(diskIds.length === 0 ? {} : { diskIds }),
  };
}

function stateOf(
  plan: PoolPlan,
  failure: PoolProblem | undefined,
  nearlyFull: PoolProblem | undefined,
): Pick<NodePool, 'state' | 'reason' | 'message'> {
  if (plan.fatal !== undefined) return { state: 'Failed', ...plan.fatal };
  if (plan.missing !== undefined) return { state: 'Missing', ...plan.missing };
  if (failure !== undefined) return { state: 'Failed', ...failure };
  if (plan.actions.length > 0) {
    return { state: 'Creating', reason: 'Working', message: plan.actions.map((action) => action.reason).join('; ') };
  }
  const notices = [nearlyFull, plan.notice].filter((notice) => notice !== undefined);
  const [first] = notices;
  if (first === undefined) return { state: 'Ready' };
  return { state: 'Ready', reason: first.reason, message: notices.map((notice) => notice.message).join('; ') };
}

function nearlyFull(wanted: WantedPool, thin: LogicalVolume | undefined): PoolProblem | undefined {
  const data = thin?.dataPercent ?? 0;
  const metadata = thin?.metadataPercent ?? 0;
  if (Math.max(data, metadata) < wanted.stopAtDataPercent) return undefined;
  const what = data >= metadata ? 'data' : 'metadata';
  const used = Math.floor(Math.max(data, metadata));
  const full = used >= 100 ? 'is full: writes to unwritten blocks fail' : `is ${used} % full: no new replicas here`;
  return {
    reason: POOL_NEARLY_FULL,
    message: `the ${what} area of pool ${wanted.name} ${full}; add a disk, or delete or trim volumes`,
  };
}

/** One decimal is plenty, and keeps a busy pool from rewriting the Node all the time. */
function oneDecimal(percent: number): number {
  return Math.round(percent * 10) / 10;
}

function thinCapacity(
  thin: LogicalVolume | undefined,
): Pick<NodePool, 'sizeBytes' | 'freeBytes' | 'dataPercent' | 'metadataPercent'> {
  if (thin === undefined) return {};
  const { sizeBytes } = thin;
  if (thin.dataPercent === undefined || thin.metadataPercent === undefined) return { sizeBytes };
  const dataPercent = oneDecimal(thin.dataPercent);
  return {
    sizeBytes,
    freeBytes: Math.round(sizeBytes * (1 - dataPercent / 100)),
    dataPercent,
    metadataPercent: oneDecimal(thin.metadataPercent),
  };
}
