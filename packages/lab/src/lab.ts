/** Creates labs. See types.ts for what a {@link Lab} can do. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@holdfast/api/errors.ts';
import { probeAccel } from './accel.ts';
import { writeAppDisk } from './app.ts';
import { defaultCacheDir } from './cache.ts';
import { withDeadline } from './deadline.ts';
import { makeExt4, sparseFile } from './ext4.ts';
import { HostPort } from './host-port.ts';
import { HostProcess } from './host-process.ts';
import { DEFAULT_KERNEL, type Kernel, prepareKernel } from './kernel.ts';
import { closeLabDir, type LabDir, openLabDir } from './lab-dir.ts';
import { type CheckedOptions, checkOptions } from './lab-options.ts';
import { checkPolicy, expandSelector } from './links.ts';
import { LocalNode } from './node.ts';
import type { NodeRuntime } from './node-runtime.ts';
import { type RootImage, rootImage } from './rootfs.ts';
import { requireTools } from './run.ts';
import type { ServedLab } from './serve.ts';
import { endOnSignals } from './signals.ts';
import { Switch } from './switch.ts';
import { Timeline } from './timeline.ts';
import {
  type DaemonSpec,
  HOST_PORT,
  type HostProcessSpec,
  type LabNode,
  type LabOptions,
  type LabStatus,
  type LinkPolicy,
  type LinkSelector,
  type ManagedProcess,
  type NetworkName,
  type TimelineEvent,
} from './types.ts';

export type * from './types.ts';
export { HOST_ADDRESS } from './types.ts';

const NEEDED_TOOLS = [
  'qemu-system-x86_64',
  'apt-get',
  'dpkg-deb',
  'mke2fs',
  'setpriv',
  'unshare',
  'tar',
  'busybox',
  'xz',
  'du',
];

/** What nodes boot from; built (with network) when not in the cache. */
export async function prepareImages(options: LabOptions = {}): Promise<{ root: RootImage; kernel: Kernel }> {
  requireTools(NEEDED_TOOLS);
  const cacheDir = options.cacheDir ?? defaultCacheDir();
  const onProgress = options.onProgress ?? (() => undefined);
  const root = await rootImage(cacheDir, options.packages ?? [], onProgress);
  const kernel = await prepareKernel(
    cacheDir,
    options.kernel ?? DEFAULT_KERNEL,
    options.initrdModules,
    root,
    onProgress,
  );
  return { root, kernel };
}

/**
 * Boots a lab in this process; returns when all nodes are powered on (not yet booted: see `waitReady`). Its VMs die with
 * this process. @throws AppError `already_exists` (name taken), `invalid_argument`, `failed_precondition` (tools missing).
 */
export async function createLab(options: LabOptions = {}): Promise<ServedLab> {
  const checked = checkOptions(options);
  const cacheDir = options.cacheDir ?? defaultCacheDir();
  const onProgress = options.onProgress ?? (() => undefined);
  const { root, kernel } = await prepareImages(options);
  const accel = options.accel ?? (await probeAccel(cacheDir, kernel));
  options.signal?.throwIfAborted();
  const dir = await openLabDir(checked.name, cacheDir);
  const lab = new LocalLab(options, checked, dir, { root, kernel, accel });
  try {
    onProgress({ step: 'bundle the code' });
    await lab.start();
    return lab;
  } catch (error) {
    await lab.destroy();
    throw error;
  }
}

interface Base {
  readonly root: RootImage;
  readonly kernel: Kernel;
  readonly accel: 'kvm' | 'tcg';
}

class LocalLab implements ServedLab {
  readonly name: string;
  readonly dir: string;
  readonly nodes: readonly LocalNode[];
  readonly #options: LabOptions;
  readonly #checked: CheckedOptions;
  readonly #labDir: LabDir;
  readonly #base: Base;
  readonly #timeline: Timeline;
  readonly #switches: Readonly<Record<NetworkName, Switch>>;
  readonly #hosts = new Map<string, HostProcess>();
  #hostPort: HostPort | undefined;
  #destroyed: Promise<void> | undefined;
  readonly #forgetSignals: () => void;

