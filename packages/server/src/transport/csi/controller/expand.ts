import { formatBytes } from '@holdfast/api/bytes.ts';
import { VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import { whyNoRoomToGrow } from '../../../core/volume/grow.ts';
import { accessOf } from '../check/capability.ts';
import { grownSize, rangeOf } from '../check/capacity.ts';
import { noSuchVolume, requireVolumeId } from '../check/fields.ts';
import type { ControllerExpandVolumeRequest, ControllerExpandVolumeResponse } from '../gen/csi.ts';
import type { Call, Reply } from '../method.ts';
import { replicasOf } from './create.ts';
import type { ControllerDeps } from './deps.ts';
import { clusterView } from './view.ts';
import { conditionOf, done, waitForVolume, waiting } from './wait.ts';

/**
 * ControllerExpandVolume, with the volume in use or not. An attached volume is done when its device has grown; a detached one
 * when every copy's logical volume has, because the device follows at its next attachment. The node's part always follows:
 * it grows the file system, and for a raw device makes sure that the kernel shows the new size.
 */
export async function expandVolume(
  deps: ControllerDeps,
  request: ControllerExpandVolumeRequest,
  call: Call,
): Promise<Reply<ControllerExpandVolumeResponse>> {
  const name = requireVolumeId(request.volumeId);
  if (request.capacityRange === null) {
    throw new AppError('invalid_argument', 'capacity_range is missing', { details: { field: 'capacity_range' } });
  }
  const wanted = rangeOf(request.capacityRange);
  if (request.volumeCapability !== null) accessOf(request.volumeCapability);
  return deps.exclusive.run(name, 'ControllerExpandVolume', call, async () => {
    const api = deps.client.resource(VOLUMES);
    const volume = await api.find(name);
    if (volume?.spec === undefined) throw noSuchVolume(name);
    const sizeBytes = grownSize(wanted, volume.spec.sizeBytes);
    if (sizeBytes > volume.spec.sizeBytes) {
      // Asked before it is written: a size that was written stays, because a volume never shrinks.
      await checkRoom(deps, volume, sizeBytes, call);
      const { resourceVersion } = volume.metadata;
      await api.patch(name, { metadata: { resourceVersion }, spec: { sizeBytes } });
      deps.log.info('volume grows', { volume: name, sizeBytes });
    }
    await waitForVolume(deps, name, call, async (now) => {
      if (now === undefined) throw noSuchVolume(name);
      if (await isGrown(deps, now, sizeBytes)) return done(undefined);
      const resizing = conditionOf(now, 'Resizing');
      if (resizing?.reason === 'NoSpace') throw new AppError('resource_exhausted', resizing.message);
      return waiting(resizing?.message ?? 'the copies to grow');
    });
    return { capacityBytes: String(sizeBytes), nodeExpansionRequired: true };
  });
}

/** @throws AppError `resource_exhausted` when a copy cannot grow where it is. */
async function checkRoom(deps: ControllerDeps, volume: Stored<Volume>, sizeBytes: number, call: Call): Promise<void> {
  const caches = await deps.view.read(call);
  const replicas = caches.replicas
    .byIndex('volume', volume.metadata.name)
    .flatMap((one) => (one.spec === undefined ? [] : [{ name: one.metadata.name, spec: one.spec }]));
  const why = whyNoRoomToGrow(replicas, sizeBytes, clusterView(caches));
  if (why.length === 0) return;
  throw new AppError(
    'resource_exhausted',
    `volume '${volume.metadata.name}' cannot grow to ${formatBytes(sizeBytes)}: ${why.join('; ')}`,
    { details: { field: 'capacity_range.required_bytes', value: sizeBytes, reason: 'NoSpace' } },
  );
}

async function isGrown(deps: ControllerDeps, volume: Stored<Volume>, sizeBytes: number): Promise<boolean> {
  if ((volume.status?.sizeBytes ?? 0) >= sizeBytes) return true;
  if ((volume.spec?.attachments.length ?? 0) > 0 || volume.status?.attachedTo !== undefined) return false;
  const replicas = await replicasOf(deps, volume.metadata.name);
  return replicas.length > 0 && replicas.every((one) => (one.status?.lvSizeBytes ?? 0) >= sizeBytes);
}
