import { AppError, type ErrorCode, type ErrorDetails } from '../errors.ts';

/** The Kubernetes `Status` body, the parts that are read. */
interface StatusBody {
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly name?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly field?: string; readonly reason?: string; readonly message?: string }[];
  };
}

/** Context of the request that failed, for the message. */
export interface RequestContext {
  /** For people: `update volumes/pg`. */
  readonly what: string;
  /** Response header, lower-case name. */
  readonly retryAfter?: string | undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads what can be trusted of a body that calls itself a Status; everything else is ignored. */
function statusBody(value: unknown): StatusBody {
  if (!isRecord(value) || value['kind'] !== 'Status') return {};
  const details = isRecord(value['details']) ? value['details'] : {};
  const causes = Array.isArray(details['causes']) ? details['causes'].filter(isRecord) : [];
  const text = (from: Record<string, unknown>, key: string): string | undefined =>
    typeof from[key] === 'string' ? from[key] : undefined;
  const optional = <K extends string, V>(key: K, entry: V | undefined): Record<K, V> | Record<never, never> =>
    entry === undefined ? {} : { [key]: entry };
  return {
    ...optional('message', text(value, 'message')),
    ...optional('reason', text(value, 'reason')),
    ...optional('code', typeof value['code'] === 'number' ? value['code'] : undefined),
    details: {
      ...optional('name', text(details, 'name')),
      ...optional(
        'retryAfterSeconds',
        typeof details['retryAfterSeconds'] === 'number' ? details['retryAfterSeconds'] : undefined,
      ),
      causes: causes.map((cause) => ({
        ...optional('field', text(cause, 'field')),
        ...optional('reason', text(cause, 'reason')),
        ...optional('message', text(cause, 'message')),
      })),
    },
  };
}

/** HTTP status and Kubernetes reason -> our taxonomy. The reason wins where one status carries several meanings. */
function codeOf(httpStatus: number, reason: string | undefined): ErrorCode {
  if (reason === 'AlreadyExists') return 'already_exists';
  if (reason === 'Expired' || reason === 'Gone' || reason === 'Conflict') return 'aborted';
  if (reason === 'ServerTimeout' || reason === 'TooManyRequests' || reason === 'ServiceUnavailable') {
    return 'unavailable';
  }
  switch (httpStatus) {
    case 400:
    case 413:
    case 422:
      return 'invalid_argument';
    case 401:
      return 'unauthenticated';
    case 403:
      return 'permission_denied';
    case 404:
      return 'not_found';
    case 405:
    case 406:
    case 415:
    case 501:
      return 'unimplemented';
    case 409:
    case 410:
    case 412:
      return 'aborted';
    case 408:
    case 504:
      return 'deadline_exceeded';
    case 429:
    case 502:
    case 503:
      return 'unavailable';
    case 507:
      return 'resource_exhausted';
    default:
      return 'internal';
  }
}

/**
 * An AppError from the answer of an API server.
 * `details`: `reason` (Kubernetes reason), `httpStatus`, `field` (first offending path of a 422), `causes` (all of
 * them), `retryAfterMs` when the server asked for a pause.
 */
export function errorFromStatus(httpStatus: number, body: unknown, context: RequestContext): AppError {
  const status = statusBody(body);
  const effective = status.code ?? httpStatus;
  if (effective === 404 && status.details?.name === undefined) return noSuchResource(status.message, context);
  const code = codeOf(effective, status.reason);
  const causes = status.details?.causes ?? [];
  const field = causes.find((cause) => cause.field !== undefined && cause.field !== '')?.field;
  const headerSeconds = context.retryAfter === undefined ? Number.NaN : Number(context.retryAfter);
  const retrySeconds = Number.isFinite(headerSeconds) ? headerSeconds : status.details?.retryAfterSeconds;
  const reason = status.reason ?? (effective === 410 ? 'Expired' : effective === 409 ? 'Conflict' : undefined);
  const details: ErrorDetails = {
    httpStatus: effective,
    ...(reason === undefined ? {} : { reason: reason === 'Gone' ? 'Expired' : reason }),
    ...(field === undefined ? {} : { field }),
    ...(causes.length === 0 ? {} : { causes }),
    ...(retrySeconds === undefined ? {} : { retryAfterMs: retrySeconds * 1000 }),
    ...remedyOf(code),
  };
  const said = status.message ?? `the API server answered ${effective}`;
  return new AppError(code, `cannot ${context.what}: ${said}`, { details });
}

/** A 404 that names no object: the kind itself is not served. "Unknown is never empty": not the same as `not_found`. */
function noSuchResource(said: string | undefined, context: RequestContext): AppError {
  return new AppError(
    'unavailable',
    `cannot ${context.what}: this API server does not serve the kind${said === undefined ? '' : ` (${said})`}; install the Holdfast CRDs or name the right server`,
    {
      details: {
        httpStatus: 404,
        reason: 'NoSuchResource',
        remedy: 'install the Holdfast CRDs or name the right server',
      },
    },
  );
}

function remedyOf(code: ErrorCode): { remedy?: string } {
  if (code === 'unauthenticated') return { remedy: 'give a valid token for this API server' };
  if (code === 'permission_denied') return { remedy: 'use an identity that may do this, or extend its role' };
  return {};
}

/** True for the answer that means "your resourceVersion is too old, list again" (HTTP 410). */
export function isExpired(error: unknown): boolean {
  return error instanceof AppError && error.code === 'aborted' && error.details.reason === 'Expired';
}

/** True for a lost compare-and-swap or a failed precondition of a delete (HTTP 409 Conflict). */
export function isConflict(error: unknown): boolean {
  return error instanceof AppError && error.code === 'aborted' && error.details.reason === 'Conflict';
}
