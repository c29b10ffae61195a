/** A process on the host that belongs to the lab (API server, controller): logged, restarted, killed with the lab. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { findTool, toolEnv } from './run.ts';
import type { Timeline } from './timeline.ts';
import type { HostProcessSpec, ManagedProcess, ProcessStatus } from './types.ts';

const RESTART_DELAY_MS = 200;

export class HostProcess implements ManagedProcess {
  readonly spec: HostProcessSpec;
  readonly #log: string;
  readonly #timeline: Timeline;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #wanted = false;
  #starts = 0;
  #lastExit: number | string | undefined;

  constructor(spec: HostProcessSpec, logPath: string, timeline: Timeline) {
    this.spec = spec;
    this.#log = logPath;
    this.#timeline = timeline;
  }

  async start(): Promise<void> {
    this.#wanted = true;
    if (this.#child !== undefined) return;
    const { name, argv, env, cwd } = this.spec;
    const child = spawn(findTool('setpriv'), ['--pdeathsig', 'KILL', '--', ...argv], {
      env: { ...toolEnv(), HOME: process.env['HOME'] ?? '/', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.#child = child;
    this.#starts += 1;
    const log = createWriteStream(this.#log, { flags: 'a' });
    log.on('error', () => undefined); // The lab's directory is being removed.
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    const ended = Promise.withResolvers<void>();
    const spawned = Promise.withResolvers<void>();
    this.#ended = ended.promise;
    child.once('spawn', () => {
      this.#timeline.add('process-started', { node: name, pid: child.pid });
      spawned.resolve();
    });
    child.once('error', spawned.reject);
    child.once('close', (code, signal) => {
      this.#child = undefined;
      this.#lastExit = code ?? signal ?? undefined;
      log.end();
      this.#timeline.add('process-exited', { node: name, exit: this.#lastExit });
      ended.resolve();
      setTimeout(() => {
        if (this.#wanted && this.spec.restart !== 'never') this.start().catch(() => undefined); // Its 'error' was shown.
      }, RESTART_DELAY_MS).unref();
    });
    await spawned.promise;
  }

  async stop(graceMs = 5000): Promise<void> {
    this.#wanted = false;
    const child = this.#child;
    if (child === undefined) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await this.#ended;
    clearTimeout(timer);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async kill(signal = 'SIGKILL'): Promise<void> {
    this.#timeline.add('process-kill', { node: this.spec.name, signal });
    this.#child?.kill(signal as NodeJS.Signals);
  }

  async status(): Promise<ProcessStatus> {
    return {
      name: this.spec.name,
      running: this.#child !== undefined,
      starts: this.#starts,
      ...(this.#child?.pid === undefined ? {} : { pid: this.#child.pid }),
      ...(this.#lastExit === undefined ? {} : { lastExit: this.#lastExit }),
    };
  }
}
