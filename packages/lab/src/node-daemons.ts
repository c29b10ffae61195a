/** What the host knows of a node's daemons: their state, and their output in a log that survives the node. */
import { createWriteStream, type WriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@holdfast/api/errors.ts';
import { DAEMON_STREAMS, type FromGuest, type GuestDaemon } from './frames.ts';
import type { Timeline } from './timeline.ts';
import type { DaemonSpec, ProcessStatus } from './types.ts';

interface DaemonState {
  pid: number | undefined;
  starts: number;
  lastExit: number | string | undefined;
  readonly log: WriteStream;
}

export class NodeDaemons {
  readonly #node: string;
  readonly #logDir: string;
  readonly #timeline: Timeline;
  /** In the order in which the guest numbers their streams. */
  readonly #specs: DaemonSpec[];
  readonly #states = new Map<string, DaemonState>();

  constructor(node: string, specs: readonly DaemonSpec[], logDir: string, timeline: Timeline) {
    this.#node = node;
    this.#specs = [...specs];
    this.#logDir = logDir;
    this.#timeline = timeline;
  }

  get names(): readonly string[] {
    return this.#specs.map((spec) => spec.name);
  }

  /** For the guest, which starts them at its boot. */
  forGuest(): GuestDaemon[] {
    return this.#specs.map(guestDaemon);
  }

  /** Adds or replaces one; returns what to tell a running guest. */
  add(spec: DaemonSpec): GuestDaemon {
    const known = this.#specs.findIndex(({ name }) => name === spec.name);
    if (known >= 0) this.#specs[known] = spec;
    else this.#specs.push(spec);
    return guestDaemon(spec);
  }

  #logPath(name: string): string {
    return join(this.#logDir, `${this.#node}-${name}.log`);
  }

  async log(name: string): Promise<string> {
    return await readFile(this.#logPath(name), 'utf8').catch(() => '');
  }

  #state(name: string): DaemonState {
    let state = this.#states.get(name);
    if (state === undefined) {
      const log = createWriteStream(this.#logPath(name), { flags: 'a' });
      log.on('error', () => undefined); // The lab's directory is being removed.
      state = { pid: undefined, starts: 0, lastExit: undefined, log };
      this.#states.set(name, state);
    }
    return state;
  }

  message(message: FromGuest): void {
    if (message.op === 'daemon-started') {
      const state = this.#state(message.name);
      state.pid = message.pid;
      state.starts += 1;
      this.#timeline.add('daemon-started', { node: this.#node, daemon: message.name, pid: message.pid });
    } else if (message.op === 'daemon-exited') {
      const state = this.#state(message.name);
      state.pid = undefined;
      state.lastExit = message.code ?? message.signal ?? undefined;
      this.#timeline.add('daemon-exited', { node: this.#node, daemon: message.name, exit: state.lastExit });
    }
  }

  output(stream: number, chunk: Buffer): void {
    const spec = this.#specs[stream - DAEMON_STREAMS];
    if (spec !== undefined) this.#state(spec.name).log.write(chunk);
  }

  /** The node is off: nothing runs in it. */
  allGone(): void {
    for (const state of this.#states.values()) state.pid = undefined;
  }

  /** @throws AppError `not_found`. */
  status(name: string): ProcessStatus {
    if (!this.#specs.some((spec) => spec.name === name)) {
      throw new AppError(
        'not_found',
        `node ${this.#node} has no daemon '${name}' (it has: ${this.names.join(', ') || 'none'})`,
        {
          details: { field: 'daemon', value: name },
        },
      );
    }
    const state = this.#states.get(name);
    return {
      name,
      running: state?.pid !== undefined,
      starts: state?.starts ?? 0,
      ...(state?.pid === undefined ? {} : { pid: state.pid }),
      ...(state?.lastExit === undefined ? {} : { lastExit: state.lastExit }),
    };
  }

  close(): void {
    for (const { log } of this.#states.values()) log.end();
  }
}

function guestDaemon(spec: DaemonSpec): GuestDaemon {
  return {
    name: spec.name,
    argv: spec.argv,
    env: spec.env ?? {},
    restart: spec.restart ?? 'always',
    autostart: spec.autostart ?? true,
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
  };
}
