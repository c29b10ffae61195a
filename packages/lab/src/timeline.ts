/** What happened when: JSON lines in a file, and a view for people. */
import { createWriteStream, type WriteStream } from 'node:fs';
import type { TimelineEvent } from './types.ts';

export interface TimelineClock {
  /** Wall clock, ms since 1970. */
  now(): number;
  /** Monotonic, ms. */
  monotonic(): number;
}

const systemClock: TimelineClock = { now: () => Date.now(), monotonic: () => performance.now() };

export class Timeline {
  readonly #events: TimelineEvent[] = [];
  readonly #clock: TimelineClock;
  readonly #start: number;
  readonly #file: WriteStream | undefined;
  readonly #listeners = new Set<(event: TimelineEvent) => void>();

  /** With a path, every event is also appended there as a line of JSON. */
  constructor(options: { path?: string; clock?: TimelineClock } = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#start = this.#clock.monotonic();
    if (options.path !== undefined) {
      this.#file = createWriteStream(options.path, { flags: 'a' });
      this.#file.on('error', () => undefined); // The lab's directory went away: the events are still in memory.
    }
  }

  get events(): readonly TimelineEvent[] {
    return this.#events;
  }

  add(event: string, data: Readonly<Record<string, unknown>> & { readonly node?: string } = {}): TimelineEvent {
    const entry: TimelineEvent = {
      time: new Date(this.#clock.now()).toISOString(),
      ms: Math.round(this.#clock.monotonic() - this.#start),
      event,
      ...data,
    };
    this.#events.push(entry);
    this.#file?.write(`${JSON.stringify(entry)}\n`);
    for (const listener of this.#listeners) listener(entry);
    return entry;
  }

  /** Called with every later event; returns how to stop. */
  subscribe(listener: (event: TimelineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    const file = this.#file;
    if (file === undefined || file.destroyed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    file.end(() => resolve());
    file.once('close', () => resolve());
    await promise;
  }
}

const WELL_KNOWN = new Set(['time', 'ms', 'node', 'event']);

/** One event as a line: `+  12.345s  n2      power-off  reason=...`. */
export function formatEvent(event: TimelineEvent): string {
  const rest = Object.entries(event)
    .filter(([key, value]) => !WELL_KNOWN.has(key) && value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  const at = `+${(event.ms / 1000).toFixed(3).padStart(9)}s`;
  return `${at}  ${(event.node ?? '-').padEnd(10)} ${event.event.padEnd(14)} ${rest}`.trimEnd();
}

/** The readable view of a timeline. */
export function formatTimeline(events: readonly TimelineEvent[]): string {
  return events.map((event) => `${formatEvent(event)}\n`).join('');
}

/** Reads the JSON-lines file; a last line cut short by a crash is left out. */
export function parseTimeline(text: string): TimelineEvent[] {
  const events: TimelineEvent[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    try {
      events.push(JSON.parse(line) as TimelineEvent);
    } catch {
      break;
    }
  }
  return events;
}
