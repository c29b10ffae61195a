/** The host as a port of the `mgmt` switch: QEMU's user-mode network stack, without a machine around it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { AppError } from '@holdfast/api/errors.ts';
import { findTool, toolEnv } from './run.ts';
import { HOST_ADDRESS } from './types.ts';

/** A TCP port of 127.0.0.1 that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    resolve(typeof address === 'object' && address !== null ? address.port : 0);
  });
  const port = await promise;
  server.close();
  return port;
}

interface QmpAnswer {
  readonly return?: unknown;
  readonly error?: { readonly desc?: string };
}

export class HostPort {
  readonly #child: ChildProcess;
  readonly #waiting: ((answer: QmpAnswer) => void)[] = [];
  readonly #forwards = new Map<string, Promise<number>>();
  readonly #ended: Promise<void>;
  #stderr = '';

  /** Starts the helper; it connects to the switch's socket. */
  constructor(switchSocket: string) {
    const argv = [
      '--pdeathsig', 'KILL', '--', findTool('qemu-system-x86_64'), '-machine', 'none', '-nodefaults', '-no-user-config', '-display', 'none',
      '-netdev', `user,id=u,net=10.77.0.0/24,host=${HOST_ADDRESS},ipv6=off`,
      '-netdev', 'hubport,id=h0,hubid=0,netdev=u',
      '-netdev', `stream,id=s,server=off,addr.type=unix,addr.path=${switchSocket.replaceAll(',', ',,')}`,
      '-netdev', 'hubport,id=h1,hubid=0,netdev=s',
      '-qmp', 'stdio',
    ]; // biome-ignore format: pairs
    this.#child = spawn(findTool('setpriv'), argv, { env: toolEnv(), stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    this.#child.stdin?.on('error', () => undefined);
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-2048);
    });
    let rest = '';
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const answer = JSON.parse(line) as QmpAnswer;
        if ('return' in answer || 'error' in answer) this.#waiting.shift()?.(answer);
      }
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    const ended = (): void => {
      for (const waiting of this.#waiting.splice(0)) waiting({ error: { desc: `the helper ended: ${this.#stderr}` } });
      resolve();
    };
    this.#child.once('error', ended);
    this.#child.once('close', ended);
    void this.#qmp({ execute: 'qmp_capabilities' });
  }

  #qmp(command: object): Promise<QmpAnswer> {
    const { promise, resolve } = Promise.withResolvers<QmpAnswer>();
    this.#waiting.push(resolve);
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
    return promise;
  }

  /** A port of the host's 127.0.0.1 that leads to a node's. The same pair always gets the same port. */
  forward(address: string, guestPort: number): Promise<number> {
    const key = `${address}:${guestPort}`;
    const known = this.#forwards.get(key);
    if (known !== undefined) return known;
    const made = this.#makeForward(key);
    this.#forwards.set(key, made);
    made.catch(() => this.#forwards.delete(key));
    return made;
  }

  async #makeForward(target: string): Promise<number> {
    let last = '';
    // Somebody may take the free port between our look and QEMU's: look again.
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const port = await freePort();
      const answer = await this.#qmp({
        execute: 'human-monitor-command',
        arguments: { 'command-line': `hostfwd_add u tcp:127.0.0.1:${port}-${target}` },
      });
      if (answer.error === undefined && answer.return === '') return port;
      last = answer.error?.desc ?? String(answer.return);
    }
    throw new AppError('unavailable', `cannot forward a port to ${target}: ${last.trim()}`);
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
