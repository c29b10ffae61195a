/** From nothing to a running (Secondary) replica, and back to one after a reboot. */
import { replicaTag, TAG_UNWIPED } from '../names/names.ts';
import type { ReplicaAction, ReplicaPlan } from './actions.ts';
import type { ReplicaObservation } from './observation.ts';
import { inKernel } from './release.ts';

/** A full pool is looked at again after this long. */
const FULL_MS = 10_000;
const RETRY_MS = 5_000;

export function planProvision(o: ReplicaObservation): ReplicaPlan | undefined {
  if (o.pool === undefined) return blocked('PoolUnknown', `pool ${o.spec.pool} is not known on ${o.spec.node}`);
  if (!o.pool.ready)
    return blocked('PoolNotReady', `pool ${o.spec.pool} is not ready on ${o.spec.node}: ${o.pool.message}`);
  if (o.dataLv.state === 'unknown') return blocked('LvmUnknown', `LVM cannot be read: ${o.dataLv.why}`);
  const thin = o.pool.type !== 'lvm';
  const actions: ReplicaAction[] = [];
  const data = o.dataLv.value;
  if (data === undefined) {
    if (o.status.lvSizeBytes !== undefined) {
      return failed(
        'DataLvMissing',
        `the logical volume existed and is gone from pool ${o.spec.pool}; it is never recreated empty. Restore it, or replace this replica (hf volume move)`,
      );
    }
    const leftover = planLeftover(o);
    if (leftover !== undefined) return leftover;
    actions.push({ type: 'create-data-lv', sizeBytes: o.spec.sizeBytes, thin, reason: `replica of ${o.spec.volume}` });
  } else {
    if (!data.tags.includes(replicaTag(o.uid))) {
      return failed(
        'ForeignLv',
        `logical volume ${data.vg}/${data.name} exists and is not tagged as this replica (INV-7); rename or remove it`,
      );
    }
    if (!data.active) actions.push({ type: 'activate-lv', which: 'data', reason: 'inactive after a boot' });
    if (data.sizeBytes < o.spec.sizeBytes) {
      actions.push({ type: 'extend-lv', which: 'data', sizeBytes: o.spec.sizeBytes, reason: 'the volume grows' });
    }
  }
  if (o.spec.layout === 'local') return actions.length === 0 ? undefined : act(actions);
  return provisionDrbd(o, thin, actions);
}

/**
 * A resource that runs while there is no disk of this replica yet is that of an earlier replica, whose object went while
 * this node was away. It is taken down first: else the new copy would go on with the disk of the old one. The old
 * logical volume stays, as an orphan (INV-7).
 */
function planLeftover(o: ReplicaObservation): ReplicaPlan | undefined {
  if (o.spec.layout === 'local' || o.spec.type !== 'Diskful') return undefined;
  if (o.drbd.state === 'unknown') return blocked('DrbdUnknown', `DRBD cannot be read: ${o.drbd.why}`);
  if (o.drbd.value === undefined) return undefined;
  return act([{ type: 'down', reason: 'an earlier replica of this volume still runs here' }], RETRY_MS);
}

function provisionDrbd(o: ReplicaObservation, thin: boolean, actions: ReplicaAction[]): ReplicaPlan | undefined {
  if (o.metaLv.state === 'unknown') return blocked('LvmUnknown', `LVM cannot be read: ${o.metaLv.why}`);
  if (o.drbd.state === 'unknown') return blocked('DrbdUnknown', `DRBD cannot be read: ${o.drbd.why}`);
  const meta = o.metaLv.value;
  const up = o.drbd.value;
  if (meta === undefined) {
    const refusal = refuseNewMetadata(o);
    if (refusal !== undefined) return refusal;
    actions.push({ type: 'create-metadata-lv', sizeBytes: o.metadataBytes, thin, reason: 'external DRBD metadata' });
  } else {
    if (!meta.active) actions.push({ type: 'activate-lv', which: 'meta', reason: 'inactive after a boot' });
    if (meta.sizeBytes < o.metadataBytes) {
      actions.push({
        type: 'extend-lv',
        which: 'meta',
        sizeBytes: o.metadataBytes,
        reason: 'the bitmap grows with the volume',
      });
    }
    if (meta.tags.includes(TAG_UNWIPED)) {
      actions.push({ type: 'wipe-metadata-lv', reason: 'a thick volume holds what was there before' });
    }
  }
  // Metadata can only be read once its LV is there and active: first these, then observe again.
  if (actions.length > 0) return act(actions);
  return up === undefined ? bringUp(o) : keepUp(o);
}

