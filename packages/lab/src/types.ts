/**
 * The public shape of a lab. `createLab` (lab.ts) gives a {@link Lab} in this process; `connectLab` (client.ts) gives
 * the same interface for one that a supervisor process runs.
 */

/** `mgmt` carries the API (and reaches the host's loopback at {@link HOST_ADDRESS}); `repl` carries DRBD. */
export const NETWORKS = ['mgmt', 'repl'] as const;
export type NetworkName = (typeof NETWORKS)[number];

/** Address under which a guest reaches services that listen on the host's 127.0.0.1, through the `mgmt` network. */
export const HOST_ADDRESS = '10.77.0.2';

/** The end of a link that is the host itself (its services, and port forwards to nodes). Only on `mgmt`. */
export const HOST_PORT = 'host';

/** A long step reports what it does; `percent` (0..100) only where it is known. */
export interface Progress {
  readonly step: string;
  readonly detail?: string;
  readonly percent?: number;
}
export type OnProgress = (progress: Progress) => void;

/** What runs on the nodes: each entry becomes `/opt/holdfast/<name>.js` there. */
export interface AppSpec {
  /** Name -> absolute path of a TypeScript (or JavaScript) entry point, bundled with esbuild. */
  readonly entries: Readonly<Record<string, string>>;
  /** Path below `/opt/holdfast` -> absolute path of a host file, copied as is (mode kept). */
  readonly files?: Readonly<Record<string, string>>;
}

/** A process that a node starts at every boot once the lab has configured it. */
export interface DaemonSpec {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** `always` (default): started again 200 ms after it ends, like a DaemonSet's container. `never`: stays down. */
  readonly restart?: 'always' | 'never';
  /** Start with the node (default true); false: only when told to. */
  readonly autostart?: boolean;
}

/** A process on the host that belongs to the lab (API server, controller): dies with it. */
export interface HostProcessSpec {
  readonly name: string;
  readonly argv: readonly string[];
  /** Added to a minimal environment (PATH, HOME, LANG). */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly restart?: 'always' | 'never';
  readonly autostart?: boolean;
}

export interface LabOptions {
  /** Unique per user on this machine; default `lab`. Letters, digits and dashes, at most 24. */
  readonly name?: string;
  /** How many nodes (`n1`, `n2`, ...) or their names. Default 3, at most 16. */
  readonly nodes?: number | readonly string[];
  /** Sizes in bytes of each node's data disks. Default: one of 4 GiB. They are sparse. */
  readonly disks?: readonly number[];
  /** `6.1` (default), `6.12`, `7.2`, or a full package name of a Debian cloud kernel. */
  readonly kernel?: string;
  /** Directory with out-of-tree modules (`*.ko`) that add to or replace the kernel's own, e.g. DRBD 9. */
  readonly initrdModules?: string;
  /** Memory of each node in MiB. Default 640. */
  readonly memoryMiB?: number;
  /** Virtual CPUs of each node. Default 1. */
  readonly cpus?: number;
  /** Size of each node's persistent state disk (`/var/lib/holdfast`) in MiB. Default 512. */
  readonly stateDiskMiB?: number;
  /** Additional Debian packages in the nodes' root file system (another image, cached like the default one). */
  readonly packages?: readonly string[];
  readonly app?: AppSpec;
  /** Daemons of every node, or a function of the node. */
  readonly daemons?: readonly DaemonSpec[] | ((node: NodeInfo) => readonly DaemonSpec[]);
  readonly hostProcesses?: readonly HostProcessSpec[];
  /** Seed of the links' random decisions (drop, jitter). Default 1. */
  readonly seed?: number;
  /** Where images are kept. Default: `$HOLDFAST_CACHE`, else `.cache/lab` of the repository. */
  readonly cacheDir?: string;
  /** Force an accelerator instead of probing. */
  readonly accel?: 'kvm' | 'tcg';
  /** Keep disks, logs and the timeline after the end (they are in {@link Lab.dir}). Default false. */
  readonly keep?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** What is known of a node before it boots. */
export interface NodeInfo {
  readonly name: string;
  /** 1-based. */
  readonly index: number;
  readonly mgmtAddress: string;
  readonly replAddress: string;
  /** Stable ids of the data disks in order: `virtio-hf-n1-d0`; in the node: `/dev/disk/by-id/<id>`. */
  readonly disks: readonly string[];
}

/** `booting`: QEMU runs, the guest has not answered yet. `frozen`: its CPU is stopped. */
export const NODE_STATES = ['off', 'booting', 'ready', 'frozen'] as const;
export type NodeState = (typeof NODE_STATES)[number];

export interface NodeStatus extends NodeInfo {
  readonly state: NodeState;
  /** Counts power-ons, from 1. */
  readonly boots: number;
  readonly pid?: number;
  /** Resident memory of QEMU in bytes. */
  readonly rssBytes?: number;
  /** From power-on to the guest answering, of the last boot. */
  readonly bootMs?: number;
  readonly kernel?: string;
  readonly daemons: readonly ProcessStatus[];
  readonly diskFaults: Readonly<Record<number, DiskFault>>;
}

export interface ProcessStatus {
  readonly name: string;
  readonly running: boolean;
  readonly pid?: number;
  readonly starts: number;
  /** How it ended last: an exit code or a signal's name. */
  readonly lastExit?: number | string;
}

export interface ExecOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Text or bytes for standard input; none by default. */
  readonly stdin?: string | Uint8Array;
  /** Killed (SIGKILL, with its process group) after this many ms; the call then fails with `deadline_exceeded`. Default 60000; 0 = never. */
  readonly timeoutMs?: number;
  /** Throw `failed_precondition` on an exit code other than 0. Default false. */
  readonly check?: boolean;
  readonly onStdout?: (chunk: Buffer) => void;
  readonly onStderr?: (chunk: Buffer) => void;
  /** Killed when aborted; the call fails with `aborted`. */
  readonly signal?: AbortSignal;
}

