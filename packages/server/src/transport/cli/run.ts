import { AppError, retryOf } from '@holdfast/api/errors.ts';
import { type Command, CommanderError } from 'commander';
import { DAEMONS } from './define/cluster.ts';
import { EXIT_INTERRUPTED, ExitStatus, exitStatus, renderCauses, renderError, renderErrorJson } from './errors.ts';
import type { CliIo } from './io.ts';
import { buildProgram } from './program.ts';
import { createPaint, wantsColour } from './style.ts';
import { didYouMean, listNames } from './suggest.ts';

/**
 * Runs one command line (without the program name). Never throws: every failure is rendered once, to stderr.
 * @returns the exit status.
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const { command: program } = buildProgram(io);
  try {
    await program.parseAsync(withDaemonsOwnOptions(argv), { from: 'user' });
    return 0;
  } catch (thrown) {
    if (thrown instanceof ExitStatus) return thrown.status;
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
    const found = findCommand(program, argv);
    // `hf volume` alone: show what there is. It is still a mistake for a script.
    if (thrown instanceof CommanderError && thrown.code === 'commander.help') {
      io.stderr.write(found.helpInformation());
      return exitStatus(new AppError('invalid_argument', ''));
    }
    const error = thrown instanceof CommanderError ? fromCommander(thrown, found, argv) : AppError.from(thrown);
    if (io.signal.aborted && (error.code === 'aborted' || retryOf(error.code) !== 'never')) {
      if (error.code === 'aborted') io.stderr.write(`${error.message}\n`);
      return EXIT_INTERRUPTED;
    }
    const json = wantsJson(argv);
    const paint = createPaint(
      wantsColour({ noColor: argv.includes('--no-color'), isTty: io.stderr.isTty, env: io.env }),
    );
    io.stderr.write(json ? renderErrorJson(error) : renderError(error, paint));
    const debug = io.env['HF_DEBUG'];
    if (debug !== undefined && debug !== '') io.stderr.write(renderCauses(thrown));
    return exitStatus(error);
  }
}

/** What follows the name of a daemon is the daemon's: its --server is not the one of hf. */
function withDaemonsOwnOptions(argv: readonly string[]): string[] {
  const [first, ...rest] = argv;
  return first !== undefined && Object.hasOwn(DAEMONS, first) ? [first, '--', ...rest] : [...argv];
}

/** The command line as it may be shown: without the token that was given on it (INV-9). */
function wordsOf(argv: readonly string[]): string {
  return argv
    .map((word, index) => (argv[index - 1] === '--token' ? '***' : word.replace(/^--token=.*/s, '--token=***')))
    .join(' ');
}

function wantsJson(argv: readonly string[]): boolean {
  return argv.some(
    (text, index) =>
      text === '-ojson' ||
      text === '--output=json' ||
      ((text === '-o' || text === '--output') && argv[index + 1] === 'json'),
  );
}

/** The deepest command that the words name. */
function findCommand(program: Command, argv: readonly string[]): Command {
  let current = program;
  for (const word of argv) {
    if (word === '--') break;
    const next = current.commands.find((child) => child.name() === word || child.aliases().includes(word));
    if (next !== undefined) current = next;
  }
  return current;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function visible(command: Command): string[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((child) => child.name());
}

/** The word in quotes of a commander message: `error: unknown option '--siez'`. */
function quoted(message: string): string {
  return /'([^']*)'/.exec(message)?.[1] ?? '';
}

function longOptions(command: Command): string[] {
  const own = command.options.map((option) => option.long ?? option.short ?? '');
  return command.parent === null ? own : [...own, ...longOptions(command.parent)];
}

function unknownOption(path: string, word: string, known: readonly string[], help: string): AppError {
  return new AppError('invalid_argument', `${path} has no option '${word}'.${didYouMean(word, known)}`, {
    details: { field: 'option', value: word, remedy: help },
  });
}

function missing(path: string, message: string, help: string): AppError {
  return new AppError('invalid_argument', `${path}: ${message.replace('not specified', 'is missing')}`, {
    details: { field: /--[a-z-]+/.exec(message)?.[0] ?? quoted(message), remedy: help },
  });
}

/** Our own words, with suggestions, for what commander refuses. */
function fromCommander(error: CommanderError, command: Command, argv: readonly string[]): AppError {
  const path = pathOf(command);
  const help = `see '${path} --help'`;
  const message = error.message.replace(/^error: /, '');
  const details = (field: string, value: string, remedy: string) => ({ details: { field, value, remedy } });
  switch (error.code) {
    case 'commander.unknownCommand':
    case 'commander.excessArguments': {
      if (command.commands.length === 0) {
        return new AppError('invalid_argument', `${path}: ${message}`, details('arguments', wordsOf(argv), help));
      }
      const word =
        quoted(message) || (argv.find((text) => !text.startsWith('-') && !path.split(' ').includes(text)) ?? '');
      const known = visible(command);
      return new AppError(
        'invalid_argument',
        `there is no command '${path} ${word}'.${didYouMean(word, known)}`,
        details('command', word, `use one of: ${listNames(known, 30)}`),
      );
    }
    case 'commander.unknownOption':
      return unknownOption(path, quoted(message), longOptions(command), help);
    case 'commander.missingMandatoryOptionValue': {
      // A misspelt option is the likelier mistake than a forgotten one.
      const known = longOptions(command);
      const typo = argv
        .map((text) => text.split('=')[0] ?? '')
        .find((text) => text.startsWith('--') && text !== '--' && !known.includes(text));
      if (typo !== undefined) return unknownOption(path, typo, known, help);
      return missing(path, message, help);
    }
    case 'commander.missingArgument':
    case 'commander.optionMissingArgument':
      return missing(path, message, help);
    case 'commander.invalidArgument': {
      const field = /--[a-z-]+/.exec(message)?.[0] ?? /for argument '([^']*)'/.exec(message)?.[1] ?? '';
      const value = /argument value '([^']*)'/.exec(message)?.[1] ?? /argument '([^']*)'/.exec(message)?.[1] ?? '';
      const allowed = /Allowed choices are (.*)\.$/.exec(message)?.[1] ?? '';
      return new AppError(
        'invalid_argument',
        `${path}: ${field} cannot be '${value}'.${didYouMean(value, allowed.split(', '))}`,
        details(field, value, allowed === '' ? help : `use one of: ${allowed}`),
      );
    }
    default: {
      const field = quoted(message) || 'arguments';
      return new AppError('invalid_argument', `${path}: ${message}`, details(field, wordsOf(argv), help));
    }
  }
}
