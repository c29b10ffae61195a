import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { renderCompletion } from './completion.ts';
import type { CliIo } from './io.ts';
import { buildProgram } from './program.ts';

const io = { stdout: { write: () => {}, isTty: false, columns: 0 }, env: {} } as unknown as CliIo;

/** What a real bash offers after these words. */
function complete(...words: readonly string[]): string[] {
  const { command } = buildProgram(io);
  const script = `${renderCompletion(command, 'bash')}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})\nCOMP_CWORD=${words.length - 1}\n_hf\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '');
}

test('bash completes commands, subcommands, choices and options', () => {
  assert.ok(complete('hf', 'vol').includes('volume'));
  assert.deepEqual(complete('hf', 'volume', 'at'), ['attach']);
  assert.deepEqual(complete('hf', 'completion', 'z'), ['zsh']);
  assert.ok(complete('hf', 'volume', 'create', 'x', '--si').includes('--size'));
  assert.ok(complete('hf', 'volume', 'list', '--out').includes('--output'));
});

test('hidden commands are not offered', () => {
  assert.ok(!complete('hf', '').includes('agent'));
});
