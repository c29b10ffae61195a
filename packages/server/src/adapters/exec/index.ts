import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { AppError } from '@holdfast/api/errors.ts';
import type { Exec, ExecRequest, ExecResult } from '../../ports/exec.ts';
import { commandName, programFailed } from './failure.ts';
import { installRemedy } from './packages.ts';

export interface ExecOptions {
  /** Where programs are looked up. */
  readonly path?: string;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly graceMs?: number;
  /** Milliseconds after SIGKILL until a child that does not go away (D state) is abandoned. */
  readonly abandonMs?: number;
  /** More output than this is a failure: nothing is ever parsed from a truncated answer. */
  readonly maxStdoutBytes?: number;
}

export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const MAX_STDERR_BYTES = 256 * 1024;

/** The gateway: the only module that starts processes. */
export function createExec(options: ExecOptions = {}): Exec {
  const settings = {
    path: options.path ?? DEFAULT_PATH,
    graceMs: options.graceMs ?? 2_000,
    abandonMs: options.abandonMs ?? 1_000,
    maxStdoutBytes: options.maxStdoutBytes ?? 64 * 1024 * 1024,
  };

  function start(request: Pick<ExecRequest, 'argv' | 'env'>): ChildProcessWithoutNullStreams {
    const [program, ...args] = request.argv;
    return spawn(program, args, {
      cwd: '/',
      // A group of its own: signals reach grandchildren, and ours (Ctrl-C on the terminal) do not reach it.
      detached: true,
      env: { PATH: settings.path, LC_ALL: 'C', LVM_SUPPRESS_FD_WARNINGS: '1', ...request.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  function run(request: ExecRequest): Promise<ExecResult> {
    const { argv, signal } = request;
    const startedAt = performance.now();
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(cancelled(argv));
        return;
      }
      const child = start(request);
      const stdout: Buffer[] = [];
      const stderr: Buffer[] = [];
      let stdoutBytes = 0;
      let stderrBytes = 0;
      let settled = false;
      /** Why we ended the child; its own exit status means nothing then. */
      let ended: 'deadline' | 'cancelled' | 'output' | undefined;
      const timers = new Set<NodeJS.Timeout>();

      function later(ms: number, action: () => void): void {
        timers.add(setTimeout(action, ms));
      }

      function settle(outcome: () => void): void {
        if (settled) return;
        settled = true;
        for (const timer of timers) clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        outcome();
      }

      function end(why: 'deadline' | 'cancelled' | 'output'): void {
        if (settled || ended !== undefined) return;
        ended = why;
        killGroup(child, 'SIGTERM');
        later(settings.graceMs, () => {
          killGroup(child, 'SIGKILL');
          later(settings.abandonMs, () => {
            abandon(child);
            settle(() => reject(endedError(true)));
          });
        });
      }

      function endedError(abandoned: boolean): AppError {
        if (ended === 'cancelled') return cancelled(argv);
        if (ended === 'output') {
          return new AppError(
            'internal',
            `${commandName(argv)} wrote more than ${settings.maxStdoutBytes} bytes of output`,
            {
              details: { argv, reason: 'OutputTooLarge' },
            },
          );
        }
        return new AppError('deadline_exceeded', deadlineMessage(request, abandoned), {
          details: { argv, timeoutMs: request.timeoutMs, abandoned, reason: 'CommandTimeout' },
        });
      }

      function finish(code: number | null, exitSignal: NodeJS.Signals | null): void {
        settle(() => {
          if (ended !== undefined) {
            reject(endedError(false));
            return;
          }
          const out = Buffer.concat(stdout).toString('utf8');
          const err = Buffer.concat(stderr).toString('utf8');
          if (code !== null && (request.okCodes ?? [0]).includes(code)) {
            resolve({ argv, code, stdout: out, stderr: err, durationMs: performance.now() - startedAt });
          } else {
            reject(programFailed({ argv, exitCode: code, signal: exitSignal, stdout: out, stderr: err }));
          }
        });
      }

      const onAbort = (): void => end('cancelled');
      signal?.addEventListener('abort', onAbort, { once: true });
      later(request.timeoutMs, () => end('deadline'));
      child.on('error', (error) => settle(() => reject(startError(argv, error))));
      child.on('close', finish);
      child.on('exit', (code, exitSignal) => {
        // A grandchild (a daemon that LVM forks) may keep the pipes open for ever; what came until now is the answer.
        later(500, () => {
          abandon(child);
          finish(code, exitSignal);
        });
      });
      child.stdout.on('data', (chunk: Buffer) => {
        stdoutBytes += chunk.length;
        if (stdoutBytes > settings.maxStdoutBytes) end('output');
        else stdout.push(chunk);
      });
      child.stderr.on('data', (chunk: Buffer) => {
        stderrBytes += chunk.length;
        if (stderrBytes <= MAX_STDERR_BYTES) stderr.push(chunk);
      });
      // A child that ends without reading its input is no failure of ours.
      child.stdin.on('error', () => {});
      child.stdin.end(request.stdin ?? '');
    });
  }

  async function* lines(request: Omit<ExecRequest, 'timeoutMs' | 'okCodes'>): AsyncGenerator<string> {
    const { argv, signal } = request;
    if (signal?.aborted) return;
    const child = start(request);
    const failed = new Promise<AppError>((resolve) => {
      child.once('error', (error) => resolve(startError(argv, error)));
    });
    const exited = new Promise<undefined>((resolve) => child.once('exit', () => resolve(undefined)));
    const reader = createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY });
    child.stderr.resume();
    child.stdin.on('error', () => {});
    child.stdin.end(request.stdin ?? '');
    let force: NodeJS.Timeout | undefined;
    const stop = (): void => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      killGroup(child, 'SIGTERM');
      force ??= setTimeout(() => {
        killGroup(child, 'SIGKILL');
        abandon(child);
      }, settings.graceMs);
      force.unref();
      void exited.then(() => clearTimeout(force));
    };
    const onAbort = (): void => {
      stop();
      reader.close();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      yield* reader;
      if (child.pid === undefined) throw await failed;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      stop();
    }
  }

  return { run, lines };
}

