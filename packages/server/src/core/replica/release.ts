/** Giving a volume up: detach, the zombie path, and removal of a replica. */
import type { ArbiterRecord } from '@holdfast/api/schema/volume.ts';
import type { DrbdState } from '../../ports/drbd.ts';
import type { ReplicaAction, ReplicaPlan } from './actions.ts';
import type { ReplicaObservation, VolumeView } from './observation.ts';

const RETRY_MS = 1_000;

/** The kernel's state of the resource, when there is one and it could be read. */
export function inKernel(o: ReplicaObservation): DrbdState | undefined {
  return o.drbd.state === 'known' ? o.drbd.value : undefined;
}

export function isMounted(o: ReplicaObservation): boolean {
  return o.mounts.state === 'known' && o.mounts.value.some((mount) => mount.mountPath === o.mountPath);
}

/** Where somebody else (the kubelet, through CSI) has mounted the device; the last mount first. */
export function foreignMounts(o: ReplicaObservation): string[] {
  if (o.mounts.state === 'unknown') return [];
  const others = o.mounts.value.filter((mount) => mount.device === o.device && mount.mountPath !== o.mountPath);
  return others.toReversed().map((mount) => mount.mountPath);
}

/** May this replica be written to now: recorded as primary, and Primary in the kernel where DRBD is in the path. */
export function hasClaim(o: ReplicaObservation, record: ArbiterRecord): boolean {
  return record.primary === o.name && (o.spec.layout === 'local' || inKernel(o)?.role === 'Primary');
}

function volumeOf(o: ReplicaObservation): VolumeView | undefined {
  return o.volume.state === 'known' ? o.volume.value : undefined;
}

/**
 * INV-5: Primary in the kernel, frozen, and the record names somebody else (or nobody). Its users are ended, paused writes
 * end in I/O errors, the mount goes, the replica rejoins as a secondary. Only on a record that was really read.
 */
export function planZombie(o: ReplicaObservation): ReplicaPlan | undefined {
  const drbd = inKernel(o);
  const volume = volumeOf(o);
  if (drbd?.role !== 'Primary' || volume === undefined || volume.record.primary === o.name) return undefined;
  const frozen = drbd.suspended.includes('fencing');
  const failing = drbd.disk === 'Diskless' || drbd.disk === 'Failed';
  if (!frozen && !failing) return undefined;
  const reason = `the claim was lost in epoch ${volume.record.epoch} (INV-5)`;
  const actions: ReplicaAction[] = [];
  // Who waits for a paused write must be dead before it ends: one that the local disk has already taken ends in success.
  if (frozen) actions.push({ type: 'end-holders', reason }, { type: 'fail-paused-io', reason });
  const others = foreignMounts(o);
  if (others.length > 0) actions.push({ type: 'unmount-foreign', paths: others, reason });
  if (isMounted(o)) actions.push({ type: 'unmount', reason });
  actions.push({ type: 'unlink-device', reason }, { type: 'demote', reason }, { type: 'down', reason });
  return { actions, blocked: undefined, lookAgainMs: RETRY_MS };
}

/** Detach, when the volume is no longer wanted here or the kernel is Primary without a claim. */
export function planRelease(o: ReplicaObservation): ReplicaPlan | undefined {
  const volume = volumeOf(o);
  const drbd = inKernel(o);
  const unclaimed = volume !== undefined && drbd?.role === 'Primary' && volume.record.primary !== o.name;
  if (o.spec.attach !== undefined && !unclaimed) return undefined;
  const actions = releaseSteps(
    o,
    unclaimed ? 'Primary without a claim (INV-2)' : 'the volume is no longer wanted here',
  );
  if (actions.length === 0) return undefined;
  return whyStillUsed(o) ?? { actions, blocked: undefined, lookAgainMs: RETRY_MS };
}

/** Somebody else's mount is theirs to end: it holds the device, and nothing is given up under it. */
function whyStillUsed(o: ReplicaObservation): ReplicaPlan | undefined {
  if (o.mounts.state === 'unknown') return blocked('MountsUnknown', `the mount table cannot be read: ${o.mounts.why}`);
  const [path] = foreignMounts(o);
  if (path === undefined) return undefined;
  return blocked('StillMounted', `${o.device} is still mounted at ${path}; it is released when that is unmounted`);
}

function releaseSteps(o: ReplicaObservation, reason: string): ReplicaAction[] {
  const actions: ReplicaAction[] = [];
  if (isMounted(o)) actions.push({ type: 'unmount', reason });
  if (o.linkCurrent) actions.push({ type: 'unlink-device', reason });
  if (inKernel(o)?.role === 'Primary') actions.push({ type: 'demote', reason });
  const kernelKnown = o.spec.layout === 'local' || o.drbd.state === 'known';
  if (kernelKnown && volumeOf(o)?.record.primary === o.name) actions.push({ type: 'record-demote', reason });
  return actions;
}

/** The volume lives and counts on this copy (design 3.1 rule 5). */
export function isDependedOn(o: ReplicaObservation): boolean {
  const volume = volumeOf(o);
  return volume !== undefined && !volume.deleting && volume.record.inSync.includes(o.name);
}

/** A Replica that is being deleted: rule 5 first, then only what is tagged as this replica (INV-7). */
export function planRemoval(o: ReplicaObservation): ReplicaPlan {
  if (o.volume.state === 'unknown') return blocked('ApiUnreachable', `the volume cannot be read: ${o.volume.why}`);
  if (o.drbd.state === 'unknown') return blocked('DrbdUnknown', `DRBD cannot be read: ${o.drbd.why}`);
  if (o.mounts.state === 'unknown') return blocked('MountsUnknown', `the mount table cannot be read: ${o.mounts.why}`);
  if (isDependedOn(o)) {
    return blocked(
      'StillInSync',
      'the replica is still in the in-sync set; its disk is not touched before it has left (design 3.1 rule 5)',
    );
  }
  const used = whyStillUsed(o);
  if (used !== undefined) return used;
  const release = releaseSteps(o, 'the replica is being deleted');
  if (release.length > 0) return { actions: release, blocked: undefined, lookAgainMs: RETRY_MS };
  const reason = 'the replica is being deleted';
  const actions: ReplicaAction[] = [];
  if (o.drbd.value !== undefined) actions.push({ type: 'down', reason });
  if (o.config !== 'absent') actions.push({ type: 'remove-config', reason });
  if (o.metaLv.state === 'unknown') return blocked('LvmUnknown', `LVM cannot be read: ${o.metaLv.why}`);
  if (o.dataLv.state === 'unknown') return blocked('LvmUnknown', `LVM cannot be read: ${o.dataLv.why}`);
  if (o.metaLv.value !== undefined) actions.push({ type: 'remove-lv', which: 'meta', reason });
  if (o.dataLv.value !== undefined) actions.push({ type: 'remove-lv', which: 'data', reason });
  actions.push({ type: 'remove-finalizer', reason });
  return { actions, blocked: undefined, lookAgainMs: undefined };
}

function blocked(reason: string, message: string): ReplicaPlan {
  return { actions: [], blocked: { reason, message, failed: false }, lookAgainMs: RETRY_MS };
}
