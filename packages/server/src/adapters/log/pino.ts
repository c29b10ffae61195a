import { AppError } from '@holdfast/api/errors.ts';
import { pino } from 'pino';
import type { Log, LogFields } from '../../ports/log.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** JSON lines on stdout with ISO times. Errors are written with their whole chain of causes; secrets never reach here (INV-9). */
export function createPinoLog(options: {
  readonly level: LogLevel;
  readonly component: string;
  readonly node?: string;
}): Log {
  const base =
    options.node === undefined
      ? { component: options.component }
      : { component: options.component, node: options.node };
  const logger = pino({
    level: options.level,
    base,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: describe },
  });
  return wrap(logger);
}

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    child: (fields: LogFields) => wrap(logger.child(fields)),
  };
}

function describe(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { details, code } = error instanceof AppError ? error : { details: undefined, code: undefined };
  return {
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(details === undefined || Object.keys(details).length === 0 ? {} : { details }),
    ...(error.cause === undefined ? {} : { cause: describe(error.cause) }),
    // The stack helps for bugs only; an expected failure says it all in its message.
    ...(code === undefined || code === 'internal' ? { stack: error.stack } : {}),
  };
}