/** Signals the child's whole group; a group that is gone already is fine. */
function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Lets go of a child: its pipes and its handle no longer keep us waiting or alive. */
function abandon(child: ChildProcessWithoutNullStreams): void {
  child.stdin.destroy();
  child.stdout.destroy();
  child.stderr.destroy();
  child.unref();
}

function startError(argv: readonly string[], error: NodeJS.ErrnoException): AppError {
  const program = argv[0] ?? '';
  if (error.code === 'ENOENT') {
    const remedy = installRemedy(program);
    return new AppError('unavailable', `the program '${program}' is not installed; ${remedy}`, {
      cause: error,
      details: { argv, field: 'program', value: program, remedy, reason: 'ProgramMissing' },
    });
  }
  if (error.code === 'EACCES') {
    return new AppError('permission_denied', `the program '${program}' may not be run; start the agent as root`, {
      cause: error,
      details: { argv, remedy: 'start the agent as root', reason: 'ProgramNotAllowed' },
    });
  }
  return new AppError('internal', `the program '${program}' could not be started: ${error.message}`, {
    cause: error,
    details: { reason: 'ProgramNotStarted', errno: error.code },
  });
}

function cancelled(argv: readonly string[]): AppError {
  return new AppError('aborted', `${commandName(argv)} was cancelled`, { details: { argv, reason: 'Cancelled' } });
}

function deadlineMessage(request: ExecRequest, abandoned: boolean): string {
  const text = `${commandName(request.argv)} did not finish within ${request.timeoutMs} ms`;
  return abandoned
    ? `${text} and cannot be killed: it waits for a device that does not answer; it was left behind`
    : `${text} and was ended`;
}
