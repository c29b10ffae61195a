import { AppError } from '@holdfast/api/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Call } from './method.ts';

/** What waits on the signal of the call may say what it waited for, milliseconds. */
const LAST_WORDS_MS = 150;

/**
 * One piece of work per volume at a time, as the specification allows: a second call for the same volume is told ABORTED at
 * once instead of waiting. The volume is taken before the first `await`, and stays taken until the work has really ended,
 * also when the client has long been told that there was no time left: so nothing is ever done twice at once.
 */
export class Exclusive {
  readonly #running = new Map<string, string>();
  readonly #clock: Pick<Clock, 'timer'>;

  constructor(clock: Pick<Clock, 'timer'>) {
    this.#clock = clock;
  }

  /** What is being done with the volume, or undefined. */
  pending(volume: string): string | undefined {
    return this.#running.get(volume);
  }

  /**
   * @throws AppError `aborted` when the volume is taken; the reason of the call's signal when the time is over and the work
   * goes on (it does not say so itself); otherwise what the work throws.
   */
  async run<T>(volume: string, what: string, call: Call, work: () => Promise<T>): Promise<T> {
    const pending = this.#running.get(volume);
    if (pending !== undefined) {
      throw new AppError('aborted', `volume '${volume}' is being worked on (${pending}); repeat the call later`, {
        details: { reason: 'OperationPending' },
      });
    }
    this.#running.set(volume, what);
    const result = work().finally(() => this.#running.delete(volume));
    // When the call ends first, nobody listens any more.
    result.catch((error: unknown) => call.log.debug('work ended', { volume, op: what, err: error }));
    return this.#orEnd(result, call.signal);
  }

  async #orEnd<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    let cancel: () => void = () => {};
    const onAbort = (): void => {
      cancel = this.#clock.timer(LAST_WORDS_MS, () => reject(signal.reason));
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([result, promise]);
    } finally {
      cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }
}
