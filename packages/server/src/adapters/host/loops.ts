import { AppError } from '@holdfast/api/errors.ts';
import * as z from 'zod';
import type { Exec } from '../../ports/exec.ts';
import { execFailure } from '../exec/failure.ts';

const TIMEOUT_MS = 30_000;

const loopList = z.object({ loopdevices: z.array(z.object({ name: z.string() })) });

/** losetup writes nothing at all, or an empty list, when the file is attached to no device. */
export function parseLoopList(stdout: string): string[] {
  if (stdout.trim() === '') return [];
  try {
    return loopList.parse(JSON.parse(stdout)).loopdevices.map((device) => device.name);
  } catch (error) {
    throw new AppError('internal', 'the output of losetup was not understood', {
      cause: error,
      details: { reason: 'LosetupOutputNotUnderstood', stdout },
    });
  }
}

export interface Loops {
  attach(file: string, sizeBytes: number): Promise<string>;
  device(file: string): Promise<string | undefined>;
  detach(file: string): Promise<void>;
}

export function createLoops(exec: Exec): Loops {
  async function run(argv: readonly [string, ...string[]], sideEffect = true): Promise<string> {
    return (await exec.run({ argv, timeoutMs: TIMEOUT_MS, sideEffect })).stdout;
  }

  async function device(file: string): Promise<string | undefined> {
    check(file);
    const argv = ['losetup', '--list', '--json', '--output', 'NAME', '--associated', file] as const;
    // losetup fails when the file does not exist; then nothing is attached to it.
    const { code, stdout } = await exec.run({ argv, timeoutMs: TIMEOUT_MS, okCodes: [0, 1], sideEffect: false });
    if (code === 1) return undefined;
    const names = parseLoopList(stdout);
    if (names.length > 1) {
      throw new AppError('failed_precondition', `${file} is attached more than once: ${names.join(', ')}`, {
        details: { reason: 'LoopAmbiguous', value: file, remedy: `detach all but one of ${names.join(', ')}` },
      });
    }
    return names[0];
  }

  async function attach(file: string, sizeBytes: number): Promise<string> {
    check(file);
    await run(['mkdir', '--parents', '--mode', '0700', file.slice(0, file.lastIndexOf('/'))]);
    // '>' never shrinks: an existing file keeps its content and its size if it is larger.
    await run(['truncate', '--size', `>${sizeBytes}`, file]);
    const existing = await device(file);
    if (existing !== undefined) {
      const size = Number((await run(['blockdev', '--getsize64', existing], false)).trim());
      if (size < sizeBytes) await run(['losetup', '--set-capacity', existing]);
      return existing;
    }
    try {
      // Direct I/O: what the volume has flushed is on the disk below, and nothing is cached twice.
      await run(['losetup', '--direct-io=on', '--find', file]);
    } catch (error) {
      if (!/invalid argument/i.test(execFailure(error)?.stderr ?? '')) throw error;
      // The file system below cannot do direct I/O (tmpfs, some overlays). Flushes still reach it.
      await run(['losetup', '--find', file]);
    }
    const attached = await device(file);
    if (attached === undefined) {
      throw new AppError('internal', `${file} was attached to a loop device and is not there`, {
        details: { reason: 'LoopLost', value: file },
      });
    }
    return attached;
  }

  async function detach(file: string): Promise<void> {
    const existing = await device(file);
    if (existing !== undefined) await run(['losetup', '--detach', existing]);
  }

  return { attach, device, detach };
}

function check(file: string): void {
  if (/^\/[A-Za-z0-9_.+@/-]+$/.test(file) && !/(^|\/)\.\.(\/|$)/.test(file)) return;
  throw new AppError('invalid_argument', `'${file}' cannot be a loop file`, {
    details: { field: 'file', value: file, remedy: 'use an absolute path without blanks', reason: 'BadPath' },
  });
}
