import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bar, formatAge, formatDuration, formatPercent, formatRate, formatSize } from './units.ts';

test('durations show the two largest units that matter', () => {
  for (const [ms, text] of [
    [0, '0s'],
    [59_999, '59s'],
    [61_000, '1m1s'],
    [600_000, '10m'],
    [3_700_000, '1h1m'],
    [36_000_000, '10h'],
    [90_000_000, '1d1h'],
    [900_000_000, '10d'],
  ] as const) {
    assert.equal(formatDuration(ms), text);
  }
});

test('what is unknown is a dash, never zero', () => {
  assert.equal(formatSize(undefined), '-');
  assert.equal(formatAge(undefined, 0), '-');
  assert.equal(formatAge('yesterday', 0), '-');
});

test('nearly done is not done: neither the bar nor the number says 100 % before it is', () => {
  assert.equal(formatPercent(99.97), '99%');
  assert.equal(bar(0.999), '█████████░');
  assert.equal(bar(1), '██████████');
  assert.equal(formatPercent(100), '100%');
  assert.equal(bar(0.001), '█░░░░░░░░░');
});

test('a bar always has its width', () => {
  fc.assert(
    fc.property(
      fc.double(),
      fc.integer({ min: 2, max: 40 }),
      (fraction, width) => bar(Number.isNaN(fraction) ? 0 : fraction, width).length === width,
    ),
  );
});

test('rates have IEC units', () => {
  assert.equal(formatRate(43_306_189), '41.3 MiB/s');
});
