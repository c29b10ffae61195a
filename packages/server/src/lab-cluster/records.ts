/**
 * A writer in a node whose acknowledged records are remembered on the host, and a checker that tells which of them are
 * there: the proof that no acknowledged write is lost (INV-1). The programs in the node are the lab's guest tools.
 */
import { fileURLToPath } from 'node:url';
import { AppError } from '@holdfast/api/errors.ts';
import type { ExecProcess, LabNode } from '@holdfast/lab/types.ts';
import { createClock } from '../adapters/clock/real.ts';

function tool(name: string): string {
  return fileURLToPath(import.meta.resolve(`@holdfast/lab/guest-tools/${name}.ts`));
}

/** Entries for the nodes: `/opt/holdfast/writer.js` and `/opt/holdfast/checker.js`. */
export const RECORD_TOOLS: Readonly<Record<string, string>> = { writer: tool('writer'), checker: tool('checker') };

export function recordFile(mountPath: string): string {
  return `${mountPath}/records`;
}

export interface Acknowledged {
  readonly sequence: number;
  /** Host's monotonic clock, milliseconds, when the word arrived. */
  readonly atMs: number;
}

const clock = createClock();
const POLL_MS = 10;

/** A writer that runs in a node until it is stopped, its node dies, or its file system fails. */
export class RecordWriter {
  readonly #acknowledged: Acknowledged[] = [];
  #process: ExecProcess | undefined;
  #tail = '';
  #error = '';
  #partial = '';

  /** Starts it; it begins to write as soon as `mountPath` is mounted. `number` is kept in every record: who wrote it. */
  static async start(node: LabNode, mountPath: string, number: number, pauseMs = 0): Promise<RecordWriter> {
    const writer = new RecordWriter();
    const argv = ['node', '/opt/holdfast/writer.js', '--path', recordFile(mountPath), '--wait-mount', mountPath];
    writer.#process = await node.spawn([...argv, '--writer', String(number), '--pause-ms', String(pauseMs)], {
      timeoutMs: 0,
      onStdout: (chunk) => writer.#read(chunk.toString()),
    });
    // A node that loses its power takes the writer with it: that is the point.
    writer.#process.result.catch(() => undefined);
    return writer;
  }

  #read(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) {
      this.#tail = line;
      const [word, sequence] = line.split(' ');
      if (word === 'ack') this.#acknowledged.push({ sequence: Number(sequence), atMs: clock.monotonic() });
      if (word === 'error') this.#error = line;
    }
  }

  get acknowledged(): readonly Acknowledged[] {
    return this.#acknowledged;
  }

  /** The highest acknowledged sequence, -1 before the first. */
  get last(): number {
    return this.#acknowledged.at(-1)?.sequence ?? -1;
  }

  /** What ended it, if the file system did. */
  get error(): string {
    return this.#error;
  }

  /**
   * Waits for `count` more acknowledged records than now and returns the first of them.
   * @throws AppError `deadline_exceeded` with the writer's last word, `aborted` by the signal.
   */
  async more(count: number, timeoutMs = 60_000, signal?: AbortSignal): Promise<Acknowledged> {
    const from = this.#acknowledged.length;
    const deadlineMs = clock.monotonic() + timeoutMs;
    while (this.#acknowledged.length < from + count) {
      if (signal?.aborted === true) throw new AppError('aborted', 'interrupted');
      if (clock.monotonic() > deadlineMs) {
        throw new AppError(
          'deadline_exceeded',
          `no ${count} acknowledged records within ${timeoutMs / 1000} s (the writer's last word: ${this.#tail || 'none'})`,
        );
      }
      await clock.sleep(POLL_MS);
    }
    const first = this.#acknowledged[from];
    if (first === undefined) throw new AppError('internal', 'an acknowledged record vanished');
    return first;
  }

  async stop(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#process?.result.catch(() => undefined);
  }
}

/** What is in the file: whole records from the start, harmed ones before the last, and who wrote which. */
export interface RecordCheck {
  readonly records: number;
  readonly bad: readonly number[];
  readonly writers: Readonly<Record<string, readonly [first: number, last: number]>>;
}

export async function checkRecords(node: LabNode, mountPath: string): Promise<RecordCheck> {
  const text = await node.sh(`node /opt/holdfast/checker.js --path ${recordFile(mountPath)}`);
  return JSON.parse(text) as RecordCheck;
}
