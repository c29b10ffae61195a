import { networkInterfaces } from 'node:os';
import { AppError } from '@holdfast/api/errors.ts';
import type { Exec } from '../../ports/exec.ts';
import type { Files } from '../../ports/files.ts';
import type { Host } from '../../ports/host.ts';
import { createDiskInspector } from './disks.ts';
import { createLoops } from './loops.ts';

const MODULE_TIMEOUT_MS = 60_000;

/** Facts of the machine we run on. Everything but the addresses goes through `exec` and `files`. */
export function createHost(deps: { readonly exec: Exec; readonly files: Files }): Host {
  const { exec, files } = deps;
  const disks = createDiskInspector(deps);
  const loops = createLoops(exec);

  async function fact(path: string): Promise<string> {
    const text = (await files.read(path))?.trim();
    if (text === undefined || text === '') {
      throw new AppError('internal', `${path} cannot be read; is /proc mounted?`, {
        details: { reason: 'NoProc', value: path, remedy: 'mount /proc' },
      });
    }
    return text;
  }

  async function loadModules(names: readonly string[]): Promise<{ missing: string[] }> {
    const missing: string[] = [];
    for (const name of names) {
      // Built-in and loaded modules both have a directory here; dashes read as underscores.
      if ((await files.list(`/sys/module/${name.replaceAll('-', '_')}`)).length > 0) continue;
      const argv = ['modprobe', name] as const;
      const { code } = await exec.run({ argv, timeoutMs: MODULE_TIMEOUT_MS, okCodes: [0, 1] });
      if (code !== 0) missing.push(name);
    }
    return { missing };
  }

  return {
    hostname: () => fact('/proc/sys/kernel/hostname'),
    bootId: () => fact('/proc/sys/kernel/random/boot_id'),
    kernelVersion: () => fact('/proc/sys/kernel/osrelease'),
    isRoot: () => process.geteuid?.() === 0,
    addresses: async () => globalAddresses(networkInterfaces()),
    ...disks,
    loadModules,
    async attachLoop(file, sizeBytes) {
      // A module in Debian's cloud kernels, and nothing else loads it.
      const { missing } = await loadModules(['loop']);
      if (missing.length > 0) {
        throw new AppError(
          'failed_precondition',
          'this kernel has no loop devices (module loop); name a disk instead',
          {
            details: { reason: 'NoLoopModule', remedy: 'use a pool of type lvm-thin or lvm with a disk' },
          },
        );
      }
      return await loops.attach(file, sizeBytes);
    },
    loopDevice: (file) => loops.device(file),
    detachLoop: (file) => loops.detach(file),
  };
}

/** Usable by peers: neither loopback nor link-local. */
export function globalAddresses(
  interfaces: ReturnType<typeof networkInterfaces>,
): { interface: string; address: string; prefix: number }[] {
  return Object.entries(interfaces)
    .flatMap(([name, addresses]) => (addresses ?? []).map((address) => ({ name, ...address })))
    .filter(
      ({ internal, address }) => !internal && !/^fe[89ab][0-9a-f]:/i.test(address) && !address.startsWith('169.254.'),
    )
    .map(({ name, address, cidr }) => ({ interface: name, address, prefix: Number(cidr?.split('/')[1] ?? Number.NaN) }))
    .filter(({ prefix }) => Number.isInteger(prefix));
}
