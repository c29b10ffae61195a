import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mergeApplied, removeFields } from './apply-merge.ts';
import { compareFields, describePath, fieldsOf, fromFieldsV1, toFieldsV1 } from './field-set.ts';
import type { Structural } from './structural.ts';
import { isObject, type Json, type JsonObject, jsonEqual } from './types.ts';

const SCHEMA: Structural = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    set: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    list: { type: 'array', items: { type: 'integer' } },
    map: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['id'],
      items: { type: 'object', properties: { id: { type: 'string' }, v: { type: 'integer' } } },
    },
  },
};

const word = fc.constantFrom('a', 'b', 'c', '__proto__', 'x.y');
const value: fc.Arbitrary<JsonObject> = fc
  .record(
    {
      name: word,
      labels: fc.dictionary(word, word, { maxKeys: 3 }),
      set: fc.uniqueArray(word, { maxLength: 3 }),
      list: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
      map: fc.uniqueArray(fc.record({ id: word, v: fc.integer({ min: 0, max: 2 }) }), {
        selector: (item) => item.id,
        maxLength: 3,
      }),
    },
    { requiredKeys: [] },
  )
  .map((item) => item as JsonObject);

/** Order in sets and map lists has no meaning. */
function sorted(item: Json | undefined): Json | undefined {
  if (Array.isArray(item)) {
    const isList = item.every((entry) => typeof entry === 'number');
    const inner = item.map((entry) => sorted(entry) ?? null);
    return isList ? inner : inner.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (!isObject(item)) return item;
  return Object.fromEntries(Object.entries(item).map(([key, entry]) => [key, sorted(entry)]));
}

test('FieldsV1 survives the way there and back', () => {
  fc.assert(
    fc.property(value, (object) => {
      const fields = fieldsOf(object, SCHEMA);
      assert.deepEqual([...fromFieldsV1(toFieldsV1(fields))].sort(), [...fields].sort());
    }),
  );
});

test('two values differ in no field exactly when they are equal', () => {
  fc.assert(
    fc.property(value, value, (a, b) => {
      const { changed, removed } = compareFields(a, b, SCHEMA);
      const none = changed.size === 0 && removed.size === 0;
      assert.equal(none, jsonEqual(sorted(a), sorted(b)));
    }),
  );
});

test('a merge holds everything that was applied', () => {
  fc.assert(
    fc.property(value, value, (live, wanted) => {
      const merged = fieldsOf(mergeApplied(live, wanted, SCHEMA), SCHEMA);
      for (const field of fieldsOf(wanted, SCHEMA)) {
        const below = [...merged].some((other) => other.startsWith(`${field}\u0000`));
        assert.ok(merged.has(field) || below, describePath(field));
      }
    }),
  );
});

test('applying twice is applying once', () => {
  fc.assert(
    fc.property(value, value, (live, wanted) => {
      const once = mergeApplied(live, wanted, SCHEMA);
      assert.deepEqual(mergeApplied(once, wanted, SCHEMA), once);
    }),
  );
});

test('removing every field leaves nothing', () => {
  fc.assert(
    fc.property(value, (object) => {
      const left = removeFields(object, SCHEMA, fieldsOf(object, SCHEMA), new Set());
      assert.deepEqual(left, {});
    }),
  );
});

test('describes paths as Kubernetes does', () => {
  const [path = ''] = [...fieldsOf({ map: [{ id: 'a', v: 1 }] }, SCHEMA)].filter((item) => item.endsWith('f:v'));
  assert.equal(describePath(path), '.map[id="a"].v');
  assert.deepEqual(toFieldsV1(fieldsOf({ set: ['x'] }, SCHEMA)), { 'f:set': { 'v:"x"': {} } });
});
