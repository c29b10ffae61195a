/** Daemons of a node: started at boot, restarted when they end, their output sent to the host. */
import { type ChildProcess, spawn } from 'node:child_process';
import { DAEMON_STREAMS, encodeFrame, encodeMessage, type GuestDaemon } from '../frames.ts';
import type { Port } from './port.ts';

const RESTART_DELAY_MS = 200;

export const GUEST_ENV: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LC_ALL: 'C.UTF-8',
  DM_DISABLE_UDEV: '1',
};

class Daemon {
  spec: GuestDaemon;
  readonly #port: Port;
  readonly #stream: number;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #wanted = false;

  constructor(port: Port, stream: number, spec: GuestDaemon) {
    this.#port = port;
    this.#stream = stream;
    this.spec = spec;
  }

  start(): void {
    this.#wanted = true;
    if (this.#child !== undefined) return;
    const { name, argv, env, cwd } = this.spec;
    const [file = '', ...args] = argv;
    const child = spawn(file, args, {
      env: { ...GUEST_ENV, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.#child = child;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    const ended = (code: number | null, signal: string | null): void => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#port.send(encodeMessage(this.#stream, { op: 'daemon-exited', name, code, signal }));
      resolve();
      setTimeout(() => {
        if (this.#wanted && this.spec.restart === 'always') this.start();
      }, RESTART_DELAY_MS);
    };
    child.once('spawn', () =>
      this.#port.send(encodeMessage(this.#stream, { op: 'daemon-started', name, pid: child.pid ?? 0 })),
    );
    child.once('error', (error) => {
      this.#port.send(encodeFrame('err', this.#stream, Buffer.from(`${name}: ${error.message}\n`)));
      if (child.pid === undefined) ended(127, null);
    });
    child.once('exit', ended);
    child.stdout?.on('data', (chunk: Buffer) => this.#port.send(encodeFrame('out', this.#stream, chunk)));
    child.stderr?.on('data', (chunk: Buffer) => this.#port.send(encodeFrame('err', this.#stream, chunk)));
  }

  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async stop(graceMs: number): Promise<void> {
    this.#wanted = false;
    const child = this.#child;
    if (child === undefined) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await this.#ended;
    clearTimeout(timer);
  }
}

export class Daemons {
  readonly #port: Port;
  readonly #byName = new Map<string, Daemon>();

  constructor(port: Port) {
    this.#port = port;
  }

  /** Adds or replaces a specification; a running daemon goes on with its old one until restarted. */
  add(spec: GuestDaemon): void {
    const known = this.#byName.get(spec.name);
    if (known !== undefined) known.spec = spec;
    else this.#byName.set(spec.name, new Daemon(this.#port, DAEMON_STREAMS + this.#byName.size, spec));
    if (spec.autostart) this.get(spec.name).start();
  }

  get(name: string): Daemon {
    const daemon = this.#byName.get(name);
    if (daemon === undefined)
      throw new Error(`no daemon '${name}' (there are: ${[...this.#byName.keys()].join(', ') || 'none'})`);
    return daemon;
  }
}
