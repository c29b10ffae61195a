/** A lab that a supervisor process runs, with the same interface as one in this process. */

import { readFile } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { AppError } from '@holdfast/api/errors.ts';
import { exitError } from './guest-exec.ts';
import { listLabs } from './lab-dir.ts';
import { decodeValue, encodeValue, fromWireError, type Reply, readLines, sendLine, type Target } from './rpc.ts';
import type {
  DaemonSpec,
  DiskFault,
  ExecOptions,
  ExecProcess,
  ExecResult,
  HostProcessSpec,
  Lab,
  LabNode,
  LabStatus,
  LinkPolicy,
  LinkSelector,
  ManagedProcess,
  NetworkName,
  NodeInfo,
  NodeStatus,
  ProcessStatus,
  TimelineEvent,
} from './types.ts';

type Handlers = { readonly [K in 'onReply']: (reply: Reply) => void };

/** Finds a running lab. @throws AppError `not_found` when there is none of this name. */
export async function connectLab(name = 'lab'): Promise<RemoteLab> {
  const found = (await listLabs()).find((lab) => lab.name === name && lab.alive);
  if (found === undefined) {
    throw new AppError('not_found', `no lab named '${name}' is running`, {
      details: { field: 'name', value: name, remedy: 'hf lab up' },
    });
  }
  const connection = new Connection(join(found.socketDir, 'lab.sock'));
  const status = (await connection.call({ kind: 'lab' }, 'status', [])) as LabStatus;
  return new RemoteLab(connection, status, found.socketDir);
}

class Connection {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** One request; resolves with its result. */
  async request(
    target: Target,
    method: string,
    args: readonly unknown[],
    handlers?: Handlers,
  ): Promise<{ socket: Socket; result: Promise<unknown> }> {
    const socket = createConnection(this.#path);
    const connected = Promise.withResolvers<void>();
    const done = Promise.withResolvers<unknown>();
    done.promise.catch(() => undefined);
    const gone = (error?: Error): void => {
      const lost = new AppError(
        'unavailable',
        "the lab's supervisor went away",
        error === undefined ? {} : { cause: error },
      );
      connected.reject(lost);
      done.reject(lost);
    };
    socket.once('connect', connected.resolve);
    socket.once('error', gone);
    socket.once('close', () => gone());
    readLines(socket, (value) => {
      const reply = value as Reply;
      if ('result' in reply) done.resolve(decodeValue(reply.result));
      else if ('error' in reply) done.reject(fromWireError(reply.error));
      else handlers?.onReply(reply);
    });
    await connected.promise;
    sendLine(socket, { target, method, args: args.map((arg) => encodeValue(arg) ?? null) });
    return { socket, result: done.promise };
  }

  async call(target: Target, method: string, args: readonly unknown[]): Promise<unknown> {
    const { result } = await this.request(target, method, args);
    return await result;
  }
}

export class RemoteLab implements Lab {
  readonly name: string;
  readonly dir: string;
  readonly nodes: readonly RemoteNode[];
  /** Where the consoles' sockets are: `<node>-con.sock`. */
  readonly socketDir: string;
  readonly #connection: Connection;

  constructor(connection: Connection, status: LabStatus, socketDir: string) {
    this.#connection = connection;
    this.name = status.name;
    this.dir = status.dir;
    this.socketDir = socketDir;
    this.nodes = status.nodes.map((node) => new RemoteNode(connection, node));
  }

  async #call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    return await this.#connection.call({ kind: 'lab' }, method, args);
  }

