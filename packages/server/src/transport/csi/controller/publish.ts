import { NODES, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Attachment, Volume } from '@holdfast/api/schema/volume.ts';
import { healthFromCondition } from '../../../core/node-health/from-condition.ts';
import { type Access, accessOf } from '../check/capability.ts';
import { checkNodeId, noSuchVolume, required, requireVolumeId, volumeOfId } from '../check/fields.ts';
import type {
  ControllerPublishVolumeRequest,
  ControllerPublishVolumeResponse,
  ControllerUnpublishVolumeRequest,
  ControllerUnpublishVolumeResponse,
  VolumeCapability,
} from '../gen/csi.ts';
import type { Call, Reply } from '../method.ts';
import { holders, replicasOf } from './create.ts';
import type { ControllerDeps } from './deps.ts';
import { conditionOf, done, reasonOf, waitForVolume, waiting } from './wait.ts';

/**
 * ControllerPublishVolume: the Volume is wanted on that node, as a device only; the mount is NodeStageVolume's. Answered when
 * the node's agent reports that it may write (INV-2). The publish context is empty: the node finds the device by itself.
 */
export async function publishVolume(
  deps: ControllerDeps,
  request: ControllerPublishVolumeRequest,
  call: Call,
): Promise<Reply<ControllerPublishVolumeResponse>> {
  required(request.volumeId, 'volume_id');
  const node = checkNodeId(request.nodeId);
  const access = accessOf(capabilityOf(request.volumeCapability));
  const name = requireVolumeId(request.volumeId);
  const attachment: Attachment = { node, readOnly: request.readonly || access.readOnly, mount: false };
  return deps.exclusive.run(name, 'ControllerPublishVolume', call, async () => {
    const api = deps.client.resource(VOLUMES);
    const volume = await api.find(name);
    if (volume === undefined) throw noSuchVolume(name);
    checkAccess(volume, access);
    if ((await deps.client.resource(NODES).find(node)) === undefined) {
      const details = { field: 'node_id', value: node, remedy: 'see hf node list' };
      throw new AppError('not_found', `there is no node '${node}'`, { details });
    }
    if (!isWanted(volume, attachment)) {
      await checkReachable(deps, volume, node);
      const { resourceVersion } = volume.metadata;
      await api.patch(name, { metadata: { resourceVersion }, spec: { attachments: [attachment] } });
      deps.log.info('volume wanted', { volume: name, node });
    }
    await waitForVolume(deps, name, call, (now) => {
      if (now === undefined) throw noSuchVolume(name);
      const [current] = now.spec?.attachments ?? [];
      if (current?.node !== node)
        throw new AppError('aborted', `volume '${name}' was detached meanwhile; repeat the call`);
      const attached = conditionOf(now, 'Attached');
      if (now.status?.attachedTo === node && attached?.status === 'True') return done(undefined);
      return waiting(reasonOf(now, ['Attached', 'Ready'], `the agent of ${node}`));
    });
    return { publishContext: {} };
  });
}

/** Topology keeps pods from such nodes; whoever asks all the same is told at once, and nothing is changed. */
async function checkReachable(deps: ControllerDeps, volume: Stored<Volume>, node: string): Promise<void> {
  const on = holders(volume, await replicasOf(deps, volume.metadata.name));
  if (on.length === 0 || on.includes(node)) return;
  const where = on.join(', ');
  throw new AppError(
    'failed_precondition',
    `node '${node}' has no copy of volume '${volume.metadata.name}'; it is on ${where}`,
    {
      details: {
        field: 'node_id',
        value: node,
        reason: 'NoReplicaOnNode',
        remedy: `use it on ${where}, or move a copy`,
      },
    },
  );
}

function capabilityOf(capability: VolumeCapability | null): VolumeCapability {
  if (capability !== null) return capability;
  throw new AppError('invalid_argument', 'volume_capability is missing', {
    details: { field: 'volume_capability', remedy: 'send volume_capability' },
  });
}

