import type { Files } from '../../src/ports/files.ts';

export interface MemoryFiles extends Files {
  readonly content: Map<string, string>;
  readonly modes: Map<string, number>;
  /** Paths in the order in which they were written. */
  readonly writes: string[];
}

/** The port Files in memory; watching gives one wake-up per change below the directory. */
export function memoryFiles(initial: Readonly<Record<string, string>> = {}): MemoryFiles {
  const content = new Map(Object.entries(initial));
  const modes = new Map<string, number>();
  const writes: string[] = [];
  const listeners = new Set<(path: string) => void>();
  const set = (path: string, text: string): void => {
    content.set(path, text);
    writes.push(path);
    for (const listener of listeners) listener(path);
  };
  return {
    content,
    modes,
    writes,
    read: async (path) => content.get(path),
    async write(path, text, mode = 0o600) {
      modes.set(path, mode);
      set(path, text);
    },
    async writeKernel(path, text) {
      // The kernel shows a parameter with one newline of its own.
      set(path, `${text}\n`);
    },
    async remove(path) {
      if (content.delete(path)) for (const listener of listeners) listener(path);
    },
    list: async (dir) =>
      [...content.keys()].filter((path) => path.startsWith(`${dir}/`)).map((path) => path.slice(dir.length + 1)),
    readlink: async () => undefined,
    symlink: async () => {},
    mkdir: async () => {},
    async *watch(dir, signal) {
      let dirty = true;
      let wake = (): void => {};
      const listener = (path: string): void => {
        if (!path.startsWith(`${dir}/`)) return;
        dirty = true;
        wake();
      };
      listeners.add(listener);
      const onAbort = (): void => wake();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        while (!signal.aborted) {
          if (dirty) {
            dirty = false;
            yield '';
            continue;
          }
          await new Promise<void>((resolve) => {
            wake = resolve;
            if (dirty || signal.aborted) resolve();
          });
        }
      } finally {
        listeners.delete(listener);
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}
