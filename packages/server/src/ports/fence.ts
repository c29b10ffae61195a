/**
 * A question of the kernel: may this node go on alone? Delivered by the fence-peer helper. Asked while the resource is a
 * frozen Primary that lost its peer, and also from inside `drbdadm primary` of a node that has no connection: then the
 * answer is a decision of its own (design 3.1 rule 1), and the agent answers 1 at once when no promotion of its own is
 * under way.
 */
export interface FenceRequest {
  /** Unique over reboots: an answer can never reach a later question. */
  readonly id: string;
  readonly resource: string;
}

/** 4: peer outdated, go on. 1: refused, stay as you are. Never anything else (drbd.md 1.7). */
export type FenceVerdict = 4 | 1;

/** Something else that the kernel told its helper: split-brain, unfence-peer, local-io-error, before-resync-target... */
export interface FenceNotification {
  readonly event: string;
  readonly resource: string;
}

/**
 * The kernel's usermode helper and our side of it. Fails safe: with no agent, no helper or no verdict a Primary that
 * lost its peer stays frozen; a restarted agent finds the old questions. A reconnect ends a question by itself, and the
 * kernel ignores a verdict that comes after it.
 */
export interface FenceGate {
  /**
   * Installs the helper on the host, points the kernel at it and reads the setting back; returns the helper's path.
   * Idempotent; to be repeated at every start of the agent (the setting is lost when the module is reloaded).
   * @throws AppError `failed_precondition` when the DRBD module is not loaded or refuses the setting.
   */
  install(): Promise<string>;
  /** Why a replicated volume would not be protected on this node now, or null. Read from the host each time; ask before provisioning and promoting. */
  whyNotProtected(): Promise<string | null>;
  /** Requests, those from before our start included, each once. */
  requests(signal: AbortSignal): AsyncIterable<FenceRequest>;
  /** Questions that the kernel is waiting for at this moment. */
  pending(): Promise<readonly FenceRequest[]>;
  /** Idempotent; answering a question that has become moot is harmless. */
  answer(request: FenceRequest, verdict: FenceVerdict): Promise<void>;
  /** Other calls of the kernel, each once, in order. Losing one is harmless: they only say when to look. */
  notifications(signal: AbortSignal): AsyncIterable<FenceNotification>;
}
