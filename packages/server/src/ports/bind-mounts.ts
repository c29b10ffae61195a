/** Usage of a mounted file system, in its own units. */
export interface FsUsage {
  /** Bytes per block of the counts below. */
  readonly blockBytes: number;
  readonly blocks: number;
  readonly freeBlocks: number;
  /** For processes without privileges. */
  readonly availableBlocks: number;
  /** 0: the file system does not count inodes. */
  readonly inodes: number;
  readonly freeInodes: number;
}

/**
 * Bind mounts at paths that belong to somebody else (the kubelet). Every touch of such a path is a child process with a
 * deadline. Errors as in {@link FileSystems}.
 */
export interface BindMounts {
  /** Mounts the directory or device node `source` at `target` too, which must exist and be free. Read-only is set in a second step, as the kernel wants. */
  bind(args: { readonly source: string; readonly target: string; readonly readOnly: boolean }): Promise<void>;
  /** The second step of {@link bind}. `failed_precondition` while a file below it is open for writing. */
  makeReadOnly(target: string): Promise<void>;
  /** With parents; existing is success. */
  makeDirectory(path: string): Promise<void>;
  /** An empty file, with the directories above it; existing is success. */
  makeFile(path: string): Promise<void>;
  /** An empty directory or an empty regular file; anything else is `failed_precondition`. Missing is success. Never recursive. */
  removeTarget(path: string): Promise<void>;
  usage(path: string): Promise<FsUsage>;
  /** `major:minor` of a device node, wherever it is; undefined when the path is something else or missing. */
  blockNumber(path: string): Promise<string | undefined>;
  /** May the device be opened for writing? The same for everybody who opens it. */
  isReadOnly(device: string): Promise<boolean>;
  setReadOnly(device: string, readOnly: boolean): Promise<void>;
}
