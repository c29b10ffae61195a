import { EXTENT_BYTES } from '@holdfast/api/bytes.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { offer } from '../../../core/placement/offer.ts';
import { accessOfAll } from '../check/capability.ts';
import { type ClassParameters, parseParameters } from '../check/parameters.ts';
import { nodeOf } from '../check/topology.ts';
import type { GetCapacityRequest, GetCapacityResponse } from '../gen/csi.ts';
import type { Call, Reply } from '../method.ts';
import type { ControllerDeps } from './deps.ts';
import { clusterView } from './view.ts';

/**
 * GetCapacity of a class, on one node or anywhere: what placement would give now, with copies, over-provisioning and reserves
 * taken into account. `maximum_volume_size` is the largest single volume; `available_capacity` what volumes that
 * are reachable there could have together. A question about what is impossible has the answer 0, not an error.
 */
export async function getCapacity(
  deps: ControllerDeps,
  request: GetCapacityRequest,
  call: Call,
): Promise<Reply<GetCapacityResponse>> {
  const parameters = parseParameters(request.parameters);
  const none = { availableCapacity: '0', maximumVolumeSize: { value: '0' } };
  if (!arePossible(request)) return none;
  const caches = await deps.view.read(call);
  const view = clusterView(caches);
  const node =
    request.accessibleTopology === null ? undefined : nodeOf(request.accessibleTopology, [...view.nodes.keys()]);
  if (request.accessibleTopology !== null && node === undefined) return none;
  const { availableBytes, largestBytes } = offer(requestFor(parameters, node), view);
  return { availableCapacity: String(availableBytes), maximumVolumeSize: { value: String(largestBytes) } };
}

function arePossible(request: GetCapacityRequest): boolean {
  if (request.volumeCapabilities.length === 0) return true;
  try {
    accessOfAll(request.volumeCapabilities);
    return true;
  } catch (thrown) {
    if (AppError.from(thrown).code === 'invalid_argument') return false;
    throw thrown;
  }
}

function requestFor(parameters: ClassParameters, node: string | undefined) {
  return {
    volume: {
      name: '',
      uid: '',
      sizeBytes: EXTENT_BYTES,
      poolClass: parameters.poolClass,
      placement: parameters.placement,
    },
    count: parameters.replicas,
    total: parameters.replicas,
    taken: [],
    staying: [],
    prefer: [],
    ...(node === undefined ? {} : { first: { each: [node] } }),
  };
}
