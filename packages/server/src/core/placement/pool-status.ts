import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Pool, PoolStatus } from '@holdfast/api/schema/pool.ts';
import { mergeConditions } from '../volume/status.ts';
import type { ClusterView } from './types.ts';

/** Pool.status from what the nodes report. `users` are the replicas in the pool. */
export function planPool(pool: Stored<Pool>, view: ClusterView, users: readonly string[], now: string): PoolStatus {
  const name = pool.metadata.name;
  const members = pool.spec?.nodes ?? [];
  let nodesReady = 0;
  let sizeBytes = 0;
  let freeBytes = 0;
  const troubles: string[] = [];
  for (const member of members) {
    const node = view.nodes.get(member.name);
    const reported = node?.status?.pools?.find((candidate) => candidate.name === name);
    if (node === undefined) troubles.push(`${member.name}: there is no such node (hf node list)`);
    else if (reported === undefined) troubles.push(`${member.name}: its agent has not reported it yet`);
    else if (reported.state !== 'Ready') {
      troubles.push(
        `${member.name}: ${reported.state}${reported.message === undefined ? '' : `, ${reported.message}`}`,
      );
    } else nodesReady += 1;
    sizeBytes += reported?.sizeBytes ?? 0;
    freeBytes += reported?.freeBytes ?? 0;
  }
  const ready =
    pool.metadata.deletionTimestamp !== undefined
      ? condition(
          false,
          'InUse',
          `deletion waits for ${users.length} replicas: ${users.slice(0, 5).join(', ')}${users.length > 5 ? '...' : ''}`,
        )
      : troubles.length === 0
        ? condition(true, 'Ready', `ready on ${members.length} ${members.length === 1 ? 'node' : 'nodes'}`)
        : condition(false, 'NotReady', troubles.join('; '));
  const before = pool.status?.conditions ?? [];
  const conditions = mergeConditions(before, new Map([['Ready', ready]]), now) ?? before;
  return { nodesReady, nodesTotal: members.length, sizeBytes, freeBytes, conditions };
}

function condition(ready: boolean, reason: string, message: string) {
  return { type: 'Ready', status: ready ? ('True' as const) : ('False' as const), reason, message };
}
