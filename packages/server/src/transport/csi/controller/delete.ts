import { VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { volumeOfId } from '../check/fields.ts';
import type { DeleteVolumeRequest, DeleteVolumeResponse } from '../gen/csi.ts';
import type { Call, Reply } from '../method.ts';
import type { ControllerDeps } from './deps.ts';
import { done, reasonOf, waitForVolume, waiting } from './wait.ts';

/**
 * DeleteVolume. Success when the Volume is gone, which is when every copy of the data is; an id that does not exist is
 * success. A volume that somebody wants is FAILED_PRECONDITION. While a node that holds a copy is away the answer is
 * DEADLINE_EXCEEDED, for as long as it takes: the data is still there.
 */
export async function deleteVolume(
  deps: ControllerDeps,
  request: DeleteVolumeRequest,
  call: Call,
): Promise<Reply<DeleteVolumeResponse>> {
  const name = volumeOfId(request.volumeId);
  if (name === undefined) return {};
  return deps.exclusive.run(name, 'DeleteVolume', call, async () => {
    const api = deps.client.resource(VOLUMES);
    const volume = await api.find(name);
    if (volume !== undefined) {
      const { uid, resourceVersion, deletionTimestamp } = volume.metadata;
      const wanted = volume.spec?.attachments[0]?.node;
      if (wanted !== undefined) {
        throw new AppError('failed_precondition', `volume '${name}' is in use on node '${wanted}'`, {
          details: { field: 'volume_id', value: name, reason: 'Attached', remedy: 'unpublish it first' },
        });
      }
      // Exactly what was looked at: nobody may attach it in between.
      if (deletionTimestamp === undefined) await api.delete(name, { preconditions: { uid, resourceVersion } });
      await waitForVolume(deps, name, call, (now) =>
        now === undefined || now.metadata.uid !== uid
          ? done(undefined)
          : waiting(reasonOf(now, ['Ready'], 'its copies to be removed')),
      );
      deps.log.info('volume deleted', { volume: name });
    }
    await deps.view.settle(call, (shown) => shown.volumes.get(name) === undefined);
    return {};
  });
}
