import { formatBytes } from '@holdfast/api/bytes.ts';
import type { Condition } from '@holdfast/api/schema/meta.ts';
import type { NodePool } from '@holdfast/api/schema/node.ts';
import { POOL_NEARLY_FULL } from '../../core/pool/report.ts';
import type { Orphan } from './orphans.ts';

/** Condition types that the agent writes; every other type (Ready) belongs to somebody else and is passed through. */
export const AGENT_CONDITIONS = ['PoolsReady', 'PoolNearlyFull', 'OrphanVolumes'] as const;

type Verdict = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** The node's conditions: ours from what was seen, with the time of their last change; others as they are. Pure. */
export function nodeConditions(args: {
  readonly pools: readonly NodePool[];
  readonly orphans: readonly Orphan[];
  readonly previous: readonly Condition[];
  /** RFC 3339. */
  readonly now: string;
}): Condition[] {
  const ours = new Set<string>(AGENT_CONDITIONS);
  const verdicts = [poolsReady(args.pools), poolNearlyFull(args.pools), orphanVolumes(args.orphans)];
  return [
    ...args.previous.filter((condition) => !ours.has(condition.type)),
    ...verdicts.map((verdict) => {
      const before = args.previous.find((condition) => condition.type === verdict.type);
      const unchanged = before !== undefined && before.status === verdict.status;
      return { ...verdict, lastTransitionTime: unchanged ? before.lastTransitionTime : args.now };
    }),
  ];
}

function poolsReady(pools: readonly NodePool[]): Verdict {
  const type = 'PoolsReady';
  const troubled = pools.filter((pool) => pool.state !== 'Ready');
  if (pools.length === 0) {
    return { type, status: 'True', reason: 'NoPools', message: 'no pool names this node' };
  }
  if (troubled.length === 0) {
    return { type, status: 'True', reason: 'AllReady', message: `ready: ${pools.map((pool) => pool.name).join(', ')}` };
  }
  const message = troubled.map((pool) => `pool ${pool.name} is ${pool.state}: ${pool.message ?? pool.reason ?? ''}`);
  return { type, status: 'False', reason: troubled[0]?.reason ?? 'NotReady', message: message.join('; ') };
}

function poolNearlyFull(pools: readonly NodePool[]): Verdict {
  const type = 'PoolNearlyFull';
  const full = pools.filter((pool) => pool.reason === POOL_NEARLY_FULL);
  if (full.length === 0) {
    return { type, status: 'False', reason: 'EnoughSpace', message: 'every pool of this node takes new replicas' };
  }
  const message = full.map((pool) => pool.message ?? pool.name).join('; ');
  return { type, status: 'True', reason: POOL_NEARLY_FULL, message };
}

function orphanVolumes(orphans: readonly Orphan[]): Verdict {
  const type = 'OrphanVolumes';
  if (orphans.length === 0) {
    return { type, status: 'False', reason: 'NoOrphans', message: 'every volume of ours on this node has a Replica' };
  }
  const names = orphans.map((orphan) => `${orphan.lv} (${formatBytes(orphan.sizeBytes)})`).join(', ');
  // INV-7: a missing API object is never a reason to remove data.
  const message = `no Replica belongs to ${names}; nothing removes them but you (lvremove), after a look at what they hold`;
  return { type, status: 'True', reason: 'OrphanVolumes', message };
}
