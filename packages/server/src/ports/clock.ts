/** Time, as a port: the whole system can run on virtual time. Wall time is for people and timestamps, monotonic for waiting. */
export interface Clock {
  /** Milliseconds since the epoch. May jump. */
  now(): number;
  /** Milliseconds, never goes back. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts. Only for back-off and deadlines. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once after `ms`; returns a cancel function. */
  timer(ms: number, callback: () => void): () => void;
}

/** Randomness, as a port. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** Lower-case hex of `bytes` random bytes. */
  hex(bytes: number): string;
  uuid(): string;
}