function bringUp(o: ReplicaObservation): ReplicaPlan {
  if (o.unprotected !== null) return blocked('NotProtected', o.unprotected);
  const actions: ReplicaAction[] = [];
  if (o.config !== 'current') actions.push({ type: 'write-config', reason: 'the resource file follows the spec' });
  if (o.metadata.state === 'unknown') {
    // drbdadm needs the file to look at the metadata: write it and look again.
    if (actions.length > 0) return act(actions);
    return blocked('MetadataUnknown', `DRBD metadata cannot be read: ${o.metadata.why}`);
  }
  if (o.metadata.value === 'blank') {
    const refusal = refuseNewMetadata(o);
    if (refusal !== undefined) return refusal;
    actions.push({ type: 'create-metadata', reason: 'a new copy' });
  }
  if (mayMarkSource(o))
    actions.push({ type: 'mark-source', reason: 'this copy holds the data; the others sync from it' });
  actions.push({ type: 'adjust', reason: 'the resource is down' });
  return act(actions, RETRY_MS);
}

function keepUp(o: ReplicaObservation): ReplicaPlan | undefined {
  const drbd = inKernel(o);
  if (drbd === undefined) return undefined;
  if (o.config !== 'current') {
    return act([
      { type: 'write-config', reason: 'the resource file follows the spec' },
      { type: 'adjust', reason: 'the resource file changed' },
    ]);
  }
  // Died between create-metadata and mark-source.
  if (drbd.disk === 'Inconsistent' && mayMarkSource(o) && drbd.peers.every((peer) => peer.disk !== 'UpToDate')) {
    const reason = 'finish the interrupted bootstrap';
    return act([
      { type: 'down', reason },
      { type: 'mark-source', reason },
      { type: 'adjust', reason },
    ]);
  }
  if (drbd.disk === 'Diskless' && o.spec.type === 'Diskful') {
    // A resync into a full pool would only detach the disk again.
    if (o.pool?.full === true) return waitForSpace(o);
    return act([{ type: 'adjust', reason: 'the disk was detached' }], RETRY_MS);
  }
  const missing = o.spec.peers.filter((peer) => !drbd.peers.some((seen) => seen.replica === peer.replica));
  if (missing.length > 0) return act([{ type: 'adjust', reason: 'a peer is not configured in the kernel' }], RETRY_MS);
  const alone = drbd.peers.filter((peer) => peer.connection === 'StandAlone');
  if (alone.length > 0) {
    return act(
      [{ type: 'connect', reason: `StandAlone towards ${alone.map((peer) => peer.replica).join(', ')}` }],
      RETRY_MS,
    );
  }
  return undefined;
}

function waitForSpace(o: ReplicaObservation): ReplicaPlan {
  const message = `pool ${o.spec.pool} is full, and DRBD has detached this copy from it; add a disk to the pool, or delete or trim volumes`;
  // The pool is looked at again by itself, and its change leads here again; this is for the case that nothing changes.
  return { actions: [], blocked: { reason: 'PoolFull', message, failed: false }, lookAgainMs: FULL_MS };
}

/** Blank metadata may be made only while nothing depends on this copy. What cannot be read now is asked again. */
function refuseNewMetadata(o: ReplicaObservation): ReplicaPlan | undefined {
  if (o.volume.state === 'unknown') return blocked('ApiUnreachable', `the volume cannot be read: ${o.volume.why}`);
  if (o.volume.value === undefined) return blocked('VolumeGone', 'the volume does not exist');
  const record = o.volume.value.record;
  if (record.epoch === 0 || !record.inSync.includes(o.name) || mayMarkSource(o)) return undefined;
  const message = 'the DRBD metadata of an in-sync replica is missing; replace this replica (hf volume move)';
  return failed('MetadataMissing', message);
}

/** bootstrap `source`: before the first decision, or as the only member, and never after DRBD has run here. */
function mayMarkSource(o: ReplicaObservation): boolean {
  if (o.spec.bootstrap !== 'source' || o.volume.state === 'unknown' || o.volume.value === undefined) return false;
  const record = o.volume.value.record;
  if (record.epoch === 0) return true;
  return o.status.drbd === undefined && record.inSync.length === 1 && record.inSync[0] === o.name;
}

function act(actions: readonly ReplicaAction[], lookAgainMs?: number): ReplicaPlan {
  return { actions, blocked: undefined, lookAgainMs };
}

function blocked(reason: string, message: string): ReplicaPlan {
  return { actions: [], blocked: { reason, message, failed: false }, lookAgainMs: RETRY_MS };
}

function failed(reason: string, message: string): ReplicaPlan {
  return { actions: [], blocked: { reason, message, failed: true }, lookAgainMs: undefined };
}
