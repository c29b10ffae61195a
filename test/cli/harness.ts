import type { ClusterClient } from '@holdfast/api/client/types.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { Clock } from '@holdfast/server/ports/clock.ts';
import type { CliIo, Terminal } from '@holdfast/server/transport/cli/io.ts';
import { runCli } from '@holdfast/server/transport/cli/run.ts';

/** Wall time of every test: outputs with ages are the same each time. */
export const NOW_MS = Date.parse('2026-03-01T12:00:00.000Z');

export interface RunOptions {
  readonly client?: ClusterClient;
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly tty?: boolean;
  readonly columns?: number;
  readonly answer?: string;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  /** Every piece written to stdout, as it comes. */
  readonly onOut?: (text: string) => void;
}

export interface RunResult {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Real timers that never keep the process alive, under a fixed wall clock. */
function testClock(): Clock {
  const startedMs = performance.now();
  const timer = (ms: number, callback: () => void): (() => void) => {
    const handle = setTimeout(callback, ms);
    return () => clearTimeout(handle);
  };
  return {
    now: () => NOW_MS,
    monotonic: () => performance.now() - startedMs,
    timer,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const cancel = timer(ms, resolve);
        signal?.addEventListener('abort', () => {
          cancel();
          reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
        });
      }),
  };
}

/** Runs one `hf` command line in this process against the given API. */
export async function hf(line: string | readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const argv = typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line;
  let out = '';
  let err = '';
  const sink = (write: (text: string) => void): Terminal => ({
    write,
    isTty: options.tty === true,
    columns: options.columns ?? 0,
  });
  const io: CliIo = {
    stdout: sink((text) => {
      out += text;
      options.onOut?.(text);
    }),
    stderr: sink((text) => {
      err += text;
    }),
    env: { HF_SERVER: 'http://127.0.0.1:1', HF_TOKEN: 'test', ...options.env },
    home: '/home/test',
    clock: options.clock ?? testClock(),
    files: {
      read: (path) => Promise.resolve(options.files?.[path]),
      write: () => Promise.resolve(),
      remove: () => Promise.resolve(),
    },
    signal: options.signal ?? new AbortController().signal,
    interactive: options.answer !== undefined,
    ask: () => Promise.resolve(options.answer ?? ''),
    parseKubeconfig: (_text, { path }) => Promise.resolve({ server: 'http://127.0.0.1:1', source: path }),
    connect: () =>
      options.client === undefined
        ? Promise.reject(new AppError('internal', 'this test has no cluster'))
        : Promise.resolve(options.client),
    streams: () => process,
    daemon: () => Promise.resolve(0),
  };
  const status = await runCli(argv, io);
  return { status, out, err };
}
