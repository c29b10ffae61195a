import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parseLayers, violations } from './layering.ts';

const root = path.resolve(import.meta.dirname, '..');
const layers = parseLayers(readFileSync(path.join(root, 'docs/architecture.md'), 'utf8'));

test('no source file imports or uses what docs/architecture.md forbids', () => {
  const files = globSync('packages/*/src/**/*.ts', { cwd: root });
  assert.ok(files.length > 100, `only ${files.length} files were found`);
  const problems = files.flatMap((file) => violations(file, readFileSync(path.join(root, file), 'utf8'), layers));
  assert.deepEqual(problems, []);
});

test('every folder of the table exists, so that no rule is about nothing', () => {
  for (const { folder } of layers.values()) {
    assert.ok(globSync(`${folder}/**/*.ts`, { cwd: root }).length > 0, folder);
  }
});

const SERVER = 'packages/server/src';

test('planted violations are found', () => {
  const planted: [string, string, RegExp][] = [
    ['packages/api/src/x.ts', "import { x } from '@holdfast/server/ports/clock.ts';", /api must not import ports/],
    ['packages/api/src/x.ts', "import fs from 'node:fs';", /api must not import 'node:fs'/],
    [`${SERVER}/core/x.ts`, "import { x } from '../adapters/lvm/index.ts';", /core must not import adapters/],
    [`${SERVER}/core/x.ts`, "import { x } from '../ports/lvm.ts';", /core must not import ports but for types/],
    [`${SERVER}/core/x.ts`, "import { type A, x } from '../ports/lvm.ts';", /but for types/],
    [`${SERVER}/core/x.ts`, "export { x } from '../reconcile/loop.ts';", /core must not import reconcile/],
    [`${SERVER}/core/x.ts`, 'const at = Date.now();', /core must not use Date\.now/],
    [`${SERVER}/core/x.ts`, 'const at = new Date();', /core must not use new Date\(\)/],
    [`${SERVER}/core/x.ts`, 'const dice = Math.random();', /core must not use Math\.random/],
    [`${SERVER}/adapters/lvm/x.ts`, "import { x } from '../../core/names/names.ts';", /adapters must not import core/],
    [`${SERVER}/adapters/lvm/x.ts`, "import { spawn } from 'node:child_process';", /only adapters\/exec and the lab/],
    [`${SERVER}/adapters/lvm/x.ts`, 'const path = process.env.PATH;', /adapters must not use process\.env/],
    [
      `${SERVER}/reconcile/x.ts`,
      "import { x } from '../adapters/clock/real.ts';",
      /reconcile must not import adapters/,
    ],
    [
      `${SERVER}/reconcile/x.ts`,
      "const x = await import('../apiserver/server.ts');",
      /reconcile must not import apiserver/,
    ],
    [`${SERVER}/reconcile/x.ts`, 'setTimeout(() => {}, 5);', /reconcile must not use setTimeout/],
    [
      `${SERVER}/transport/x.ts`,
      "import { x } from '../reconcile/loop.ts';",
      /transport must not import reconcile but for types/,
    ],
    [`${SERVER}/apiserver/x.ts`, 'const at = performance.now();', /apiserver must not use performance\.now/],
    [`${SERVER}/bin/x.ts`, "import { x } from '../apiserver/testing.ts';", /must not import test code/],
    [`${SERVER}/bin/x.ts`, "import fs from 'fs';", /write node: before/],
    [`${SERVER}/elsewhere/x.ts`, '', /not in the table/],
    ['packages/lab/src/x.ts', "import { x } from '@holdfast/server/core/names/names.ts';", /lab must not import core/],
  ];
  for (const [file, text, expected] of planted) {
    const problems = violations(file, text, layers);
    assert.equal(problems.length, 1, `${file}: ${text}: ${problems.join('; ')}`);
    assert.match(problems[0] ?? '', expected);
  }
});

test('what is allowed, or only looks forbidden, is not reported', () => {
  const fine: [string, string][] = [
    [`${SERVER}/core/x.ts`, "import type { A } from '../ports/lvm.ts';\nimport { type B } from '../ports/drbd.ts';"],
    [`${SERVER}/core/x.ts`, '// Date.now() and process.env\nconst text = \'import x from "node:fs"; Math.random()\';'],
    [`${SERVER}/core/x.ts`, 'const at = new Date(now); clock.setTimeout(5); options.process.env();'],
    [`${SERVER}/adapters/exec/x.ts`, "import { spawn } from 'node:child_process';"],
    [`${SERVER}/adapters/clock/x.ts`, 'const at = Date.now();'],
    [`${SERVER}/bin/x.ts`, "import { x } from '../apiserver/server.ts';\nconst home = process.env['HOME'];"],
    [`${SERVER}/core/x.test.ts`, "import fs from 'node:fs';\nMath.random();"],
  ];
  for (const [file, text] of fine) assert.deepEqual(violations(file, text, layers), [], text);
});