export interface ExecResult {
  /** Exit code; 128 + signal number when a signal ended it. */
  readonly code: number;
  readonly signal?: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

/** A process in a node that runs on after the call (a writer, `drbdsetup events2`). */
export interface ExecProcess {
  readonly pid: number;
  /** Resolves when it has ended; rejects `unavailable` when the node went away first. */
  readonly result: Promise<ExecResult>;
  write(data: string | Uint8Array): void;
  endInput(): void;
  kill(signal?: string): void;
}

/**
 * How a data disk misbehaves. `error`: every request fails. `error-writes`: only writes fail. `slow`: each request takes
 * longer. `flaky`: works `upMs`, then fails `downMs`, and again (whole seconds). `stall`: nothing completes until healed.
 * It stays over a reboot until `healDisk`.
 */
export type DiskFault =
  | { readonly kind: 'error' }
  | { readonly kind: 'error-writes' }
  | { readonly kind: 'slow'; readonly readMs: number; readonly writeMs: number }
  | { readonly kind: 'flaky'; readonly upMs: number; readonly downMs: number }
  | { readonly kind: 'stall' };

/** What a link does to frames, on top of a perfect wire. Absent = not limited. */
export interface LinkPolicy {
  /** Nothing passes: connections hang, they are not reset. */
  readonly cut?: boolean;
  readonly delayMs?: number;
  /** Up to this much more, at random; frames stay in order. */
  readonly jitterMs?: number;
  /** Fraction 0..1 of frames lost. */
  readonly drop?: number;
  /** Bytes per second. */
  readonly rateBps?: number;
}

/** Which directed links a verb means. */
export interface LinkSelector {
  /** Default: both networks. */
  readonly network?: NetworkName;
  /** A node, or `host`. */
  readonly from: string;
  /** A node, `host`, or absent: everything else on the network. */
  readonly to?: string;
  /** `both` (default), or only frames that go `from` -> `to`, or only those that come back. */
  readonly direction?: 'both' | 'out' | 'in';
}

export interface LinkStatus extends LinkPolicy {
  readonly network: NetworkName;
  readonly from: string;
  readonly to: string;
}

export interface TimelineEvent {
  /** ISO 8601, UTC, ms. */
  readonly time: string;
  /** Milliseconds since the lab was created (monotonic clock). */
  readonly ms: number;
  /** Node or host process it is about; absent: the lab. */
  readonly node?: string;
  /** Verb or event name: `power-off`, `ready`, `link`, `disk-fault`, `daemon-exit`, `note`. */
  readonly event: string;
  readonly [key: string]: unknown;
}

export interface LabStatus {
  readonly name: string;
  readonly pid: number;
  readonly dir: string;
  readonly accel: 'kvm' | 'tcg';
  readonly kernel: string;
  readonly nodes: readonly NodeStatus[];
  readonly hostProcesses: readonly ProcessStatus[];
  readonly links: readonly LinkStatus[];
}

/** A daemon in a node or a host process, by name. */
export interface ManagedProcess {
  start(): Promise<void>;
  /** SIGTERM, SIGKILL after `graceMs` (default 5000); it is not started again until told. */
  stop(graceMs?: number): Promise<void>;
  restart(): Promise<void>;
  /** Only sends the signal (default SIGKILL); its restart policy then applies. */
  kill(signal?: string): Promise<void>;
  status(): Promise<ProcessStatus>;
}

export interface LabNode extends NodeInfo {
  /** Waits until the guest answers (and its daemons were told to start). @throws `deadline_exceeded`. */
  waitReady(timeoutMs?: number): Promise<void>;
  status(): Promise<NodeStatus>;
  /** Runs a program to its end. @throws AppError `unavailable` when the node is off or goes away meanwhile. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** `sh -c script`; throws on a non-zero exit and returns stdout without its last newline. */
  sh(script: string, options?: ExecOptions): Promise<string>;
  /** Starts a program and returns while it runs. */
  spawn(argv: readonly string[], options?: ExecOptions): Promise<ExecProcess>;
  /** Writes a file (parent directories are made). `source`: bytes or a host path. */
  put(source: Uint8Array | string, guestPath: string, mode?: number): Promise<void>;
  get(guestPath: string): Promise<Buffer>;
  daemon(name: string): ManagedProcess;
  /** Kills processes whose command line matches the regular expression. Returns the pids (possibly none). */
  killProcess(pattern: string, signal?: string): Promise<number[]>;

