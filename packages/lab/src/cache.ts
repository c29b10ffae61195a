/** Content-addressed build results under one directory. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { acquireLock } from './lock.ts';

/** `$HOLDFAST_CACHE`, else `.cache/lab` at the root of the repository. */
export function defaultCacheDir(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const chosen = env['HOLDFAST_CACHE'];
  if (chosen !== undefined && chosen !== '') return resolve(chosen);
  return resolve(import.meta.dirname, '../../../.cache/lab');
}

/** A short, stable key of plain data and bytes. */
export function contentKey(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    hash.update(`${part.length}:`);
    hash.update(part);
  }
  return hash.digest('hex').slice(0, 20);
}

/**
 * Returns the directory `<cache>/<kind>-<key>`, building it first if it is not there. `build` fills a scratch directory
 * that is renamed when complete, so a killed build leaves nothing that looks finished; a lock makes two processes build
 * once. `keep` older versions of the same kind stay (by last use).
 */
export async function cached(
  cacheDir: string,
  kind: string,
  key: string,
  build: (scratch: string) => Promise<void>,
  keep = 4,
): Promise<string> {
  const dir = join(cacheDir, `${kind}-${key}`);
  if (existsSync(dir)) {
    const now = new Date();
    await utimes(dir, now, now).catch(() => undefined); // Another user's cache: only its age is wrong then.
    return dir;
  }
  await mkdir(cacheDir, { recursive: true });
  const lock = await acquireLock(join(cacheDir, `${kind}-${key}.lock`), { wait: true });
  try {
    if (existsSync(dir)) return dir;
    const scratch = `${dir}.tmp`;
    await rm(scratch, { recursive: true, force: true });
    await mkdir(scratch);
    try {
      await build(scratch);
    } catch (error) {
      await rm(scratch, { recursive: true, force: true });
      throw error;
    }
    await rename(scratch, dir);
    await prune(cacheDir, kind, keep);
    return dir;
  } finally {
    await lock.release();
  }
}

async function prune(cacheDir: string, kind: string, keep: number): Promise<void> {
  const pattern = new RegExp(`^${kind}-[0-9a-f]{20}$`);
  const names = (await readdir(cacheDir)).filter((name) => pattern.test(name));
  const aged = await Promise.all(names.map(async (name) => ({ name, at: (await stat(join(cacheDir, name))).mtimeMs })));
  aged.sort((a, b) => b.at - a.at);
  for (const { name } of aged.slice(keep)) {
    // A version used in the last day may be in use by a running lab.
    if (Date.now() - (aged.find((entry) => entry.name === name)?.at ?? 0) < 86_400_000) continue;
    await rm(join(cacheDir, name), { recursive: true, force: true });
  }
}
