import { AppError } from '@holdfast/api/errors.ts';
import type { Exec } from '../../ports/exec.ts';
import type { ProbeResult } from '../../ports/filesystem.ts';
import { execFailure, lastWords } from '../exec/failure.ts';
import * as commands from './commands.ts';
import { parseBlkid } from './parse.ts';

const TIMEOUT_MS = 20_000;
const MIB = 2 ** 20;

/**
 * What is on a block device (INV-6). blkid exits with 2 both for "nothing found" and for "could not read", so the
 * device's first and last MiB are read first; only a device that can be read and on which no signature of any kind is found is
 * blank. Everything else that is not a clear signature is `unknown`.
 */
export async function probeDevice(exec: Exec, device: string): Promise<ProbeResult> {
  try {
    const size = await deviceSize(exec, device);
    if (size < MIB) return { state: 'unknown', why: `${device} has only ${size} bytes` };
    for (const offset of [0, Math.floor((size - MIB) / 4096) * 4096]) {
      const read = await exec.run({ argv: commands.readMib(device, offset), timeoutMs: TIMEOUT_MS, sideEffect: false });
      if (!/^1\+0 records in$/m.test(read.stderr)) {
        return { state: 'unknown', why: `${device} could not be read at offset ${offset}` };
      }
    }
    const result = await exec.run({
      argv: commands.blkid(device),
      timeoutMs: TIMEOUT_MS,
      okCodes: [0, 2, 8],
      sideEffect: false,
    });
    if (result.code === 8) return { state: 'unknown', why: `${device} carries more than one signature` };
    if (result.code === 2) return { state: 'blank' };
    return signature(device, parseBlkid(result.stdout));
  } catch (error) {
    const failure = execFailure(error);
    const why = failure === undefined ? AppError.from(error).message : lastWords(failure);
    return { state: 'unknown', why: `${device} could not be probed: ${why}` };
  }
}

function signature(device: string, values: ReadonlyMap<string, string>): ProbeResult {
  const type = values.get('TYPE');
  if (type !== undefined) return { state: 'signature', type, usage: values.get('USAGE') ?? 'other' };
  const table = values.get('PTTYPE');
  if (table !== undefined) return { state: 'signature', type: table, usage: 'partition-table' };
  return { state: 'unknown', why: `blkid found something on ${device} but does not name it` };
}

/** Size in bytes; fails when it is not a block device. */
export async function deviceSize(exec: Exec, device: string): Promise<number> {
  const { stdout } = await exec.run({ argv: commands.deviceSize(device), timeoutMs: TIMEOUT_MS, sideEffect: false });
  const size = Number(stdout.trim());
  if (!/^\d+\n?$/.test(stdout) || !Number.isSafeInteger(size)) {
    throw new AppError('internal', `blockdev said '${stdout.trim()}' about the size of ${device}`, {
      details: { reason: 'SizeNotUnderstood', value: device },
    });
  }
  return size;
}
