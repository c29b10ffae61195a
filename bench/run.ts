/**
 * Benchmarks, one command each:
 *
 *   npm run bench -- failover|provision|io|idle|lab-up|all [--runs N] [--save]
 *
 * They boot their own lab, print a table, and with --save keep the numbers under bench/results with date and machine.
 * The machines are noisy: trust ratios and medians, not single numbers.
 */
import { parseArgs } from 'node:util';
import type { BenchOptions } from './report.ts';

const BENCHES: Readonly<Record<string, () => Promise<{ run(options: BenchOptions): Promise<void> }>>> = {
  failover: () => import('./failover.ts'),
  provision: () => import('./provision.ts'),
  io: () => import('./io.ts'),
  idle: () => import('./idle.ts'),
  'lab-up': () => import('./lab-up.ts'),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string' }, save: { type: 'boolean', default: false } },
});
const [wanted = ''] = positionals;
const names = wanted === 'all' ? Object.keys(BENCHES) : [wanted];
for (const name of names) {
  const load = BENCHES[name];
  if (load === undefined) {
    console.error(`unknown benchmark '${name}'; choose one of ${Object.keys(BENCHES).join(', ')}, all`);
    process.exit(2);
  }
  const bench = await load();
  await bench.run({ runs: values.runs === undefined ? undefined : Number(values.runs), save: values.save });
}
process.exit(0);
