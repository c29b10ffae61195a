/** The first in-sync set of a volume (design 3.1 rule 5). */
import type { ReplicaPlan } from './actions.ts';
import type { ReplicaObservation } from './observation.ts';
import { inKernel } from './release.ts';

const WAIT_MS = 1_000;

export function planBootstrap(o: ReplicaObservation): ReplicaPlan | undefined {
  if (o.volume.state === 'unknown' || o.volume.value === undefined || o.volume.value.deleting) return undefined;
  if (o.volume.value.record.epoch !== 0) return undefined;
  if (o.spec.layout === 'local') return record([o.name], 'the only copy is complete');
  const drbd = inKernel(o);
  if (drbd === undefined) return undefined;
  switch (o.spec.bootstrap) {
    case 'source':
      return drbd.disk === 'UpToDate'
        ? record([o.name], 'this copy holds the data; the others sync from it')
        : undefined;
    case 'skip-sync':
      return skipSync(o);
    case 'join':
    case 'none':
      return undefined;
    default:
      return o.spec.bootstrap satisfies never;
  }
}

/**
 * Blank thin LVs read as zeros everywhere, so the copies are equal without a sync. One replica, the one with the lowest
 * node-id, says so to DRBD, and only while every copy is connected and none has ever held data.
 */
function skipSync(o: ReplicaObservation): ReplicaPlan | undefined {
  const own = o.spec.drbd?.nodeId ?? 0;
  if (o.spec.peers.some((peer) => peer.nodeId < own)) return undefined;
  const drbd = inKernel(o);
  if (drbd === undefined) return undefined;
  const peers = o.spec.peers.map((peer) => drbd.peers.find((seen) => seen.replica === peer.replica));
  if (peers.some((peer) => peer === undefined || peer.connection !== 'Connected')) {
    return {
      actions: [],
      blocked: {
        reason: 'WaitingForPeers',
        message: 'every first replica must be connected before the volume is usable',
        failed: false,
      },
      lookAgainMs: WAIT_MS,
    };
  }
  const disks = [drbd.disk, ...peers.map((peer) => peer?.disk)];
  if (disks.every((disk) => disk === 'UpToDate')) {
    return record([o.name, ...o.spec.peers.map((peer) => peer.replica)], 'all first copies are UpToDate');
  }
  if (disks.every((disk) => disk === 'Inconsistent')) {
    return {
      actions: [{ type: 'skip-initial-sync', reason: 'all copies are blank and equal' }],
      blocked: undefined,
      lookAgainMs: WAIT_MS,
    };
  }
  return undefined;
}

function record(members: readonly string[], reason: string): ReplicaPlan {
  return { actions: [{ type: 'record-bootstrap', members, reason }], blocked: undefined, lookAgainMs: undefined };
}
