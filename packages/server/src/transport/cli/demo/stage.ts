import { AppError } from '@holdfast/api/errors.ts';
import type { LabCluster } from '../../../lab-cluster/start.ts';
import type { Ctx } from '../context.ts';
import type { CliIo } from '../io.ts';
import { runCli } from '../run.ts';
import type { Narrator } from './narrator.ts';

/** The place where the story happens: a cluster of its own, and `hf` pointed at it. */
export class Stage {
  readonly cluster: LabCluster;
  readonly narrator: Narrator;
  readonly #ctx: Ctx;

  constructor(cluster: LabCluster, narrator: Narrator, ctx: Ctx) {
    this.cluster = cluster;
    this.narrator = narrator;
    this.#ctx = ctx;
  }

  get signal(): AbortSignal {
    return this.#ctx.io.signal;
  }

  get clock(): CliIo['clock'] {
    return this.#ctx.io.clock;
  }

  /** Runs a command as a person would type it, shows it with its output, and fails when it fails. */
  async hf(line: string): Promise<void> {
    const { status, out, err } = await this.quietly(line);
    if (status !== 0) {
      throw new AppError('failed_precondition', `'hf ${line}' ended with status ${status}:\n${err.trimEnd()}`);
    }
    this.narrator.command(`hf ${line}`, out);
  }

  /** The same without showing it: for diagnosis. */
  async quietly(line: string): Promise<{ status: number; out: string; err: string }> {
    const { io, options } = this.#ctx;
    let out = '';
    let err = '';
    const colour = this.#ctx.paint.enabled && options.color;
    // A busy machine is no reason to give up: the demo is patient where a person at a prompt may not be.
    const argv = [...line.split(' '), ...(line.includes(' --wait') ? ['--timeout', '5m'] : [])];
    const status = await runCli(argv, {
      ...io,
      env: { ...io.env, HF_SERVER: this.cluster.server, HF_TOKEN: this.cluster.token, NO_COLOR: colour ? '' : '1' },
      stdout: {
        write: (text) => {
          out += text;
        },
        isTty: colour,
        columns: io.stdout.columns,
      },
      stderr: {
        write: (text) => {
          err += text;
          const last = text.trim().split('\n').at(-1) ?? '';
          if (last !== '') this.narrator.doing(last);
        },
        isTty: false,
        columns: 0,
      },
      signal: io.signal,
      interactive: false,
      connect: () => Promise.resolve(this.cluster.client),
    });
    return { status, out, err };
  }

  /** Looks every 50 ms until it is so. Failures of a look do not count: servers and nodes come and go in this story. */
  async until<T>(what: string, timeoutMs: number, look: () => Promise<T | undefined>): Promise<T> {
    const deadlineMs = this.clock.monotonic() + timeoutMs;
    let trouble = '';
    this.narrator.doing(`waiting until ${what}`);
    for (;;) {
      if (this.signal.aborted) throw new AppError('aborted', 'the demo was interrupted');
      try {
        const value = await look();
        if (value !== undefined) return value;
        trouble = '';
      } catch (error) {
        trouble = ` (${AppError.from(error).message})`;
      }
      if (this.clock.monotonic() > deadlineMs) {
        throw new AppError('deadline_exceeded', `not so after ${timeoutMs / 1000} s: ${what}${trouble}`);
      }
      await this.clock.sleep(50, this.signal).catch(() => {});
    }
  }
}
