import type { Informer } from '@holdfast/api/client/informer-types.ts';
import { VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica, ReplicaAttach } from '@holdfast/api/schema/replica.ts';
import { deviceLink } from '../../core/names/names.ts';
import type { AgentDeps } from './deps.ts';

/** The link below /dev is made after the report, and no change of the Replica tells of it: looked for this often, milliseconds. */
const LINK_TICK_MS = 200;

/** A volume that this node holds the claim of, without a mount of the agent's own. */
export interface Attached {
  readonly replica: Stored<Replica>;
  readonly attach: ReplicaAttach;
  readonly device: string;
}

type Look = Attached | { readonly waitingFor: string };

/**
 * Waits until the volume is attached here: wanted by the Replica, reported by our own loop, and linked below /dev, where
 * nothing survives a boot. A cache that has not caught up yet is waited for too.
 * @throws AppError `not_found` when there is no such Volume, `failed_precondition` when it is wanted elsewhere, nowhere, or
 * with a mount of the agent's own; `deadline_exceeded` saying what it still waited for.
 */
export async function awaitAttached(
  deps: AgentDeps,
  replicas: Informer<Replica>,
  volume: string,
  signal: AbortSignal,
): Promise<Attached> {
  let last = 'the API server';
  let changed = Promise.withResolvers<void>();
  const wake = (): void => changed.resolve();
  const unsubscribe = replicas.onChange((change) => {
    if ((change.new ?? change.old)?.spec?.volume === volume) wake();
  });
  signal.addEventListener('abort', wake, { once: true });
  try {
    await replicas.whenSynced(signal);
    for (let looks = 0; ; looks += 1) {
      signal.throwIfAborted();
      changed = Promise.withResolvers();
      const look = await lookAt(deps, replicas, volume);
      if ('device' in look) return look;
      last = look.waitingFor;
      if (looks === 0) await checkWanted(deps, volume);
      const cancel = deps.clock.timer(LINK_TICK_MS, wake);
      await changed.promise;
      cancel();
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    throw new AppError('deadline_exceeded', `volume '${volume}' is not attached yet: waiting for ${last}`, {
      cause: thrown,
      details: { reason: 'StillWaiting', remedy: `the work goes on; look with 'hf explain volume ${volume}'` },
    });
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', wake);
  }
}

async function lookAt(deps: AgentDeps, replicas: Informer<Replica>, volume: string): Promise<Look> {
  const replica = ofVolume(replicas, volume);
  if (replica === undefined) return { waitingFor: `a copy on ${deps.node}` };
  const { attach } = replica.spec ?? {};
  if (attach === undefined) return { waitingFor: 'the controller to attach it here' };
  if (attach.mount && attach.volumeMode === 'Filesystem') {
    throw new AppError('failed_precondition', `volume '${volume}' is attached with hf, which mounts it itself`, {
      details: { reason: 'AttachedByHand', remedy: `detach it first: hf volume detach ${volume}` },
    });
  }
  const device = replica.status?.attached?.device;
  const linked = await deps.files.readlink(deviceLink(volume));
  if (device !== undefined && device === linked) return { replica, attach, device };
  return { waitingFor: replica.status?.message ?? `the agent of ${deps.node} to attach it` };
}

function ofVolume(replicas: Informer<Replica>, volume: string): Stored<Replica> | undefined {
  return replicas.list().find((one) => one.spec?.volume === volume);
}

/** Asked of the API server itself, once: it would be in vain to wait for what nobody wants. */
async function checkWanted(deps: AgentDeps, name: string): Promise<void> {
  const volume = await deps.client.resource(VOLUMES).find(name);
  if (volume === undefined) throw new AppError('not_found', `there is no volume '${name}'`);
  const wanted = volume.spec?.attachments[0]?.node;
  if (wanted === deps.node) return;
  const where = wanted === undefined ? 'to no node' : `to node '${wanted}'`;
  throw new AppError('failed_precondition', `volume '${name}' is published ${where}, not to '${deps.node}'`, {
    details: { reason: 'NotPublished', remedy: 'publish it to this node first' },
  });
}
