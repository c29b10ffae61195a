import { AppError } from '@holdfast/api/errors.ts';
import type { Clock, Random } from '../../ports/clock.ts';
import type { Drbd } from '../../ports/drbd.ts';
import type { Exec } from '../../ports/exec.ts';
import type { Files } from '../../ports/files.ts';
import type { Log } from '../../ports/log.ts';
import { createConfigStore } from './config-store.ts';
import { createDriver } from './driver.ts';
import { parseKernelVersion } from './flavour.ts';
import { createTools } from './tools.ts';
import { V9 } from './v9/commands.ts';
import { V84 } from './v84/commands.ts';

export interface DrbdOptions {
  readonly exec: Exec;
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Directory of ours on local storage, e.g. /var/lib/holdfast. Resource files go to `<stateDir>/drbd.d`. */
  readonly stateDir: string;
}

/**
 * The driver for the DRBD of the running kernel.
 * @throws AppError `failed_precondition` when the module is not loaded or of a version that we do not know.
 */
export async function createDrbd(options: DrbdOptions): Promise<Drbd> {
  const text = await options.files.read('/proc/drbd');
  if (text === undefined)
    throw new AppError('failed_precondition', 'the DRBD kernel module is not loaded', {
      details: { reason: 'DrbdNotLoaded', remedy: 'run `modprobe drbd`; volumes of one replica work without it' },
    });
  const version = parseKernelVersion(text);
  if (version === undefined)
    throw new AppError('failed_precondition', `unknown DRBD version: ${text.split('\n')[0] ?? ''}`, {
      details: { reason: 'DrbdVersionUnknown', remedy: 'use DRBD 8.4 of the kernel, or DRBD 9' },
    });
  return createDriver({
    ...options,
    dialect: version.flavour === '8.4' ? V84 : V9,
    tools: createTools(options.exec),
    configs: createConfigStore(options.files, options.stateDir),
    kernelVersion: version.kernel,
  });
}
