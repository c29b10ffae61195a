import { AppError } from '@holdfast/api/errors.ts';
import type { Files } from '../../src/ports/files.ts';

/** A file system in memory. Directories exist as soon as something is in them, or after mkdir. */
export class FakeFiles implements Files {
  readonly content = new Map<string, string>();
  readonly modes = new Map<string, number>();
  readonly links = new Map<string, string>();
  readonly directories = new Set<string>();
  readonly #watchers = new Set<{ readonly dir: string; changed(name: string): void }>();

  async read(path: string): Promise<string | undefined> {
    return this.content.get(path);
  }

  async write(path: string, content: string, mode = 0o600): Promise<void> {
    this.content.set(path, content);
    this.modes.set(path, mode);
    this.#changed(path);
  }

  async writeKernel(path: string, content: string): Promise<void> {
    if (!this.content.has(path)) throw new AppError('internal', `cannot write ${path}: no such file`);
    this.content.set(path, content);
    this.#changed(path);
  }

  async remove(path: string): Promise<void> {
    if (this.content.delete(path) || this.links.delete(path)) this.#changed(path);
  }

  async list(dir: string): Promise<string[]> {
    const names = new Set<string>();
    for (const path of [...this.content.keys(), ...this.links.keys(), ...this.directories]) {
      if (path.startsWith(`${dir}/`)) names.add(path.slice(dir.length + 1).split('/')[0] ?? '');
    }
    return [...names].sort();
  }

  async readlink(path: string): Promise<string | undefined> {
    return this.links.get(path);
  }

  async symlink(target: string, path: string): Promise<void> {
    if (this.content.has(path)) throw new AppError('already_exists', `${path} exists and is not a link`);
    this.links.set(path, target);
    this.#changed(path);
  }

  async mkdir(path: string): Promise<void> {
    this.directories.add(path);
  }

  async *watch(dir: string, signal: AbortSignal): AsyncGenerator<string> {
    const pending = new Set(['']);
    let wake = (): void => {};
    const watcher = {
      dir,
      changed: (name: string) => {
        pending.add(name);
        wake();
      },
    };
    this.#watchers.add(watcher);
    const onAbort = (): void => wake();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      while (!signal.aborted) {
        for (const name of pending) {
          pending.delete(name);
          yield name;
          if (signal.aborted) return;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (pending.size > 0 || signal.aborted) resolve();
        });
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#watchers.delete(watcher);
    }
  }

  #changed(path: string): void {
    const at = path.lastIndexOf('/');
    for (const watcher of this.#watchers) if (watcher.dir === path.slice(0, at)) watcher.changed(path.slice(at + 1));
  }
}
