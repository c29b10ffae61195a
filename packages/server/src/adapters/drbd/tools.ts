import { AppError } from '@holdfast/api/errors.ts';
import type { Exec } from '../../ports/exec.ts';
import type { Argv } from './dialect.ts';
import { readRefusal, redact, refusalText } from './refusals.ts';

/** Every exit code is an answer here: failures are classified by us, so that no output with a secret leaves this folder. */
const ANY_CODE: readonly number[] = Array.from({ length: 256 }, (_, code) => code);

export interface ToolResult {
  readonly code: number;
  readonly stdout: string;
  /** stdout and stderr; drbdadm uses both. May hold secrets: only for {@link readRefusal}. */
  readonly output: string;
}

/** Reason of the error when drbdadm stopped waiting for drbdsetup. */
export const GAVE_UP = 'DrbdadmGaveUp';

/** How long a command that only talks to the kernel may take. Attach and detach wait for the backing device. */
const COMMAND_MS = 60_000;
const READ_MS = 20_000;

/** Runs DRBD's tools. @throws AppError `deadline_exceeded`, `unavailable`; exit codes are returned. */
export interface Tools {
  read(argv: Argv): Promise<ToolResult>;
  act(argv: Argv, timeoutMs?: number): Promise<ToolResult>;
}

export function createTools(exec: Exec): Tools {
  async function run(argv: Argv, timeoutMs: number, sideEffect: boolean): Promise<ToolResult> {
    try {
      const result = await exec.run({ argv, timeoutMs, okCodes: ANY_CODE, sideEffect });
      // drbdadm gives up on drbdsetup by itself (5 s for most verbs); what it started may still complete.
      const gaveUp = /did not terminate within \d+ seconds/.exec(result.stderr)?.[0];
      if (gaveUp !== undefined)
        throw new AppError('deadline_exceeded', `${argv[0]} ${argv[3] ?? argv[1] ?? ''}: ${gaveUp}`, {
          details: { argv, reason: GAVE_UP },
        });
      return { code: result.code, stdout: result.stdout, output: `${result.stdout}\n${result.stderr}` };
    } catch (thrown) {
      const error = AppError.from(thrown);
      const { stderr, stdout, ...details } = error.details;
      const text = redact(`${typeof stdout === 'string' ? stdout : ''}\n${typeof stderr === 'string' ? stderr : ''}`);
      // The cause is dropped on purpose: it may carry the unredacted text (INV-9).
      throw new AppError(error.code, redact(error.message), {
        details: { ...details, ...(text === '' ? {} : { stderr: text }) },
      });
    }
  }
  return {
    read: (argv) => run(argv, READ_MS, false),
    act: (argv, timeoutMs = COMMAND_MS) => run(argv, timeoutMs, true),
  };
}

/** The error for a command that failed and is no outcome of its verb. */
export function toolFailure(op: string, resource: string, argv: Argv, result: ToolResult): AppError {
  const refusal = readRefusal(result.output);
  const text = refusalText(refusal);
  return new AppError(
    refusal.kind === 'state' ? 'failed_precondition' : 'internal',
    `${op} of ${resource} failed: ${text === '' ? `exit code ${result.code}` : text}`,
    {
      details: {
        reason: 'DrbdCommandFailed',
        argv,
        exitCode: result.code,
        resource,
        ...(refusal.kind === 'other' ? {} : { drbdCode: refusal.code }),
      },
    },
  );
}