  constructor(options: LabOptions, checked: CheckedOptions, labDir: LabDir, base: Base) {
    this.name = checked.name;
    this.dir = labDir.dataDir;
    this.#options = options;
    this.#checked = checked;
    this.#labDir = labDir;
    this.#base = base;
    this.#timeline = new Timeline({ path: join(labDir.dataDir, 'timeline.jsonl') });
    const names = checked.nodes.map((node) => node.name);
    this.#switches = {
      mgmt: new Switch('mgmt', [HOST_PORT, ...names], { seed: checked.seed }),
      repl: new Switch('repl', names, { seed: checked.seed + 1 }),
    };
    this.#forgetSignals = endOnSignals(this, () => this.destroy());
    const daemons = options.daemons ?? [];
    this.nodes = checked.nodes.map((info) => {
      const runtime: NodeRuntime = {
        info,
        allNodes: checked.nodes,
        labName: checked.name,
        accel: base.accel,
        kernel: base.kernel,
        rootImage: base.root.image,
        appDisk: join(labDir.dataDir, 'disks', 'app.img'),
        memoryMiB: checked.memoryMiB,
        cpus: checked.cpus,
        socketDir: labDir.socketDir,
        diskDir: join(labDir.dataDir, 'disks'),
        logDir: join(labDir.dataDir, 'logs'),
        timeline: this.#timeline,
        hostPort: () => this.#helper(),
        daemons: typeof daemons === 'function' ? daemons(info) : daemons,
        switchSocket: (network) => join(labDir.socketDir, `${network}-${info.name}.sock`),
        setLink: (selector, policy) => this.setLink(selector, policy),
      };
      return new LocalNode(runtime);
    });
  }

  async start(): Promise<void> {
    const { socketDir, dataDir } = this.#labDir;
    this.#timeline.add('lab', {
      name: this.name,
      kernel: this.#base.kernel.release,
      accel: this.#base.accel,
      nodes: this.nodes.length,
    });
    const hosts = (this.#options.hostProcesses ?? []).map((spec) => this.addHostProcess(spec));
    const disks = join(dataDir, 'disks');
    await Promise.all([
      ...hosts,
      writeAppDisk(join(disks, 'app.img'), this.#options.app),
      this.#makeDisks(disks),
      ...Object.values(this.#switches).flatMap((net) =>
        net.portNames.map((port) => net.listen(port, join(socketDir, `${net.network}-${port}.sock`))),
      ),
      ...this.nodes.map((node) => node.open()),
    ]);
    this.#options.signal?.throwIfAborted();
    this.#hostPort = new HostPort(join(socketDir, `mgmt-${HOST_PORT}.sock`));
    await Promise.all(this.nodes.map((node) => node.powerOn()));
  }

  async #makeDisks(disks: string): Promise<void> {
    const stateBytes = this.#checked.stateDiskMiB * 2 ** 20;
    await Promise.all(
      this.nodes.flatMap((node) => [
        makeExt4(join(disks, `${node.name}-state.img`), { sizeBytes: stateBytes }),
        ...this.#checked.diskBytes.map((bytes, index) => sparseFile(join(disks, `${node.name}-d${index}.img`), bytes)),
      ]),
    );
  }

  #helper(): HostPort {
    if (this.#hostPort === undefined) throw new AppError('failed_precondition', 'the lab has not started');
    return this.#hostPort;
  }

  node(name: string): LocalNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found !== undefined) return found;
    const names = this.nodes.map((node) => node.name).join(', ');
    throw new AppError('not_found', `no node '${name}' (there are: ${names})`, {
      details: { field: 'node', value: name },
    });
  }

  host(name: string): ManagedProcess {
    const found = this.#hosts.get(name);
    if (found !== undefined) return found;
    const names = [...this.#hosts.keys()].join(', ') || 'none';
    throw new AppError('not_found', `no host process '${name}' (there are: ${names})`, {
      details: { field: 'host', value: name },
    });
  }

  async hostLog(name: string): Promise<string> {
    return await readFile(this.#hostLogPath(name), 'utf8').catch(() => '');
  }

  #hostLogPath(name: string): string {
    return join(this.dir, 'logs', `host-${name}.log`);
  }

  async addHostProcess(spec: HostProcessSpec): Promise<void> {
    if (this.#hosts.has(spec.name))
      throw new AppError('already_exists', `there is a host process '${spec.name}' already`);
    const host = new HostProcess(spec, this.#hostLogPath(spec.name), this.#timeline);
    this.#hosts.set(spec.name, host);
    if (spec.autostart !== false) await host.start();
  }

  async addDaemon(node: string, spec: DaemonSpec): Promise<void> {
    await this.node(node).addDaemon(spec);
  }

  async waitReady(timeoutMs = 300_000): Promise<void> {
    await withDeadline(
      Promise.all(this.nodes.map((node) => node.waitReady(timeoutMs))),
      timeoutMs,
      `lab ${this.name}: not all nodes are ready`,
    );
  }

  async setLink(selector: LinkSelector, policy: LinkPolicy): Promise<void> {
    checkPolicy(policy);
    const ports = { mgmt: this.#switches.mgmt.portNames, repl: this.#switches.repl.portNames };
    for (const { network, from, to } of expandSelector(selector, ports))
      this.#switches[network].setPolicy(from, to, policy);
    const { from, to, network, direction } = selector;
    this.#timeline.add('link', {
      node: from,
      to: to ?? '*',
      network: network ?? 'both',
      direction: direction ?? 'both',
      ...policy,
    });
  }

  cut(selector: LinkSelector): Promise<void> {
    return this.setLink(selector, { cut: true });
  }

  heal(selector: LinkSelector): Promise<void> {
    return this.setLink(selector, {});
  }

  async healAll(): Promise<void> {
    for (const { network, from, to } of Object.values(this.#switches).flatMap((net) => net.impaired())) {
      this.#switches[network].setPolicy(from, to, {});
    }
    this.#timeline.add('heal-all');
  }

  async note(event: string, data: Readonly<Record<string, unknown>> = {}): Promise<void> {
    this.#timeline.add(event, data);
  }

  async timeline(): Promise<readonly TimelineEvent[]> {
    return [...this.#timeline.events];
  }

  /** For the supervisor's `timeline --follow`. */
  subscribe(listener: (event: TimelineEvent) => void): () => void {
    return this.#timeline.subscribe(listener);
  }

  async status(): Promise<LabStatus> {
    return {
      name: this.name,
      pid: process.pid,
      dir: this.dir,
      accel: this.#base.accel,
      kernel: this.#base.kernel.release,
      nodes: await Promise.all(this.nodes.map((node) => node.status())),
      hostProcesses: await Promise.all([...this.#hosts.values()].map((host) => host.status())),
      links: Object.values(this.#switches).flatMap((net) => net.impaired()),
    };
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#end();
    return this.#destroyed;
  }

  async #end(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.destroy()));
    await Promise.all([...this.#hosts.values()].map((host) => host.stop(2000)));
    await this.#hostPort?.stop();
    for (const net of Object.values(this.#switches)) net.close();
    this.#timeline.add('end');
    await this.#timeline.close();
    await closeLabDir(this.#labDir, this.#options.keep === true);
    this.#forgetSignals();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy();
  }
}

export type { LabNode };
