/** One directed link of the virtual switch: what its policy does to each frame. */
import type { LinkPolicy } from './types.ts';

/** Ports of the outside world that a link uses; replaced in unit tests. */
export interface LinkClock {
  /** Monotonic ms. */
  now(): number;
  /** Calls back after at least so many ms. */
  after(ms: number, callback: () => void): void;
}

/** Uniform in [0, 1). */
export type Random = () => number;

/** A small seeded generator (mulberry32): the same seed loses the same frames of the same sequence. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A slow link holds at most this many bytes; more is lost, as in a router's queue. */
export const QUEUE_BYTES = 2 * 2 ** 20;

export class Link {
  #policy: LinkPolicy = {};
  readonly #clock: LinkClock;
  readonly #random: Random;
  readonly #deliver: (frame: Buffer) => void;
  /** When the wire is free again, by the rate limit. */
  #freeAt = 0;
  /** No frame overtakes an earlier one. */
  #lastAt = 0;
  #queued = 0;
  /** Frames on the wire when the link is cut are lost. */
  #epoch = 0;

  constructor(clock: LinkClock, random: Random, deliver: (frame: Buffer) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#deliver = deliver;
  }

  get policy(): LinkPolicy {
    return this.#policy;
  }

  set policy(policy: LinkPolicy) {
    if (policy.cut === true) {
      this.#epoch += 1;
      this.#queued = 0;
    }
    this.#policy = policy;
    this.#freeAt = 0;
  }

  /** Whether frames pass at once, so that the switch may hand over many at a time. */
  get perfect(): boolean {
    const { cut, delayMs = 0, jitterMs = 0, drop = 0, rateBps } = this.#policy;
    return cut !== true && delayMs <= 0 && jitterMs <= 0 && drop <= 0 && rateBps === undefined && this.#queued === 0;
  }

  send(frame: Buffer): void {
    const { cut, delayMs = 0, jitterMs = 0, drop = 0, rateBps } = this.#policy;
    if (cut === true) return;
    if (drop > 0 && this.#random() < drop) return;
    if (delayMs <= 0 && jitterMs <= 0 && rateBps === undefined && this.#queued === 0) {
      this.#deliver(frame);
      return;
    }
    if (this.#queued + frame.length > QUEUE_BYTES) return;
    const now = this.#clock.now();
    const start = Math.max(now, this.#freeAt);
    if (rateBps !== undefined) this.#freeAt = start + (frame.length * 1000) / rateBps;
    const sent = rateBps === undefined ? start : this.#freeAt;
    const at = Math.max(this.#lastAt, sent + delayMs + (jitterMs > 0 ? this.#random() * jitterMs : 0));
    this.#lastAt = at;
    this.#queued += frame.length;
    const epoch = this.#epoch;
    const copy = Buffer.from(frame); // The decoder's buffer must not be held for long.
    this.#clock.after(at - now, () => {
      if (epoch !== this.#epoch) return;
      this.#queued -= copy.length;
      this.#deliver(copy);
    });
  }
}
