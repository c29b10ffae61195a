/**
 * Between `hf lab` and a lab's supervisor: one request per connection to a unix socket, one JSON value per line.
 * First line of the client: a {@link Request}. A running exec also takes {@link Input} lines. The server answers with
 * any number of `out`/`err`/`event`/`started` lines and one `result` or `error`.
 */
import type { Socket } from 'node:net';
import { AppError, ERROR_CODES, type ErrorCode } from '@holdfast/api/errors.ts';

export type Target =
  | { readonly kind: 'lab' }
  | { readonly kind: 'node'; readonly node: string }
  | { readonly kind: 'daemon'; readonly node: string; readonly daemon: string }
  | { readonly kind: 'host'; readonly host: string };

export interface Request {
  readonly target: Target;
  readonly method: string;
  readonly args: readonly unknown[];
}

export type Input = { readonly stdin: string } | { readonly end: true } | { readonly kill: string };

export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export type Reply =
  | { readonly started: number }
  | { readonly out: string }
  | { readonly err: string }
  | { readonly event: unknown }
  | { readonly result: unknown }
  | { readonly error: WireError };

/** Methods that may be called by name, per target. Exec, spawn and follow have their own handling. */
export const METHODS: Readonly<Record<Target['kind'], readonly string[]>> = {
  lab: [
    'status',
    'timeline',
    'waitReady',
    'setLink',
    'cut',
    'heal',
    'healAll',
    'note',
    'hostLog',
    'addHostProcess',
    'addDaemon',
    'destroy',
  ],
  node: [
    'status',
    'waitReady',
    'put',
    'get',
    'killProcess',
    'powerOff',
    'powerOn',
    'reboot',
    'freeze',
    'thaw',
    'faultDisk',
    'healDisk',
    'fillPool',
    'drainPool',
    'skewClock',
    'resetClock',
    'isolate',
    'forward',
    'consoleLog',
    'daemonLog',
  ],
  daemon: ['start', 'stop', 'restart', 'kill', 'status'],
  host: ['start', 'stop', 'restart', 'kill', 'status'],
};

/** Bytes travel as `{ "$bytes": base64 }`; what is undefined in an argument list as null. */
export function encodeValue(value: unknown): unknown {
  return value instanceof Uint8Array ? { $bytes: Buffer.from(value).toString('base64') } : value;
}

export function decodeValue(value: unknown): unknown {
  if (value === null) return undefined;
  if (typeof value === 'object' && '$bytes' in value) return Buffer.from(String(value.$bytes), 'base64');
  return value;
}

export function toWireError(error: unknown): WireError {
  const { code, message, details } = AppError.from(error);
  return { code, message, details };
}

export function fromWireError(error: WireError): AppError {
  const code = ERROR_CODES.includes(error.code) ? error.code : 'internal';
  return new AppError(code, error.message, { details: error.details });
}

/** Calls back with every line's value. */
export function readLines(socket: Socket, onValue: (value: unknown) => void): void {
  let parts: string[] = [];
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const lines = text.split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      const whole = parts.join('') + line;
      parts = [];
      if (whole !== '') onValue(JSON.parse(whole));
    }
    if (rest !== '') parts.push(rest);
  });
}

export function sendLine(socket: Socket, value: Request | Input | Reply): boolean {
  return socket.destroyed ? false : socket.write(`${JSON.stringify(value)}\n`);
}
