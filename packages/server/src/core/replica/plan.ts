/**
 * What the agent does next for one replica: a pure function over an observation. It is called again after its actions
 * were executed, until it has nothing more to say, so every step may die half-way and the next call continues (INV-8).
 */
import { decideDiskLost, decidePromotion, decideReadmit } from '../arbiter/decide.ts';
import type { ReplicaAction, ReplicaPlan } from './actions.ts';
import { planBootstrap } from './bootstrap.ts';
import type { ReplicaObservation } from './observation.ts';
import { planProvision } from './provision.ts';
import { hasClaim, inKernel, isDependedOn, isMounted, planRelease, planRemoval, planZombie } from './release.ts';

/** A volume that waits for somebody else's write to the record looks again after this long. */
const WAIT_MS = 1_000;
/** Progress of a resync is reported this often. */
const PROGRESS_MS = 2_000;

const NO_CONTEXT = { by: 'plan', at: '', evidence: '' };

export function planReplica(o: ReplicaObservation): ReplicaPlan {
  if (!o.deleting) return planLife(o) ?? planIdle(o);
  // Others depend on this copy (and may be using it) until it has left the in-sync set: it lives on until then.
  return (isDependedOn(o) ? planLife(o) : undefined) ?? planRemoval(o);
}

function planLife(o: ReplicaObservation): ReplicaPlan | undefined {
  return (
    planZombie(o) ??
    planDiskLost(o) ??
    planRelease(o) ??
    planProvision(o) ??
    planBootstrap(o) ??
    planAttach(o) ??
    planReadmit(o)
  );
}

/** INV-4: a copy whose disk failed leaves the set before anything else is done for the volume. */
function planDiskLost(o: ReplicaObservation): ReplicaPlan | undefined {
  const drbd = inKernel(o);
  if (drbd === undefined || o.volume.state === 'unknown' || o.volume.value === undefined) return undefined;
  const decision = decideDiskLost(o.volume.value.record, o.name, drbd, NO_CONTEXT);
  return decision.ok ? act([{ type: 'record-disk-lost', reason: decision.message }]) : undefined;
}

function planAttach(o: ReplicaObservation): ReplicaPlan | undefined {
  const attach = o.spec.attach;
  if (attach === undefined) return undefined;
  if (o.volume.state === 'unknown') return wait('ApiUnreachable', `the record cannot be read: ${o.volume.why}`);
  const volume = o.volume.value;
  if (volume === undefined) return wait('VolumeGone', 'the volume does not exist; nothing is promoted for it');
  const drbd = inKernel(o);

  if (!hasClaim(o, volume.record)) {
    if (o.spec.layout === 'drbd' && o.unprotected !== null) return wait('NotProtected', o.unprotected);
    const decision = decidePromotion(volume.record, o.name, o.spec.layout === 'local' ? undefined : drbd, NO_CONTEXT);
    if (!decision.ok) {
      // Its disk had failed, it wrote through the network, and died: another member has to take it back first (rule 2).
      const claimLeft = decision.reason === 'NotInSync' && volume.record.primary === o.name;
      if (claimLeft && drbd?.role === 'Secondary') return act([{ type: 'record-demote', reason: decision.message }]);
      return wait(decision.reason, decision.message);
    }
    return act([{ type: 'promote', reason: 'the volume is wanted here' }]);
  }
  if (drbd?.suspended.includes('fencing') === true) {
    if (!o.fencePending) return act([{ type: 'ask-fence-again', reason: 'frozen, and no question is open' }], WAIT_MS);
    return wait(
      'Frozen',
      'writes are paused until the arbiter has recorded that the lost replica is out of the in-sync set',
    );
  }
  const grow = planDeviceGrow(o);
  if (grow !== undefined) return grow;

  const actions: ReplicaAction[] = [];
  if (!o.linkCurrent) actions.push({ type: 'link-device', reason: 'a stable path to the device' });
  if (attach.mount && attach.volumeMode === 'Filesystem') {
    if (o.mounts.state === 'unknown') return wait('MountsUnknown', `the mount table cannot be read: ${o.mounts.why}`);
    if (!isMounted(o)) {
      if (volume.format.state !== 'done') {
        actions.push({ type: 'format', fsType: attach.fsType, reason: 'the volume was never formatted (INV-6)' });
      }
      actions.push({
        type: 'mount',
        fsType: attach.fsType,
        readOnly: attach.readOnly,
        reason: 'the volume is wanted here',
      });
    } else if (!attach.readOnly && o.deviceSizeBytes !== undefined && o.grownToBytes !== o.deviceSizeBytes) {
      actions.push({ type: 'grow-filesystem', fsType: attach.fsType, reason: 'the device has grown' });
    }
  }
  return actions.length === 0 ? undefined : act(actions);
}

/** DRBD needs one Primary to resize, every LV grown and no resync; a detached volume grows at its next promotion. */
function planDeviceGrow(o: ReplicaObservation): ReplicaPlan | undefined {
  const drbd = inKernel(o);
  if (o.spec.layout === 'local' || drbd === undefined || drbd.sizeBytes >= o.spec.sizeBytes) return undefined;
  if (drbd.peers.some((peer) => peer.connection !== 'Connected' || peer.disk !== 'UpToDate')) return undefined;
  const thin = o.pool !== undefined && o.pool.type !== 'lvm';
  return act([
    {
      type: 'resize-device',
      assumeClean: thin,
      reason: `the device has ${drbd.sizeBytes} of ${o.spec.sizeBytes} bytes`,
    },
  ]);
}

function planReadmit(o: ReplicaObservation): ReplicaPlan | undefined {
  const drbd = inKernel(o);
  if (drbd === undefined || o.volume.state === 'unknown' || o.volume.value === undefined) return undefined;
  const candidates = o.spec.peers.map((peer) => peer.replica);
  const decision = decideReadmit(o.volume.value.record, o.name, drbd, candidates, NO_CONTEXT);
  return decision.ok ? act([{ type: 'readmit', reason: decision.message }]) : undefined;
}

function planIdle(o: ReplicaObservation): ReplicaPlan {
  const drbd = inKernel(o);
  const syncing = drbd?.peers.some((peer) => peer.replication?.startsWith('Sync') === true) === true;
  // The primary resizes the device for everybody, and DRBD tells nobody.
  const growing =
    drbd !== undefined && drbd.sizeBytes < o.spec.sizeBytes && drbd.peers.some((peer) => peer.role === 'Primary');
  // A volume that cannot be read keeps being asked for: a re-admission may be due.
  const unread = o.volume.state === 'unknown';
  return { actions: [], blocked: undefined, lookAgainMs: syncing || growing || unread ? PROGRESS_MS : undefined };
}

function act(actions: readonly ReplicaAction[], lookAgainMs?: number): ReplicaPlan {
  return { actions, blocked: undefined, lookAgainMs };
}

function wait(reason: string, message: string): ReplicaPlan {
  return { actions: [], blocked: { reason, message, failed: false }, lookAgainMs: WAIT_MS };
}
