/**
 * Records what DRBD's tools print while the contract suite runs in the lab, for the parser tests:
 * `node packages/server/test/contract-drbd/record.ts`. One file for each kind of answer; numbers that differ from run to
 * run do not make another kind.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import type { ExecResult } from '../../src/ports/exec.ts';
import { CONTRACT_CASES } from './cases.ts';
import { createLabWorld } from './lab-world.ts';

const target = new URL('../../src/adapters/drbd/testdata/', import.meta.url);
const kinds = new Map<string, Pick<ExecResult, 'argv' | 'code' | 'stdout' | 'stderr'>>();

function kindOf({ argv, code, stdout, stderr }: ExecResult): string {
  const shape = `${stdout}\n${stderr}`
    .replace(/[0-9A-F]{16}/g, 'ID')
    .replace(/hf-v\d+/g, 'hf')
    .replace(/\d+/g, '0');
  return `${argv.filter((word) => !/[\d/]/.test(word)).join(' ')} ${code} ${[...new Set(shape.split('\n'))].sort().join('\n')}`;
}

const hidden = (text: string): string => text.replace(/(shared-secret[=\s]+)("[^"]*"|\S+)/g, '$1HIDDEN');

await using world = await createLabWorld({
  record: (result) => {
    if (!result.argv[0]?.startsWith('drbd')) return;
    const { argv, code, stdout, stderr } = result;
    const kind = kindOf(result);
    if (!kinds.has(kind)) kinds.set(kind, { argv, code, stdout: hidden(stdout), stderr: hidden(stderr) });
  },
});
let failed = 0;
for (const { name, run } of CONTRACT_CASES) {
  const startedMs = performance.now();
  try {
    await run(world);
    console.log(`ok   ${name} (${Math.round(performance.now() - startedMs)} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}`, error);
    await world.heal();
  }
}
const { kernel } = await world.a.drbd.versions();
const dir = new URL(`drbd-${kernel}/`, target);
await rm(dir, { recursive: true, force: true });
await mkdir(dir, { recursive: true });
const counts = new Map<string, number>();
for (const transcript of kinds.values()) {
  const [tool = '', ...words] = transcript.argv;
  const verb = words.find((word, index) => !word.startsWith('-') && words[index - 1] !== '-c') ?? 'version';
  const base = `${tool}-${verb}-${transcript.code === 0 ? 'ok' : 'failed'}`;
  const count = (counts.get(base) ?? 0) + 1;
  counts.set(base, count);
  if (count > 12) continue;
  await writeFile(
    new URL(`${base}-${String(count).padStart(2, '0')}.json`, dir),
    `${JSON.stringify(transcript, null, 2)}\n`,
  );
}
console.log(`${kinds.size} kinds of answers, ${failed} cases failed`);
process.exitCode = failed === 0 ? 0 : 1;
