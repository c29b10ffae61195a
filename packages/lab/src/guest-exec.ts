/** Processes and files in a node, over its control channel. */

import { readFile } from 'node:fs/promises';
import { constants as osConstants } from 'node:os';
import { AppError } from '@holdfast/api/errors.ts';
import type { Channel } from './control.ts';
import type { ExecOptions, ExecProcess, ExecResult } from './types.ts';

const DEFAULT_TIMEOUT_MS = 60_000;

/** Starts a program; resolves once it runs. @throws AppError `not_found` when there is no such program. */
export async function spawnIn(
  channel: Channel,
  node: string,
  argv: readonly string[],
  options: ExecOptions,
  openInput = true,
): Promise<ExecProcess> {
  const what = `node ${node}: ${argv.join(' ').slice(0, 200)}`;
  const begin = performance.now();
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const started = Promise.withResolvers<number>();
  const ended = Promise.withResolvers<ExecResult>();
  ended.promise.catch(() => undefined); // Callers that only want the process need not look at its end.
  let stopped: AppError | undefined;
  const fail = (error: AppError): void => {
    started.reject(error);
    ended.reject(error);
  };
  const stream = channel.open(
    {
      op: 'exec',
      argv: [...argv],
      env: { ...options.env },
      stdin: openInput || options.stdin !== undefined,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    },
    {
      out: (chunk) => (options.onStdout === undefined ? void out.push(chunk) : options.onStdout(chunk)),
      err: (chunk) => (options.onStderr === undefined ? void err.push(chunk) : options.onStderr(chunk)),
      lost: fail,
      message: (message) => {
        if (message.op === 'started') started.resolve(message.pid);
        else if (message.op === 'failed') {
          fail(
            new AppError(
              message.errno === 'ENOENT' ? 'not_found' : 'failed_precondition',
              `${what}: ${message.message}`,
            ),
          );
        } else if (message.op === 'exit') {
          channel.forget(stream);
          if (stopped !== undefined) ended.reject(stopped);
          else ended.resolve(resultOf(message.code, message.signal, out, err, performance.now() - begin));
        }
      },
    },
  );
  const kill = (signal: string): void => channel.send(stream, { op: 'kill', signal });
  const stop = (error: AppError): void => {
    stopped ??= error;
    kill('SIGKILL');
    // A process in uninterruptible sleep does not die: the caller is told anyway.
    setTimeout(() => fail(error), 3000).unref();
  };
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const timer =
    timeoutMs > 0
      ? setTimeout(() => stop(new AppError('deadline_exceeded', `${what}: not done after ${timeoutMs} ms`)), timeoutMs)
      : undefined;
  const onAbort = (): void => stop(new AppError('aborted', `${what}: aborted`));
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const cleanUp = (): void => {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  };
  ended.promise.then(cleanUp, cleanUp);
  const pid = await started.promise;
  if (options.signal?.aborted === true) onAbort();
  if (options.stdin !== undefined) {
    await channel.write(stream, typeof options.stdin === 'string' ? Buffer.from(options.stdin) : options.stdin);
    channel.send(stream, { op: 'end' });
  }
  return {
    pid,
    result: ended.promise,
    write: (data) => {
      channel.write(stream, typeof data === 'string' ? Buffer.from(data) : data).catch(() => undefined); // `result` tells.
    },
    endInput: () => channel.send(stream, { op: 'end' }),
    kill: (signal = 'SIGTERM') => kill(signal),
  };
}

function resultOf(
  code: number | null,
  signal: string | null,
  out: Buffer[],
  err: Buffer[],
  durationMs: number,
): ExecResult {
  const numbers: Readonly<Record<string, number>> = osConstants.signals;
  return {
    code: code ?? 128 + (numbers[signal ?? ''] ?? 0),
    ...(signal === null ? {} : { signal }),
    stdout: Buffer.concat(out).toString(),
    stderr: Buffer.concat(err).toString(),
    durationMs: Math.round(durationMs),
  };
}

/** Runs a program to its end. */
export async function execIn(
  channel: Channel,
  node: string,
  argv: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  const child = await spawnIn(channel, node, argv, options, false);
  const result = await child.result;
  if (options.check === true && result.code !== 0) throw exitError(node, argv, result);
  return result;
}

export function exitError(node: string, argv: readonly string[], result: ExecResult): AppError {
  const said = (result.stderr.trim() === '' ? result.stdout : result.stderr).trim().slice(-1500);
  return new AppError(
    'failed_precondition',
    `node ${node}: '${argv.join(' ').slice(0, 300)}' exited with ${result.code}: ${said}`,
    {
      details: { node, code: result.code },
    },
  );
}

/** Writes a file in the node, all or nothing. */
export async function putFile(
  channel: Channel,
  node: string,
  source: Uint8Array | string,
  path: string,
  mode: number,
): Promise<void> {
  const data = typeof source === 'string' ? await readFile(source) : source;
  const ready = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  done.promise.catch(() => undefined);
  const fail = (error: AppError): void => {
    ready.reject(error);
    done.reject(error);
  };
  const stream = channel.open(
    { op: 'put', path, mode },
    {
      out: () => undefined,
      err: () => undefined,
      lost: fail,
      message: (message) => {
        if (message.op === 'started') ready.resolve();
        else if (message.op === 'done') done.resolve();
        else if (message.op === 'failed')
          fail(new AppError('failed_precondition', `node ${node}: ${path}: ${message.message}`));
      },
    },
  );
  try {
    await ready.promise;
    await channel.write(stream, data);
    channel.send(stream, { op: 'end' });
    await done.promise;
  } finally {
    channel.forget(stream);
  }
}

/** Reads a whole file of the node. @throws AppError `not_found`. */
export async function getFile(channel: Channel, node: string, path: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stream = channel.open(
    { op: 'get', path },
    {
      out: (chunk) => void parts.push(chunk),
      err: () => undefined,
      lost: reject,
      message: (message) => {
        if (message.op === 'done') resolve();
        else if (message.op === 'failed') {
          reject(
            new AppError(
              message.errno === 'ENOENT' ? 'not_found' : 'failed_precondition',
              `node ${node}: ${message.message}`,
            ),
          );
        }
      },
    },
  );
  try {
    await promise;
    return Buffer.concat(parts);
  } finally {
    channel.forget(stream);
  }
}
