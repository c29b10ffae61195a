/** The agent's only way to the arbiter record: read live, decide, compare-and-swap. */
import { VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import type { ArbiterRecord, FormatRecord, Volume } from '@holdfast/api/schema/volume.ts';
import { BLANK_RECORD, type DecisionContext } from '../../core/arbiter/record.ts';
import { known, type Observed, unknown, type VolumeView } from '../../core/replica/observation.ts';
import type { DrbdState } from '../../ports/drbd.ts';
import type { AgentDeps } from './deps.ts';

/** The Volume of a replica, from the API server itself. `undefined` when it is gone or is another one of the same name. */
export async function readVolume(deps: AgentDeps, replica: Stored<Replica>): Promise<Stored<Volume> | undefined> {
  const spec = specOf(replica);
  const volume = await deps.client.resource(VOLUMES).find(spec.volume);
  return volume?.metadata.uid === spec.volumeUid ? volume : undefined;
}

/** As {@link readVolume}; `not_found` instead of undefined. */
export async function requireVolume(deps: AgentDeps, replica: Stored<Replica>): Promise<Stored<Volume>> {
  const volume = await readVolume(deps, replica);
  if (volume === undefined) throw new AppError('not_found', `volume ${specOf(replica).volume} does not exist`);
  return volume;
}

export async function observeVolume(
  deps: AgentDeps,
  replica: Stored<Replica>,
): Promise<{ view: Observed<VolumeView | undefined>; volume: Stored<Volume> | undefined }> {
  try {
    const volume = await readVolume(deps, replica);
    if (volume === undefined) return { view: known(undefined), volume };
    const view: VolumeView = {
      name: volume.metadata.name,
      deleting: volume.metadata.deletionTimestamp !== undefined,
      record: recordOf(volume),
      format: formatOf(volume),
    };
    return { view: known(view), volume };
  } catch (error) {
    return { view: unknown(AppError.from(error).message), volume: undefined };
  }
}

export function recordOf(volume: Stored<Volume>): ArbiterRecord {
  return volume.status?.arbiter ?? BLANK_RECORD;
}

export function formatOf(volume: Stored<Volume>): FormatRecord {
  return volume.status?.format ?? { state: 'never' };
}

export function specOf(replica: Stored<Replica>): NonNullable<Replica['spec']> {
  if (replica.spec === undefined) throw new AppError('internal', `replica ${replica.metadata.name} has no spec`);
  return replica.spec;
}

/**
 * Swaps the record in on exactly the Volume that was read (design 3.1: only compare-and-swap counts).
 * @throws AppError `aborted` when anything changed meanwhile: read again and decide again.
 */
export async function swapRecord(
  deps: AgentDeps,
  volume: Stored<Volume>,
  next: ArbiterRecord,
): Promise<Stored<Volume>> {
  const arbiter = { ...next, primary: next.primary ?? null };
  return deps.client.resource(VOLUMES).patchStatus(volume.metadata.name, {
    metadata: { resourceVersion: volume.metadata.resourceVersion },
    status: { arbiter },
  });
}

/** Likewise for the format record (INV-6). */
export async function swapFormat(
  deps: AgentDeps,
  volume: Stored<Volume>,
  format: FormatRecord,
): Promise<Stored<Volume>> {
  return deps.client.resource(VOLUMES).patchStatus(volume.metadata.name, {
    metadata: { resourceVersion: volume.metadata.resourceVersion },
    status: { format },
  });
}

/** Who, when and what was seen, for the history. */
export function contextOf(
  deps: AgentDeps,
  look: DrbdState | undefined,
  withoutLook = 'no DRBD in the path',
): DecisionContext {
  return {
    by: `agent/${deps.node}`,
    at: new Date(deps.clock.now()).toISOString(),
    evidence: look === undefined ? withoutLook : describeLook(look),
  };
}

function describeLook(look: DrbdState): string {
  const peers = look.peers.map((peer) => `${peer.replica}=${peer.connection}/${peer.role}/${peer.disk}`);
  return `${look.role}/${look.disk} ${peers.join(' ')} gi ${look.generationIds}`;
}
