import { formatBytes } from '@holdfast/api/bytes.ts';
import { isForgotten } from '../node-health/forget.ts';
import { isReady, type ReplicaFact, type VolumeFacts } from './facts.ts';

/**
 * The state of one replica in words. Conditions use it without `progress`: a number that runs would make a write of
 * every percent.
 */
export function replicaInWords(
  replica: ReplicaFact,
  facts: VolumeFacts,
  options: { readonly progress: boolean },
): string {
  const status = replica.object.status;
  const { node } = replica.spec;
  const waits = status?.message === undefined ? '' : ` (${status.message})`;
  if (replica.deleting && replica.inSync && !facts.deleting) {
    return 'is to be removed, and stays until another copy is in sync and the workload is elsewhere';
  }
  if (replica.deleting && isForgotten(replica.health)) return `is given up with node ${node}`;
  if (replica.deleting) {
    return isReady(replica) ? `is being removed${waits}` : `is to be removed when node ${node} is back`;
  }
  if (!isReady(replica)) return `node ${node} is not Ready: ${replica.health.message}`;
  if (status?.phase === undefined || status.phase === 'Pending') return `waits for the agent of ${node}${waits}`;
  if (status.phase === 'Failed') return `failed${waits}`;
  if (replica.spec.layout === 'local') return replica.inSync ? 'holds the data' : `is being made${waits}`;
  const drbd = status.drbd;
  if (drbd === undefined) {
    return status.phase === 'Creating' ? `is being made${waits}` : `its kernel state is unknown${waits}`;
  }
  if (drbd.disk === 'Diskless' || drbd.disk === 'Failed')
    return `its disk is ${drbd.disk}; look at the disk of pool ${replica.spec.pool}`;
  if (replica.inSync)
    return drbd.disk === 'UpToDate' || !facts.bootstrapped ? 'in sync' : `in sync (disk ${drbd.disk})`;
  const apart = drbd.peers.filter((peer) => peer.connection !== 'Connected');
  if (drbd.peers.length > 0 && apart.length === drbd.peers.length) {
    const peers = apart.map((peer) => (options.progress ? `${peer.node} (${peer.connection})` : peer.node)).join(', ');
    return `not connected to ${peers}; check the replication network`;
  }
  if (!facts.bootstrapped) return `is being made${waits}`;
  if (!options.progress) return 'resyncing';
  return syncInWords(replica) ?? `resynced (disk ${drbd.disk}), about to be taken into the in-sync set`;
}

function syncInWords(replica: ReplicaFact): string | undefined {
  const peers = replica.object.status?.drbd?.peers ?? [];
  const source = peers.find((peer) => peer.replication === 'SyncTarget' || peer.replication === 'PausedSyncT');
  if (source === undefined) return undefined;
  const left = source.outOfSyncBytes === undefined ? '' : `, ${formatBytes(source.outOfSyncBytes)} left`;
  const percent = source.syncPercent === undefined ? '' : ` ${source.syncPercent.toFixed(1)} %`;
  return `resyncing from ${source.node}${percent}${left}`;
}
