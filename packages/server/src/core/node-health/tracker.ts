import { HEALTH_NEVER_SEEN, type NodeHealth } from './types.ts';

export interface NodeHealthConfig {
  /** Silence of a lease after which nothing is placed on the node. Milliseconds. */
  readonly unknownAfterMs: number;
  /** Silence after which the node may be declared lost, if no peer's kernel sees it. */
  readonly lostAfterMs: number;
  /** Nobody is declared lost for this long after a start, or after the controller itself was cut off. */
  readonly graceMs: number;
  /** When every node is silent at once, the controller suspects itself first, for this long. Above the stall limit of a watch. */
  readonly allSilentMs: number;
}

export const NODE_HEALTH_DEFAULTS: NodeHealthConfig = {
  unknownAfterMs: 3_000,
  lostAfterMs: 4_000,
  graceMs: 5_000,
  allSilentMs: 120_000,
};

export interface HealthReport {
  readonly health: NodeHealth;
  /** Look again after this many milliseconds at the latest. */
  readonly lookAgainMs: number;
  /** Said for want of observation, not by it: not worth writing down. */
  readonly tentative: boolean;
}

interface Observed {
  mark: string;
  /** When the last change of the lease was seen, on the observer's monotonic clock. */
  changedAtMs: number;
  /** It changed while we looked: the holder lives. A lease that was merely found proves nothing. */
  alive: boolean;
}

/**
 * Life and death of nodes from lease renewals, on the observer's own monotonic clock: what is written in a lease is only
 * compared, never believed (clocks of other machines lie). Deterministic: the time is an argument.
 */
export class NodeHealthTracker {
  readonly #config: NodeHealthConfig;
  readonly #nodes = new Map<string, Observed>();
  #lastRenewalMs: number;
  #graceUntilMs: number;

  constructor(config: NodeHealthConfig, nowMs: number) {
    this.#config = config;
    this.#lastRenewalMs = nowMs;
    this.#graceUntilMs = nowMs + config.graceMs;
  }

  /** A lease as read or watched; `mark` is anything that changes with every renewal. True when it is a sign of life. */
  observe(node: string, mark: string, nowMs: number): boolean {
    const seen = this.#nodes.get(node);
    if (seen === undefined) {
      this.#nodes.set(node, { mark, changedAtMs: nowMs, alive: false });
      return false;
    }
    if (seen.mark === mark) return false;
    if (nowMs - this.#lastRenewalMs >= this.#config.unknownAfterMs) this.interrupted(nowMs);
    this.#lastRenewalMs = nowMs;
    seen.mark = mark;
    seen.changedAtMs = nowMs;
    seen.alive = true;
    return true;
  }

  forget(node: string): void {
    this.#nodes.delete(node);
  }

  /** The observer was cut off (or asleep) and is back: everybody gets a grace period. */
  interrupted(nowMs: number): void {
    this.#graceUntilMs = Math.max(this.#graceUntilMs, nowMs + this.#config.graceMs);
  }

  /**
   * @param cutOff the observer's own view of the leases is known to be old now
   * @param connectedPeer finds a Ready node whose kernel reports a replication connection to this one, if there is any
   */
  evaluate(node: string, nowMs: number, cutOff: boolean, connectedPeer: () => string | undefined): HealthReport {
    const { unknownAfterMs, lostAfterMs, allSilentMs } = this.#config;
    const seen = this.#nodes.get(node);
    if (seen === undefined) {
      return { health: HEALTH_NEVER_SEEN, lookAgainMs: lostAfterMs, tentative: nowMs < this.#graceUntilMs };
    }
    const ageMs = nowMs - seen.changedAtMs;
    if (seen.alive && ageMs < unknownAfterMs) {
      const health: NodeHealth = { state: 'Ready', reason: 'AgentAlive', message: 'its agent renews its lease' };
      return { health, lookAgainMs: unknownAfterMs - ageMs, tentative: false };
    }
    const silenceMs = nowMs - this.#lastRenewalMs;
    const suspectSelf = silenceMs >= unknownAfterMs && silenceMs < allSilentMs;
    if (cutOff || (suspectSelf && ageMs >= unknownAfterMs)) {
      if (cutOff) this.interrupted(nowMs);
      const message = cutOff
        ? 'the controller is cut off from the API server'
        : 'no node renews its lease; the controller suspects itself first';
      return {
        health: { state: 'Unknown', reason: 'ControllerBlind', message },
        lookAgainMs: unknownAfterMs,
        tentative: true,
      };
    }
    if (!seen.alive && nowMs < this.#graceUntilMs) {
      const message = 'its lease has not been renewed since the controller started';
      const health: NodeHealth = { state: 'Unknown', reason: 'ControllerStarted', message };
      return { health, lookAgainMs: this.#graceUntilMs - nowMs, tentative: true };
    }
    const lostInMs = Math.max(seen.changedAtMs + lostAfterMs, this.#graceUntilMs) - nowMs;
    if (lostInMs > 0) {
      const health: NodeHealth = {
        state: 'Unknown',
        reason: 'LeaseExpired',
        message: 'its agent does not renew its lease',
      };
      return { health, lookAgainMs: lostInMs, tentative: false };
    }
    const peer = connectedPeer();
    if (peer !== undefined) {
      const message = `its agent is silent, but the kernel of ${peer} is still connected to it: the node lives; restart its agent`;
      return { health: { state: 'Unknown', reason: 'AgentSilent', message }, lookAgainMs: 1_000, tentative: false };
    }
    const health: NodeHealth = {
      state: 'Lost',
      reason: 'NodeLost',
      message: 'its agent does not renew its lease and no other kernel is connected to it',
    };
    return { health, lookAgainMs: 60_000, tentative: false };
  }
}
