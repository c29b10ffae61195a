import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonPatch, mergePatch } from './patch-json.ts';
import { strategicMergePatch } from './patch-strategic.ts';
import type { Json } from './types.ts';

test('merge patch follows every example of RFC 7396', () => {
  const cases: [Json, Json, Json][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, expected] of cases) assert.deepEqual(mergePatch(target, patch), expected);
});

test('merge patch changes neither input, and applying it twice is applying it once', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
      const before = JSON.stringify([target, patch]);
      const once = mergePatch(target as Json, patch as Json);
      assert.equal(JSON.stringify([target, patch]), before);
      assert.deepEqual(mergePatch(once, patch as Json), once);
    }),
  );
});

test('JSON patch adds, removes, replaces, moves, copies and tests', () => {
  const run = (document: Json, ...patch: Json[]): Json => jsonPatch(document, patch);
  assert.deepEqual(run({ a: [1, 3] }, { op: 'add', path: '/a/1', value: 2 }), { a: [1, 2, 3] });
  assert.deepEqual(run({ a: [1] }, { op: 'add', path: '/a/-', value: 2 }), { a: [1, 2] });
  assert.deepEqual(run({ a: 1 }, { op: 'remove', path: '/a' }), {});
  assert.deepEqual(run({ 'a/b': { '~': 1 } }, { op: 'replace', path: '/a~1b/~0', value: 2 }), { 'a/b': { '~': 2 } });
  assert.deepEqual(run({ a: 1 }, { op: 'move', from: '/a', path: '/b' }), { b: 1 });
  assert.deepEqual(run({ a: { x: 1 } }, { op: 'copy', from: '/a', path: '/b' }), { a: { x: 1 }, b: { x: 1 } });
  assert.deepEqual(run({ a: { x: 1, y: 2 } }, { op: 'test', path: '/a', value: { y: 2, x: 1 } }), {
    a: { x: 1, y: 2 },
  });
  assert.deepEqual(run({ a: 1 }, { op: 'replace', path: '', value: { b: 2 } }), { b: 2 });
});

test('JSON patch refuses what does not hold with 422 and what makes no sense with 400', () => {
  const status = (patch: Json): number => {
    try {
      jsonPatch({ a: [1], b: 'x' }, patch);
      return 200;
    } catch (error) {
      return (error as { httpStatus: number }).httpStatus;
    }
  };
  assert.equal(status([{ op: 'test', path: '/b', value: 'y' }]), 422);
  assert.equal(status([{ op: 'remove', path: '/c' }]), 422);
  assert.equal(status([{ op: 'replace', path: '/c', value: 1 }]), 422);
  assert.equal(status([{ op: 'add', path: '/a/7', value: 1 }]), 422);
  assert.equal(status([{ op: 'add', path: '/b/c', value: 1 }]), 422);
  assert.equal(status([{ op: 'add', path: '/toString/x', value: 1 }]), 422);
  assert.equal(status([{ op: 'remove', path: '' }]), 422);
  assert.equal(status({ op: 'remove' }), 400);
  assert.equal(status([1]), 400);
  assert.equal(status([{ op: 'add', path: 'a', value: 1 }]), 400);
  assert.equal(status([{ op: 'add', path: '/x' }]), 400);
  assert.equal(status([{ op: 'jump', path: '/x' }]), 400);
});

test('strategic merge patch merges known lists by key or as sets, and replaces the others', () => {
  const target = {
    metadata: { finalizers: ['a'], ownerReferences: [{ uid: '1', name: 'x' }] },
    data: { keep: '1', gone: '2' },
    list: [1, 2],
  };
  const patched = strategicMergePatch(target, {
    metadata: { finalizers: ['b'], ownerReferences: [{ uid: '2' }, { uid: '1', name: 'y' }] },
    data: { gone: null },
    list: [3],
  });
  assert.deepEqual(patched, {
    metadata: { finalizers: ['a', 'b'], ownerReferences: [{ uid: '1', name: 'y' }, { uid: '2' }] },
    data: { keep: '1' },
    list: [3],
  });
});

test('strategic merge patch follows its directives', () => {
  const meta = (metadata: Json, patch: Json): Json => strategicMergePatch({ metadata }, { metadata: patch });
  assert.deepEqual(meta({ finalizers: ['a', 'b'] }, { '$deleteFromPrimitiveList/finalizers': ['a'] }), {
    metadata: { finalizers: ['b'] },
  });
  assert.deepEqual(meta({ labels: { a: '1' } }, { labels: { $patch: 'replace', b: '2' } }), {
    metadata: { labels: { b: '2' } },
  });
  assert.deepEqual(meta({ labels: { a: '1' } }, { labels: { $patch: 'delete' } }), { metadata: { labels: {} } });
  assert.deepEqual(meta({ labels: { a: '1', b: '2' } }, { labels: { $retainKeys: ['b'] } }), {
    metadata: { labels: { b: '2' } },
  });
  assert.deepEqual(
    meta({ ownerReferences: [{ uid: '1' }, { uid: '2' }] }, { ownerReferences: [{ $patch: 'delete', uid: '1' }] }),
    {
      metadata: { ownerReferences: [{ uid: '2' }] },
    },
  );
  assert.deepEqual(meta({ finalizers: ['a'] }, { '$setElementOrder/finalizers': ['a'] }), {
    metadata: { finalizers: ['a'] },
  });
  assert.throws(() => meta({}, { labels: { $patch: 'sideways' } }), /unknown \$patch directive/);
  assert.throws(() => meta({ ownerReferences: [] }, { ownerReferences: [{ name: 'no-uid' }] }), /need the key uid/);
});