  /** Power is cut this instant: nothing is flushed. Resolves when QEMU is gone. */
  powerOff(): Promise<void>;
  /** Boots it; resolves when QEMU runs: use `waitReady()` for the guest. */
  powerOn(): Promise<void>;
  /** `hard`: power-cycle. `soft` (default): SIGTERM to all, sync, reboot. Resolves when it is ready again. */
  reboot(how?: 'soft' | 'hard'): Promise<void>;
  /** Stops its CPU (SIGSTOP to QEMU); its clock jumps at `thaw`. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Disk by index. The fault is below everything: LVM sits on the faulty device. */
  faultDisk(index: number, fault: DiskFault): Promise<void>;
  healDisk(index: number): Promise<void>;
  /** Writes into the first thin pool of the volume group until its data usage is at least `percent`. */
  fillPool(vg: string, percent: number): Promise<void>;
  /** Removes what `fillPool` wrote. */
  drainPool(vg: string): Promise<void>;
  /** Moves the node's clock by so many ms (negative: back). `resetClock` takes the host's time again. */
  skewClock(ms: number): Promise<void>;
  resetClock(): Promise<void>;
  /** Cut from everyone on the network (default: both networks). */
  isolate(network?: NetworkName): Promise<void>;
  /** A TCP port of the host's 127.0.0.1 that leads to this port of the node. Same pair, same port. */
  forward(guestPort: number): Promise<number>;
  /** What was printed on the serial console since the lab was created. */
  consoleLog(): Promise<string>;
  /** What the daemon printed since the lab was created (all boots). */
  daemonLog(name: string): Promise<string>;
}

export interface Lab extends AsyncDisposable {
  readonly name: string;
  /** Directory with logs, disks and the timeline; removed at the end unless `keep`. */
  readonly dir: string;
  readonly nodes: readonly LabNode[];
  /** @throws AppError `not_found` naming the nodes there are. */
  node(name: string): LabNode;
  host(name: string): ManagedProcess;
  hostLog(name: string): Promise<string>;
  /** Adds a host process after the start, for example when its arguments were not known before. */
  addHostProcess(spec: HostProcessSpec): Promise<void>;
  /** Changes what the nodes start at boot from now on, and starts it on nodes that are ready. */
  addDaemon(node: string, spec: DaemonSpec): Promise<void>;
  /** All nodes answer. Default 300000 ms: a busy machine without KVM is slow. */
  waitReady(timeoutMs?: number): Promise<void>;
  /** Replaces the policy of the links; `{}` is a perfect wire again. */
  setLink(selector: LinkSelector, policy: LinkPolicy): Promise<void>;
  cut(selector: LinkSelector): Promise<void>;
  heal(selector: LinkSelector): Promise<void>;
  /** Every link perfect. */
  healAll(): Promise<void>;
  /** Adds the caller's own event. */
  note(event: string, data?: Readonly<Record<string, unknown>>): Promise<void>;
  timeline(): Promise<readonly TimelineEvent[]>;
  status(): Promise<LabStatus>;
  /** Stops everything at once and removes what it left. Idempotent; `await using` calls it. */
  destroy(): Promise<void>;
}
