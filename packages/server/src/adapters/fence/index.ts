import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { AppError } from '@holdfast/api/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Exec } from '../../ports/exec.ts';
import type { FenceGate, FenceNotification, FenceRequest } from '../../ports/fence.ts';
import type { Files } from '../../ports/files.ts';
import type { Log } from '../../ports/log.ts';
import { helperScript, SELF_TEST_CODE, SELF_TEST_EVENT } from './helper.ts';

export interface FenceGateOptions {
  readonly exec: Exec;
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
  /** Survives reboots; must be the same path on the host and here. The helper is put into `<stateDir>/bin`. */
  readonly stateDir: string;
  /** Gone after a reboot (a tmpfs): questions and verdicts. Default /run/holdfast/fence. */
  readonly runDir?: string;
  /** Wakes the reader of a FIFO; false when it has none. Default: the local file system. */
  readonly poke?: (fifo: string) => Promise<boolean>;
}

export const PARAMETER = '/sys/module/drbd/parameters/usermode_helper';
/** Kernel: `char usermode_helper[80]`. */
const MAX_PATH = 79;
const RETRY_MS = 500;

/**
 * The gate over directories that the helper script and the agent share: `requests/<id>`, `verdicts/<id>`, and a FIFO
 * that wakes the helper and proves that it still waits. Nothing is kept in memory that a restart would miss.
 */
export function createFenceGate(options: FenceGateOptions): FenceGate {
  const { exec, files, clock, log, stateDir } = options;
  const runDir = options.runDir ?? '/run/holdfast/fence';
  const poke = options.poke ?? pokeFifo;
  const helper = `${stateDir}/bin/drbd-helper`;
  const script = helperScript({ stateDir, runDir });
  const path = (kind: 'requests' | 'verdicts' | 'fifos' | 'events', id: string): string => `${runDir}/${kind}/${id}`;

  async function setting(): Promise<string | undefined> {
    // The kernel ends what it shows with one newline of its own; more would be part of the value and break every call.
    return (await files.read(PARAMETER))?.replace(/\n$/, '');
  }

  async function install(): Promise<string> {
    if (helper.length > MAX_PATH)
      throw new AppError('invalid_argument', `the path of the DRBD helper is too long for the kernel: ${helper}`, {
        details: {
          field: 'stateDir',
          value: stateDir,
          remedy: `use a state directory of at most ${MAX_PATH - '/bin/drbd-helper'.length} characters`,
        },
      });
    for (const kind of ['requests', 'verdicts', 'fifos', 'events']) await files.mkdir(`${runDir}/${kind}`, 0o700);
    // A running shell reads its script as it goes: replaced by rename, an old helper keeps its old text.
    if ((await files.read(helper)) !== script) await files.write(helper, script, 0o755);
    const before = await setting();
    if (before === undefined)
      throw new AppError('failed_precondition', 'the DRBD kernel module is not loaded', {
        details: { reason: 'DrbdNotLoaded', remedy: 'run `modprobe drbd`' },
      });
    if (before !== helper) {
      await files.writeKernel(PARAMETER, helper);
      log.info('DRBD helper installed', { op: 'fence-install', helper, before });
    }
    const { code } = await exec.run({
      argv: [helper, SELF_TEST_EVENT],
      timeoutMs: 10_000,
      okCodes: [0, SELF_TEST_CODE],
      sideEffect: false,
    });
    const why =
      code === SELF_TEST_CODE ? await whyNotProtected() : `${helper} does not run as it should (exit code ${code})`;
    if (why !== null)
      throw new AppError('failed_precondition', why, {
        details: {
          reason: 'FenceHelperMissing',
          remedy: 'check that the state directory is on a file system that allows programs',
        },
      });
    return helper;
  }

  async function whyNotProtected(): Promise<string | null> {
    const now = await setting();
    if (now === undefined) return 'the DRBD kernel module is not loaded';
    if (now !== helper) return `the kernel's DRBD helper is ${JSON.stringify(now)} instead of ${helper}`;
    if ((await files.read(helper)) !== script) return `the DRBD helper ${helper} is missing or was changed`;
    return null;
  }

  /** The question of a request file, or undefined when nobody waits for it any more. */
  async function readRequest(id: string): Promise<FenceRequest | undefined> {
    const text = await files.read(path('requests', id));
    const resource = text?.trim().split(' ')[0];
    if (resource === undefined || resource === '') return undefined;
    if (await poke(path('fifos', id))) return { id, resource };
    // Its helper was killed. A helper that lives all the same puts its question back.
    log.debug('fence question without a helper dropped', { op: 'fence', resource, request: id });
    await files.remove(path('requests', id));
    return undefined;
  }

  /** Calls `scan` whenever the directory may have changed, until the signal aborts. A watch that fails is started again. */
  async function* watching<T>(dir: string, signal: AbortSignal, scan: () => Promise<readonly T[]>): AsyncGenerator<T> {
    while (!signal.aborted) {
      try {
        for await (const _ of files.watch(dir, signal)) {
          for (const item of await scan()) yield item;
        }
      } catch (thrown) {
        if (signal.aborted) return;
        log.error('watching for calls of the DRBD helper failed, trying again', { op: 'fence', err: thrown });
      }
      if (signal.aborted) return;
      await clock.sleep(RETRY_MS, signal).catch(() => undefined);
    }
  }

  return {
    install,
    whyNotProtected,
    requests(signal) {
      const seen = new Set<string>();
      return watching(`${runDir}/requests`, signal, async () => {
        const ids = await files.list(`${runDir}/requests`);
        const present = new Set(ids);
        for (const id of seen) if (!present.has(id)) seen.delete(id);
        const fresh: FenceRequest[] = [];
        for (const id of ids) {
          if (seen.has(id)) continue;
          const request = await readRequest(id);
          if (request === undefined) continue;
          seen.add(id);
          fresh.push(request);
        }
        return fresh;
      });
    },
    async pending() {
      const found: FenceRequest[] = [];
      for (const id of await files.list(`${runDir}/requests`)) {
        const request = await readRequest(id);
        if (request !== undefined) found.push(request);
      }
      return found;
    },
    async answer(request, verdict) {
      const { id } = request;
      if ((await files.read(path('requests', id))) === undefined) return;
      await files.write(path('verdicts', id), `${verdict}\n`, 0o600);
      await poke(path('fifos', id));
      // It went away in between: its verdict would stay for ever. (When it is just reading it, the helper removes both.)
      if ((await files.read(path('requests', id))) === undefined) await files.remove(path('verdicts', id));
    },
    notifications(signal) {
      return watching(`${runDir}/events`, signal, async () => {
        const found: FenceNotification[] = [];
        for (const name of (await files.list(`${runDir}/events`)).sort(
          (a, b) => Number.parseFloat(a) - Number.parseFloat(b),
        )) {
          const text = await files.read(path('events', name));
          await files.remove(path('events', name));
          const [event, resource] = text?.trim().split(' ') ?? [];
          if (event !== undefined && resource !== undefined) found.push({ event, resource });
        }
        return found;
      });
    },
  };
}

/** Never blocks: without a reader, opening fails. */
async function pokeFifo(fifo: string): Promise<boolean> {
  let handle: Awaited<ReturnType<typeof open>> | undefined;
  try {
    handle = await open(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    await handle.write('\n');
    return true;
  } catch (error) {
    const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
    // EAGAIN: full, so somebody holds it and has enough to read.
    if (code === 'EAGAIN') return true;
    if (code === 'ENXIO' || code === 'ENOENT' || code === 'EPIPE') return false;
    throw error;
  } finally {
    await handle?.close();
  }
}
