import type { ClusterClient } from '@holdfast/api/client/types.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { type ConnectionFlags, type ConnectionTarget, resolveConnection } from './connection.ts';
import type { CliIo } from './io.ts';
import { createPaint, type Paint, wantsColour } from './style.ts';

export const OUTPUT_MODES = ['table', 'wide', 'json', 'yaml', 'name'] as const;
export type OutputMode = (typeof OUTPUT_MODES)[number];

/** Options that every command understands. */
export interface GlobalOptions extends ConnectionFlags {
  readonly output: OutputMode;
  readonly color: boolean;
  readonly watch?: boolean;
}

/** What a command gets: the outside world, the global options, and shorthands over both. */
export interface Ctx {
  readonly io: CliIo;
  readonly options: GlobalOptions;
  /** Colours of stdout. */
  readonly paint: Paint;
  /** Colours of stderr. */
  readonly notePaint: Paint;
  /** The cluster's API, resolved once per command. */
  client(): Promise<ClusterClient>;
  target(): Promise<ConnectionTarget>;
  /** Results: stdout. */
  print(text: string): void;
  /** Remarks for the person that are not the result: stderr, so that pipes stay clean. */
  note(text: string): void;
  /** Wall clock in milliseconds. */
  now(): number;
}

export function createCtx(io: CliIo, readOptions: () => GlobalOptions): Ctx {
  let target: Promise<ConnectionTarget> | undefined;
  let client: Promise<ClusterClient> | undefined;
  const paintOf = (isTty: boolean): Paint =>
    createPaint(wantsColour({ noColor: !readOptions().color, isTty, env: io.env }));
  const ctx: Ctx = {
    io,
    get options() {
      return readOptions();
    },
    get paint() {
      return paintOf(io.stdout.isTty);
    },
    get notePaint() {
      return paintOf(io.stderr.isTty);
    },
    target() {
      target ??= resolveConnection({
        flags: readOptions(),
        env: io.env,
        home: io.home,
        readFile: (path) => io.files.read(path),
        parseKubeconfig: io.parseKubeconfig,
      });
      return target;
    },
    client() {
      client ??= ctx.target().then((found) => io.connect(found));
      return client;
    },
    print: (text) => io.stdout.write(text),
    note: (text) => io.stderr.write(text),
    now: () => io.clock.now(),
  };
  return ctx;
}

/**
 * Asks before something is destroyed. Without a person to ask, `--yes` is needed.
 * @throws AppError `invalid_argument` when nobody can answer, `aborted` when the answer is no.
 */
export async function confirm(ctx: Ctx, question: string, yes: boolean | undefined): Promise<void> {
  if (yes === true) return;
  const answer = (await askPerson(ctx, question, `${question} [y/N] `)).toLowerCase();
  if (answer !== 'y' && answer !== 'yes') throw new AppError('aborted', 'nothing was changed');
}

/** As {@link confirm}, for what cannot be taken back: the answer is the name of the thing. */
export async function confirmByName(ctx: Ctx, question: string, name: string, yes: boolean | undefined): Promise<void> {
  if (yes === true) return;
  const answer = await askPerson(ctx, question, `${question} Type its name to confirm: `);
  if (answer !== name) throw new AppError('aborted', 'nothing was changed');
}

async function askPerson(ctx: Ctx, question: string, prompt: string): Promise<string> {
  if (!ctx.io.interactive) {
    throw new AppError(
      'invalid_argument',
      `${question} This needs a confirmation, and there is no terminal to ask on`,
      {
        details: { field: '--yes', remedy: 'add --yes' },
      },
    );
  }
  return (await ctx.io.ask(prompt)).trim();
}
