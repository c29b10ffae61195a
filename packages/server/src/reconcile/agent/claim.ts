/** The steps that touch the arbiter record together with the kernel, in the order of design 3.1. */
import { AppError } from '@holdfast/api/errors.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import type { FormatRecord, FsType } from '@holdfast/api/schema/volume.ts';
import {
  type Decision,
  decideBootstrap,
  decideDemote,
  decideDiskLost,
  decidePromotion,
  decideReadmit,
} from '../../core/arbiter/decide.ts';
import { resourceName } from '../../core/names/names.ts';
import type { Drbd, DrbdState } from '../../ports/drbd.ts';
import type { AgentDeps, ExecuteContext } from './deps.ts';
import { contextOf, formatOf, recordOf, requireVolume, specOf, swapFormat, swapRecord } from './record.ts';

/** `drbdadm primary` may ask the fence-peer helper, which asks the API server: this covers both, milliseconds. */
const PROMOTE_TIMEOUT_MS = 15_000;
/** Races that are lost one after the other before the next round of the loop tries again. */
const FORMAT_TRIES = 10;

/** Rule 3: read the record, look at the kernel, swap, and only then `drbdadm primary`. */
export async function promote(context: ExecuteContext, replica: Stored<Replica>): Promise<void> {
  const { deps } = context;
  const self = replica.metadata.name;
  const volume = await requireVolume(deps, replica);
  const look = await lookOf(deps, replica);
  const next = accept(decidePromotion(recordOf(volume), self, look, contextOf(deps, look)));
  await swapRecord(deps, volume, next.next);
  if (look !== undefined) await promoteInKernel(context, replica);
  deps.recorder.record(replica, { type: 'Normal', reason: 'Promoted', message: next.message });
  deps.log.info('promoted', { volume: specOf(replica).volume, replica: self, epoch: next.next.epoch });
}

async function promoteInKernel(context: ExecuteContext, replica: Stored<Replica>): Promise<void> {
  const { deps } = context;
  const resource = resourceName(specOf(replica).volume);
  context.promoting.add(resource);
  try {
    const outcome = await requireDrbd(deps).promote(resource, PROMOTE_TIMEOUT_MS);
    if (outcome.ok) return;
    // The claim was recorded but nothing was ever written under it: give it back, so that whoever is Primary can go on.
    await demoteRecord(deps, replica);
    const code = outcome.reason === 'busy' || outcome.reason === 'other' ? 'unavailable' : 'failed_precondition';
    throw new AppError(code, `${resource} could not become Primary: ${outcome.message}`, {
      details: { reason: outcome.reason },
    });
  } finally {
    context.promoting.delete(resource);
  }
}

/** The claim ends only when the kernel shows that nothing can be written any more. Repeats are no-ops. */
export async function demoteRecord(deps: AgentDeps, replica: Stored<Replica>): Promise<void> {
  const volume = await requireVolume(deps, replica);
  const look = await lookOf(deps, replica);
  const decision = decideDemote(recordOf(volume), replica.metadata.name, look, contextOf(deps, look));
  if (!decision.ok && decision.reason === 'NothingToDo') return;
  await swapRecord(deps, volume, accept(decision).next);
  deps.log.info('demoted', { volume: specOf(replica).volume, replica: replica.metadata.name });
}

/** Rule 2: the epoch first, then the look, then the swap on that epoch. */
export async function readmit(deps: AgentDeps, replica: Stored<Replica>): Promise<void> {
  const volume = await requireVolume(deps, replica);
  const look = await lookOf(deps, replica);
  if (look === undefined) return;
  const candidates = specOf(replica).peers.map((peer) => peer.replica);
  const decision = decideReadmit(recordOf(volume), replica.metadata.name, look, candidates, contextOf(deps, look));
  if (!decision.ok) return;
  await swapRecord(deps, volume, decision.next);
  deps.recorder.record(replica, { type: 'Normal', reason: 'Readmitted', message: decision.message });
  deps.log.info('readmitted', {
    volume: specOf(replica).volume,
    replica: replica.metadata.name,
    epoch: decision.next.epoch,
  });
}

/** INV-4: a copy that lost its disk leaves the set, by what the kernel shows after the record was read. */
export async function recordDiskLost(deps: AgentDeps, replica: Stored<Replica>): Promise<void> {
  const volume = await requireVolume(deps, replica);
  const look = await lookOf(deps, replica);
  if (look === undefined) return;
  const decision = decideDiskLost(recordOf(volume), replica.metadata.name, look, contextOf(deps, look));
  if (!decision.ok) return;
  await swapRecord(deps, volume, decision.next);
  deps.recorder.record(replica, { type: 'Warning', reason: 'DiskLost', message: decision.message });
  deps.log.warn('disk lost', {
    volume: specOf(replica).volume,
    epoch: decision.next.epoch,
    inSync: decision.next.inSync,
  });
}

