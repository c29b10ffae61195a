import { AppError, type ErrorCode } from '@holdfast/api/errors.ts';
import type { RpcAnswer } from '../../ports/rpc.ts';

/**
 * The only place where a code of ours becomes one of gRPC. What the clients make of them (Kubernetes' sidecars): CANCELLED,
 * DEADLINE_EXCEEDED, UNAVAILABLE and ABORTED mean "perhaps still going on, call again"; RESOURCE_EXHAUSTED makes the
 * scheduler try another node; every other one is final. So nothing final is answered while work goes on.
 */
export const GRPC_STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid_argument: 3,
  deadline_exceeded: 4,
  not_found: 5,
  already_exists: 6,
  permission_denied: 7,
  resource_exhausted: 8,
  failed_precondition: 9,
  aborted: 10,
  out_of_range: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
};

/** Trailers of HTTP/2 have a limit, and every byte that is not ASCII takes three. */
const LONGEST_MESSAGE = 1500;

/**
 * The answer for whatever was thrown. Only an {@link AppError} chooses its code: a numeric `code` of another error (the exit
 * status of a program, an errno) means nothing here. What is no AppError is a bug, and its text stays in our log.
 */
export function failureOf(thrown: unknown, callId: string, secrets: readonly string[]): RpcAnswer {
  if (!(thrown instanceof AppError)) {
    return { ok: false, status: GRPC_STATUS.internal, message: `internal error; look for call ${callId} in the log` };
  }
  const { remedy } = thrown.details;
  const text =
    remedy === undefined || thrown.message.includes(remedy) ? thrown.message : `${thrown.message}; ${remedy}`;
  return { ok: false, status: statusOf(thrown), message: scrub(text, secrets).slice(0, LONGEST_MESSAGE) };
}

/**
 * Trouble between us and the API server is not the client's: a refused token or a forbidden verb can be repaired, and the
 * work that was begun may go on, so it is never final.
 */
function statusOf(error: AppError): number {
  const ours = error.code === 'unauthenticated' || error.code === 'permission_denied';
  return ours ? GRPC_STATUS.unavailable : GRPC_STATUS[error.code];
}

/** Takes secret values out of a text (INV-9). */
export function scrub(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => (secret === '' ? rest : rest.replaceAll(secret, '***')), text);
}
