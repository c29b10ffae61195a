/** Does one action of a replica's plan. Each is idempotent; none decides anything that the plan could have known. */
import { REPLICAS } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { FINALIZER_REPLICA } from '@holdfast/api/labels.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import {
  deviceLink,
  lvName,
  mdLvName,
  mountPath,
  replicaTag,
  replicaTags,
  resourceName,
  TAG_UNWIPED,
  THIN_POOL_LV,
  vgName,
} from '../../core/names/names.ts';
import type { ReplicaAction } from '../../core/replica/actions.ts';
import type { Drbd, DrbdConfig } from '../../ports/drbd.ts';
import {
  demoteRecord,
  formatOnce,
  promote,
  readmit,
  recordBootstrap,
  recordDiskLost,
  skipInitialSync,
} from './claim.ts';
import type { AgentDeps, ExecuteContext } from './deps.ts';
import { grownFile, type Look } from './observe.ts';
import { specOf } from './record.ts';

export async function executeAction(
  context: ExecuteContext,
  replica: Stored<Replica>,
  look: Look,
  action: ReplicaAction,
): Promise<void> {
  const { deps, inventory } = context;
  const spec = specOf(replica);
  const name = replica.metadata.name;
  const vg = vgName(spec.pool);
  const resource = resourceName(spec.volume);
  const device = look.observation.device;
  const tags = (role: 'data' | 'meta'): string[] =>
    replicaTags({ volumeUid: spec.volumeUid, uid: replica.metadata.uid }, role);
  const lvOf = (which: 'data' | 'meta'): string => (which === 'data' ? lvName(name) : mdLvName(name));
  switch (action.type) {
    case 'create-data-lv':
    case 'create-metadata-lv': {
      const role = action.type === 'create-data-lv' ? 'data' : 'meta';
      const thinPool = action.thin ? { thinPool: THIN_POOL_LV } : {};
      const unwiped = role === 'meta' && !action.thin ? [TAG_UNWIPED] : [];
      const wanted = {
        vg,
        lv: lvOf(role),
        sizeBytes: action.sizeBytes,
        tags: [...tags(role), ...unwiped],
        ...thinPool,
      };
      await deps.lvm.createLv(wanted);
      inventory.created(wanted);
      if (role === 'meta' && action.thin) context.blankMetadata.add(replica.metadata.uid);
      return;
    }
    case 'wipe-metadata-lv':
      await deps.lvm.wipeLv({ vg, lv: lvOf('meta'), pendingTag: TAG_UNWIPED });
      context.blankMetadata.add(replica.metadata.uid);
      inventory.invalidate();
      return;
    case 'activate-lv':
      await deps.lvm.activateLv({ vg, lv: lvOf(action.which) });
      inventory.invalidate();
      return;
    case 'extend-lv':
      await deps.lvm.extendLv({ vg, lv: lvOf(action.which), sizeBytes: action.sizeBytes });
      inventory.invalidate();
      return;
    case 'create-metadata':
      // Whatever comes of it: from now on it has to be looked at. DRBD's own tool refuses metadata that is not blank.
      context.blankMetadata.delete(replica.metadata.uid);
      return drbdOf(deps).createMetadata(configOf(look));
    case 'mark-source':
      return drbdOf(deps).markSource(configOf(look));
    case 'write-config':
      await drbdOf(deps).writeConfig(configOf(look));
      return;
    case 'adjust':
      return drbdOf(deps).adjust(resource);
    case 'connect':
      return drbdOf(deps).connect(resource);
    case 'skip-initial-sync':
      return skipInitialSync(deps, replica, resource);
    case 'record-bootstrap':
      return recordBootstrap(deps, replica, action.members);
    case 'promote':
      return promote(context, replica);
    case 'readmit':
      return readmit(deps, replica);
    case 'record-disk-lost':
      return recordDiskLost(deps, replica);
    case 'format':
      return formatOnce(deps, replica, device, action.fsType);
    case 'mount': {
      const path = mountPath(spec.volume);
      const check = await deps.fs.fsck(device, action.fsType);
      if (!check.ok)
        throw new AppError('failed_precondition', `file system check of ${device} failed: ${check.message}`);
      await deps.fs.makeMountPoint(path);
      await deps.fs.mount({ device, path, fsType: action.fsType, readOnly: action.readOnly });
      deps.recorder.record(replica, { type: 'Normal', reason: 'Mounted', message: `mounted ${device} at ${path}` });
      return;
    }
    case 'link-device':
      return deps.files.symlink(device, deviceLink(spec.volume));
    case 'unlink-device':
      return deps.files.remove(deviceLink(spec.volume));
    case 'resize-device':
      await requirePeersGrown(deps, replica);
      return drbdOf(deps).resize(resource, action.assumeClean);
    case 'grow-filesystem':
      await deps.fs.growFs({ device, path: mountPath(spec.volume), fsType: action.fsType });
      return deps.files.write(grownFile(deps, replica.metadata.uid), String(look.observation.deviceSizeBytes ?? 0));
    case 'unmount':
      return unmount(deps, replica, look);
    case 'unmount-foreign':
      return unmountForeign(deps, replica, action.paths);
    case 'demote': {
      const outcome = await drbdOf(deps).demote(resource);
      if (!outcome.ok) throw new AppError('unavailable', `${resource} stays Primary: ${outcome.message}`);
      return;
    }
    case 'record-demote':
      return demoteRecord(deps, replica);
    case 'end-holders':
      return endHolders(deps, replica, look);
    case 'fail-paused-io':
      deps.recorder.record(replica, {
        type: 'Warning',
        reason: 'ClaimLost',
        message: `${action.reason}: paused writes end in I/O errors`,
      });
      return drbdOf(deps).failPausedIo(resource);
    case 'ask-fence-again':
      return drbdOf(deps).askFenceAgain(resource);
    case 'down':
      return drbdOf(deps).down(resource);
    case 'remove-config':
      return drbdOf(deps).removeConfig(resource);
    case 'remove-lv':
      await deps.lvm.removeLv({ vg, lv: lvOf(action.which), requiredTag: replicaTag(replica.metadata.uid) });
      inventory.invalidate();
      return;
    case 'remove-finalizer':
      await deps.files.remove(grownFile(deps, replica.metadata.uid));
      return removeFinalizer(deps, replica);
    default:
      return action satisfies never;
  }
}

