import { REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { LABEL_VOLUME } from '@holdfast/api/labels.ts';
import { API_VERSION, type Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import type { FsType, Volume, VolumeSpec } from '@holdfast/api/schema/volume.ts';
import { volumeNameFor } from '../../../core/names/names.ts';
import { type Access, accessOfAll } from '../check/capability.ts';
import { isWithin, newSize, rangeOf, type Wanted } from '../check/capacity.ts';
import { checkMap, checkName } from '../check/fields.ts';
import { type ClassParameters, parseParameters } from '../check/parameters.ts';
import { firstPlacementOf, satisfies, topologyOf } from '../check/topology.ts';
import { ANNOTATION_CLAIM, ANNOTATION_NAME } from '../driver.ts';
import type { CreateVolumeRequest, CreateVolumeResponse, TopologyRequirement } from '../gen/csi.ts';
import type { Call, Reply } from '../method.ts';
import type { ControllerDeps } from './deps.ts';
import type { Caches } from './view.ts';
import { conditionOf, done, reasonOf, waitForVolume, waiting } from './wait.ts';

const DEFAULT_FS: FsType = 'ext4';

/** A request, checked and in our words. */
interface Request {
  /** As the client calls it. */
  readonly name: string;
  /** As the Volume is called: the volume's id. */
  readonly volume: string;
  readonly parameters: ClassParameters;
  readonly access: Access;
  readonly wanted: Wanted;
  readonly fsType: FsType;
  readonly requirement: TopologyRequirement | null;
  readonly claim: string | undefined;
}

/**
 * CreateVolume. The Volume's name follows from the name alone, so every repetition, by whatever process, finds what was begun.
 * Answered when the first copies are complete. Space that is not there is RESOURCE_EXHAUSTED, after the Volume is gone
 * again: then nothing leaks when the scheduler tries elsewhere.
 */
export async function createVolume(
  deps: ControllerDeps,
  message: CreateVolumeRequest,
  call: Call,
): Promise<Reply<CreateVolumeResponse>> {
  const request = requestOf(message);
  return deps.exclusive.run(request.volume, 'CreateVolume', call, async () => {
    const caches = await deps.view.read(call);
    const nodes = caches.nodes.list().map((node) => node.metadata.name);
    const api = deps.client.resource(VOLUMES);
    const existing = (await api.find(request.volume)) ?? (await create(deps, request, nodes, call));
    checkSame(existing, request);
    const { uid } = existing.metadata;
    const ready = await waitForVolume(deps, request.volume, call, async (volume) => {
      if (volume === undefined || volume.metadata.uid !== uid) throw goneAgain(request.volume);
      checkSame(volume, request);
      if (isComplete(volume)) return done(volume);
      if (conditionOf(volume, 'Placed')?.reason === 'NoPlace') await giveUp(deps, volume, call);
      return waiting(reasonOf(volume, ['Placed', 'Ready', 'Redundant'], 'the first copies'));
    });
    const on = await nodesOf(deps, ready);
    if (!satisfies(request.requirement, on, nodes)) throw otherPlace(ready, on);
    await deps.view.settle(call, (shown: Caches) => shown.volumes.get(request.volume) !== undefined);
    return { volume: describe(ready, on) };
  });
}

/** @throws AppError `invalid_argument`, `out_of_range`. */
function requestOf(message: CreateVolumeRequest): Request {
  const name = checkName(message.name);
  checkMap(message.parameters, 'parameters');
  const access = accessOfAll(message.volumeCapabilities);
  const parameters = parseParameters(message.parameters);
  if (Object.keys(message.mutableParameters).length > 0)
    throw unsupported('mutable_parameters', 'nothing of a volume class');
  if (message.volumeContentSource !== null) {
    throw unsupported('volume_content_source', 'neither snapshots nor clones');
  }
  const wanted = rangeOf(message.capacityRange);
  const { fsType: asked = DEFAULT_FS } = parameters;
  const fsType = access.fsType ?? asked;
  newSize(wanted, access.volumeMode === 'Block' ? 'Block' : fsType);
  const claim = message.parameters['csi.storage.k8s.io/pvc/name'];
  const namespace = message.parameters['csi.storage.k8s.io/pvc/namespace'];
  return {
    name,
    volume: volumeNameFor(name),
    parameters,
    access,
    wanted,
    fsType,
    requirement: message.accessibilityRequirements,
    claim: claim === undefined || namespace === undefined ? undefined : `${namespace}/${claim}`,
  };
}

function unsupported(field: string, what: string): AppError {
  return new AppError('invalid_argument', `${field}: Holdfast supports ${what} yet`, {
    details: { field, remedy: 'leave it out' },
  });
}

async function create(
  deps: ControllerDeps,
  request: Request,
  nodes: readonly string[],
  call: Call,
): Promise<Stored<Volume>> {
  const api = deps.client.resource(VOLUMES);
  const annotations = {
    ...(request.name === request.volume ? {} : { [ANNOTATION_NAME]: request.name }),
    ...(request.claim === undefined ? {} : { [ANNOTATION_CLAIM]: request.claim }),
  };
  const spec = specOf(request, nodes);
  try {
    const metadata = { name: request.volume, annotations };
    const made = await api.create({ apiVersion: API_VERSION, kind: 'Volume', metadata, spec }, { signal: call.signal });
    deps.log.info('volume created', { volume: request.volume });
    return made;
  } catch (thrown) {
    // Somebody was faster: whatever is there now is compared like anything that was there before.
    if (AppError.from(thrown).code !== 'already_exists') throw thrown;
    return api.get(request.volume);
  }
}

function specOf(request: Request, nodes: readonly string[]): VolumeSpec {
  const { parameters, access } = request;
  const first = firstPlacementOf(request.requirement, parameters.replicas, nodes);
  const placement = { ...parameters.placement, ...(first === undefined ? {} : { first }) };
  return {
    sizeBytes: newSize(request.wanted, access.volumeMode === 'Block' ? 'Block' : request.fsType),
    replicas: parameters.replicas,
    poolClass: parameters.poolClass,
    protocol: parameters.protocol,
    volumeMode: access.volumeMode,
    fsType: request.fsType,
    attachments: [],
    ...(Object.keys(placement).length === 0 ? {} : { placement }),
  };
}

/**
 * Is the existing Volume what is asked for? Sizes by range, because a volume may have grown since.
 * @throws AppError `already_exists` naming every difference; `aborted` while the old one is still being deleted.
 */
function checkSame(volume: Stored<Volume>, request: Request): void {
  const { spec, metadata } = volume;
  if (spec === undefined) throw new AppError('internal', `volume ${metadata.name} has no spec`);
  if (metadata.deletionTimestamp !== undefined) {
    throw new AppError('aborted', `volume '${metadata.name}' is still being deleted; repeat the call later`);
  }
  const { parameters, access, wanted } = request;
  const differences: string[] = [];
  const compare = (what: string, has: unknown, wants: unknown): void => {
    if (has !== wants) differences.push(`${what} is ${String(has)}, asked for is ${String(wants)}`);
  };
  compare('name', metadata.annotations?.[ANNOTATION_NAME] ?? metadata.name, request.name);
  if (!isWithin(spec.sizeBytes, wanted)) {
    compare('size', spec.sizeBytes, `${wanted.requiredBytes} to ${wanted.limitBytes || 'any'} bytes`);
  }
  compare('volume mode', spec.volumeMode, access.volumeMode);
  if (access.volumeMode === 'Filesystem') compare('file system', spec.fsType, request.fsType);
  compare('replicas', spec.replicas, parameters.replicas);
  compare('pool', spec.poolClass, parameters.poolClass);
  compare('placement different', spec.placement?.spreadBy, parameters.placement.spreadBy);
  compare('placement same', spec.placement?.sameBy, parameters.placement.sameBy);
  if (differences.length === 0) return;
  throw new AppError(
    'already_exists',
    `volume '${metadata.name}' exists with other settings: ${differences.join('; ')}`,
    {
      details: { field: 'name', value: request.name, remedy: 'use another name' },
    },
  );
}

/** All copies are placed and the first of them hold the (blank) data. */
function isComplete(volume: Stored<Volume>): boolean {
  const { phase, arbiter } = volume.status ?? {};
  const usable = phase === 'Ready' || phase === 'Degraded';
  return usable && (arbiter?.epoch ?? 0) > 0 && conditionOf(volume, 'Placed')?.status === 'True';
}

/**
 * There is no room: the Volume goes, but only the very one that has no copy anywhere.
 * @throws AppError `resource_exhausted` with the controller's own words once it is gone; `aborted` when it changed meanwhile.
 */
async function giveUp(deps: ControllerDeps, volume: Stored<Volume>, call: Call): Promise<void> {
  const { name, uid, resourceVersion } = volume.metadata;
  if ((await replicasOf(deps, name)).length > 0) return;
  const why = conditionOf(volume, 'Placed')?.message ?? 'no place';
  const api = deps.client.resource(VOLUMES);
  await api.delete(name, { preconditions: { uid, resourceVersion } });
  await waitForVolume(deps, name, call, (now) =>
    now === undefined || now.metadata.uid !== uid ? done(undefined) : waiting('the unplaced volume to go'),
  );
  deps.log.info('volume withdrawn', { volume: name, reason: 'NoPlace' });
  throw new AppError('resource_exhausted', why, { details: { reason: 'NoPlace' } });
}

function goneAgain(name: string): AppError {
  return new AppError('aborted', `volume '${name}' was deleted while it was being made; repeat the call`);
}

function otherPlace(volume: Stored<Volume>, on: readonly string[]): AppError {
  return new AppError(
    'already_exists',
    `volume '${volume.metadata.name}' exists on ${on.join(', ')}, which is not where it is asked for`,
    { details: { field: 'accessibility_requirements', remedy: 'use another name' } },
  );
}

export async function replicasOf(deps: Pick<ControllerDeps, 'client'>, volume: string): Promise<Stored<Replica>[]> {
  const { items } = await deps.client.resource(REPLICAS).list({ labelSelector: `${LABEL_VOLUME}=${volume}` });
  return items.filter((replica) => replica.spec?.volume === volume);
}

/** Nodes from which the volume can be reached: those that hold a copy and keep it. Sorted. */
async function nodesOf(deps: ControllerDeps, volume: Stored<Volume>): Promise<string[]> {
  return holders(volume, await replicasOf(deps, volume.metadata.name));
}

export function holders(volume: Stored<Volume>, replicas: readonly Stored<Replica>[]): string[] {
  return replicas
    .filter((one) => one.spec?.volumeUid === volume.metadata.uid && one.metadata.deletionTimestamp === undefined)
    .flatMap((one) => (one.spec?.type === 'Diskful' ? one.spec.node : []))
    .toSorted();
}

/** A Volume as the client sees it. What can change (devices, addresses) is never part of the context. */
export function describe(volume: Stored<Volume>, on: readonly string[]) {
  return {
    volumeId: volume.metadata.name,
    capacityBytes: String(volume.status?.sizeBytes ?? volume.spec?.sizeBytes ?? 0),
    volumeContext: {},
    accessibleTopology: on.map(topologyOf),
  };
}
