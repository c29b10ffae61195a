/** Where a lab keeps its files, and what is done with those of a lab whose process is gone. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@holdfast/api/errors.ts';
import { acquireLock, isAlive, type Lock, readLock } from './lock.ts';

export interface LabDir {
  readonly name: string;
  /** Sockets: short, because a unix socket's path is limited to 107 bytes. */
  readonly socketDir: string;
  /** Disks, logs, timeline. */
  readonly dataDir: string;
  readonly lock: Lock;
}

/** One directory per user, whatever checkout a lab was started from: names are unique per user. */
export function runtimeRoot(): string {
  return join(tmpdir(), `holdfast-lab-${userInfo().uid}`);
}

function lockPath(name: string): string {
  return join(runtimeRoot(), `${name}.lock`);
}

/** Takes the name. @throws AppError `already_exists` when a living lab has it. */
export async function openLabDir(name: string, cacheDir: string): Promise<LabDir> {
  await mkdir(runtimeRoot(), { recursive: true, mode: 0o700 });
  await removeStaleLabs();
  let lock: Lock;
  try {
    lock = await acquireLock(lockPath(name), { wait: false });
  } catch (error) {
    const { code, details } = AppError.from(error);
    if (code !== 'already_exists') throw error;
    throw new AppError('already_exists', `a lab named '${name}' is running (process ${String(details['pid'])})`, {
      details: { field: 'name', value: name, remedy: `hf lab destroy --name ${name}, or choose another name` },
    });
  }
  const socketDir = join(runtimeRoot(), name);
  const dataDir = join(cacheDir, 'labs', name);
  // Leftovers of an earlier lab of this name that was told to keep its files.
  await rm(socketDir, { recursive: true, force: true });
  await rm(dataDir, { recursive: true, force: true });
  await mkdir(join(dataDir, 'disks'), { recursive: true });
  await mkdir(join(dataDir, 'logs'));
  await mkdir(socketDir, { mode: 0o700 });
  await writeFile(join(socketDir, 'data-dir'), dataDir);
  return { name, socketDir, dataDir, lock };
}

/** Removes everything of a lab; with `keep`, its data stays. */
export async function closeLabDir(dir: LabDir, keep: boolean): Promise<void> {
  await rm(dir.socketDir, { recursive: true, force: true });
  if (!keep) await rm(dir.dataDir, { recursive: true, force: true });
  await dir.lock.release();
}

/** Names of labs, with whether their process lives. */
export async function listLabs(): Promise<{ name: string; pid: number; alive: boolean; socketDir: string }[]> {
  const names = await readdir(runtimeRoot()).catch(() => []);
  const labs: { name: string; pid: number; alive: boolean; socketDir: string }[] = [];
  for (const file of names.filter((name) => name.endsWith('.lock')).sort()) {
    const owner = await readLock(join(runtimeRoot(), file));
    if (owner === undefined) continue;
    const name = file.slice(0, -'.lock'.length);
    labs.push({ name, pid: owner.pid, alive: isAlive(owner), socketDir: join(runtimeRoot(), name) });
  }
  return labs;
}

/**
 * Removes files of labs whose process is gone (it was killed: its VMs died with it, by PDEATHSIG).
 * @returns their names.
 */
export async function removeStaleLabs(): Promise<string[]> {
  const removed: string[] = [];
  for (const lab of await listLabs()) {
    if (lab.alive) continue;
    let lock: Lock;
    try {
      lock = await acquireLock(lockPath(lab.name), { wait: false });
    } catch {
      continue; // Somebody else was quicker.
    }
    const dataDir = await readFile(join(lab.socketDir, 'data-dir'), 'utf8').catch(() => undefined);
    if (dataDir?.endsWith(join('labs', lab.name))) await rm(dataDir, { recursive: true, force: true });
    await rm(lab.socketDir, { recursive: true, force: true });
    await lock.release();
    removed.push(lab.name);
  }
  return removed;
}
