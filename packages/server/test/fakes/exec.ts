import { AppError } from '@holdfast/api/errors.ts';
import { programFailed } from '../../src/adapters/exec/failure.ts';
import type { Exec, ExecRequest, ExecResult } from '../../src/ports/exec.ts';

/** How a program of a test answers. */
export interface FakeAnswer {
  readonly code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** Records every run and answers from a function; what it does not answer is a missing program. */
export class FakeExec implements Exec {
  readonly calls: ExecRequest[] = [];
  readonly #answer: (argv: readonly string[], request: ExecRequest) => FakeAnswer | undefined;
  readonly #lines: (argv: readonly string[]) => readonly string[];

  constructor(
    answer: (argv: readonly string[], request: ExecRequest) => FakeAnswer | undefined,
    lines: (argv: readonly string[]) => readonly string[] = () => [],
  ) {
    this.#answer = answer;
    this.#lines = lines;
  }

  /** argv of every run as one line each. */
  get lineOfCalls(): string[] {
    return this.calls.map((call) => call.argv.join(' '));
  }

  async run(request: ExecRequest): Promise<ExecResult> {
    this.calls.push(request);
    const { argv } = request;
    const answer = this.#answer(argv, request);
    if (answer === undefined) {
      throw new AppError('unavailable', `the program '${argv[0]}' is not installed`, {
        details: { argv, reason: 'ProgramMissing' },
      });
    }
    const { code = 0, stdout = '', stderr = '' } = answer;
    if (!(request.okCodes ?? [0]).includes(code)) {
      throw programFailed({ argv, exitCode: code, signal: null, stdout, stderr });
    }
    return { argv, code, stdout, stderr, durationMs: 1 };
  }

  async *lines(request: Omit<ExecRequest, 'timeoutMs' | 'okCodes'>): AsyncGenerator<string> {
    yield* this.#lines(request.argv);
  }
}
