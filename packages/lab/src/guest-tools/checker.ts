/**
 * Runs in a node: reads what the writer wrote and prints one JSON line:
 *   {"records": N, "bad": [sequences...], "writers": {"1": [first, last], ...}}
 * `records` counts the unharmed records from the start; `bad` are blocks before the last record that are none.
 *
 *   checker.js --path FILE
 */
import { Buffer } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { decodeRecord, RECORD_BYTES } from './record.ts';

const BATCH = 256;

const { values } = parseArgs({ options: { path: { type: 'string' } } });
if (values.path === undefined) throw new Error('--path FILE is needed');
const fd = openSync(values.path, 'r');
const batch = Buffer.alloc(BATCH * RECORD_BYTES);
const bad: number[] = [];
const writers: Record<string, [number, number]> = {};
let pending: number[] = [];
let records = 0;
for (let at = 0; ; at += BATCH) {
  const bytes = readSync(fd, batch, 0, batch.length, at * RECORD_BYTES);
  for (let index = 0; (index + 1) * RECORD_BYTES <= bytes; index += 1) {
    const sequence = at + index;
    const record = decodeRecord(batch.subarray(index * RECORD_BYTES, (index + 1) * RECORD_BYTES));
    if (record?.sequence !== sequence) {
      pending.push(sequence);
      continue;
    }
    bad.push(...pending);
    pending = [];
    records = sequence + 1;
    const range = writers[record.writer];
    if (range === undefined) writers[record.writer] = [sequence, sequence];
    else range[1] = sequence;
  }
  // A raw device goes on for ever: the first whole batch without a record is the end.
  if (bytes < batch.length || pending.length >= BATCH) break;
}
closeSync(fd);
console.log(JSON.stringify({ records, bad, writers }));