/** Rule 5: the first in-sync set, on what the kernel shows after the record was read. */
export async function recordBootstrap(
  deps: AgentDeps,
  replica: Stored<Replica>,
  members: readonly string[],
): Promise<void> {
  const volume = await requireVolume(deps, replica);
  const look = await lookOf(deps, replica);
  if (look !== undefined) {
    const complete = new Set(look.peers.filter((peer) => peer.disk === 'UpToDate').map((peer) => peer.replica));
    const missing = members.filter((member) => member !== replica.metadata.name && !complete.has(member));
    if (look.disk !== 'UpToDate' || missing.length > 0) {
      throw new AppError(
        'aborted',
        `the first copies are no longer complete: ${missing.join(', ') || 'the local one'}`,
      );
    }
  }
  const decision = decideBootstrap(recordOf(volume), members, contextOf(deps, look));
  if (!decision.ok) return;
  await swapRecord(deps, volume, decision.next);
  deps.recorder.record(replica, { type: 'Normal', reason: 'Bootstrapped', message: decision.message });
}

/** Only while the record says that no copy has ever counted: afterwards it would declare old data equal to new. */
export async function skipInitialSync(deps: AgentDeps, replica: Stored<Replica>, resource: string): Promise<void> {
  const volume = await requireVolume(deps, replica);
  if (recordOf(volume).epoch !== 0) throw new AppError('aborted', 'the volume has its first in-sync set already');
  await requireDrbd(deps).skipInitialSync(resource);
}

/**
 * INV-6: `mkfs` once in a volume's life, on a device that this node may write and that a low-level probe calls blank.
 * "formatting" is recorded before mkfs and "done" after it; nothing is ever mounted in between, so what an interrupted
 * mkfs left behind is ours to wipe.
 */
export async function formatOnce(
  deps: AgentDeps,
  replica: Stored<Replica>,
  device: string,
  fsType: FsType,
): Promise<void> {
  const self = replica.metadata.name;
  const volume = await requireVolume(deps, replica);
  if (recordOf(volume).primary !== self) throw new AppError('aborted', `${self} may not write now`);
  const format = formatOf(volume);
  if (format.state === 'done') return;
  let probe = await deps.fs.probe(device);
  if (probe.state === 'signature' && format.state === 'formatting') {
    await deps.fs.wipeInterruptedFormat(device);
    probe = await deps.fs.probe(device);
  }
  if (probe.state === 'unknown') throw new AppError('unavailable', `${device} cannot be probed: ${probe.why}`);
  if (probe.state === 'signature') {
    throw new AppError(
      'failed_precondition',
      `${device} holds ${probe.type} although the volume was never formatted; it is left alone (INV-6)`,
      {
        details: {
          reason: 'UnexpectedSignature',
          remedy: 'look at what is on it; delete the volume, or wipe it by hand',
        },
      },
    );
  }
  const at = (): string => new Date(deps.clock.now()).toISOString();
  if (format.state === 'never') {
    await recordFormat(deps, replica, { state: 'formatting', fsType, by: self, at: at() });
  }
  await deps.fs.mkfs(device, fsType);
  await recordFormat(deps, replica, { state: 'done', fsType, by: self, at: at() });
  deps.recorder.record(replica, {
    type: 'Normal',
    reason: 'Formatted',
    message: `made a ${fsType} file system on ${device}`,
  });
}

/**
 * Others write into the same status all the time: a lost race is no reason to make a large file system once more. Each try reads
 * the record anew, and only its own writer formats.
 */
async function recordFormat(deps: AgentDeps, replica: Stored<Replica>, format: FormatRecord): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const volume = await requireVolume(deps, replica);
    if (recordOf(volume).primary !== replica.metadata.name) {
      throw new AppError('aborted', `${replica.metadata.name} may not write now`);
    }
    try {
      await swapFormat(deps, volume, format);
      return;
    } catch (thrown) {
      if (AppError.from(thrown).code !== 'aborted' || tries === FORMAT_TRIES) throw thrown;
    }
  }
}

async function lookOf(deps: AgentDeps, replica: Stored<Replica>): Promise<DrbdState | undefined> {
  const spec = specOf(replica);
  if (spec.layout === 'local') return undefined;
  const look = await requireDrbd(deps).look(resourceName(spec.volume));
  if (look === undefined)
    throw new AppError('unavailable', `${resourceName(spec.volume)} is not configured in the kernel`);
  return look;
}

function requireDrbd(deps: AgentDeps): Drbd {
  if (deps.drbd === undefined) throw new AppError('failed_precondition', `node ${deps.node} has no DRBD`);
  return deps.drbd;
}

function accept(decision: Decision): Extract<Decision, { ok: true }> {
  if (decision.ok) return decision;
  throw new AppError('failed_precondition', decision.message, { details: { reason: decision.reason } });
}
