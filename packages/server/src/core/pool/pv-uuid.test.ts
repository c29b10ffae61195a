import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pvUuid } from './pv-uuid.ts';

test('the label has the shape that LVM wants, whatever pool and disk are called', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (pool, disk) => {
      assert.match(pvUuid(pool, disk), /^hf[0-9a-f]{4}(-[0-9a-f]{4}){5}-[0-9a-f]{6}$/);
    }),
  );
});

test('the label is the same for ever', () => {
  assert.equal(pvUuid('uid-1', 'virtio-a'), pvUuid('uid-1', 'virtio-a'));
});

test('another pool or another disk has another label', () => {
  const labels = ['p1', 'p2', 'p3'].flatMap((pool) => ['d1', 'd2', 'd3'].map((disk) => pvUuid(pool, disk)));
  assert.equal(new Set(labels).size, labels.length);
});
