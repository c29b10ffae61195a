/** A server of unary calls on a unix socket (gRPC). It moves bytes; what they mean is the methods' business. */

export interface RpcCall {
  /** Aborts when the client went away, and when {@link RpcServer.close} runs out of patience. */
  readonly signal: AbortSignal;
  /** Until when the client waits, milliseconds since the epoch; undefined: it set no deadline. */
  readonly deadlineMs: number | undefined;
}

/** `status` is a code of gRPC other than 0; `message` is for people, one line. */
export type RpcAnswer =
  | { readonly ok: true; readonly message: Uint8Array }
  | { readonly ok: false; readonly status: number; readonly message: string };

export interface RpcMethod {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Must not throw. */
  handle(request: Uint8Array, call: RpcCall): Promise<RpcAnswer>;
}

export interface RpcServer {
  /** `unix:///path` of the socket, as clients take it. */
  readonly address: string;
  /** No new calls; those that run have `graceMs` to end, then their signal aborts. Removes the socket. Idempotent. */
  close(graceMs: number): Promise<void>;
}

export interface RpcListener {
  /**
   * Serves on a unix socket that only our own user may open. A socket that nobody serves is replaced.
   * @throws AppError `invalid_argument` for an endpoint that is no absolute path, `already_exists` when something that is
   * no socket is in the way, `failed_precondition` when another process serves there, `unavailable` when it cannot be made.
   */
  listen(endpoint: string, methods: readonly RpcMethod[]): Promise<RpcServer>;
}
