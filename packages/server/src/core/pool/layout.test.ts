import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXTENT_BYTES } from '@holdfast/api/bytes.ts';
import fc from 'fast-check';
import { grownLayout, poolReserveBytes, thinPoolLayout } from './layout.ts';

const TIB = 2 ** 40;
const vgBytes = fc.integer({ min: 64, max: (256 * TIB) / EXTENT_BYTES }).map((extents) => extents * EXTENT_BYTES);

test('a 4 GiB disk becomes a pool with 64 KiB chunks that uses nearly all of it', () => {
  const layout = thinPoolLayout(4 * 2 ** 30);
  assert.ok(layout);
  assert.equal(layout.chunkBytes, 64 * 1024);
  assert.equal(layout.metadataBytes, 16 * 2 ** 20);
  assert.ok(layout.dataBytes > 0.97 * 4 * 2 ** 30);
});

test('data, metadata, its spare and the reserve never need more than there is, in whole extents', () => {
  fc.assert(
    fc.property(vgBytes, (size) => {
      const layout = thinPoolLayout(size);
      if (layout === undefined) return;
      assert.ok(layout.dataBytes + 2 * layout.metadataBytes + layout.reserveBytes <= size);
      assert.equal(layout.dataBytes % EXTENT_BYTES, 0);
      assert.equal(layout.metadataBytes % EXTENT_BYTES, 0);
    }),
  );
});

test('the metadata can map every chunk twice, and stays below the limit of LVM', () => {
  fc.assert(
    fc.property(vgBytes, (size) => {
      const layout = thinPoolLayout(size);
      if (layout === undefined) return;
      assert.ok(layout.metadataBytes >= 2 * 64 * (layout.dataBytes / layout.chunkBytes));
      assert.ok(layout.metadataBytes <= 15.8125 * 2 ** 30);
    }),
  );
});

test('chunks grow only with very large pools', () => {
  assert.equal(thinPoolLayout(4 * TIB)?.chunkBytes, 64 * 1024);
  assert.equal(thinPoolLayout(16 * TIB)?.chunkBytes, 256 * 1024);
});

test('a volume group that is too small has no layout', () => {
  assert.equal(thinPoolLayout(64 * 2 ** 20), undefined);
  assert.ok(thinPoolLayout(240 * 2 ** 20));
});

test('a pool that was just made has nothing to grow by, whatever its size', () => {
  fc.assert(
    fc.property(vgBytes, (size) => {
      const layout = thinPoolLayout(size);
      if (layout === undefined) return;
      const free = size - layout.dataBytes - 2 * layout.metadataBytes;
      assert.equal(grownLayout({ vgBytes: size, vgFreeBytes: free, ...layout }), undefined);
    }),
  );
});

test('a pool takes the space of an added disk but for the reserve, and then has nothing more to grow by', () => {
  fc.assert(
    fc.property(vgBytes, vgBytes, (first, second) => {
      const layout = thinPoolLayout(first);
      // A disk below one percent of the pool is not worth a change.
      if (layout === undefined || second < first / 20) return;
      const vgBytes = first + second;
      const vgFreeBytes = vgBytes - layout.dataBytes - 2 * layout.metadataBytes;
      const grown = grownLayout({ ...layout, vgBytes, vgFreeBytes });
      assert.ok(grown);
      const left = vgBytes - grown.dataBytes - 2 * grown.metadataBytes;
      assert.ok(left >= poolReserveBytes(vgBytes));
      const again = grownLayout({ ...grown, chunkBytes: layout.chunkBytes, vgBytes, vgFreeBytes: left });
      assert.equal(again, undefined);
    }),
  );
});
