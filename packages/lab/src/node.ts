/** A node of a lab in this process: its VM, its control channel, and the faults it can be given. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { AppError } from '@holdfast/api/errors.ts';
import { Channel } from './control.ts';
import { withDeadline } from './deadline.ts';
import { checkVgName, drainScript, faultScript, fillScript } from './disk-fault.ts';
import { execIn, exitError, getFile, putFile, spawnIn } from './guest-exec.ts';
import { kernelParameters } from './init-script.ts';
import { NodeDaemons } from './node-daemons.ts';
import type { NodeRuntime } from './node-runtime.ts';
import type {
  DaemonSpec,
  DiskFault,
  ExecOptions,
  ExecProcess,
  ExecResult,
  LabNode,
  ManagedProcess,
  NetworkName,
  NodeState,
  NodeStatus,
} from './types.ts';
import { Vm, type VmDisk } from './vm.ts';

export class LocalNode implements LabNode {
  readonly name: string;
  readonly index: number;
  readonly mgmtAddress: string;
  readonly replAddress: string;
  readonly disks: readonly string[];
  readonly #lab: NodeRuntime;
  readonly #faults = new Map<number, DiskFault>();
  readonly #daemons: NodeDaemons;
  #server: Server | undefined;
  #vm: Vm | undefined;
  #channel: Channel | undefined;
  #ready = Promise.withResolvers<void>();
  #state: NodeState = 'off';
  #boots = 0;
  #bootMs: number | undefined;
  #kernel: string | undefined;
  #bootedAt = 0;
  #destroyed = false;

  constructor(lab: NodeRuntime) {
    this.#lab = lab;
    this.#daemons = new NodeDaemons(lab.info.name, lab.daemons, lab.logDir, lab.timeline);
    ({
      name: this.name,
      index: this.index,
      mgmtAddress: this.mgmtAddress,
      replAddress: this.replAddress,
      disks: this.disks,
    } = lab.info);
    this.#ready.promise.catch(() => undefined);
  }

  /** Listens for the guest's control channel; once, before the first power-on. */
  async open(): Promise<void> {
    const server = createServer((socket) => {
      const vm = this.#vm;
      this.#channel = new Channel(this.name, socket, {
        hello: (kernel) =>
          void this.#configure(vm, kernel).catch((error: unknown) => this.#bootFailed(AppError.from(error))),
        daemonMessage: (_stream, message) => this.#daemons.message(message),
        daemonOutput: (stream, chunk) => this.#daemons.output(stream, chunk),
      });
    });
    this.#server = server;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen(this.#socket('ctl'), resolve);
    await promise;
  }

  #socket(kind: string): string {
    return join(this.#lab.socketDir, `${this.name}-${kind}.sock`);
  }

  get consoleSocket(): string {
    return this.#socket('con');
  }

  get #consoleLogPath(): string {
    return join(this.#lab.logDir, `${this.name}-console.log`);
  }

  async powerOn(): Promise<void> {
    if (this.#destroyed) throw new AppError('failed_precondition', `node ${this.name}: the lab has ended`);
    if (this.#state !== 'off')
      throw new AppError('failed_precondition', `node ${this.name} is already on (${this.#state})`);
    this.#state = 'booting';
    this.#boots += 1;
    this.#bootMs = undefined;
    this.#bootedAt = performance.now();
    this.#ready.promise.catch(() => undefined);
    this.#lab.timeline.add('power-on', { node: this.name, boot: this.#boots });
    const vm = new Vm({
      name: `${this.#lab.labName}-${this.name}`,
      accel: this.#lab.accel,
      cpus: this.#lab.cpus,
      memoryMiB: this.#lab.memoryMiB,
      kernel: this.#lab.kernel.image,
      initramfs: this.#lab.kernel.initramfs,
      kernelParameters: kernelParameters({
        name: this.name,
        mgmtAddress: this.mgmtAddress,
        replAddress: this.replAddress,
        disks: this.disks.length,
        hosts: this.#lab.allNodes.map((node) => ({ name: node.name, address: node.mgmtAddress })),
      }),
      disks: this.#vmDisks(),
      nics: (['mgmt', 'repl'] as const).map((network) => ({
        network,
        mac: macAddress(network, this.index),
        socket: this.#lab.switchSocket(network),
        mtu: network === 'repl' ? 9000 : 1500, // slirp, behind mgmt, takes no larger frames
      })),
      controlSocket: this.#socket('ctl'),
      consoleSocket: this.consoleSocket,
      consoleLog: this.#consoleLogPath,
    });
    this.#vm = vm;
    void vm.ended.then((end) => this.#ended(vm, end));
  }

  #vmDisks(): VmDisk[] {
    const disk = (name: string): string => join(this.#lab.diskDir, `${this.name}-${name}.img`);
    return [
      { path: this.#lab.rootImage, serial: 'hf-root', readOnly: true },
      { path: this.#lab.appDisk, serial: 'hf-app', readOnly: true },
      { path: this.#lab.kernel.modules, serial: 'hf-modules', readOnly: true },
      { path: disk('state'), serial: `hf-${this.name}-state`, readOnly: false },
      ...this.disks.map((id, index) => ({
        path: disk(`d${index}`),
        serial: id.slice('virtio-'.length),
        readOnly: false,
      })),
    ];
  }

  async #configure(vm: Vm | undefined, kernel: string): Promise<void> {
    const channel = this.#channel;
    if (vm === undefined || vm !== this.#vm || channel === undefined) return;
    this.#kernel = kernel;
    for (const [index, fault] of this.#faults) {
      const result = await execIn(channel, this.name, ['sh', '-c', faultScript(index, fault)], {});
      if (result.code !== 0) throw exitError(this.name, [`disk ${index}`, fault.kind], result);
    }
    await channel.request({ op: 'configure', timeMs: Date.now(), daemons: this.#daemons.forGuest() });
    this.#bootMs = Math.round(performance.now() - this.#bootedAt);
    if (this.#state === 'booting') this.#state = 'ready';
    this.#lab.timeline.add('ready', { node: this.name, bootMs: this.#bootMs, kernel });
    this.#ready.resolve();
  }

  #bootFailed(error: AppError): void {
    this.#lab.timeline.add('boot-failed', { node: this.name, error: error.message });
    this.#ready.reject(error);
  }

  #ended(vm: Vm, end: Awaited<Vm['ended']>): void {
    if (this.#vm !== vm) return;
    this.#vm = undefined;
    this.#channel?.close();
    this.#channel = undefined;
    this.#state = 'off';
    this.#daemons.allGone();
    const message = end.how === 'failed' ? end.message : `node ${this.name} is off`;
    this.#ready.reject(new AppError('unavailable', message));
    this.#ready = Promise.withResolvers<void>();
    this.#ready.promise.catch(() => undefined);
    this.#lab.timeline.add('off', {
      node: this.name,
      how: end.how,
      ...(end.how === 'failed' ? { error: end.message } : {}),
    });
    // A machine that resets itself (reboot, panic) starts again.
    if (end.how === 'reset' && !this.#destroyed) void this.powerOn();
  }

  async waitReady(timeoutMs = 300_000): Promise<void> {
    if (this.#state === 'off') throw new AppError('unavailable', `node ${this.name} is off`);
    try {
      await withDeadline(this.#ready.promise, timeoutMs, `node ${this.name}: not ready after ${timeoutMs} ms`);
    } catch (error) {
      const { code, message } = AppError.from(error);
      if (code !== 'deadline_exceeded') throw error;
      // What the guest said last is nearly always the reason.
      const log = await this.consoleLog().catch(() => '');
      const tail = log.trimEnd().split('\n').slice(-8).join('\n');
      throw new AppError(code, `${message} (${this.#state}, boot ${this.#boots}). Its console ends with:\n${tail}`, {
        cause: error,
      });
    }
  }

  #open(): Channel {
    if (this.#channel === undefined || (this.#state !== 'ready' && this.#state !== 'frozen')) {
      throw new AppError('unavailable', `node ${this.name} is ${this.#state}`, {
        details: { remedy: 'power it on and wait until it is ready' },
      });
    }
    return this.#channel;
  }

  exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    return runAsync(() => execIn(this.#open(), this.name, argv, options));
  }

  async sh(script: string, options: ExecOptions = {}): Promise<string> {
    const result = await this.exec(['sh', '-c', script], { ...options, check: true });
    return result.stdout.replace(/\n$/, '');
  }

  spawn(argv: readonly string[], options: ExecOptions = {}): Promise<ExecProcess> {
    return runAsync(() => spawnIn(this.#open(), this.name, argv, { timeoutMs: 0, ...options }));
  }

  put(source: Uint8Array | string, guestPath: string, mode = 0o644): Promise<void> {
    return runAsync(() => putFile(this.#open(), this.name, source, guestPath, mode));
  }

  get(guestPath: string): Promise<Buffer> {
    return runAsync(() => getFile(this.#open(), this.name, guestPath));
  }

  async killProcess(pattern: string, signal = 'SIGKILL'): Promise<number[]> {
    const answer = await this.#open().request({ op: 'pkill', pattern, signal });
    const pids = answer.op === 'done' ? [...(answer.pids ?? [])] : [];
    this.#lab.timeline.add('kill', { node: this.name, pattern, signal, pids });
    return pids;
  }

  async powerOff(): Promise<void> {
    const vm = this.#vm;
    if (vm === undefined) return;
    this.#lab.timeline.add('power-off', { node: this.name });
    await vm.kill();
  }

  async reboot(how: 'soft' | 'hard' = 'soft'): Promise<void> {
    this.#lab.timeline.add('reboot', { node: this.name, how });
    const vm = this.#vm;
    if (vm === undefined) throw new AppError('failed_precondition', `node ${this.name} is off`);
    if (how === 'hard') {
      await this.powerOff();
      await this.powerOn();
    } else {
      const channel = this.#open();
      for (const name of this.#daemons.names) {
        await channel.request({ op: 'daemon', name, action: 'stop', graceMs: 5000 }).catch(() => undefined);
      }
      // Its answer may or may not arrive before the machine is gone.
      execIn(channel, this.name, ['sh', '-c', 'sync; echo b >/proc/sysrq-trigger'], {}).catch(() => undefined);
      await withDeadline(vm.ended, 60_000, `node ${this.name}: did not reboot within 60 s`);
    }
    await this.waitReady();
  }

  async freeze(): Promise<void> {
    if (this.#vm === undefined) throw new AppError('failed_precondition', `node ${this.name} is off`);
    this.#vm.signal('SIGSTOP');
    this.#lab.timeline.add('freeze', { node: this.name });
    this.#state = 'frozen';
  }

  async thaw(): Promise<void> {
    if (this.#vm === undefined || this.#state !== 'frozen')
      throw new AppError('failed_precondition', `node ${this.name} is not frozen`);
    this.#vm.signal('SIGCONT');
    this.#lab.timeline.add('thaw', { node: this.name });
    this.#state = this.#bootMs === undefined ? 'booting' : 'ready';
  }

  async faultDisk(index: number, fault: DiskFault): Promise<void> {
    await this.#setDisk(index, fault);
    this.#faults.set(index, fault);
    this.#lab.timeline.add('disk-fault', { node: this.name, disk: index, ...fault });
  }

  async healDisk(index: number): Promise<void> {
    await this.#setDisk(index, undefined);
    this.#faults.delete(index);
    this.#lab.timeline.add('disk-heal', { node: this.name, disk: index });
  }

  async #setDisk(index: number, fault: DiskFault | undefined): Promise<void> {
    if (this.disks[index] === undefined) {
      throw new AppError('not_found', `node ${this.name}: no disk ${index} (it has ${this.disks.length})`, {
        details: { field: 'disk', value: index },
      });
    }
    const script = faultScript(index, fault);
    if (this.#state === 'off') return; // Applied at the next boot.
    await this.exec(['sh', '-c', script], { check: true, timeoutMs: 20_000 });
  }

  async fillPool(vg: string, percent: number): Promise<void> {
    this.#lab.timeline.add('fill-pool', { node: this.name, vg, percent });
    await this.exec(['sh', '-c', fillScript(checkVgName(vg), percent)], { check: true, timeoutMs: 300_000 });
  }

  async drainPool(vg: string): Promise<void> {
    this.#lab.timeline.add('drain-pool', { node: this.name, vg });
    await this.exec(['sh', '-c', drainScript(checkVgName(vg))], { check: true });
  }

  async skewClock(ms: number): Promise<void> {
    await this.#open().request({ op: 'clock-skew', ms });
    this.#lab.timeline.add('skew-clock', { node: this.name, skewMs: ms });
  }

  async resetClock(): Promise<void> {
    await this.#open().request({ op: 'clock', timeMs: Date.now() });
    this.#lab.timeline.add('reset-clock', { node: this.name });
  }

  isolate(network?: NetworkName): Promise<void> {
    return this.#lab.setLink({ from: this.name, ...(network === undefined ? {} : { network }) }, { cut: true });
  }

  async forward(guestPort: number): Promise<number> {
    return this.#lab.hostPort().forward(this.mgmtAddress, guestPort);
  }

  consoleLog(): Promise<string> {
    return readFile(this.#consoleLogPath, 'utf8');
  }

  daemonLog(name: string): Promise<string> {
    return this.#daemons.log(name);
  }

  daemon(name: string): ManagedProcess {
    const control = async (action: 'start' | 'stop' | 'restart', graceMs = 5000): Promise<void> => {
      await this.#open().request({ op: 'daemon', name, action, graceMs });
      this.#lab.timeline.add(`daemon-${action}`, { node: this.name, daemon: name });
    };
    return {
      start: () => control('start'),
      stop: (graceMs) => control('stop', graceMs),
      restart: () => control('restart'),
      kill: async (signal = 'SIGKILL') => {
        this.#lab.timeline.add('daemon-kill', { node: this.name, daemon: name, signal });
        await this.#open().request({ op: 'daemon-kill', name, signal });
      },
      status: async () => this.#daemons.status(name),
    };
  }

  /** Makes the node start this daemon at its next boot, and now when it is ready. */
  async addDaemon(spec: DaemonSpec): Promise<void> {
    const daemon = this.#daemons.add(spec);
    if (this.#state === 'ready') await this.#open().request({ op: 'daemon-add', daemon });
  }

  async status(): Promise<NodeStatus> {
    const rss = this.#vm?.rssBytes;
    return {
      ...this.#lab.info,
      state: this.#state,
      boots: this.#boots,
      daemons: this.#daemons.names.map((name) => this.#daemons.status(name)),
      diskFaults: Object.fromEntries(this.#faults),
      ...(this.#vm === undefined ? {} : { pid: this.#vm.pid }),
      ...(rss === undefined ? {} : { rssBytes: rss }),
      ...(this.#bootMs === undefined ? {} : { bootMs: this.#bootMs }),
      ...(this.#kernel === undefined ? {} : { kernel: this.#kernel }),
    };
  }

  /** For the end of the lab: everything at once, nothing restarts. */
  async destroy(): Promise<void> {
    this.#destroyed = true;
    await this.#vm?.kill();
    this.#server?.close();
    this.#daemons.close();
  }
}

/** Locally administered addresses that tell network and node. */
function macAddress(network: NetworkName, index: number): string {
  return `52:54:00:${network === 'mgmt' ? '77' : '78'}:00:${index.toString(16).padStart(2, '0')}`;
}

/** A synchronous throw becomes a rejection, as callers of an async function expect. */
async function runAsync<T>(work: () => Promise<T>): Promise<T> {
  return await work();
}
