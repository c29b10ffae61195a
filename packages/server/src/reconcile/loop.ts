import { AppError } from '@holdfast/api/errors.ts';
import type { Clock, Random } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';

/** What a reconcile asks for. Waiting is an explicit time; errors back off by themselves. */
export interface ReconcileResult {
  readonly requeueAfterMs?: number;
}

export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult>;

/** A lost race is won by looking again, soon; milliseconds, times the number of races lost in a row. */
const CONFLICT_FIRST_MS = 10;

export interface LoopOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Keys worked on at once; one key never twice at once. */
  readonly concurrency: number;
  readonly reconcile: Reconcile;
  /** First and last back-off after errors, milliseconds. */
  readonly backoffMs?: { readonly first: number; readonly max: number };
}

/**
 * A level-triggered work queue: a key carries no event content, a key that is queued twice runs once, a key that
 * changes while it runs runs again. Nothing is ever dropped.
 */
export interface Loop {
  enqueue(key: string): void;
  /** Works until the signal aborts, then waits for what is running. */
  run(signal: AbortSignal): Promise<void>;
  /** True when nothing runs, is queued or waits for its back-off. */
  readonly idle: boolean;
}

export function createLoop(options: LoopOptions): Loop {
  const { clock, random, log, name } = options;
  const backoff = options.backoffMs ?? { first: 100, max: 30_000 };
  const queued = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const again = new Set<string>();
  const failures = new Map<string, number>();
  const timers = new Map<string, { cancel: () => void; dueMs: number }>();
  let wake: () => void = () => {};
  let sequence = 0;

  function schedule(key: string, afterMs: number): void {
    const dueMs = clock.monotonic() + afterMs;
    const pending = timers.get(key);
    if (pending !== undefined) {
      if (pending.dueMs <= dueMs) return;
      pending.cancel();
    }
    const cancel = clock.timer(afterMs, () => {
      timers.delete(key);
      enqueue(key);
    });
    timers.set(key, { cancel, dueMs });
  }

  function enqueue(key: string): void {
    if (running.has(key)) again.add(key);
    else queued.add(key);
    wake();
  }

  async function work(key: string, signal: AbortSignal): Promise<void> {
    sequence += 1;
    const startedMs = clock.monotonic();
    try {
      const result = await options.reconcile(key, signal);
      failures.delete(key);
      if (result.requeueAfterMs !== undefined) schedule(key, result.requeueAfterMs);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = AppError.from(thrown);
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      const delayMs = Math.min(backoff.max, backoff.first * 2 ** Math.min(count - 1, 16)) * (0.75 + random.next() / 2);
      // A lost race is normal life; everything else deserves a look.
      const level = error.code === 'aborted' ? 'debug' : 'warn';
      log[level]('reconcile failed', {
        op: name,
        key,
        reconcileId: `${name}-${sequence}`,
        attempt: count,
        durationMs: clock.monotonic() - startedMs,
        err: error,
      });
      schedule(key, error.code === 'aborted' ? Math.min(delayMs, CONFLICT_FIRST_MS * count) : delayMs);
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const key of queued) {
        if (running.size >= options.concurrency) break;
        queued.delete(key);
        running.set(
          key,
          work(key, signal).finally(() => {
            running.delete(key);
            if (again.delete(key)) queued.add(key);
            wake();
          }),
        );
      }
      await new Promise<void>((resolve) => {
        const stop = (): void => resolve();
        wake = () => {
          signal.removeEventListener('abort', stop);
          resolve();
        };
        signal.addEventListener('abort', stop, { once: true });
        if (signal.aborted || (queued.size > 0 && running.size < options.concurrency)) wake();
      });
    }
    await Promise.allSettled(running.values());
    for (const timer of timers.values()) timer.cancel();
    timers.clear();
  }

  return {
    enqueue,
    run,
    get idle() {
      return queued.size === 0 && running.size === 0 && again.size === 0 && timers.size === 0;
    },
  };
}
