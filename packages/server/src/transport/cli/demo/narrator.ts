import type { Ctx } from '../context.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 120;

/** `3.4 s`, `1 min 12 s`. */
export function seconds(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/**
 * Tells a story in steps with the time each took: with a line that moves on a terminal, and as plain lines elsewhere.
 * Everything goes to stdout: the story is the result.
 */
export class Narrator {
  readonly #ctx: Ctx;
  readonly #startedMs: number;
  #number = 0;
  #doing = '';
  #frame = 0;
  #cancel: (() => void) | undefined;

  constructor(ctx: Ctx) {
    this.#ctx = ctx;
    this.#startedMs = ctx.io.clock.monotonic();
  }

  get elapsedMs(): number {
    return this.#ctx.io.clock.monotonic() - this.#startedMs;
  }

  title(text: string): void {
    this.#ctx.print(`\n${this.#ctx.paint.bold(text)}\n`);
  }

  /** A step: its heading, its work, and the time it took. A failure is marked and passed on. */
  async step<T>(heading: string, work: () => Promise<T>): Promise<T> {
    this.#number += 1;
    const { paint } = this.#ctx;
    this.#ctx.print(`\n${paint.accent(`${String(this.#number).padStart(2)}.`)} ${paint.bold(heading)}\n`);
    const startedMs = this.#ctx.io.clock.monotonic();
    try {
      const result = await work();
      this.#still();
      this.#ctx.print(
        `    ${paint.dim(`${seconds(this.#ctx.io.clock.monotonic() - startedMs)} (${seconds(this.elapsedMs)} in all)`)}\n`,
      );
      return result;
    } catch (error) {
      this.#still();
      this.#ctx.print(`    ${paint.bad('✘ failed')} after ${seconds(this.#ctx.io.clock.monotonic() - startedMs)}\n`);
      throw error;
    }
  }

  /** A sentence for the audience. */
  say(text: string): void {
    this.#still();
    for (const line of text.trimEnd().split('\n')) this.#ctx.print(line === '' ? '\n' : `    ${line}\n`);
  }

  /** Something that is now so. */
  done(text: string): void {
    this.#still();
    this.#ctx.print(`    ${this.#ctx.paint.good('✔')} ${text}\n`);
  }

  /** A command line, as one would type it, and what it printed. */
  command(line: string, output: string): void {
    this.#still();
    this.#ctx.print(`    ${this.#ctx.paint.dim('$')} ${line}\n`);
    for (const text of output.trimEnd().split('\n')) if (text !== '') this.#ctx.print(`    ${text}\n`);
  }

  /** What is going on right now: replaced by the next word on a terminal; not printed elsewhere. */
  doing(text: string): void {
    if (!this.#ctx.io.stdout.isTty) return;
    this.#doing = text;
    this.#draw();
    this.#cancel ??= this.#arm();
  }

  #arm(): () => void {
    return this.#ctx.io.clock.timer(FRAME_MS, () => {
      this.#frame += 1;
      this.#draw();
      if (this.#cancel !== undefined) this.#cancel = this.#arm();
    });
  }

  #draw(): void {
    const { stdout } = this.#ctx.io;
    const room = Math.max(20, (stdout.columns || 100) - 10);
    const text = this.#doing.length > room ? `${this.#doing.slice(0, room - 1)}…` : this.#doing;
    stdout.write(
      `\r\u001b[2K    ${this.#ctx.paint.accent(FRAMES[this.#frame % FRAMES.length] ?? '')} ${this.#ctx.paint.dim(text)}`,
    );
  }

  #still(): void {
    if (this.#cancel === undefined) return;
    this.#cancel();
    this.#cancel = undefined;
    this.#ctx.io.stdout.write('\r\u001b[2K');
  }
}
