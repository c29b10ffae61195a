/** What the daemons have in common: options, files that options name, and how they end. */
import { readFileSync } from 'node:fs';
import { LEASES } from '@holdfast/api/client/kinds.ts';
import type { ClusterClient } from '@holdfast/api/client/types.ts';
import { AppError, EXIT_CODE } from '@holdfast/api/errors.ts';
import { SYSTEM_NAMESPACE } from '@holdfast/api/schema/core.ts';
import { LOG_LEVELS, type LogLevel } from '../adapters/log/pino.ts';

/** How long a start waits for a first word about the token, milliseconds. */
const FIRST_WORD_MS = 3_000;

/** An option that is missing or wrong, with what to do about it. */
export function badOption(option: string, value: unknown, remedy: string): AppError {
  const what = value === undefined ? 'is missing' : `'${String(value)}' is wrong`;
  return new AppError('invalid_argument', `${option} ${what}: ${remedy}`, {
    details: { field: option, value, remedy },
  });
}

/** @throws AppError `invalid_argument` when it is missing or empty. */
export function required(value: string | undefined, option: string, remedy: string): string {
  if (value === undefined || value === '') throw badOption(option, value, remedy);
  return value;
}

/** @throws AppError `invalid_argument` for a word that is no level. */
export function logLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((each) => each === text);
  if (level === undefined) throw badOption('--log-level', text, `use one of ${LOG_LEVELS.join(', ')}`);
  return level;
}

/** The text of a file that an option names. @throws AppError `invalid_argument` naming option and file. */
export function readOptionFile(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new AppError('invalid_argument', `${option}: '${path}' cannot be read; name a readable file`, {
      cause: error,
      details: { field: option, value: path, remedy: 'name a readable file' },
    });
  }
}

/**
 * A token that the API server refuses is said at once, not in a log that repeats it every second. A server that does not answer
 * proves nothing: the daemon starts, and waits for it.
 * @throws AppError `unauthenticated` or `permission_denied` naming the option.
 */
export async function checkToken(client: ClusterClient): Promise<void> {
  try {
    await client.resource(LEASES).find('controller', SYSTEM_NAMESPACE, { timeoutMs: FIRST_WORD_MS });
  } catch (thrown) {
    const { code, message } = AppError.from(thrown);
    if (code !== 'unauthenticated' && code !== 'permission_denied') return;
    const remedy = 'put a token that this API server knows into the file of --token-file';
    throw new AppError(code, `--token-file: ${message}`, { details: { field: '--token-file', remedy } });
  }
}

/** Runs a daemon to its end: what goes wrong is said once, on stderr, with the exit status of its kind. */
export async function runDaemon(name: string, main: () => Promise<void>): Promise<never> {
  try {
    await main();
    process.exit(0);
  } catch (error) {
    const isUsage = error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
    const problem = isUsage ? new AppError('invalid_argument', `${error.message}; see --help`) : AppError.from(error);
    const { remedy } = problem.details;
    const advice = remedy === undefined || problem.message.includes(remedy) ? '' : `\n  remedy: ${remedy}`;
    process.stderr.write(`hf ${name}: ${problem.message}${advice}\n`);
    if (problem.code === 'internal') process.stderr.write(`${problem.stack ?? ''}\n`);
    process.exit(EXIT_CODE[problem.code]);
  }
}
