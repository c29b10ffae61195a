import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { didYouMean, editDistance, listNames, suggest } from './suggest.ts';

test('the distance counts insertions, deletions, substitutions and swaps', () => {
  for (const [a, b, distance] of [
    ['volume', 'volume', 0],
    ['volme', 'volume', 1],
    ['vloume', 'volume', 1],
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
  ] as const) {
    assert.equal(editDistance(a, b), distance, `${a} -> ${b}`);
  }
});

test('the distance is symmetric, 0 only for equal words, and never above the longer word', () => {
  const word = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', 'c') });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      assert.equal(distance, editDistance(b, a));
      assert.equal(distance === 0, a === b);
      assert.ok(distance <= Math.max(a.length, b.length));
    }),
  );
});

test('near names are suggested best first, far ones never', () => {
  assert.deepEqual(suggest('n22', ['n1', 'n2', 'n3', 'storage']), ['n2']);
  assert.deepEqual(suggest('databse', ['database', 'data', 'web']), ['database', 'data']);
  assert.deepEqual(suggest('zzz', ['database', 'web']), []);
});

test('the question names one or several, or is not asked', () => {
  assert.equal(didYouMean('lst', ['list', 'show']), " Did you mean 'list'?");
  assert.equal(didYouMean('xyzzy', ['list', 'show']), '');
  assert.match(didYouMean('n', ['n1', 'n2']), /'n1' or 'n2'\?$/);
});

test('long lists of names are cut, and say so', () => {
  assert.equal(listNames([]), 'none');
  assert.equal(listNames(['a', 'b', 'c'], 2), 'a, b (and 1 more)');
});
