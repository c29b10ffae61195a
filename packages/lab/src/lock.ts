/** Lock files that a killed owner cannot hold: they name a process by pid *and* start time. */
import { readFileSync } from 'node:fs';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@holdfast/api/errors.ts';

export interface LockOwner {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot; tells a reused pid from its former owner. */
  readonly startTicks: string;
  /** Of the running kernel: a lock from before a reboot is stale whatever its pid. */
  readonly bootId: string;
}

export interface Lock {
  readonly path: string;
  release(): Promise<void>;
}

/** Start time from the text of `/proc/PID/stat`; the command (field 2) may contain spaces and parentheses. */
export function parseStartTicks(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[19];
}

/** State letter (R, S, Z, ...) from the text of `/proc/PID/stat`. */
function parseState(stat: string): string {
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
}

function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Identity of a live process, or undefined when there is none (or only its zombie). */
export function processIdentity(pid: number): LockOwner | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const startTicks = parseStartTicks(stat);
    if (startTicks === undefined || parseState(stat) === 'Z') return undefined;
    return { pid, startTicks, bootId: readBootId() };
  } catch {
    return undefined;
  }
}

/** Whether that very process (not one that reuses its pid) still runs. */
export function isAlive(owner: LockOwner): boolean {
  const now = processIdentity(owner.pid);
  return now !== undefined && now.startTicks === owner.startTicks && now.bootId === owner.bootId;
}

/** The owner named in a lock file; undefined when the file is absent or unreadable. */
export async function readLock(path: string): Promise<LockOwner | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid, startTicks, bootId } = value as Partial<Record<keyof LockOwner, unknown>>;
    if (typeof pid !== 'number' || typeof startTicks !== 'string' || typeof bootId !== 'string') return undefined;
    return { pid, startTicks, bootId };
  } catch {
    return undefined;
  }
}

/**
 * Takes the lock for this process. A dead owner's lock is taken over.
 * @throws AppError `already_exists` when a live process has it and `wait` is false.
 */
export async function acquireLock(path: string, options: { wait: boolean; signal?: AbortSignal }): Promise<Lock> {
  const me = processIdentity(process.pid);
  if (me === undefined) throw new AppError('internal', 'cannot read /proc/self/stat');
  // Written completely beside it, then linked: nobody ever reads half a lock.
  const mine = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  await writeFile(mine, JSON.stringify(me));
  try {
    for (;;) {
      try {
        await link(mine, path);
        return { path, release: () => rm(path, { force: true }) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const owner = await readLock(path);
      if (owner === undefined || !isAlive(owner)) {
        await discardStale(path, `${mine}.stale`);
        continue;
      }
      if (!options.wait) {
        throw new AppError('already_exists', `in use by process ${owner.pid} (${path})`, {
          details: { pid: owner.pid },
        });
      }
      await delay(100, undefined, options.signal === undefined ? {} : { signal: options.signal });
    }
  } finally {
    await rm(mine, { force: true });
  }
}

/** Renaming is the takeover: of two who try, one gets the old file. If a new owner was quicker, its lock is put back. */
async function discardStale(path: string, aside: string): Promise<void> {
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  const owner = await readLock(aside);
  if (owner !== undefined && isAlive(owner)) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}
