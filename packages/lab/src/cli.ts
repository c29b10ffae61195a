/**
 * The functions behind `hf lab ...`: typed options in, plain results out; the commander wiring and the tables are the
 * CLI's. Every verb works on a running lab by name (default `lab`).
 */

import { readFile, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { parseBytes } from '@holdfast/api/bytes.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { connectLab } from './client.ts';
import { listLabs, removeStaleLabs } from './lab-dir.ts';
import { startSupervised } from './supervise.ts';
import { formatEvent, formatTimeline } from './timeline.ts';
import {
  type DiskFault,
  type LabOptions,
  type LabStatus,
  type LinkPolicy,
  type LinkSelector,
  NETWORKS,
  type NetworkName,
} from './types.ts';

/** Streams of the terminal; `process` fits. */
export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Lets the process end although its input has not. */
function release(stdin: NodeJS.ReadStream): void {
  stdin.pause();
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
}

/** `2x4G` -> two disks of 4 GiB; `1G,2x512M` -> three. @throws AppError `invalid_argument`. */
export function parseDisks(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const match = /^\s*(?:(\d{1,2})x)?(.+)$/.exec(part);
    const size = parseBytes(match?.[2] ?? '', 'disks');
    return Array.from({ length: Number(match?.[1] ?? 1) }, () => size);
  });
}

/** `n1:/path` -> node and path; anything else is a path of the host. */
export function parseEndpoint(text: string): { node?: string; path: string } {
  const match = /^([a-z][a-z0-9-]*):(.+)$/.exec(text);
  return match?.[1] !== undefined && match[2] !== undefined ? { node: match[1], path: match[2] } : { path: text };
}

/** @throws AppError `invalid_argument` for anything but the networks there are. */
export function parseNetwork(text: string): NetworkName {
  const found = NETWORKS.find((network) => network === text);
  if (found === undefined) {
    throw new AppError('invalid_argument', `network: '${text}' is not one of ${NETWORKS.join(', ')}`, {
      details: { field: 'network', value: text },
    });
  }
  return found;
}

export interface UpResult {
  readonly status: LabStatus;
  /** Labs of killed runs whose leftovers were removed. */
  readonly removed: readonly string[];
  readonly ms: number;
}

/** `hf lab up`: starts a lab in a supervisor and waits until every node is ready. An abort ends it again. */
export async function labUp(options: LabOptions): Promise<UpResult> {
  const begin = performance.now();
  const removed = await removeStaleLabs();
  const lab = await startSupervised(options);
  try {
    options.onProgress?.({ step: 'boot' });
    await lab.waitReady();
  } catch (error) {
    await lab.destroy().catch(() => undefined);
    throw error;
  }
  return { status: await lab.status(), removed, ms: Math.round(performance.now() - begin) };
}

/** `hf lab ps`: every lab of this user, with its status when it runs. */
export async function labList(): Promise<{ name: string; pid: number; alive: boolean; status?: LabStatus }[]> {
  const labs = await listLabs();
  return await Promise.all(
    labs.map(async ({ name, pid, alive }) => {
      if (!alive) return { name, pid, alive };
      try {
        return { name, pid, alive, status: await (await connectLab(name)).status() };
      } catch {
        return { name, pid, alive }; // In a test's own process: it serves no socket.
      }
    }),
  );
}

/**
 * `hf lab exec NODE -- CMD`: input, output and signals pass through; returns the exit code.
 */
export async function labExec(lab: string, node: string, argv: readonly string[], terminal: Terminal): Promise<number> {
  const remote = await connectLab(lab);
  const child = await remote.node(node).spawn(argv, {
    timeoutMs: 0,
    onStdout: (chunk) => void terminal.stdout.write(chunk),
    onStderr: (chunk) => void terminal.stderr.write(chunk),
  });
  const onData = (chunk: Buffer): void => child.write(chunk);
  const onEnd = (): void => child.endInput();
  const onInterrupt = (): void => child.kill('SIGINT');
  const { stdin } = terminal;
  // A terminal's input is for programs that ask; a pipe's ends the program's input when it ends.
  stdin.on('data', onData);
  stdin.once('end', onEnd);
  process.on('SIGINT', onInterrupt);
  try {
    return (await child.result).code;
  } finally {
    process.removeListener('SIGINT', onInterrupt);
    stdin.removeListener('data', onData);
    stdin.removeListener('end', onEnd);
    release(stdin);
  }
}

/** `hf lab cp FROM TO`, one of them `NODE:PATH`. */
export async function labCopy(lab: string, from: string, to: string): Promise<void> {
  const source = parseEndpoint(from);
  const target = parseEndpoint(to);
  if (source.node === undefined && target.node === undefined) {
    throw new AppError(
      'invalid_argument',
      `cp: neither '${from}' nor '${to}' is in a node; write NODE:PATH for one of them`,
    );
  }
  const remote = await connectLab(lab);
  const data =
    source.node === undefined ? await readFile(source.path) : await remote.node(source.node).get(source.path);
  if (target.node === undefined) await writeFile(target.path, data);
  else await remote.node(target.node).put(data, target.path);
}

