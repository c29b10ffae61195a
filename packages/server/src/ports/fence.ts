/** A question of the kernel: may this node go on alone? Delivered by the fence-peer helper. */
export interface FenceRequest {
  readonly id: string;
  readonly resource: string;
}

/** 4: peer outdated, go on. 1: refused, stay as you are. Never anything else (drbd.md 1.7). */
export type FenceVerdict = 4 | 1;

export interface FenceGate {
  /** Installs the helper on the host and names its path for the resource files. Idempotent. */
  install(): Promise<string>;
  /** Requests, those from before our start included. The handler's helper blocks until {@link answer} or until it is moot. */
  requests(signal: AbortSignal): AsyncIterable<FenceRequest>;
  answer(request: FenceRequest, verdict: FenceVerdict): Promise<void>;
}
