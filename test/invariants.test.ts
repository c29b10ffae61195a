import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const root = path.resolve(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const NUMBERS = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `INV-${n}`);
/** Assembled, so that this file is no citation of anything. */
const CITATION = new RegExp(`${'INV'}-\\d+`, 'g');

function citations(text: string): Set<string> {
  return new Set(text.match(CITATION) ?? []);
}

const sources = ['packages/*/src/**/*.ts', 'packages/*/test/**/*.ts', 'test/**/*.ts'].flatMap((pattern) =>
  globSync(pattern, { cwd: root, exclude: (file) => file.includes('node_modules') }),
);
const sections = new Map(
  read('docs/invariants.md')
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')).trim(), section] as const),
);

test('the page has one section for each invariant', () => {
  assert.deepEqual([...sections.keys()], NUMBERS);
});

test('every invariant is cited by the name of a test', () => {
  const cited = new Set<string>();
  for (const file of sources) {
    // Lab stories are test code in plain files that *.lab.test.ts files run.
    if (!/\.test\.ts$|^test\/lab\//.test(file)) continue;
    for (const [title] of read(file).matchAll(/\b(?:test|it|describe)\(\s*(['"`]).*?\1/gs))
      for (const number of citations(title)) cited.add(number);
  }
  assert.deepEqual(
    NUMBERS.filter((number) => !cited.has(number)),
    [],
  );
});

test('every file that the page names exists and cites the invariant it is named for', () => {
  const wrong: string[] = [];
  for (const [number, section] of sections) {
    for (const [, file = ''] of section.matchAll(/`((?:packages|test)\/[^`]+\.ts)`/g)) {
      if (!sources.includes(file)) wrong.push(`${number}: ${file} does not exist`);
      else if (!citations(read(file)).has(number)) wrong.push(`${number}: ${file} does not cite it`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('each section says where it is enforced and where it is tested', () => {
  for (const [number, section] of sections) {
    assert.match(section, /^- Enforced /m, number);
    assert.match(section, /^- Tested in /m, number);
  }
});

test('no code cites an invariant that the page does not have', () => {
  const unknown = sources.flatMap((file) =>
    [...citations(read(file))].filter((number) => !sections.has(number)).map((number) => `${file}: ${number}`),
  );
  assert.deepEqual(unknown, []);
});