/** `hf lab console NODE`: the serial console until Ctrl-] is pressed. Press Enter for a root shell. */
export async function labConsole(lab: string, node: string, terminal: Terminal): Promise<void> {
  const remote = await connectLab(lab);
  const socket = createConnection(join(remote.socketDir, `${remote.node(node).name}-con.sock`));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('error', (error) =>
    reject(new AppError('unavailable', `node ${node}: no console (is it on?)`, { cause: error })),
  );
  socket.once('close', () => resolve());
  socket.on('data', (chunk: Buffer) => void terminal.stdout.write(chunk));
  const onData = (chunk: Buffer): void => {
    if (chunk.includes(0x1d)) socket.end();
    else socket.write(chunk);
  };
  const { stdin } = terminal;
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on('data', onData);
  socket.once('connect', () => {
    terminal.stderr.write(`Console of ${node}. Enter: shell. Ctrl-]: leave.\r\n`);
    socket.write('\n');
  });
  try {
    await promise;
  } finally {
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.removeListener('data', onData);
    release(stdin);
  }
}

/** `hf lab power-off|power-on|reboot|freeze|thaw NODE`. */
export async function labPower(
  lab: string,
  node: string,
  verb: 'power-off' | 'power-on' | 'reboot' | 'reset' | 'freeze' | 'thaw',
): Promise<void> {
  const target = (await connectLab(lab)).node(node);
  switch (verb) {
    case 'power-off':
      return await target.powerOff();
    case 'power-on':
      await target.powerOn();
      return await target.waitReady();
    case 'reboot':
      return await target.reboot('soft');
    case 'reset':
      return await target.reboot('hard');
    case 'freeze':
      return await target.freeze();
    case 'thaw':
      return await target.thaw();
    default:
      return verb satisfies never;
  }
}

/** `hf lab kill NODE PATTERN [--signal]`: pids killed. */
export async function labKill(lab: string, node: string, pattern: string, signal?: string): Promise<number[]> {
  return await (await connectLab(lab)).node(node).killProcess(pattern, signal);
}

/** `hf lab cut|heal|link`: `{}` heals. */
export async function labLink(lab: string, selector: LinkSelector, policy: LinkPolicy): Promise<void> {
  await (await connectLab(lab)).setLink(selector, policy);
}

export async function labHealAll(lab: string): Promise<void> {
  await (await connectLab(lab)).healAll();
}

/** `hf lab disk NODE INDEX FAULT`; no fault heals. */
export async function labDisk(lab: string, node: string, index: number, fault: DiskFault | undefined): Promise<void> {
  const target = (await connectLab(lab)).node(node);
  if (fault === undefined) await target.healDisk(index);
  else await target.faultDisk(index, fault);
}

/** `hf lab fill NODE VG PERCENT`; 0 drains. */
export async function labFill(lab: string, node: string, vg: string, percent: number): Promise<void> {
  const target = (await connectLab(lab)).node(node);
  if (percent === 0) await target.drainPool(vg);
  else await target.fillPool(vg, percent);
}

/** `hf lab clock NODE MS`; 0 takes the host's time again. */
export async function labClock(lab: string, node: string, skewMs: number): Promise<void> {
  const target = (await connectLab(lab)).node(node);
  if (skewMs === 0) await target.resetClock();
  else await target.skewClock(skewMs);
}

/** `hf lab timeline`: the readable view, or JSON lines. */
export async function labTimeline(lab: string, format: 'text' | 'json'): Promise<string> {
  const events = await (await connectLab(lab)).timeline();
  return format === 'text' ? formatTimeline(events) : events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

/** `hf lab timeline --follow`. */
export async function labFollow(
  lab: string,
  format: 'text' | 'json',
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await (await connectLab(lab)).follow(
    (event) => onLine(format === 'text' ? formatEvent(event) : JSON.stringify(event)),
    signal,
  );
}

/** `hf lab down`: all nodes off; disks, networks and the lab stay (`hf lab power-on` brings a node back). */
export async function labDown(lab: string): Promise<void> {
  const remote = await connectLab(lab);
  await Promise.all(remote.nodes.map((node) => node.powerOff()));
}

/** `hf lab destroy`: everything ends and is removed. Also removes what a killed lab of this name left. */
export async function labDestroy(lab: string): Promise<void> {
  const removed = await removeStaleLabs();
  if (removed.includes(lab)) return;
  await (await connectLab(lab)).destroy();
}