  node(name: string): RemoteNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found !== undefined) return found;
    const names = this.nodes.map((node) => node.name).join(', ');
    throw new AppError('not_found', `no node '${name}' (there are: ${names})`, {
      details: { field: 'node', value: name },
    });
  }

  host(name: string): ManagedProcess {
    return remoteProcess(this.#connection, { kind: 'host', host: name });
  }

  async hostLog(name: string): Promise<string> {
    return (await this.#call('hostLog', name)) as string;
  }

  async addHostProcess(spec: HostProcessSpec): Promise<void> {
    await this.#call('addHostProcess', spec);
  }

  async addDaemon(node: string, spec: DaemonSpec): Promise<void> {
    await this.#call('addDaemon', node, spec);
  }

  async waitReady(timeoutMs?: number): Promise<void> {
    await this.#call('waitReady', timeoutMs);
  }

  async setLink(selector: LinkSelector, policy: LinkPolicy): Promise<void> {
    await this.#call('setLink', selector, policy);
  }

  async cut(selector: LinkSelector): Promise<void> {
    await this.#call('cut', selector);
  }

  async heal(selector: LinkSelector): Promise<void> {
    await this.#call('heal', selector);
  }

  async healAll(): Promise<void> {
    await this.#call('healAll');
  }

  async note(event: string, data?: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#call('note', event, data);
  }

  async timeline(): Promise<readonly TimelineEvent[]> {
    return (await this.#call('timeline')) as TimelineEvent[];
  }

  /** Every event so far, then each as it happens, until aborted. */
  async follow(onEvent: (event: TimelineEvent) => void, signal: AbortSignal): Promise<void> {
    const { socket, result } = await this.#connection.request({ kind: 'lab' }, 'follow', [], {
      onReply: (reply) => {
        if ('event' in reply) onEvent(reply.event as TimelineEvent);
      },
    });
    const stop = (): void => void socket.destroy();
    signal.addEventListener('abort', stop, { once: true });
    await result.catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  async status(): Promise<LabStatus> {
    return (await this.#call('status')) as LabStatus;
  }

  async destroy(): Promise<void> {
    await this.#call('destroy');
  }

  /** Leaves the lab running: this process only looked at it. */
  async [Symbol.asyncDispose](): Promise<void> {}
}

function remoteProcess(connection: Connection, target: Target): ManagedProcess {
  const call = async (method: string, ...args: readonly unknown[]): Promise<unknown> =>
    await connection.call(target, method, args);
  return {
    start: async () => void (await call('start')),
    stop: async (graceMs) => void (await call('stop', graceMs)),
    restart: async () => void (await call('restart')),
    kill: async (signal) => void (await call('kill', signal)),
    status: async () => (await call('status')) as ProcessStatus,
  };
}

export class RemoteNode implements LabNode {
  readonly name: string;
  readonly index: number;
  readonly mgmtAddress: string;
  readonly replAddress: string;
  readonly disks: readonly string[];
  readonly #connection: Connection;

  constructor(connection: Connection, info: NodeInfo) {
    this.#connection = connection;
    ({
      name: this.name,
      index: this.index,
      mgmtAddress: this.mgmtAddress,
      replAddress: this.replAddress,
      disks: this.disks,
    } = info);
  }

  async #call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    return await this.#connection.call({ kind: 'node', node: this.name }, method, args);
  }

  async waitReady(timeoutMs?: number): Promise<void> {
    await this.#call('waitReady', timeoutMs);
  }

  async status(): Promise<NodeStatus> {
    return (await this.#call('status')) as NodeStatus;
  }

  async exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const child = await this.spawn(argv, { timeoutMs: 60_000, ...options });
    if (options.stdin === undefined) child.endInput();
    const result = await child.result;
    if (options.check === true && result.code !== 0) throw exitError(this.name, argv, result);
    return result;
  }

  async sh(script: string, options: ExecOptions = {}): Promise<string> {
    return (await this.exec(['sh', '-c', script], { ...options, check: true })).stdout.replace(/\n$/, '');
  }

  async spawn(argv: readonly string[], options: ExecOptions = {}): Promise<ExecProcess> {
    const { env, cwd, stdin, timeoutMs, onStdout, onStderr, signal } = options;
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const started = Promise.withResolvers<number>();
    const { socket, result } = await this.#connection.request(
      { kind: 'node', node: this.name },
      'exec',
      [argv, { env, cwd, timeoutMs }],
      {
        onReply: (reply) => {
          if ('started' in reply) started.resolve(reply.started);
          else if ('out' in reply)
            (onStdout ?? ((chunk: Buffer) => void out.push(chunk)))(Buffer.from(reply.out, 'base64'));
          else if ('err' in reply)
            (onStderr ?? ((chunk: Buffer) => void err.push(chunk)))(Buffer.from(reply.err, 'base64'));
        },
      },
    );
    result.catch(started.reject);
    const kill = (name: string): void => void sendLine(socket, { kill: name });
    signal?.addEventListener('abort', () => kill('SIGKILL'), { once: true });
    const write = (data: string | Uint8Array): void =>
      void sendLine(socket, { stdin: Buffer.from(data).toString('base64') });
    const pid = await started.promise;
    if (stdin !== undefined) {
      write(stdin);
      sendLine(socket, { end: true });
    }
    const finish = async (): Promise<ExecResult> => ({
      ...((await result) as ExecResult),
      stdout: Buffer.concat(out).toString(),
      stderr: Buffer.concat(err).toString(),
    });
    const finished = finish();
    finished.catch(() => undefined);
    return {
      pid,
      result: finished,
      write,
      endInput: () => void sendLine(socket, { end: true }),
      kill: (name = 'SIGTERM') => kill(name),
    };
  }

  async put(source: Uint8Array | string, guestPath: string, mode?: number): Promise<void> {
    await this.#call('put', typeof source === 'string' ? await readFile(source) : source, guestPath, mode);
  }

  async get(guestPath: string): Promise<Buffer> {
    return (await this.#call('get', guestPath)) as Buffer;
  }

  daemon(name: string): ManagedProcess {
    return remoteProcess(this.#connection, { kind: 'daemon', node: this.name, daemon: name });
  }

  async killProcess(pattern: string, signal?: string): Promise<number[]> {
    return (await this.#call('killProcess', pattern, signal)) as number[];
  }

  async powerOff(): Promise<void> {
    await this.#call('powerOff');
  }

  async powerOn(): Promise<void> {
    await this.#call('powerOn');
  }

  async reboot(how?: 'soft' | 'hard'): Promise<void> {
    await this.#call('reboot', how);
  }

  async freeze(): Promise<void> {
    await this.#call('freeze');
  }

  async thaw(): Promise<void> {
    await this.#call('thaw');
  }

  async faultDisk(index: number, fault: DiskFault): Promise<void> {
    await this.#call('faultDisk', index, fault);
  }

  async healDisk(index: number): Promise<void> {
    await this.#call('healDisk', index);
  }

  async fillPool(vg: string, percent: number): Promise<void> {
    await this.#call('fillPool', vg, percent);
  }

  async drainPool(vg: string): Promise<void> {
    await this.#call('drainPool', vg);
  }

  async skewClock(ms: number): Promise<void> {
    await this.#call('skewClock', ms);
  }

  async resetClock(): Promise<void> {
    await this.#call('resetClock');
  }

  async isolate(network?: NetworkName): Promise<void> {
    await this.#call('isolate', network);
  }

  async forward(guestPort: number): Promise<number> {
    return (await this.#call('forward', guestPort)) as number;
  }

  async consoleLog(): Promise<string> {
    return (await this.#call('consoleLog')) as string;
  }

  async daemonLog(name: string): Promise<string> {
    return (await this.#call('daemonLog', name)) as string;
  }
}
