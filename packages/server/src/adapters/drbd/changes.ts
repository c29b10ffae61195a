import { AppError } from '@holdfast/api/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Exec } from '../../ports/exec.ts';
import type { Log } from '../../ports/log.ts';
import { fold, type KernelState, parseLine } from './events2.ts';

const FIRST_BACKOFF_MS = 100;
const LAST_BACKOFF_MS = 5_000;

/**
 * `drbdsetup events2` as a stream of names, and its fold: `keep` gets the state of everything after each line, and
 * undefined while it is not known (the stream is down, or said something that nobody understands); a reader is told to
 * look again then. Never ends before the signal aborts.
 */
export async function* drbdChanges(
  options: { readonly exec: Exec; readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
  keep: (state: KernelState | undefined) => void = () => {},
): AsyncIterable<string> {
  const { exec, clock, log } = options;
  let backoffMs = FIRST_BACKOFF_MS;
  while (!signal.aborted) {
    let why = 'drbdsetup events2 ended';
    try {
      let dumped = false;
      let state: KernelState | undefined = new Map();
      const argv = ['drbdsetup', 'events2', '--statistics'] as const;
      for await (const line of exec.lines({ argv, sideEffect: false, signal })) {
        if (line.trim() === '') continue;
        const parsed = parseLine(line);
        // What cannot be understood may have changed anything: nothing is known until the stream starts again.
        state = parsed.ok && state !== undefined ? fold(state, parsed.event) : undefined;
        if (dumped) keep(state);
        if (!dumped) {
          // The dump only says what exists; whoever reads again now sees at least that.
          if (parsed.ok && parsed.event.object === '-') {
            dumped = true;
            keep(state);
            backoffMs = FIRST_BACKOFF_MS;
            yield '*';
          }
          continue;
        }
        if (!parsed.ok) {
          log.warn('unknown line from drbdsetup events2, reading again', { op: 'drbd-events', reason: parsed.why });
          yield parsed.resource ?? '*';
          continue;
        }
        const name = parsed.event.fields.get('name');
        if (name !== undefined) yield name;
        const renamed = parsed.event.fields.get('new_name');
        if (renamed !== undefined) yield renamed;
      }
    } catch (thrown) {
      if (signal.aborted) return;
      why = AppError.from(thrown).message;
    }
    keep(undefined);
    if (signal.aborted) return;
    log.warn('event stream of DRBD stopped, starting it again', { op: 'drbd-events', reason: why });
    try {
      await clock.sleep(backoffMs, signal);
    } catch {
      return;
    }
    backoffMs = Math.min(LAST_BACKOFF_MS, backoffMs * 2);
  }
}
