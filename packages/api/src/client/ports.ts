/**
 * What the client needs from the outside. Structural subsets of the ports of the server package, so that its real and
 * virtual clocks fit as they are.
 */
export interface ClockPort {
  /** Milliseconds since the epoch; may jump. Only for timestamps. */
  now(): number;
  /** Milliseconds, never goes back. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once after `ms`; returns a cancel function. */
  timer(ms: number, callback: () => void): () => void;
}

export interface RandomPort {
  /** In [0, 1). */
  next(): number;
  /** Lower-case hex of `bytes` random bytes. */
  hex(bytes: number): string;
}

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query, already encoded, starting with `/`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the request, the body included. */
  readonly signal?: AbortSignal;
}

export interface TransportResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The decoded body as it arrives. Leaving the iteration early releases the connection. */
  readonly body: AsyncIterable<Uint8Array | string>;
}

/** One way to reach an API server. Rejects (or throws while the body is read) when the network fails. */
export interface Transport {
  send(request: TransportRequest): Promise<TransportResponse>;
}
