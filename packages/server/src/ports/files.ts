/** Files of the node that are on healthy local storage (state, configuration, /sys, /proc). Volume paths are never touched through it. */
export interface Files {
  /** `undefined` when it does not exist. Other failures throw AppError `internal`. */
  read(path: string): Promise<string | undefined>;
  /** Atomic and durable: temporary file, fsync, rename, fsync of the directory. Creates parents. `mode` default 0o600. */
  write(path: string, content: string, mode?: number): Promise<void>;
  /** In place, for kernel files such as /sys/module/.../parameters/x. */
  writeKernel(path: string, content: string): Promise<void>;
  remove(path: string): Promise<void>;
  list(dir: string): Promise<string[]>;
  readlink(path: string): Promise<string | undefined>;
  symlink(target: string, path: string): Promise<void>;
  mkdir(path: string, mode?: number): Promise<void>;
  /** Emits a path name (relative to dir) whenever an entry of the directory may have changed. */
  watch(dir: string, signal: AbortSignal): AsyncIterable<string>;
}
