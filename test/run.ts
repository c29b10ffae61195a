/**
 * The one test command (`npm test`): static checks, unit suites, then suites on real kernels in lab VMs, with one line of
 * totals at the end. Fails when anything fails, is skipped, or when fewer tests ran than test/expected.json demands.
 *
 *   node test/run.ts [--only static,unit,lab] [--filter TEXT] [--all-labs]
 *
 * Without --all-labs the lab suites are those that test/expected.json names; with it, every *.lab.test.ts there is.
 */
import { spawn } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = resolve(import.meta.dirname, '..');
const NODE = process.execPath;

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
  failures: string[];
}

interface Suite {
  readonly name: string;
  readonly group: 'static' | 'unit' | 'lab';
  run(): Promise<Totals>;
}

function child(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  return new Promise((done, fail) => {
    const [command = '', ...args] = argv;
    const path = `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
    const running = spawn(command, args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, PATH: path, ...env } });
    running.on('error', fail);
    running.on('exit', (code, signal) => done(signal === null ? (code ?? 1) : 1));
  });
}

/** A static check counts as one test. */
function check(name: string, argv: readonly string[]): Suite {
  return {
    name,
    group: 'static',
    async run() {
      const ok = (await child(argv)) === 0;
      return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, failures: ok ? [] : [name] };
    },
  };
}

function tests(name: string, group: 'unit' | 'lab', files: readonly string[], concurrency: number): Suite {
  return {
    name,
    group,
    async run() {
      const dir = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
      const report = join(dir, 'totals.json');
      try {
        const code = await child([
          NODE,
          '--test',
          `--test-concurrency=${concurrency}`,
          '--test-reporter=spec',
          '--test-reporter-destination=stdout',
          `--test-reporter=${join(ROOT, 'test/reporter.ts')}`,
          `--test-reporter-destination=${report}`,
          ...files,
        ]);
        const totals = JSON.parse(existsSync(report) ? readFileSync(report, 'utf8') || '{}' : '{}') as Partial<Totals>;
        const complete: Totals = { passed: 0, failed: 0, skipped: 0, failures: [], ...totals };
        if (code !== 0 && complete.failed === 0) {
          complete.failed = 1;
          complete.failures.push(`${name}: the test runner ended with ${code}`);
        }
        return complete;
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    },
  };
}

function find(pattern: string): string[] {
  return globSync(pattern, { cwd: ROOT, exclude: (path) => path.includes('node_modules') }).sort();
}

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'static,unit,lab' },
    filter: { type: 'string', default: '' },
    'all-labs': { type: 'boolean', default: false },
  },
});
const groups = new Set(options.only.split(','));
const all = ['packages/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts', 'scripts/**/*.test.ts'].flatMap(find);
const chosen = all.filter((file) => file.includes(options.filter));
const expected = JSON.parse(readFileSync(join(ROOT, 'test/expected.json'), 'utf8')) as Record<
  Suite['group'],
  number
> & {
  readonly labSuites: readonly string[];
};
const labFiles = chosen.filter((file) => file.endsWith('.lab.test.ts'));
const lab = options['all-labs'] ? labFiles : labFiles.filter((file) => expected.labSuites.includes(file));
const unit = chosen.filter((file) => !file.endsWith('.lab.test.ts'));

const suites: Suite[] = [
  check('types', ['tsc', '--noEmit', '-p', 'tsconfig.json']),
  check('format and lint', ['biome', 'check', '--error-on-warnings', '.']),
  check('promise lint', ['eslint', '.']),
  check('generated files', [NODE, 'scripts/gen.ts', '--check']),
  ...(unit.length === 0 ? [] : [tests('unit', 'unit', unit, 2)]),
  ...lab.map((file) => tests(file, 'lab', [file], 1)),
].filter((suite) => groups.has(suite.group));

mkdirSync(join(ROOT, 'node_modules/.cache'), { recursive: true });
const sum: Record<Suite['group'], Totals> = {
  static: { passed: 0, failed: 0, skipped: 0, failures: [] },
  unit: { passed: 0, failed: 0, skipped: 0, failures: [] },
  lab: { passed: 0, failed: 0, skipped: 0, failures: [] },
};
const times: string[] = [];
for (const suite of suites) {
  const startedMs = performance.now();
  console.log(`\n== ${suite.name}`);
  const totals = await suite.run();
  const into = sum[suite.group];
  into.passed += totals.passed;
  into.failed += totals.failed;
  into.skipped += totals.skipped;
  into.failures.push(...totals.failures);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  times.push(`${seconds.padStart(8)} s  ${String(totals.passed).padStart(5)} passed  ${suite.name}`);
}

const total: Totals = { passed: 0, failed: 0, skipped: 0, failures: [] };
for (const group of ['static', 'unit', 'lab'] as const) {
  const totals = sum[group];
  total.passed += totals.passed;
  total.failed += totals.failed + totals.skipped;
  total.failures.push(...totals.failures);
  if (totals.skipped > 0) total.failures.push(`${group}: ${totals.skipped} skipped; no test may be skipped`);
  const ran = totals.passed + totals.failed;
  if (options.filter === '' && groups.has(group) && ran < expected[group]) {
    total.failed += 1;
    total.failures.push(`${group}: ${ran} tests ran, at least ${expected[group]} are expected (test/expected.json)`);
  }
}
console.log(`\n${times.join('\n')}\n`);
for (const failure of total.failures) console.log(`FAILED ${failure}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
