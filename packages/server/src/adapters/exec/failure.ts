import { AppError } from '@holdfast/api/errors.ts';
import type { ExecFailureDetails } from '../../ports/exec.ts';
import { withoutSecrets } from './secrets.ts';

/** Details of a program that ran and failed; undefined for every other error (missing program, deadline, bug). */
export function execFailure(error: unknown): ExecFailureDetails | undefined {
  if (!(error instanceof AppError) || error.code !== 'internal') return undefined;
  const { argv, exitCode, signal, stdout, stderr } = error.details;
  if (!Array.isArray(argv) || typeof stdout !== 'string' || typeof stderr !== 'string') return undefined;
  return {
    argv: argv.map(String),
    exitCode: typeof exitCode === 'number' ? exitCode : null,
    signal: typeof signal === 'string' ? signal : null,
    stdout,
    stderr,
  };
}

/** The error of a program that ran and ended in a way the caller did not expect. The message carries its last words. */
export function programFailed(raw: ExecFailureDetails): AppError {
  // Here and nowhere later: the error is logged, reported and passed on by many (INV-9).
  const failure = { ...raw, stdout: withoutSecrets(raw.stdout), stderr: withoutSecrets(raw.stderr) };
  const ended = failure.exitCode === null ? `was ended by ${failure.signal ?? 'a signal'}` : `exit ${failure.exitCode}`;
  return new AppError('internal', `${commandName(failure.argv)} failed (${ended}): ${lastWords(failure)}`, {
    details: { ...failure, reason: 'CommandFailed' },
  });
}

/** `lvm lvcreate`, `drbdadm primary`: enough to recognise, short enough for a sentence. */
export function commandName(argv: readonly string[]): string {
  const verb = argv[1];
  return verb !== undefined && /^[a-z][a-z0-9-]*$/.test(verb) ? `${argv[0]} ${verb}` : (argv[0] ?? '');
}

/** What a program said about its failure, in one line of at most 400 characters. */
export function lastWords(output: { readonly stdout: string; readonly stderr: string }): string {
  const text = output.stderr.trim() === '' ? output.stdout : output.stderr;
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length === 0) return 'no message';
  const joined = lines.slice(-4).join('; ');
  return joined.length > 400 ? `${joined.slice(0, 399)}…` : joined;
}
