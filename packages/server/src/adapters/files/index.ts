import { randomBytes } from 'node:crypto';
import { watch as fsWatch } from 'node:fs';
import {
  mkdir as fsMkdir,
  readlink as fsReadlink,
  symlink as fsSymlink,
  lstat,
  open,
  readdir,
  readFile,
  rename,
  unlink,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '@holdfast/api/errors.ts';
import type { Files } from '../../ports/files.ts';

/** Files on the node's own disk and in /proc and /sys. */
export function createFiles(): Files {
  return { read, write, writeKernel, remove, list, readlink, symlink, mkdir, watch };
}

async function read(path: string): Promise<string | undefined> {
  return await orMissing(path, 'read', () => readFile(path, 'utf8'));
}

async function write(path: string, content: string, mode = 0o600): Promise<void> {
  await checked(path, 'write', async () => {
    const dir = dirname(path);
    await makeDirectories(dir, 0o755);
    // Same directory, so that rename is atomic; a random name, so that two writers cannot share it.
    const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
    try {
      const file = await open(temporary, 'wx', mode);
      try {
        await file.writeFile(content, 'utf8');
        // The umask must not take away what was asked for.
        await file.chmod(mode);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await unlink(temporary).catch(() => {});
      throw error;
    }
    await syncDirectory(dir);
  });
}

async function writeKernel(path: string, content: string): Promise<void> {
  await checked(path, 'write', async () => {
    const file = await open(path, 'r+');
    try {
      // One write call: the kernel takes each write as a whole value.
      await file.write(Buffer.from(content, 'utf8'));
    } finally {
      await file.close();
    }
  });
}

async function remove(path: string): Promise<void> {
  await orMissing(path, 'remove', async () => {
    await unlink(path);
    await syncDirectory(dirname(path));
  });
}

async function list(dir: string): Promise<string[]> {
  return (await orMissing(dir, 'list', async () => (await readdir(dir)).sort())) ?? [];
}

async function readlink(path: string): Promise<string | undefined> {
  try {
    return await fsReadlink(path);
  } catch (error) {
    // EINVAL: exists and is no link.
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EINVAL')) return undefined;
    throw failed(path, 'read the link', error);
  }
}

async function symlink(target: string, path: string): Promise<void> {
  await checked(path, 'link', async () => {
    if ((await readlink(path)) === target) return;
    const dir = dirname(path);
    await makeDirectories(dir, 0o755);
    const existing = await orMissing(path, 'inspect', () => lstat(path));
    if (existing !== undefined && !existing.isSymbolicLink()) {
      throw new AppError('already_exists', `${path} exists and is not a link; move it away`, {
        details: { field: 'path', value: path, remedy: `move ${path} away` },
      });
    }
    const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
    await fsSymlink(target, temporary);
    await rename(temporary, path);
    await syncDirectory(dir);
  });
}

async function mkdir(path: string, mode = 0o755): Promise<void> {
  await checked(path, 'make', () => makeDirectories(path, mode));
}

/**
 * Names of changed entries; '' after each (re)start of the watch: read everything. The directory is made when missing.
 * Events that come while the consumer works are merged per name: level-triggered, bounded memory.
 */
async function* watch(dir: string, signal: AbortSignal): AsyncGenerator<string> {
  if (signal.aborted) return;
  await mkdir(dir);
  const pending = new Set<string>(['']);
  let wake = (): void => {};
  let failure: Error | undefined;
  const watcher = fsWatch(dir, (_event, name) => {
    pending.add(name ?? '');
    wake();
  });
  watcher.on('error', (error) => {
    failure = error;
    wake();
  });
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    while (!signal.aborted) {
      for (const name of pending) {
        pending.delete(name);
        yield name;
        if (signal.aborted) return;
      }
      if (failure !== undefined) throw failed(dir, 'watch', failure);
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (pending.size > 0 || signal.aborted || failure !== undefined) resolve();
      });
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    watcher.close();
  }
}

/** mkdir -p, each new entry made durable in its parent. */
async function makeDirectories(path: string, mode: number): Promise<void> {
  const first = await fsMkdir(path, { recursive: true, mode });
  if (first === undefined) return;
  for (let dir = path; ; dir = dirname(dir)) {
    await syncDirectory(dirname(dir));
    if (dir === first || dir === dirname(dir)) return;
  }
}

async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // /sys, /proc and some overlays cannot be synced, and have nothing to lose.
    if (!isErrno(error, 'EINVAL', 'ENOTSUP', 'EROFS')) throw error;
  } finally {
    await handle.close();
  }
}

async function checked<T>(path: string, verb: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw failed(path, verb, error);
  }
}

async function orMissing<T>(path: string, verb: string, action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw failed(path, verb, error);
  }
}

function failed(path: string, verb: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const reasons: Record<string, string> = {
    ENOSPC: 'the disk is full; free some space',
    EROFS: 'the file system is read-only; remount it',
    EACCES: 'permission denied; run as root',
    EPERM: 'not permitted; run as root',
    EIO: 'input/output error; check the disk',
  };
  const why = reasons[code] ?? (error instanceof Error ? error.message : String(error));
  return new AppError('internal', `cannot ${verb} ${path}: ${why}`, {
    cause: error,
    details: { field: 'path', value: path, reason: 'FileOperationFailed', errno: code },
  });
}

function isErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '');
}
