/** Whether KVM really works here: a probe guest says so, not the presence of /dev/kvm. */
import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROBE_MARK } from './init-script.ts';
import { findTool, toolEnv } from './run.ts';

export type Accel = 'kvm' | 'tcg';

const PROBE_TIMEOUT_MS = 8000;

/** Answers from the cache when this boot of the host was asked before. */
export async function probeAccel(cacheDir: string, kernel: { image: string; initramfs: string }): Promise<Accel> {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return 'tcg';
  }
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const file = join(cacheDir, 'accel.json');
  try {
    const known = JSON.parse(await readFile(file, 'utf8')) as { bootId?: string; accel?: string };
    if (known.bootId === bootId && (known.accel === 'kvm' || known.accel === 'tcg')) return known.accel;
  } catch {
    // Not asked before.
  }
  const accel = (await bootsWithKvm(kernel)) ? 'kvm' : 'tcg';
  await mkdir(cacheDir, { recursive: true });
  await writeFile(file, JSON.stringify({ bootId, accel }));
  return accel;
}

async function bootsWithKvm(kernel: { image: string; initramfs: string }): Promise<boolean> {
  const argv = [
    '--pdeathsig', 'KILL', '--', findTool('qemu-system-x86_64'), '-machine', 'q35', '-accel', 'kvm', '-cpu', 'host', '-m', '256', '-nodefaults',
    '-no-user-config', '-display', 'none', '-no-reboot', '-kernel', kernel.image, '-initrd', kernel.initramfs,
    '-append', 'console=ttyS0 panic=-1 hf.probe', '-serial', 'stdio',
  ]; // biome-ignore format: pairs
  const child = spawn(findTool('setpriv'), argv, { env: toolEnv(), stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), PROBE_TIMEOUT_MS);
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once('close', () => resolve());
  child.once('error', () => resolve());
  await promise;
  clearTimeout(timer);
  return output.includes(PROBE_MARK);
}
