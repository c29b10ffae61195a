import type { Informer } from '@holdfast/api/client/informer-types.ts';
import type { NodePool } from '@holdfast/api/schema/node.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import type { NodeVolumes, Trouble } from '../../ports/node-volumes.ts';

/** Usage of a thin pool above which it counts as trouble, percent: the pool stops taking new replicas at 80 by default. */
const FULL_PERCENT = 90;

/** What this node knows to be wrong, from what it reported last: no call of the API server, no touch of a device. */
export function nodeTroubles(
  nodePools: () => readonly NodePool[],
  replicas: Informer<Replica>,
): Pick<NodeVolumes, 'volumeTroubles' | 'poolTroubles'> {
  return {
    volumeTroubles: (volume) =>
      replicas.list().flatMap((one) => (one.spec?.volume === volume ? replicaTroubles(one) : [])),
    poolTroubles: () => nodePools().flatMap(poolTroubles),
  };
}

function replicaTroubles(replica: Replica): Trouble[] {
  const { drbd, phase, message } = replica.status ?? {};
  const troubles: Trouble[] = [];
  if (drbd !== undefined && drbd.suspended.length > 0) {
    const why = drbd.suspended.join(', ');
    troubles.push({ severity: 'inaccessible', reason: 'IoPaused', message: message ?? `writes are paused: ${why}` });
  }
  if (drbd?.disk === 'Failed' || drbd?.disk === 'Diskless') {
    troubles.push({ severity: 'degraded', reason: 'LocalDiskFailed', message: `the local copy is ${drbd.disk}` });
  }
  const away = (drbd?.peers ?? []).filter((peer) => peer.connection !== 'Connected').map((peer) => peer.node);
  if (away.length > 0) {
    troubles.push({ severity: 'degraded', reason: 'PeerAway', message: `not connected to ${away.join(', ')}` });
  }
  if (phase === 'Failed') {
    troubles.push({ severity: 'inaccessible', reason: 'ReplicaFailed', message: message ?? 'the local copy failed' });
  }
  return troubles;
}

function poolTroubles(pool: NodePool): Trouble[] {
  const text = pool.message ?? pool.reason ?? '';
  if (pool.state === 'Failed' || pool.state === 'Missing') {
    return [{ severity: 'inaccessible', reason: `Pool${pool.state}`, message: `pool ${pool.name}: ${text}` }];
  }
  const percent = Math.max(pool.dataPercent ?? 0, pool.metadataPercent ?? 0);
  if (percent < FULL_PERCENT) return [];
  return [
    { severity: 'degraded', reason: 'PoolNearlyFull', message: `pool ${pool.name} is ${Math.floor(percent)} % full` },
  ];
}