function drbdOf(deps: AgentDeps): Drbd {
  if (deps.drbd === undefined) {
    throw new AppError('failed_precondition', `node ${deps.node} has no DRBD`, {
      details: { remedy: 'load the drbd kernel module and install drbd-utils' },
    });
  }
  return deps.drbd;
}

function configOf(look: Look): DrbdConfig {
  if (look.config === undefined)
    throw new AppError('internal', 'a DRBD action for a replica without DRBD configuration');
  return look.config;
}

/** DRBD takes the smallest copy as its size: wait until every peer's LV has grown. */
async function requirePeersGrown(deps: AgentDeps, replica: Stored<Replica>): Promise<void> {
  const spec = specOf(replica);
  for (const peer of spec.peers.filter((each) => each.type === 'Diskful')) {
    const other = await deps.client.resource(REPLICAS).find(peer.replica);
    if ((other?.status?.lvSizeBytes ?? 0) < spec.sizeBytes) {
      throw new AppError('unavailable', `waiting for ${peer.replica} on ${peer.node} to grow its logical volume`);
    }
  }
}

/** A mount that lost its device is torn down with its holders; any other is asked politely. */
async function unmount(deps: AgentDeps, replica: Stored<Replica>, look: Look): Promise<void> {
  const path = mountPath(specOf(replica).volume);
  const drbd = look.observation.drbd.state === 'known' ? look.observation.drbd.value : undefined;
  const lost = drbd !== undefined && (drbd.suspended.includes('fencing') || drbd.disk === 'Diskless');
  const outcome = await deps.fs.unmount(path);
  if (!outcome.ok) {
    if (!lost) {
      const holders = outcome.holders.length === 0 ? '' : ` (held by pid ${outcome.holders.join(', ')})`;
      throw new AppError('unavailable', `${path} cannot be unmounted: ${outcome.message}${holders}`);
    }
    await endHolders(deps, replica, look);
    await deps.fs.unmountLazy(path);
  }
  await deps.fs.removeMountPoint(path);
  deps.recorder.record(replica, { type: 'Normal', reason: 'Unmounted', message: `unmounted ${path}` });
}

/** The claim is lost (INV-5): whatever uses the volume through mounts of others ends now, and the mounts go. */
async function unmountForeign(deps: AgentDeps, replica: Stored<Replica>, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    if ((await deps.fs.unmount(path)).ok) continue;
    reportEnded(deps, replica, await deps.fs.killHolders(path));
    await deps.fs.unmountLazy(path);
  }
}

/**
 * INV-5: DRBD completes a paused write with success when its local copy was written before the pause, also after a forced
 * detach. A process with SIGKILL pending never returns from the kernel, so nobody learns of it. @throws when the holders
 * cannot be listed: the volume stays frozen then.
 */
async function endHolders(deps: AgentDeps, replica: Stored<Replica>, look: Look): Promise<void> {
  const ended = new Set([
    ...(await deps.fs.killHolders(mountPath(specOf(replica).volume))),
    ...(await deps.fs.killHolders(look.observation.device)),
  ]);
  reportEnded(deps, replica, [...ended]);
}

function reportEnded(deps: AgentDeps, replica: Stored<Replica>, pids: readonly string[]): void {
  if (pids.length === 0) return;
  const message = `ended ${pids.join(', ')}: their volume moved to another node`;
  deps.recorder.record(replica, { type: 'Warning', reason: 'HoldersKilled', message });
}

async function removeFinalizer(deps: AgentDeps, replica: Stored<Replica>): Promise<void> {
  const finalizers = (replica.metadata.finalizers ?? []).filter((each) => each !== FINALIZER_REPLICA);
  await deps.client.resource(REPLICAS).patch(replica.metadata.name, {
    metadata: { resourceVersion: replica.metadata.resourceVersion, finalizers },
  });
}
