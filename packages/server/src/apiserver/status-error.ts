import { AppError, type ErrorCode } from '@holdfast/api/errors.ts';
import type { Json, JsonObject } from './types.ts';

/** One entry of `details.causes` of a Kubernetes Status. */
export interface StatusCause extends JsonObject {
  reason: string;
  message: string;
  field?: string;
}

export interface StatusDetails extends JsonObject {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

/** A refusal that goes over the wire as a Kubernetes `Status`. */
export class StatusError extends AppError {
  readonly httpStatus: number;
  readonly reason: string;
  readonly statusDetails: StatusDetails | undefined;

  constructor(httpStatus: number, reason: string, message: string, details?: StatusDetails, cause?: unknown) {
    super(codeOf(httpStatus, reason), message, { cause, details: { reason } });
    this.name = 'StatusError';
    this.httpStatus = httpStatus;
    this.reason = reason;
    this.statusDetails = details;
  }

  /** The body as clients expect it. */
  toBody(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.statusDetails === undefined ? {} : { details: this.statusDetails }),
      code: this.httpStatus,
    };
  }
}

function codeOf(httpStatus: number, reason: string): ErrorCode {
  switch (httpStatus) {
    case 401:
      return 'unauthenticated';
    case 403:
      return 'permission_denied';
    case 404:
      return 'not_found';
    case 405:
    case 415:
      return 'unimplemented';
    case 409:
      return reason === 'AlreadyExists' ? 'already_exists' : 'aborted';
    case 410:
      return 'aborted';
    case 503:
      return 'unavailable';
    case 504:
      return 'deadline_exceeded';
    case 507:
      return 'resource_exhausted';
    default:
      return httpStatus >= 500 ? 'internal' : 'invalid_argument';
  }
}

/** Names a resource in messages: `volumes.holdfast.storage`, or `secrets` in the core group. */
export interface ResourceName {
  readonly group: string;
  readonly plural: string;
}

export function qualified(resource: ResourceName): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

function detailsOf(resource: ResourceName, name: string): StatusDetails {
  return { name, ...(resource.group === '' ? {} : { group: resource.group }), kind: resource.plural };
}

export function notFound(resource: ResourceName, name: string): StatusError {
  return new StatusError(
    404,
    'NotFound',
    `${qualified(resource)} ${JSON.stringify(name)} not found`,
    detailsOf(resource, name),
  );
}

export function alreadyExists(resource: ResourceName, name: string): StatusError {
  return new StatusError(
    409,
    'AlreadyExists',
    `${qualified(resource)} ${JSON.stringify(name)} already exists`,
    detailsOf(resource, name),
  );
}

export function conflict(resource: ResourceName, name: string, why: string, causes?: StatusCause[]): StatusError {
  return new StatusError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(resource)} ${JSON.stringify(name)}: ${why}`,
    { ...detailsOf(resource, name), ...(causes === undefined ? {} : { causes }) },
  );
}

/** 422 with one cause per wrong field. */
export function invalid(kind: string, group: string, name: string, causes: StatusCause[]): StatusError {
  const texts = causes.map((cause) => `${cause.field ?? '<nil>'}: ${cause.message}`);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return new StatusError(
    422,
    'Invalid',
    `${group === '' ? kind : `${kind}.${group}`} ${JSON.stringify(name)} is invalid: ${list ?? 'no cause given'}`,
    { name, ...(group === '' ? {} : { group }), kind, causes },
  );
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

export function forbidden(resource: ResourceName, name: string, why: string): StatusError {
  return new StatusError(
    403,
    'Forbidden',
    `${qualified(resource)} ${JSON.stringify(name)} is forbidden: ${why}`,
    detailsOf(resource, name),
  );
}

export function expired(message: string): StatusError {
  return new StatusError(410, 'Expired', message);
}

/** The cause of an invalid value, worded like Kubernetes does. */
export function invalidValue(field: string, value: Json | undefined, why: string): StatusCause {
  const shown = value === undefined ? 'null' : JSON.stringify(value);
  const short = shown.length > 120 ? `${shown.slice(0, 117)}...` : shown;
  return { reason: 'FieldValueInvalid', message: `Invalid value: ${short}: ${why}`, field };
}

export function requiredValue(field: string, why = ''): StatusCause {
  return { reason: 'FieldValueRequired', message: `Required value${why === '' ? '' : `: ${why}`}`, field };
}

export function notSupportedValue(field: string, value: Json | undefined, allowed: readonly string[]): StatusCause {
  return {
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${JSON.stringify(value ?? null)}: supported values: ${allowed.map((item) => JSON.stringify(item)).join(', ')}`,
    field,
  };
}

export function forbiddenValue(field: string, why: string): StatusCause {
  return { reason: 'FieldValueForbidden', message: `Forbidden: ${why}`, field };
}
