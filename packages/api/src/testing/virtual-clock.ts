import type { ClockPort, RandomPort } from '../client/ports.ts';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * Time that only moves when told to. Between two timers everything that became ready runs to its end, so a test needs
 * no sleeps and gives the same result every time.
 */
export interface VirtualClock extends ClockPort {
  /** Lets everything that is ready run, without moving time. */
  settle(): Promise<void>;
  /** Moves time by `ms`, firing timers in order. */
  advance(ms: number): Promise<void>;
  /**
   * Moves time from timer to timer until the promise settles, at most `limitMs`.
   * @throws Error when nothing more is scheduled, or the limit is reached, before that.
   */
  until<T>(promise: Promise<T>, limitMs?: number): Promise<T>;
  /** Moves time from timer to timer until the condition holds, at most `limitMs`. */
  waitFor(condition: () => boolean, limitMs?: number): Promise<void>;
  /** Jumps the wall clock, as an operator or a bad NTP server does. Monotonic time does not notice. */
  skewWall(ms: number): void;
  readonly pendingTimers: number;
}

export function createVirtualClock(startMs = Date.parse('2026-01-01T00:00:00Z')): VirtualClock {
  const timers = new Set<Timer>();
  let nowMs = 0;
  let wallOffsetMs = startMs;
  let order = 0;

  function timer(ms: number, callback: () => void): () => void {
    order += 1;
    const entry = { dueMs: nowMs + Math.max(0, ms), order, callback };
    timers.add(entry);
    return () => {
      timers.delete(entry);
    };
  }

  /** A turn of the real event loop: all pending microtasks run before it. */
  function settle(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  function next(): Timer | undefined {
    let first: Timer | undefined;
    for (const entry of timers) {
      if (
        first === undefined ||
        entry.dueMs < first.dueMs ||
        (entry.dueMs === first.dueMs && entry.order < first.order)
      ) {
        first = entry;
      }
    }
    return first;
  }

  async function step(untilMs: number): Promise<boolean> {
    await settle();
    const first = next();
    if (first === undefined || first.dueMs > untilMs) return false;
    timers.delete(first);
    nowMs = Math.max(nowMs, first.dueMs);
    first.callback();
    await settle();
    return true;
  }

  async function waitFor(condition: () => boolean, limitMs = 3_600_000): Promise<void> {
    const untilMs = nowMs + limitMs;
    await settle();
    while (!condition()) {
      if (!(await step(untilMs)))
        throw new Error(`virtual clock: the condition did not come true within ${limitMs} ms`);
    }
  }

  return {
    now: () => wallOffsetMs + nowMs,
    monotonic: () => nowMs,
    timer,
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(signal.reason);
          return;
        }
        const onAbort = (): void => {
          cancel();
          reject(signal?.reason);
        };
        const cancel = timer(ms, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
    settle,
    async advance(ms) {
      const untilMs = nowMs + ms;
      while (await step(untilMs));
      nowMs = untilMs;
      await settle();
    },
    async until(promise, limitMs) {
      let settled = false;
      const done = (): void => {
        settled = true;
      };
      promise.then(done, done);
      await waitFor(() => settled, limitMs);
      return promise;
    },
    waitFor,
    skewWall(ms) {
      wallOffsetMs += ms;
    },
    get pendingTimers() {
      return timers.size;
    },
  };
}

/** Repeatable randomness (mulberry32). */
export function createSeededRandom(seed: number): RandomPort & { uuid(): string } {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const hex = (bytes: number): string =>
    Array.from({ length: bytes }, () =>
      Math.floor(next() * 256)
        .toString(16)
        .padStart(2, '0'),
    ).join('');
  return {
    next,
    hex,
    uuid: () => `${hex(4)}-${hex(2)}-4${hex(2).slice(1)}-8${hex(2).slice(1)}-${hex(6)}`,
  };
}
