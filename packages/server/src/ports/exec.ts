/** The one way to run another program. Never a shell, nothing of our environment is inherited, always a deadline. */
export interface ExecRequest {
  /** argv[0] is looked up on a fixed PATH. */
  readonly argv: readonly [string, ...string[]];
  /** Milliseconds until SIGTERM, then SIGKILL after a grace of 2 s. */
  readonly timeoutMs: number;
  /** Written to stdin, which is then closed. Passphrases go here, never into argv (INV-9). */
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Exit codes that are answers, not failures. Default [0]. */
  readonly okCodes?: readonly number[];
  /** Does it change anything? Crash tests stop the agent before and after each such call. Default true. */
  readonly sideEffect?: boolean;
}

export interface ExecResult {
  readonly argv: readonly string[];
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

/**
 * @throws AppError
 * - `deadline_exceeded`: killed or abandoned: a child in D state never blocks the caller; details.abandoned tells;
 * - `aborted` with reason `Cancelled`: the signal fired;
 * - `unavailable`: program missing; details.remedy names the Debian package;
 * - `internal` with {@link ExecFailureDetails} for any other failure. Adapters classify those into their own errors
 *   (`execFailure(error)` of adapters/exec/failure.ts returns the details, or undefined).
 */
export interface Exec {
  run(request: ExecRequest): Promise<ExecResult>;
  /** A long-lived child whose stdout is consumed line by line (drbdsetup events2). Ends when the child ends; killed on abort or return. */
  lines(request: Omit<ExecRequest, 'timeoutMs' | 'okCodes'>): AsyncIterable<string>;
}

/** `details` of the AppError `internal` of a program that ran and failed. */
export interface ExecFailureDetails {
  readonly argv: readonly string[];
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}
