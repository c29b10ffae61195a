/** What an agent needs of its machine, found out before it does anything. */
import { AppError } from '@holdfast/api/errors.ts';
import type { Drbd } from '../../ports/drbd.ts';
import type { Host } from '../../ports/host.ts';
import type { Log } from '../../ports/log.ts';
import type { Lvm } from '../../ports/lvm.ts';

/** What the data path is made of; a missing one is reported, and what needs it is refused. */
const MODULES = ['dm_mod', 'dm_thin_pool', 'drbd'];

/** @throws AppError `failed_precondition` naming what the machine lacks and the remedy. */
export async function requireMachine(
  machine: { readonly host: Pick<Host, 'isRoot' | 'hostname'>; readonly lvm: Pick<Lvm, 'version'> },
  node: string,
): Promise<void> {
  const { host, lvm } = machine;
  if (!host.isRoot()) {
    throw new AppError('failed_precondition', 'the agent needs root: it runs lvm, drbdadm and mount', {
      details: { reason: 'NotRoot', remedy: 'run it as root, or as a privileged container' },
    });
  }
  try {
    await lvm.version();
  } catch (thrown) {
    throw lacking(thrown, 'NoLvm', 'the agent needs LVM');
  }
  const hostname = await host.hostname();
  if (hostname !== node) {
    throw new AppError(
      'failed_precondition',
      `--node ${node} is not the host name ${hostname}: DRBD finds its side by host name`,
      { details: { field: '--node', value: node, reason: 'NodeNameMismatch', remedy: `use --node ${hostname}` } },
    );
  }
}

/** Loads the modules of the data path. Those that this kernel does not have are named in the log. */
export async function loadDataPath(host: Pick<Host, 'loadModules'>, log: Log): Promise<void> {
  const { missing } = await host.loadModules(MODULES);
  if (missing.length > 0) log.warn('kernel modules are missing', { modules: missing });
}

/**
 * The DRBD of this machine: its module and its tools. Without either the agent starts all the same, says what is missing and
 * what to do, and holds only volumes of one replica.
 */
export async function findDrbd(open: () => Promise<Drbd>, log: Log): Promise<Drbd | undefined> {
  try {
    const drbd = await open();
    await drbd.versions();
    return drbd;
  } catch (thrown) {
    const problem = AppError.from(thrown);
    if (problem.code !== 'failed_precondition' && problem.details.reason !== 'ProgramMissing') throw problem;
    log.warn('no DRBD: only volumes with one replica can live here', { err: problem });
    return undefined;
  }
}

/** The machine lacks a program: no dependency that comes back by itself, as the exec gateway must assume. */
function lacking(thrown: unknown, reason: string, need: string): AppError {
  const error = AppError.from(thrown);
  if (error.details.reason !== 'ProgramMissing') return error;
  return new AppError('failed_precondition', `${need}: ${error.message}`, {
    cause: error,
    details: { ...error.details, reason },
  });
}
