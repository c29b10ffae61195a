import { VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import { noSuchVolume, requireVolumeId } from '../check/fields.ts';
import type {
  ControllerGetVolumeHealthRequest,
  ControllerGetVolumeHealthResponse,
  ControllerGetVolumeRequest,
  ControllerGetVolumeResponse,
  ControllerListVolumeHealthRequest,
  ControllerListVolumeHealthResponse,
  ListVolumesRequest,
  ListVolumesResponse,
} from '../gen/csi.ts';
import type { Call, Reply } from '../method.ts';
import { healthOf, publishedNodes, volumeHealth } from './condition.ts';
import { describe, holders, replicasOf } from './create.ts';
import type { ControllerDeps } from './deps.ts';

/** ListVolumes, by name, from the caches: asked every minute, it must not cost a request per volume. */
export async function listVolumes(
  deps: ControllerDeps,
  request: ListVolumesRequest,
  call: Call,
): Promise<Reply<ListVolumesResponse>> {
  const after = afterToken(request.startingToken);
  const caches = await deps.view.read(call);
  const { items, nextToken } = page(caches.volumes.list(), after, request.maxEntries);
  const entries = items.map((volume) => {
    const { abnormal, message } = healthOf(volume);
    return {
      volume: describe(volume, holders(volume, caches.replicas.byIndex('volume', volume.metadata.name))),
      status: { publishedNodeIds: publishedNodes(volume), volumeCondition: { abnormal, message } },
    };
  });
  return { entries, nextToken };
}

/** ControllerListVolumeHealth: only volumes that have a problem. */
export async function listVolumeHealth(
  deps: ControllerDeps,
  request: ControllerListVolumeHealthRequest,
  call: Call,
): Promise<Reply<ControllerListVolumeHealthResponse>> {
  const after = afterToken(request.startingToken);
  const caches = await deps.view.read(call);
  const ill = caches.volumes.list().filter((volume) => healthOf(volume).abnormal);
  const { items, nextToken } = page(ill, after, request.maxEntries);
  return { entries: items.map(volumeHealth), nextToken };
}

/** ControllerGetVolume, from the API server itself. */
export async function getVolume(
  deps: ControllerDeps,
  request: ControllerGetVolumeRequest,
  call: Call,
): Promise<Reply<ControllerGetVolumeResponse>> {
  const volume = await mustFind(deps, request.volumeId, call);
  const { abnormal, message } = healthOf(volume);
  return {
    volume: describe(volume, holders(volume, await replicasOf(deps, volume.metadata.name))),
    status: { publishedNodeIds: publishedNodes(volume), volumeCondition: { abnormal, message } },
  };
}

export async function getVolumeHealth(
  deps: ControllerDeps,
  request: ControllerGetVolumeHealthRequest,
  call: Call,
): Promise<Reply<ControllerGetVolumeHealthResponse>> {
  return { volumeHealth: volumeHealth(await mustFind(deps, request.volumeId, call)) };
}

/** @throws AppError `not_found`, never from a cache alone. */
export async function mustFind(deps: ControllerDeps, id: string, call: Call): Promise<Stored<Volume>> {
  const name = requireVolumeId(id);
  const volume = await deps.client.resource(VOLUMES).find(name, undefined, { signal: call.signal });
  if (volume === undefined) throw noSuchVolume(name);
  return volume;
}

/** A token is the name after which to go on: it needs no memory, holds on every replica, and outlives what it names. */
const TOKEN_PREFIX = 'after:';

/** @throws AppError `aborted` for a token that is none of ours, as the specification wants. */
function afterToken(token: string): string {
  if (token === '') return '';
  const name = token.startsWith(TOKEN_PREFIX) ? token.slice(TOKEN_PREFIX.length) : '';
  if (/^[a-z0-9][-a-z0-9]*$/.test(name)) return name;
  throw new AppError('aborted', 'starting_token is not one that was given out; begin the list anew', {
    details: { field: 'starting_token', remedy: 'send no token' },
  });
}

function page(
  volumes: readonly Stored<Volume>[],
  after: string,
  maxEntries: number,
): { items: Stored<Volume>[]; nextToken: string } {
  if (maxEntries < 0) {
    throw new AppError('invalid_argument', 'max_entries is negative', {
      details: { field: 'max_entries', value: maxEntries },
    });
  }
  const left = volumes
    .filter((volume) => volume.metadata.name > after)
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const items = maxEntries === 0 ? left : left.slice(0, maxEntries);
  const last = items.at(-1)?.metadata.name;
  return { items, nextToken: last === undefined || items.length === left.length ? '' : `${TOKEN_PREFIX}${last}` };
}
