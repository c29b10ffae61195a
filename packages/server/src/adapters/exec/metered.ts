import { AppError } from '@holdfast/api/errors.ts';
import type { Exec, ExecRequest, ExecResult } from '../../ports/exec.ts';
import type { Log } from '../../ports/log.ts';

/** One finished run, for metrics. `program` is argv[0] and the verb, never arguments. */
export interface ExecObservation {
  readonly program: string;
  readonly verb: string;
  readonly ok: boolean;
  readonly durationMs: number;
}

/** Logs every run at debug with argv and duration (stdin never, INV-9) and tells `observe` about it. */
export function metered(
  exec: Exec,
  options: {
    readonly log: Log;
    /** Milliseconds, never goes back (Clock.monotonic). */
    readonly monotonic: () => number;
    readonly observe?: (observation: ExecObservation) => void;
  },
): Exec {
  const { log, monotonic, observe } = options;

  function finished(request: ExecRequest, startedMs: number, error: unknown, result?: ExecResult): void {
    const durationMs = Math.round(monotonic() - startedMs);
    const [program, verb = ''] = request.argv;
    observe?.({ program, verb, ok: error === undefined, durationMs });
    log.debug('exec', {
      op: program,
      argv: request.argv.join(' '),
      durationMs,
      ...(result === undefined ? {} : { code: result.code }),
      ...(error === undefined ? {} : { err: AppError.from(error).message }),
    });
  }

  return {
    async run(request) {
      const startedMs = monotonic();
      try {
        const result = await exec.run(request);
        finished(request, startedMs, undefined, result);
        return result;
      } catch (error) {
        finished(request, startedMs, error);
        throw error;
      }
    },
    lines(request) {
      log.debug('exec stream', { op: request.argv[0], argv: request.argv.join(' ') });
      return exec.lines(request);
    },
  };
}
