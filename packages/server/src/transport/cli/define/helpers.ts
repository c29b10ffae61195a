import type { Command } from 'commander';
import { parseDuration } from '../checks/lookup.ts';
import { EXIT_STATUS } from '../errors.ts';

/** A command line and what it does, shown under `Examples:` in the help and in the reference page. */
export type Example = readonly [command: string, does: string];

const examplesOf = new WeakMap<Command, readonly Example[]>();

/** Adds examples to a command's help. Every command has at least one: a test checks. */
export function withExamples(command: Command, examples: readonly Example[]): Command {
  examplesOf.set(command, examples);
  const width = Math.max(...examples.map(([line]) => line.length));
  const fits = width <= 64;
  const text = examples
    .map(([line, does]) => (fits ? `  ${line.padEnd(width)}  # ${does}` : `  # ${does}\n  ${line}`))
    .join('\n');
  return command.addHelpText('after', `\nExamples:\n${text}`);
}

export function getExamples(command: Command): readonly Example[] {
  return examplesOf.get(command) ?? [];
}

export function exitStatusHelp(): string {
  return `\nExit status:\n${EXIT_STATUS.map(({ status, means }) => `  ${String(status).padStart(3)}  ${means}`).join('\n')}`;
}

/** Collects an option that may be given several times. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** Refused before anything is done, not when the waiting starts. */
function checkTimeout(text: string): string {
  parseDuration(text, '--timeout');
  return text;
}

/** --wait and --timeout, with one meaning everywhere. */
export function withWait(command: Command, until: string): Command {
  return command
    .option('--wait', `wait until ${until}, and say meanwhile what is being waited for`)
    .option('--timeout <time>', 'give up waiting after this time (90s, 5m); the work goes on', checkTimeout, '120s');
}

export function withDryRun(command: Command): Command {
  return command.option('--dry-run', 'check everything, say what would be done, change nothing');
}
