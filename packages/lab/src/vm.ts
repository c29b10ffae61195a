/** One QEMU process: its arguments, and its life from power-on to its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { AppError } from '@holdfast/api/errors.ts';
import type { Accel } from './accel.ts';
import { PORT_NAME } from './guest/port-name.ts';
import { findTool, toolEnv } from './run.ts';
import type { NetworkName } from './types.ts';

export interface VmDisk {
  readonly path: string;
  readonly serial: string;
  readonly readOnly: boolean;
}

export interface VmSpec {
  readonly name: string;
  readonly accel: Accel;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly kernel: string;
  readonly initramfs: string;
  readonly kernelParameters: string;
  readonly disks: readonly VmDisk[];
  readonly nics: readonly {
    readonly network: NetworkName;
    readonly mac: string;
    readonly socket: string;
    readonly mtu: number;
  }[];
  readonly controlSocket: string;
  readonly consoleSocket: string;
  readonly consoleLog: string;
}

/** Commas separate QEMU's options: a literal one is doubled. */
function quote(value: string): string {
  return value.replaceAll(',', ',,');
}

/** QEMU's command line. Devices that nothing uses are off: each costs the guest time to probe under emulation. */
export function qemuArgv(vm: VmSpec): string[] {
  const argv = [
    '-name', quote(`holdfast-${vm.name}`),
    '-machine', 'q35,hpet=off,sata=off,smbus=off,i8042=off,vmport=off,usb=off,graphics=off',
    '-accel', vm.accel === 'kvm' ? 'kvm' : 'tcg,thread=multi',
    '-cpu', vm.accel === 'kvm' ? 'host' : 'max',
    '-smp', String(vm.cpus),
    '-m', String(vm.memoryMiB),
    '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
    '-rtc', 'base=utc,clock=host',
    '-kernel', vm.kernel,
    '-initrd', vm.initramfs,
    '-append', `console=ttyS0 loglevel=5 panic=-1 mitigations=off nokaslr no_timer_check audit=0 cryptomgr.notests tsc=reliable rcupdate.rcu_expedited=1 random.trust_cpu=on ${vm.kernelParameters}`,
    '-qmp', 'stdio',
    '-chardev', `socket,id=con,path=${quote(vm.consoleSocket)},server=on,wait=off,logfile=${quote(vm.consoleLog)},logappend=on`,
    '-serial', 'chardev:con',
    '-device', 'virtio-serial-pci,id=ser0',
    '-chardev', `socket,id=ctl,path=${quote(vm.controlSocket)},server=off`,
    '-device', `virtserialport,bus=ser0.0,chardev=ctl,name=${PORT_NAME}`,
    '-device', 'virtio-rng-pci',
  ]; // biome-ignore format: pairs
  for (const [index, disk] of vm.disks.entries()) {
    // cache=unsafe: the host's page cache survives the death of QEMU, so nothing a guest flushed is lost by powerOff.
    // A volatile write cache (a disk that loses what was not flushed) comes as another kind of backend here.
    const mode = disk.readOnly ? 'readonly=on' : 'discard=unmap,detect-zeroes=off';
    argv.push('-drive', `file=${quote(disk.path)},if=none,id=d${index},format=raw,cache=unsafe,${mode}`);
    argv.push(
      '-device',
      `virtio-blk-pci,drive=d${index},serial=${disk.serial}${disk.readOnly ? '' : ',discard=on,write-zeroes=on'}`,
    );
  }
  for (const nic of vm.nics) {
    argv.push('-netdev', `stream,id=${nic.network},server=off,addr.type=unix,addr.path=${quote(nic.socket)}`);
    argv.push('-device', `virtio-net-pci,netdev=${nic.network},mac=${nic.mac},host_mtu=${nic.mtu},romfile=`);
  }
  return argv;
}

/** How a QEMU process ended. `reset`: the guest rebooted (or panicked); `shutdown`: it powered itself off. */
export type VmEnd =
  | { readonly how: 'reset' | 'shutdown' | 'killed' }
  | { readonly how: 'failed'; readonly message: string };

export class Vm {
  readonly #child: ChildProcess;
  /** Resolves when the process is gone. */
  readonly ended: Promise<VmEnd>;
  #killed = false;

  constructor(spec: VmSpec) {
    // The kernel kills QEMU when this process dies, however it dies.
    this.#child = spawn(
      findTool('setpriv'),
      ['--pdeathsig', 'KILL', '--', findTool('qemu-system-x86_64'), ...qemuArgv(spec)],
      {
        env: toolEnv(),
        stdio: ['pipe', 'pipe', 'pipe'],
        detached: true, // Ctrl-C in a terminal is for the lab, which then ends its nodes in order.
      },
    );
    let stderr = '';
    let reason: string | undefined;
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-4096);
    });
    let rest = '';
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) reason = shutdownReason(line) ?? reason;
    });
    this.#child.stdin?.on('error', () => undefined);
    this.#child.stdin?.write('{"execute":"qmp_capabilities"}\n');
    const { promise, resolve } = Promise.withResolvers<VmEnd>();
    this.ended = promise;
    this.#child.once('error', (error) => resolve({ how: 'failed', message: error.message }));
    this.#child.once('close', (code, signal) => {
      if (this.#killed) resolve({ how: 'killed' });
      else if (reason === 'guest-reset' || reason === 'guest-panic') resolve({ how: 'reset' });
      else if (reason !== undefined) resolve({ how: 'shutdown' });
      else if (signal === 'SIGKILL' || signal === 'SIGTERM') resolve({ how: 'killed' });
      else resolve({ how: 'failed', message: `QEMU ended with ${code ?? signal}: ${stderr.trim()}` });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resident bytes, or undefined when it is gone. */
  get rssBytes(): number | undefined {
    try {
      const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1];
      return kib === undefined ? undefined : Number(kib) * 1024;
    } catch {
      return undefined;
    }
  }

  /** Pulls the plug. */
  async kill(): Promise<void> {
    this.#killed = true;
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** SIGSTOP or SIGCONT. @throws AppError `failed_precondition` when it is gone. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (!this.#child.kill(signal)) throw new AppError('failed_precondition', 'the node is off');
  }
}

/** Reason of a QMP SHUTDOWN event (`guest-reset`, `guest-shutdown`, ...), or undefined for any other line. */
export function shutdownReason(line: string): string | undefined {
  if (!line.includes('SHUTDOWN')) return undefined;
  try {
    const event = JSON.parse(line) as { event?: string; data?: { reason?: string } };
    return event.event === 'SHUTDOWN' ? event.data?.reason : undefined;
  } catch {
    return undefined;
  }
}
