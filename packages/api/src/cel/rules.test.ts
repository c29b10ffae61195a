import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VOLUME } from '../schema/volume.ts';
import { compileRules } from './rules.ts';
import { toCel } from './values.ts';

const rules = compileRules(VOLUME.cel);
const volume = (arbiter: object | undefined, spec: object = { sizeBytes: 4194304 }) => ({
  metadata: { name: 'pg' },
  spec: { volumeMode: 'Filesystem', fsType: 'ext4', ...spec },
  status: arbiter === undefined ? {} : { arbiter },
});

test('accepts the next epoch with a set that shrinks', () => {
  const old = volume({ epoch: 4, inSync: ['a', 'b'], primary: 'a' });
  assert.deepEqual(rules.evaluate(volume({ epoch: 5, inSync: ['a'], primary: 'a' }), old), []);
});

test('refuses every wrong arbiter step of design 3.1 with the message of its rule', () => {
  const old = volume({ epoch: 4, inSync: ['a', 'b'], primary: 'a' });
  const cases: [object, RegExp][] = [
    [{ epoch: 6, inSync: ['a', 'b'], primary: 'a' }, /exactly one/],
    [{ epoch: 3, inSync: ['a', 'b'], primary: 'a' }, /exactly one/],
    [{ epoch: 4, inSync: ['a'], primary: 'a' }, /exactly one/],
    [{ epoch: 4, inSync: ['a', 'b'] }, /exactly one/],
    [{ epoch: 5, inSync: ['a', 'b', 'c', 'd'], primary: 'a' }, /grows by one/],
    [{ epoch: 5, inSync: ['a', 'c'], primary: 'a' }, /grows by one/],
    [{ epoch: 5, inSync: [] }, /never becomes empty/],
    [{ epoch: 5, inSync: ['a'], primary: 'b' }, /only a member/],
  ];
  for (const [arbiter, message] of cases) {
    const violations = rules.evaluate(volume(arbiter), old);
    assert.ok(
      violations.some((violation) => message.test(violation.message)),
      `${JSON.stringify(arbiter)}: ${JSON.stringify(violations)}`,
    );
  }
});

test('lets a primary whose own disk failed stay the primary outside the set, and lets nobody else', () => {
  const old = volume({ epoch: 4, inSync: ['a', 'b'], primary: 'a' });
  assert.deepEqual(rules.evaluate(volume({ epoch: 5, inSync: ['b'], primary: 'a' }), old), []);
  const idle = volume({ epoch: 4, inSync: ['b'] });
  const [violation] = rules.evaluate(volume({ epoch: 5, inSync: ['b'], primary: 'a' }), idle);
  assert.match(violation?.message ?? '', /only a member/);
});

test('evaluates transition rules only when the old object has a value there', () => {
  assert.deepEqual(rules.evaluate(volume({ epoch: 9, inSync: ['a'] }), volume(undefined)), []);
  assert.deepEqual(rules.evaluate(volume({ epoch: 9, inSync: ['a'] })), []);
});

test('evaluates rules without oldSelf on creation too', () => {
  const [violation] = rules.evaluate(volume({ epoch: 0, inSync: [], primary: 'x' }));
  assert.equal(violation?.field, 'status.arbiter.primary');
  assert.equal(violation?.value, 'x');
});

test('treats a rule that cannot be evaluated as a refusal', () => {
  const broken = compileRules([{ path: 'spec', rule: 'self.missing.deep == 1', message: 'no' }]);
  assert.match(broken.evaluate({ spec: {} })[0]?.message ?? '', /could not be evaluated/);
});

test('throws at compile time when a rule does not parse', () => {
  assert.throws(() => compileRules([{ path: '', rule: 'self.(', message: 'no' }]));
});

test('gives integer fields as int64 and number fields as double', () => {
  const schema = { properties: { i: { type: 'integer' }, d: { type: 'number' } } };
  assert.deepEqual(
    { ...(toCel({ i: 2, d: 2, free: 3, gone: undefined }, schema) as object) },
    { i: 2n, d: 2, free: 3n },
  );
  const doubles = compileRules([{ path: '', rule: 'self.d < 2.5 && self.i + 1 == 3', message: 'no' }], schema);
  assert.deepEqual(doubles.evaluate({ i: 2, d: 2 }), []);
});

test('does not see inherited properties', () => {
  const inherited = compileRules([{ path: '', rule: '!has(self.toString)', message: 'no' }]);
  assert.deepEqual(inherited.evaluate({}), []);
});

test('shows rules on the whole object the name, and nothing else of metadata, as a CRD does', () => {
  const root = compileRules([
    { path: '', rule: "self.metadata.name == 'a' && !has(self.metadata.labels)", message: 'no' },
  ]);
  assert.deepEqual(root.evaluate({ metadata: { name: 'a', labels: { x: 'y' } } }), []);
});
