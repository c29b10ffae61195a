/**
 * Runs in a node: appends checksummed records to a file (or a raw device), fsyncs each, and only then says so:
 *   ack <sequence> <milliseconds since the epoch>
 * Goes on where the file ends. An I/O error ends it with exit code 5 and `error <text>`.
 *
 *   writer.js --path FILE [--wait-mount DIR] [--pause-ms 0] [--count N] [--writer 1]
 *
 * With --wait-mount it waits until DIR is a mount point, so that it can be running before the volume arrives.
 */
import { Buffer } from 'node:buffer';
import { closeSync, fsyncSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { decodeRecord, encodeRecord, RECORD_BYTES } from './record.ts';

const { values } = parseArgs({
  options: {
    path: { type: 'string' },
    'wait-mount': { type: 'string' },
    'pause-ms': { type: 'string', default: '0' },
    count: { type: 'string', default: 'Infinity' },
    writer: { type: 'string', default: '1' },
  },
});
const path = values.path;
if (path === undefined) throw new Error('--path FILE is needed');
const pauseMs = Number(values['pause-ms']);
const count = Number(values.count);

console.log('ready');
const mount = values['wait-mount'];
if (mount !== undefined) {
  while (!readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${mount} `)) await pause(50);
}

try {
  const file = openSync(path, 'a+', 0o600);
  closeSync(file);
  const fd = openSync(path, 'r+');
  let sequence = firstFree(fd);
  console.log(`start ${sequence}`);
  for (let written = 0; written < count; written += 1) {
    const block = encodeRecord({ sequence, writer: Number(values.writer), timeMs: Date.now() });
    if (writeSync(fd, block, 0, RECORD_BYTES, sequence * RECORD_BYTES) !== RECORD_BYTES) throw new Error('short write');
    fsyncSync(fd);
    console.log(`ack ${sequence} ${Date.now()}`);
    sequence += 1;
    if (pauseMs > 0) await pause(pauseMs);
  }
  closeSync(fd);
} catch (error) {
  console.log(`error ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 5;
}

/** The first block that is not a record in sequence; found by doubling and halving, so that a long file opens quickly. */
function firstFree(fd: number): number {
  const block = Buffer.alloc(RECORD_BYTES);
  const isRecord = (at: number): boolean =>
    readSync(fd, block, 0, RECORD_BYTES, at * RECORD_BYTES) === RECORD_BYTES && decodeRecord(block)?.sequence === at;
  if (!isRecord(0)) return 0;
  let low = 0;
  let high = 1;
  while (isRecord(high)) {
    low = high;
    high *= 2;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isRecord(middle)) low = middle;
    else high = middle;
  }
  return high;
}
