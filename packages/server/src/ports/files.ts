/** Files of the node that are on healthy local storage (state, configuration, /sys, /proc). Volume paths are never touched through it. */
export interface Files {
  /** `undefined` when it does not exist. Other failures throw AppError `internal`. */
  read(path: string): Promise<string | undefined>;
  /** Atomic and durable: temporary file, fsync, rename, fsync of the directory. Creates parents. `mode` default 0o600. */
  write(path: string, content: string, mode?: number): Promise<void>;
  /** In place, for kernel files such as /sys/module/.../parameters/x. */
  writeKernel(path: string, content: string): Promise<void>;
  /** Durable; a missing file is success. */
  remove(path: string): Promise<void>;
  /** Sorted names; empty when the directory does not exist. */
  list(dir: string): Promise<string[]>;
  /** `undefined` when it does not exist or is no link. */
  readlink(path: string): Promise<string | undefined>;
  /** Atomic and durable; replaces a link, refuses to replace anything else (`already_exists`). */
  symlink(target: string, path: string): Promise<void>;
  /** With parents; a directory that exists is success. */
  mkdir(path: string, mode?: number): Promise<void>;
  /**
   * Yields a name (relative to dir) whenever that entry may have changed, and '' at the start and whenever everything
   * must be read again. Makes the directory when missing. Ends when the signal aborts; throws when the watch breaks.
   */
  watch(dir: string, signal: AbortSignal): AsyncIterable<string>;
}
