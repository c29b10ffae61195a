/** Structured log: a constant message and fields. Keys are fixed here so that they can be searched for. Secrets never (INV-9). */
export interface LogFields {
  readonly volume?: string;
  readonly replica?: string;
  readonly node?: string;
  readonly pool?: string;
  readonly op?: string;
  readonly reason?: string;
  readonly reconcileId?: string;
  readonly requestId?: string;
  readonly durationMs?: number;
  readonly err?: unknown;
  readonly [key: string]: unknown;
}

export interface Log {
  debug(message: string, fields?: LogFields): void;
  /** One line per change made; a reconcile that changes nothing logs nothing. */
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  child(fields: LogFields): Log;
}
