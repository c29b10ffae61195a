import { AppError } from '../errors.ts';
import { readLines } from './lines.ts';
import type { ApiObject, Stored } from './object.ts';
import { errorFromStatus } from './status.ts';
import type { WatchEvent } from './types.ts';

interface RawEvent {
  readonly type?: unknown;
  readonly object?: { readonly metadata?: { readonly name?: unknown; readonly resourceVersion?: unknown } };
}

/**
 * Decodes a watch stream: one JSON object per line. Ends when the server ends it.
 * Decoding happens before the event is handed out, so an exception of the consumer never passes through here.
 * @throws AppError `aborted` with reason Expired (410), `unavailable` for a broken connection or an undecodable line.
 */
export async function* decodeWatch<T extends ApiObject>(
  body: AsyncIterable<Uint8Array | string>,
  what: string,
  signal?: AbortSignal,
): AsyncGenerator<WatchEvent<T>> {
  const lines = readLines(body)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const line = await nextLine(lines, what, signal);
      if (line === undefined) return;
      yield decodeEvent<T>(line, what);
    }
  } finally {
    // Frees the connection when the consumer leaves early; what that throws has no reader any more.
    await lines.return?.(undefined)?.catch(() => undefined);
  }
}

async function nextLine(
  lines: AsyncIterator<string>,
  what: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const result = await lines.next();
    if (result.done === true) {
      signal?.throwIfAborted();
      return undefined;
    }
    return result.value;
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    const why = error instanceof Error ? error.message : String(error);
    throw new AppError('unavailable', `cannot ${what}: the connection broke: ${why}`, {
      cause: error,
      details: { reason: 'NoConnection' },
    });
  }
}

function decodeEvent<T extends ApiObject>(line: string, what: string): WatchEvent<T> {
  let raw: RawEvent;
  try {
    raw = JSON.parse(line) as RawEvent;
  } catch (error) {
    // Also the torn last line of a cut connection.
    throw badEvent(what, 'a line is not JSON', error);
  }
  const type = raw?.type;
  if (type === 'ERROR') throw errorFromStatus(500, raw.object, { what });
  const meta = raw?.object?.metadata;
  if (typeof meta?.resourceVersion !== 'string') throw badEvent(what, 'an event has no resourceVersion');
  if (type === 'BOOKMARK') return { type, resourceVersion: meta.resourceVersion };
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') {
    if (typeof meta.name !== 'string') throw badEvent(what, 'an event has no object name');
    return { type, object: raw.object as unknown as Stored<T> };
  }
  throw badEvent(what, `an event has the unknown type '${String(type)}'`);
}

function badEvent(what: string, why: string, cause?: unknown): AppError {
  return new AppError('unavailable', `cannot ${what}: the stream cannot be read: ${why}`, {
    cause,
    details: { reason: 'BadAnswer' },
  });
}
