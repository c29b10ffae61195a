import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeRecord, encodeRecord } from './record.ts';

const FIELDS = { sequence: 12_345, writer: 3, timeMs: 1_760_000_000_000 };

test('a record says what was written', () => {
  assert.deepEqual(decodeRecord(encodeRecord(FIELDS)), FIELDS);
});

test('a single flipped bit anywhere makes it no record', () => {
  for (const at of [0, 4, 8, 16, 24, 32, 2048, 4095]) {
    const block = encodeRecord(FIELDS);
    block[at] = (block[at] ?? 0) ^ 1;
    assert.equal(decodeRecord(block), undefined, `byte ${at}`);
  }
});
