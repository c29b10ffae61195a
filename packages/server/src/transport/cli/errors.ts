import { type AppError, EXIT_CODE } from '@holdfast/api/errors.ts';
import type { Paint } from './style.ts';

/** Exit status of a command that the person interrupted (128 + SIGINT). */
export const EXIT_INTERRUPTED = 130;

/** What each exit status of `hf` means, for `hf --help` and the reference page. */
export const EXIT_STATUS: readonly { readonly status: number; readonly means: string }[] = [
  { status: 0, means: 'Done, or there was nothing to do.' },
  { status: 1, means: 'A bug in Holdfast, or something it cannot do yet.' },
  { status: 2, means: 'The command is wrong: a bad value, an unknown option, a size out of range.' },
  { status: 3, means: 'Not allowed: the token is missing, wrong or may not do this.' },
  { status: 4, means: 'The named object does not exist.' },
  { status: 5, means: 'An object of this name exists with different settings.' },
  { status: 6, means: 'The state of the cluster forbids it now; the message names what would lift that.' },
  { status: 7, means: 'Lost a race with another change; repeat the command.' },
  { status: 8, means: 'No space, or a limit is reached.' },
  { status: 9, means: 'The server does not answer, or waiting took too long. Work may still complete.' },
  { status: EXIT_INTERRUPTED, means: 'Interrupted (Ctrl-C).' },
];

export function exitStatus(error: AppError): number {
  return EXIT_CODE[error.code];
}

/** A command that ran well and wants its own exit status (a program run in a node, a daemon). */
export class ExitStatus {
  readonly status: number;
  constructor(status: number) {
    this.status = status;
  }
}

/** `details` without what is printed on its own line. */
function rest(error: AppError): [string, unknown][] {
  const own = new Set(['field', 'value', 'remedy', 'reason', 'suggestion', 'help', 'lines']);
  return Object.entries(error.details).filter(([key, value]) => !own.has(key) && value !== undefined);
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * One rendering for every failure: what is wrong, in which field, with which value, and what to do about it.
 * `details.lines` (strings) are printed under the message as they are.
 */
export function renderError(error: AppError, paint: Paint): string {
  const lines = [`${paint.bad('error:')} ${error.message}`];
  const extra = error.details['lines'];
  if (Array.isArray(extra)) for (const line of extra) lines.push(`  ${String(line)}`);
  const rows: [string, string][] = [];
  if (error.details.field !== undefined) rows.push(['field', error.details.field]);
  if (error.details.value !== undefined) rows.push(['value', show(error.details.value)]);
  if (error.code === 'internal') for (const [key, value] of rest(error)) rows.push([key, show(value)]);
  for (const [key, value] of rows) lines.push(`  ${paint.dim(`${key}:`.padEnd(8))}${value}`);
  if (error.details.remedy !== undefined) lines.push(`  ${paint.dim('remedy: ')}${error.details.remedy}`);
  if (error.code === 'internal')
    lines.push(`  ${paint.dim('This is a bug in Holdfast. Please report it with the output of HF_DEBUG=1.')}`);
  return `${lines.join('\n')}\n`;
}

/** The same failure for programs: one JSON document on stderr. */
export function renderErrorJson(error: AppError): string {
  const { message, code, details } = error;
  return `${JSON.stringify({ error: { code, message, exitStatus: exitStatus(error), ...details } }, null, 2)}\n`;
}

/** The error and all its causes with stacks, for HF_DEBUG=1. */
export function renderCauses(error: unknown): string {
  const lines: string[] = [];
  for (let current: unknown = error; current !== undefined; ) {
    lines.push(current instanceof Error ? (current.stack ?? current.message) : String(current));
    current = current instanceof Error ? current.cause : undefined;
  }
  return `${lines.join('\ncaused by: ')}\n`;
}
