/**
 * The one error taxonomy. Everything that crosses a boundary (REST, CSI, CLI, status) is an {@link AppError};
 * protocol codes (HTTP, gRPC, exit status) are derived from `code` at the edge and never stored.
 */
export const ERROR_CODES = [
  'invalid_argument',
  'out_of_range',
  'not_found',
  'already_exists',
  'failed_precondition',
  'aborted',
  'resource_exhausted',
  'unauthenticated',
  'permission_denied',
  'unavailable',
  'deadline_exceeded',
  'unimplemented',
  'internal',
] as const;

/**
 * - `invalid_argument`: the request is wrong whatever the state of the system; `details.field` names what to change.
 * - `out_of_range`: a number beyond what is possible (a size, an offset).
 * - `not_found`: the named object does not exist. Never answer this from a cache alone.
 * - `already_exists`: same name, incompatible content.
 * - `failed_precondition`: the state of the system forbids it now; the message names what would lift that.
 * - `aborted`: lost a race (conflict) or another operation on the same object is pending: repeat from the start.
 * - `resource_exhausted`: no space, no free port, limit reached.
 * - `unavailable`: a dependency does not answer; repeating the same call later is right.
 * - `deadline_exceeded`: we gave up waiting; the work may still complete.
 * - `internal`: a bug. Alert.
 */
export type ErrorCode = (typeof ERROR_CODES)[number];

export interface ErrorDetails {
  /** Path of the offending field, e.g. `spec.sizeBytes`. */
  readonly field?: string;
  /** The offending value as the user gave it. Never a secret (INV-9). */
  readonly value?: unknown;
  /** What would lift the refusal, as an imperative sentence. */
  readonly remedy?: string;
  /** Stable machine-readable reason in CamelCase, used for conditions and Events. */
  readonly reason?: string;
  readonly [key: string]: unknown;
}

/** How a caller may react: `never` repeat unchanged, repeat `now` from a fresh read, or `later` with back-off. */
export type Retry = 'never' | 'now' | 'later';

/** An expected failure. `message` is for people and complete without `cause`; the cause is only logged. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: ErrorDetails } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details ?? {};
  }

  /** The single funnel from `unknown` (a caught value) to an AppError. Unknown throws are bugs: `internal`. */
  static from(error: unknown): AppError {
    if (error instanceof AppError) return error;
    if (error instanceof Error) return new AppError('internal', error.message, { cause: error });
    return new AppError('internal', String(error));
  }
}

/** Whether and when repeating the same request can succeed. Exhaustive over {@link ErrorCode}. */
export function retryOf(code: ErrorCode): Retry {
  switch (code) {
    case 'aborted':
      return 'now';
    case 'resource_exhausted':
    case 'unavailable':
    case 'deadline_exceeded':
    case 'internal':
      return 'later';
    case 'invalid_argument':
    case 'out_of_range':
    case 'not_found':
    case 'already_exists':
    case 'failed_precondition':
    case 'unauthenticated':
    case 'permission_denied':
    case 'unimplemented':
      return 'never';
    default:
      return code satisfies never;
  }
}

/** HTTP status of an error code. The REST edge and the client use the same table. */
export const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid_argument: 400,
  out_of_range: 400,
  not_found: 404,
  already_exists: 409,
  failed_precondition: 409,
  aborted: 409,
  resource_exhausted: 507,
  unauthenticated: 401,
  permission_denied: 403,
  unavailable: 503,
  deadline_exceeded: 504,
  unimplemented: 501,
  internal: 500,
};

/** Process exit status of an error code, for `hf`. 0 is success, 1 is reserved for bugs. */
export const EXIT_CODE: Readonly<Record<ErrorCode, number>> = {
  internal: 1,
  unimplemented: 1,
  invalid_argument: 2,
  out_of_range: 2,
  unauthenticated: 3,
  permission_denied: 3,
  not_found: 4,
  already_exists: 5,
  failed_precondition: 6,
  aborted: 7,
  resource_exhausted: 8,
  unavailable: 9,
  deadline_exceeded: 9,
};
