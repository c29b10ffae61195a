/** What the benchmarks share: statistics, a table for people, JSON for programs, the machine described. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** What every benchmark is told. */
export interface BenchOptions {
  /** Repetitions, where it applies. */
  readonly runs: number | undefined;
  readonly save: boolean;
}

/** Nearest-rank percentile of a non-empty list; `p` in 0..100. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((p / 100) * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** How the lab's nodes run: software emulation unless said otherwise. */
  readonly accelerator: string;
}

export function describeMachine(accelerator: string): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model ?? 'unknown',
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    accelerator,
  };
}

export interface Row {
  readonly [column: string]: string | number;
}

/** Prints the rows as a table and, with `--save`, writes them with date and machine into bench/results. */
export function publish(name: string, title: string, rows: readonly Row[], machine: Machine, save: boolean): void {
  const columns = Object.keys(rows[0] ?? {});
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? '')))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
  console.log(`\n${title}`);
  for (const [index, line] of cells.entries()) {
    console.log(line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  '));
    if (index === 0) console.log(widths.map((width) => '-'.repeat(width)).join('  '));
  }
  if (!save) return;
  const dir = join(import.meta.dirname, 'results');
  mkdirSync(dir, { recursive: true });
  const file = join(dir, `${new Date().toISOString().slice(0, 10)}-${name}.json`);
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as {
    version: string;
  };
  const command = `npm run bench -- ${name} --save`;
  writeFileSync(
    file,
    `${JSON.stringify({ date: new Date().toISOString(), version, command, title, machine, rows }, null, 2)}\n`,
  );
  console.log(`saved ${file}`);
}
