import { AppError } from '../errors.ts';
import { readText } from './lines.ts';
import type { ClockPort, Transport, TransportRequest, TransportResponse } from './ports.ts';
import { errorFromStatus } from './status.ts';

export interface HttpClientOptions {
  readonly transport: Transport;
  readonly clock: ClockPort;
  /** Asked before every request, so that a rotated token is picked up. Undefined: no Authorization header. */
  readonly token?: () => string | undefined | Promise<string | undefined>;
  /** Deadline of a request, answer included; for a watch, of its first byte of headers. Default 10 s. */
  readonly timeoutMs?: number;
  /** `User-Agent`, and `fieldManager` of writes. Default `holdfast`. */
  readonly userAgent?: string;
}

export interface Call {
  readonly method: TransportRequest['method'];
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: object;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** For messages: `get volumes/pg`. */
  readonly what: string;
}

/** JSON over the transport, with deadlines and errors as AppError. */
export interface HttpClient {
  json(call: Call): Promise<unknown>;
  /** Answer headers checked, body left to the caller. `release` must be called when done with it. */
  stream(call: Call): Promise<{ body: AsyncIterable<Uint8Array | string>; release: () => void }>;
}

export const DEFAULT_TIMEOUT_MS = 10_000;

/** Marks our own deadline as the reason of an abort. */
class Deadline extends Error {}

export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { transport, clock } = options;
  const userAgent = options.userAgent ?? 'holdfast';

  async function headersOf(call: Call): Promise<Record<string, string>> {
    const headers: Record<string, string> = { accept: 'application/json', 'user-agent': userAgent };
    if (call.body !== undefined) headers['content-type'] = call.contentType ?? 'application/json';
    const token = await options.token?.();
    if (token !== undefined && token !== '') headers['authorization'] = `Bearer ${token}`;
    return headers;
  }

  /** What a failure below HTTP means to the caller. */
  function networkError(error: unknown, call: Call, signal: AbortSignal, timeoutMs: number): unknown {
    if (call.signal?.aborted === true) return call.signal.reason;
    if (signal.reason instanceof Deadline) {
      return new AppError(
        'deadline_exceeded',
        `cannot ${call.what}: no answer from the API server in ${timeoutMs} ms`,
        {
          cause: error,
          details: { reason: 'Timeout' },
        },
      );
    }
    if (error instanceof AppError) return error;
    const why = error instanceof Error ? error.message : String(error);
    return new AppError('unavailable', `cannot ${call.what}: the API server does not answer: ${why}`, {
      cause: error,
      details: { reason: 'NoConnection' },
    });
  }

  /** Runs `use` under one abort signal made of the caller's signal and the deadline, until `release`. */
  async function exchange<R>(
    call: Call,
    use: (response: TransportResponse, keepOpen: () => () => void) => Promise<R>,
  ): Promise<R> {
    const timeoutMs = call.timeoutMs ?? options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    call.signal?.throwIfAborted();
    const controller = new AbortController();
    const { signal } = controller;
    const onAbort = (): void => controller.abort(call.signal?.reason);
    call.signal?.addEventListener('abort', onAbort, { once: true });
    const cancelTimer = clock.timer(timeoutMs, () => controller.abort(new Deadline()));
    const release = (): void => {
      cancelTimer();
      call.signal?.removeEventListener('abort', onAbort);
    };
    let kept = false;
    // A transport that ignores the signal must not hold its caller past the deadline.
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    aborted.catch(() => {});
    try {
      return await Promise.race([
        aborted,
        (async () => {
          const headers = await headersOf(call);
          const response = await transport.send({
            method: call.method,
            path: call.path + queryOf(call.query),
            headers,
            signal,
            ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
          });
          if (response.status < 200 || response.status > 299) throw await failure(response, call);
          return use(response, () => {
            kept = true;
            cancelTimer();
            return () => {
              release();
              controller.abort(new Error('released'));
            };
          });
        })(),
      ]);
    } catch (error) {
      throw networkError(error, call, signal, timeoutMs);
    } finally {
      if (!kept) release();
    }
  }

  return {
    json: (call) =>
      exchange(call, async (response) => {
        const text = await readText(response.body);
        return parseBody(text, call);
      }),
    stream: (call) =>
      exchange(call, (response, keepOpen) => Promise.resolve({ body: response.body, release: keepOpen() })),
  };
}

async function failure(response: TransportResponse, call: Call): Promise<AppError> {
  const text = await readText(response.body);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // Not from an API server (a proxy's page): the HTTP status alone decides.
    body = undefined;
  }
  return errorFromStatus(response.status, body, { what: call.what, retryAfter: response.headers['retry-after'] });
}

function parseBody(text: string, call: Call): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError('unavailable', `cannot ${call.what}: the API server's answer is not JSON`, {
      cause: error,
      details: { reason: 'BadAnswer' },
    });
  }
}

function queryOf(query: Call['query']): string {
  const pairs = Object.entries(query ?? {}).flatMap(([key, value]) =>
    value === undefined || value === '' ? [] : [`${key}=${encodeURIComponent(value)}`],
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}
