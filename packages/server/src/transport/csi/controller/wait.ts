import { VOLUMES } from '@holdfast/api/client/kinds.ts';
import type { ClusterClient } from '@holdfast/api/client/types.ts';
import { AppError, retryOf } from '@holdfast/api/errors.ts';
import type { Condition, Stored } from '@holdfast/api/schema/meta.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Call } from '../method.ts';

/** First and last pause while the API server is away, milliseconds. */
const FIRST_PAUSE_MS = 200;
const LAST_PAUSE_MS = 3_000;
/** A watch is renewed this often, in case it is dead without a word, seconds. */
const WATCH_SECONDS = 20;

export type Verdict<T> =
  | { readonly done: true; readonly value: T }
  | { readonly done: false; readonly waitingFor: string };

export const done = <T>(value: T): Verdict<T> => ({ done: true, value });
export const waiting = (waitingFor: string): Verdict<never> => ({ done: false, waitingFor });

/**
 * Watches one Volume until `judge` says done; `undefined` means that there is none. An API server that does not answer is
 * waited for. A judge that throws ends the wait: it has found something final.
 * @throws AppError `deadline_exceeded` saying what it still waited for, when the call has no time left.
 */
export async function waitForVolume<T>(
  deps: { readonly client: ClusterClient; readonly clock: Clock },
  name: string,
  call: Call,
  judge: (volume: Stored<Volume> | undefined) => Verdict<T> | Promise<Verdict<T>>,
): Promise<T> {
  const api = deps.client.resource(VOLUMES);
  const only = { fieldSelector: `metadata.name=${name}`, signal: call.signal };
  let last = 'the API server to answer';
  let pauseMs = FIRST_PAUSE_MS;
  while (!call.signal.aborted) {
    try {
      const { items, resourceVersion } = await api.list(only);
      const first = await judge(items[0]);
      if (first.done) return first.value;
      last = first.waitingFor;
      pauseMs = FIRST_PAUSE_MS;
      for await (const event of api.watch({ ...only, resourceVersion, timeoutSeconds: WATCH_SECONDS })) {
        if (event.type === 'BOOKMARK') continue;
        const verdict = await judge(event.type === 'DELETED' ? undefined : event.object);
        if (verdict.done) return verdict.value;
        last = verdict.waitingFor;
      }
    } catch (thrown) {
      if (call.signal.aborted) break;
      if (!mayPass(thrown)) throw thrown;
      last = AppError.from(thrown).message;
      await deps.clock.sleep(pauseMs, call.signal).catch(() => undefined);
      pauseMs = Math.min(LAST_PAUSE_MS, pauseMs * 2);
    }
  }
  throw new AppError('deadline_exceeded', `volume '${name}': still waiting for ${last}`, {
    cause: call.signal.reason,
    details: { remedy: `the work goes on; look with 'hf explain volume ${name}'`, reason: 'StillWaiting' },
  });
}

/** Trouble of the connection passes; what a judge found, or a refused request, does not. */
function mayPass(thrown: unknown): boolean {
  if (!(thrown instanceof AppError)) return false;
  if (thrown.details.reason === 'Expired') return true;
  if (thrown.code === 'unauthenticated') return true;
  return thrown.code !== 'resource_exhausted' && thrown.code !== 'aborted' && retryOf(thrown.code) === 'later';
}

export function conditionOf(volume: Stored<Volume>, type: string): Condition | undefined {
  return volume.status?.conditions?.find((condition) => condition.type === type);
}

/** What the conditions say about why it is not so yet: the first of these that is not True. */
export function reasonOf(volume: Stored<Volume>, types: readonly string[], otherwise: string): string {
  for (const type of types) {
    const condition = conditionOf(volume, type);
    if (condition !== undefined && condition.status !== 'True') return condition.message;
  }
  return otherwise;
}
