/** Runs in every node: does what the lab on the host asks for over virtio-serial, whatever the networks do. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, renameSync, watch, writeSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { release, uptime } from 'node:os';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { encodeFrame, encodeMessage, type Frame, type FromGuest, type ToGuest } from '../frames.ts';
import { Daemons, GUEST_ENV } from './daemons.ts';
import { Port } from './port.ts';

const port = await Port.open();
const daemons = new Daemons(port);

/** A stream that takes data from the host: a process's input or a file being written. */
interface Sink {
  data(chunk: Buffer): void;
  end(): void;
  kill(signal: NodeJS.Signals): void;
}
const sinks = new Map<number, Sink>();

function reply(stream: number, message: FromGuest): void {
  port.send(encodeMessage(stream, message));
}

function fail(stream: number, error: unknown): void {
  const errno = (error as NodeJS.ErrnoException).code;
  const message = error instanceof Error ? error.message : String(error);
  reply(stream, { op: 'failed', message, ...(errno === undefined ? {} : { errno }) });
}

/** Sends a process's output, without reading faster than the host takes it. Returns when output was last seen. */
function forward(child: ChildProcess, stream: number): () => number {
  let last = performance.now();
  for (const [source, kind] of [
    [child.stdout, 'out'],
    [child.stderr, 'err'],
  ] as const) {
    source?.on('data', (chunk: Buffer) => {
      last = performance.now();
      port.send(encodeFrame(kind, stream, chunk));
      if (!port.congested) return;
      source.pause();
      port.onDrain(() => source.resume());
    });
  }
  return () => last;
}

function exec(stream: number, message: Extract<ToGuest, { op: 'exec' }>): void {
  const [file = '', ...args] = message.argv;
  const child = spawn(file, args, {
    env: { ...GUEST_ENV, ...message.env },
    stdio: [message.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    detached: true, // A group of its own, so that what it starts can be killed with it.
    cwd: message.cwd ?? '/root',
  });
  child.stdin?.on('error', () => undefined); // It may end before it has read everything.
  sinks.set(stream, {
    data: (chunk) => void child.stdin?.write(chunk),
    end: () => void child.stdin?.end(),
    kill: (signal) => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, signal);
      } catch {
        child.kill(signal);
      }
    },
  });
  const lastOutput = forward(child, stream);
  let started = false;
  child.once('spawn', () => {
    started = true;
    reply(stream, { op: 'started', pid: child.pid ?? 0 });
  });
  child.once('error', (error) => {
    if (started) return;
    sinks.delete(stream);
    fail(stream, error);
  });
  child.once('exit', (code, signal) => {
    const done = (): void => {
      if (!sinks.delete(stream)) return;
      reply(stream, { op: 'exit', code, signal });
    };
    child.once('close', done);
    // A background child may keep the pipes open for ever: after half a second of silence, what was printed is all.
    const timer = setInterval(() => {
      if (sinks.has(stream) && (port.congested || performance.now() - lastOutput() < 500)) return;
      clearInterval(timer);
      done();
    }, 100);
  });
}

async function put(stream: number, path: string, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.lab-part`;
  const fd = openSync(part, 'w', mode);
  sinks.set(stream, {
    data: (chunk) => void writeSync(fd, chunk),
    end: () => {
      sinks.delete(stream);
      closeSync(fd);
      renameSync(part, path);
      reply(stream, { op: 'done' });
    },
    kill: () => {
      sinks.delete(stream);
      closeSync(fd);
    },
  });
  reply(stream, { op: 'started', pid: 0 });
}

async function get(stream: number, path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 262_144 })) {
      port.send(encodeFrame('out', stream, chunk as Buffer));
      if (port.congested) await new Promise<void>((resolve) => port.onDrain(resolve));
    }
  } finally {
    await file.close();
  }
  reply(stream, { op: 'done' });
}

function pkill(pattern: string, signal: NodeJS.Signals): number[] {
  const regex = new RegExp(pattern);
  const spared = new Set([1, process.pid, process.ppid]);
  const killed: number[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || spared.has(pid)) continue;
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
      if (words === '' || !regex.test(words)) continue;
      process.kill(pid, signal);
      killed.push(pid);
    } catch {
      // It ended meanwhile.
    }
  }
  return killed;
}

/** Node cannot set the clock; `date` can, to the millisecond. */
async function setClock(timeMs: number): Promise<void> {
  await promisify(execFile)('date', ['-s', `@${(timeMs / 1000).toFixed(3)}`], { env: GUEST_ENV });
}

/** The boot script makes disks and networks while Node starts: daemons must find both. */
async function devicesReady(): Promise<void> {
  const mark = '/run/lab-devices-ready';
  if (existsSync(mark)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const watcher = watch('/run', () => {
    if (existsSync(mark)) resolve();
  });
  if (existsSync(mark)) resolve();
  await promise;
  watcher.close();
}

async function handle(stream: number, message: ToGuest): Promise<void> {
  switch (message.op) {
    case 'configure':
      await setClock(message.timeMs);
      for (const daemon of message.daemons) daemons.add(daemon);
      reply(stream, { op: 'done' });
      return;
    case 'exec':
      exec(stream, message);
      return;
    case 'end':
      sinks.get(stream)?.end();
      return;
    case 'kill':
      sinks.get(stream)?.kill(message.signal as NodeJS.Signals);
      return;
    case 'put':
      await put(stream, message.path, message.mode);
      return;
    case 'get':
      void get(stream, message.path).catch((error: unknown) => fail(stream, error));
      return;
    case 'pkill':
      reply(stream, { op: 'done', pids: pkill(message.pattern, message.signal as NodeJS.Signals) });
      return;
    case 'clock':
      await setClock(message.timeMs);
      reply(stream, { op: 'done' });
      return;
    case 'clock-skew':
      await setClock(Date.now() + message.ms);
      reply(stream, { op: 'done' });
      return;
    case 'daemon-add':
      daemons.add(message.daemon);
      reply(stream, { op: 'done' });
      return;
    case 'daemon':
      await control(message);
      reply(stream, { op: 'done' });
      return;
    case 'daemon-kill':
      daemons.get(message.name).kill(message.signal as NodeJS.Signals);
      reply(stream, { op: 'done' });
      return;
    default:
      throw new Error(`unknown request ${JSON.stringify(message satisfies never)}`);
  }
}

async function control(message: Extract<ToGuest, { op: 'daemon' }>): Promise<void> {
  const daemon = daemons.get(message.name);
  if (message.action !== 'start') await daemon.stop(message.graceMs);
  if (message.action !== 'stop') daemon.start();
}

function receive(frame: Frame): Promise<void> | void {
  if (frame.kind !== 'json') {
    try {
      sinks.get(frame.stream)?.data(frame.data);
    } catch (error) {
      sinks.get(frame.stream)?.kill('SIGKILL');
      fail(frame.stream, error);
    }
    return;
  }
  const message = JSON.parse(frame.data.toString()) as ToGuest;
  const work = handle(frame.stream, message).catch((error: unknown) => fail(frame.stream, error));
  // Only file writes hold up the channel: their data follows at once.
  return message.op === 'put' || message.op === 'end' ? work : undefined;
}

await devicesReady();
reply(0, { op: 'hello', kernel: release(), uptimeMs: Math.round(uptime() * 1000) });
await port.readAll(receive);
