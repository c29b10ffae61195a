/** csi.v1.Controller: which calls there are, and which of them each is. */
import { AppError } from '@holdfast/api/errors.ts';
import { accessOfAll } from '../check/capability.ts';
import { checkMap, required } from '../check/fields.ts';
import { parseParameters } from '../check/parameters.ts';
import type {
  ControllerMethods,
  ControllerServiceCapability_RPC_Type,
  ValidateVolumeCapabilitiesRequest,
  ValidateVolumeCapabilitiesResponse,
} from '../gen/csi.ts';
import type { Call, Reply } from '../method.ts';
import { getCapacity } from './capacity.ts';
import { createVolume } from './create.ts';
import { deleteVolume } from './delete.ts';
import type { ControllerDeps } from './deps.ts';
import { expandVolume } from './expand.ts';
import { getVolume, getVolumeHealth, listVolumeHealth, listVolumes, mustFind } from './list.ts';
import { publishVolume, unpublishVolume } from './publish.ts';

/** VOLUME_CONDITION is 1.12's, the two of health are 1.13's: each client reads what it knows. */
export const CONTROLLER_CAPABILITIES: readonly ControllerServiceCapability_RPC_Type[] = [
  'CREATE_DELETE_VOLUME',
  'PUBLISH_UNPUBLISH_VOLUME',
  'PUBLISH_READONLY',
  'LIST_VOLUMES',
  'LIST_VOLUMES_PUBLISHED_NODES',
  'GET_CAPACITY',
  'EXPAND_VOLUME',
  'GET_VOLUME',
  'VOLUME_CONDITION',
  'SINGLE_NODE_MULTI_WRITER',
  'GET_VOLUME_HEALTH',
  'LIST_VOLUME_HEALTH',
];

type Served = Omit<
  ControllerMethods,
  'createSnapshot' | 'deleteSnapshot' | 'listSnapshots' | 'getSnapshot' | 'controllerModifyVolume'
>;

export function controllerMethods(deps: ControllerDeps): Served {
  return {
    createVolume: (request, call) => createVolume(deps, request, call),
    deleteVolume: (request, call) => deleteVolume(deps, request, call),
    controllerPublishVolume: (request, call) => publishVolume(deps, request, call),
    controllerUnpublishVolume: (request, call) => unpublishVolume(deps, request, call),
    validateVolumeCapabilities: (request, call) => validateCapabilities(deps, request, call),
    listVolumes: (request, call) => listVolumes(deps, request, call),
    controllerListVolumeHealth: (request, call) => listVolumeHealth(deps, request, call),
    controllerGetVolumeHealth: (request, call) => getVolumeHealth(deps, request, call),
    getCapacity: (request, call) => getCapacity(deps, request, call),
    async controllerGetCapabilities() {
      return { capabilities: CONTROLLER_CAPABILITIES.map((type) => ({ rpc: { type } })) };
    },
    controllerExpandVolume: (request, call) => expandVolume(deps, request, call),
    controllerGetVolume: (request, call) => getVolume(deps, request, call),
  };
}

/** What is not possible is an answer: `confirmed` stays empty and the message says why. */
async function validateCapabilities(
  deps: ControllerDeps,
  request: ValidateVolumeCapabilitiesRequest,
  call: Call,
): Promise<Reply<ValidateVolumeCapabilitiesResponse>> {
  required(request.volumeId, 'volume_id');
  if (request.volumeCapabilities.length === 0) required('', 'volume_capabilities');
  checkMap(request.parameters, 'parameters');
  const { spec } = await mustFind(deps, request.volumeId, call);
  try {
    const access = accessOfAll(request.volumeCapabilities);
    if (spec !== undefined && access.volumeMode !== spec.volumeMode)
      return { message: `the volume is for ${spec.volumeMode}` };
    if (access.fsType !== undefined && access.fsType !== spec?.fsType)
      return { message: `the volume has ${spec?.fsType}` };
    if (Object.keys(request.parameters).length > 0) parseParameters(request.parameters);
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.code !== 'invalid_argument') throw thrown;
    return { message: thrown.message };
  }
  const { volumeCapabilities, volumeContext, parameters } = request;
  return { confirmed: { volumeCapabilities, volumeContext, parameters } };
}
