import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VOLUME } from '@holdfast/api/schema/volume.ts';
import fc from 'fast-check';
import * as z from 'zod';
import { normalize, structuralOf } from './structural.ts';
import type { Json } from './types.ts';

const SCHEMA = structuralOf(
  z.object({
    size: z.int().min(1),
    kind: z.enum(['a', 'b']).default('a'),
    nested: z.object({ on: z.boolean().default(true), note: z.string().optional() }).optional(),
    list: z.array(z.object({ x: z.int().default(7) })).default([]),
    labels: z.record(z.string(), z.string()).optional(),
    when: z.string().nullable().optional(),
  }),
);

test('fills defaults where their parent exists, and only there', () => {
  assert.deepEqual(normalize({ size: 1 }, SCHEMA).value, { size: 1, kind: 'a', list: [] });
  assert.deepEqual(normalize({ size: 1, nested: {}, list: [{}] }, SCHEMA).value, {
    size: 1,
    nested: { on: true },
    list: [{ x: 7 }],
    kind: 'a',
  });
});

test('drops unknown fields and tells their paths', () => {
  const { value, unknown } = normalize(
    { size: 1, sizes: 2, nested: { of: 1 }, list: [{ x: 1, y: 2 }], labels: { any: 'k' } },
    SCHEMA,
  );
  assert.deepEqual(unknown, ['sizes', 'nested.of', 'list[0].y']);
  assert.deepEqual(value, { size: 1, kind: 'a', nested: { on: true }, list: [{ x: 1 }], labels: { any: 'k' } });
});

test('drops nulls where null is not allowed, so that defaults apply, and keeps them where it is', () => {
  assert.deepEqual(normalize({ size: 1, kind: null, nested: null, when: null }, SCHEMA).value, {
    size: 1,
    kind: 'a',
    list: [],
    when: null,
  });
});

test('leaves values of a wrong type for validation to name', () => {
  assert.deepEqual(normalize({ size: 'big', nested: 5, list: {} }, SCHEMA).value, {
    size: 'big',
    nested: 5,
    list: {},
    kind: 'a',
  });
});

test('normalizing twice is normalizing once, and never touches the input', () => {
  const schema = structuralOf(VOLUME.spec);
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const before = JSON.stringify(value);
      const once = normalize(value as Json, schema).value;
      assert.equal(JSON.stringify(value), before);
      assert.deepEqual(normalize(once, schema), { value: once, unknown: [] });
    }),
  );
});

test('gives the same defaults as the zod schema', () => {
  const spec = { sizeBytes: 2 ** 30, attachments: [{ node: 'a' }], placement: {} };
  assert.deepEqual(normalize(spec, structuralOf(VOLUME.spec)).value, VOLUME.spec.parse(spec));
});