/** @throws AppError `invalid_argument` when the volume is not of that kind. */
function checkAccess(volume: Stored<Volume>, access: Access): void {
  const { name } = volume.metadata;
  const { volumeMode = 'Filesystem', fsType } = volume.spec ?? {};
  const refuse = (has: string, wants: string): AppError =>
    new AppError('invalid_argument', `volume_capability: volume '${name}' is made for ${has}, not for ${wants}`, {
      details: { field: 'volume_capability', value: wants, remedy: `use it as ${has}` },
    });
  if (volumeMode !== access.volumeMode) throw refuse(volumeMode, access.volumeMode);
  if (volumeMode === 'Filesystem' && access.fsType !== undefined && access.fsType !== fsType) {
    throw refuse(fsType ?? 'ext4', access.fsType);
  }
}

/** @throws AppError when it is wanted elsewhere, or here in another way. */
function isWanted(volume: Stored<Volume>, wanted: Attachment): boolean {
  const { name, deletionTimestamp } = volume.metadata;
  if (deletionTimestamp !== undefined) {
    throw new AppError('failed_precondition', `volume '${name}' is being deleted`, {
      details: { field: 'volume_id', value: name, reason: 'Deleting' },
    });
  }
  const current = volume.spec?.attachments[0];
  if (current === undefined) return false;
  if (current.node !== wanted.node) {
    throw new AppError('failed_precondition', `volume '${name}' is published to node '${current.node}'`, {
      details: {
        field: 'node_id',
        value: wanted.node,
        reason: 'PublishedElsewhere',
        remedy: `unpublish it there first`,
      },
    });
  }
  if (current.mount) {
    throw new AppError(
      'already_exists',
      `volume '${name}' was attached to '${current.node}' with hf, which mounts it itself`,
      {
        details: { field: 'volume_id', value: name, remedy: `detach it first: hf volume detach ${name}` },
      },
    );
  }
  if (current.readOnly === wanted.readOnly) return true;
  const how = current.readOnly ? 'read-only' : 'read-write';
  throw new AppError('already_exists', `volume '${name}' is published to '${current.node}' ${how}`, {
    details: { field: 'readonly', value: wanted.readOnly, remedy: 'unpublish it first' },
  });
}

/**
 * ControllerUnpublishVolume. Success when the node has let go, or is lost, or never had it; no node means all nodes. A node
 * that is only silent is waited for: nobody knows what it does.
 */
export async function unpublishVolume(
  deps: ControllerDeps,
  request: ControllerUnpublishVolumeRequest,
  call: Call,
): Promise<Reply<ControllerUnpublishVolumeResponse>> {
  const name = volumeOfId(request.volumeId);
  if (name === undefined) return {};
  const node = request.nodeId === '' ? undefined : checkNodeId(request.nodeId);
  return deps.exclusive.run(name, 'ControllerUnpublishVolume', call, async () => {
    const api = deps.client.resource(VOLUMES);
    const volume = await api.find(name);
    if (volume === undefined) return {};
    const current = volume.spec?.attachments[0];
    if (current !== undefined && (node === undefined || current.node === node)) {
      const { resourceVersion } = volume.metadata;
      await api.patch(name, { metadata: { resourceVersion }, spec: { attachments: [] } });
      deps.log.info('volume no longer wanted', { volume: name, node: current.node });
    }
    await waitForVolume(deps, name, call, async (now) => {
      const at = now?.status?.attachedTo;
      if (now === undefined || at === undefined || (node !== undefined && at !== node)) return done(undefined);
      // Others are only let in when the record and the kernels agree (INV-2); this answer is about this node alone.
      if (await isLost(deps, at)) return done(undefined);
      const attached = conditionOf(now, 'Attached');
      return waiting(attached === undefined ? `${at} to release it` : attached.message);
    });
    return {};
  });
}

async function isLost(deps: ControllerDeps, name: string): Promise<boolean> {
  const node = await deps.client.resource(NODES).find(name);
  return node === undefined || healthFromCondition(node).state === 'Lost';
}
