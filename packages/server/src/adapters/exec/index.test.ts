import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure } from '../../../test/fakes/failure.ts';
import { execFailure } from './failure.ts';
import { createExec, DEFAULT_PATH } from './index.ts';

const exec = createExec({ graceMs: 100, abandonMs: 100 });
const timeoutMs = 20_000;

test('gives back output, code and duration', async () => {
  const result = await exec.run({ argv: ['sh', '-c', 'echo out; echo err >&2'], timeoutMs });
  assert.equal(result.stdout, 'out\n');
  assert.equal(result.stderr, 'err\n');
  assert.equal(result.code, 0);
  assert.ok(result.durationMs >= 0);
});

test('nothing of our environment is inherited', async () => {
  process.env['HOLDFAST_TEST_SECRET'] = 'secret';
  const { stdout } = await exec.run({ argv: ['env'], timeoutMs, env: { EXTRA: '1' } });
  delete process.env['HOLDFAST_TEST_SECRET'];
  const lines = stdout.trim().split('\n').sort();
  assert.deepEqual(lines, ['EXTRA=1', 'LC_ALL=C', 'LVM_SUPPRESS_FD_WARNINGS=1', `PATH=${DEFAULT_PATH}`]);
});

test('arguments are never interpreted by a shell', async () => {
  const { stdout } = await exec.run({ argv: ['echo', '$HOME; `id` "x" *'], timeoutMs });
  assert.equal(stdout, '$HOME; `id` "x" *\n');
});

test('standard input is what was given, and empty otherwise', async () => {
  assert.equal((await exec.run({ argv: ['cat'], timeoutMs, stdin: 'pass' })).stdout, 'pass');
  assert.equal((await exec.run({ argv: ['cat'], timeoutMs })).stdout, '');
});

test('a child that does not read its input is no failure', async () => {
  const stdin = 'x'.repeat(1_000_000);
  assert.equal((await exec.run({ argv: ['true'], timeoutMs, stdin })).code, 0);
});

test('an exit code that is an answer is returned; any other is an error with everything that is known', async () => {
  const argv = ['sh', '-c', 'echo half; echo "no such thing" >&2; exit 5'] as const;
  assert.equal((await exec.run({ argv, timeoutMs, okCodes: [0, 5] })).code, 5);
  const error = await failure(exec.run({ argv, timeoutMs }));
  assert.equal(error.code, 'internal');
  assert.match(error.message, /exit 5.*no such thing/);
  assert.deepEqual(execFailure(error), {
    argv,
    exitCode: 5,
    signal: null,
    stdout: 'half\n',
    stderr: 'no such thing\n',
  });
});

test('a missing program is unavailable and names its Debian package', async () => {
  const bare = createExec({ path: '/nonexistent' });
  const error = await failure(bare.run({ argv: ['lvm', 'version'], timeoutMs }));
  assert.equal(error.code, 'unavailable');
  assert.match(error.details.remedy ?? '', /lvm2/);
  const stream = bare.lines({ argv: ['drbdsetup', 'events2'] });
  const streamError = await failure(Array.fromAsync(stream));
  assert.equal(streamError.code, 'unavailable');
  assert.match(streamError.details.remedy ?? '', /drbd-utils/);
});

test('a child past its deadline is ended, with its own children', async () => {
  // The shell waits for a child of its own: only a signal to the group ends both.
  const error = await failure(exec.run({ argv: ['sh', '-c', 'sleep 60; true'], timeoutMs: 200 }));
  assert.equal(error.code, 'deadline_exceeded');
  assert.equal(error.details['abandoned'], false);
});

test('a child that ignores SIGTERM is killed', async () => {
  const script = 'trap "" TERM; while :; do sleep 0.05; done';
  const error = await failure(exec.run({ argv: ['sh', '-c', script], timeoutMs: 200 }));
  assert.equal(error.code, 'deadline_exceeded');
});

test('a daemon that keeps the pipes open does not hold up the answer of its parent', async () => {
  const { stdout } = await exec.run({ argv: ['sh', '-c', 'setsid sleep 5 & echo answer'], timeoutMs });
  assert.equal(stdout, 'answer\n');
});

test('an abort ends the child and says so', async () => {
  const controller = new AbortController();
  const running = failure(exec.run({ argv: ['sleep', '60'], timeoutMs, signal: controller.signal }));
  controller.abort();
  assert.equal((await running).details.reason, 'Cancelled');
  const late = await failure(exec.run({ argv: ['sleep', '60'], timeoutMs, signal: controller.signal }));
  assert.equal(late.code, 'aborted');
});

test('too much output is a failure, never a truncated answer', async () => {
  const small = createExec({ maxStdoutBytes: 1_000, graceMs: 100 });
  const error = await failure(small.run({ argv: ['sh', '-c', 'yes | head -c 100000'], timeoutMs }));
  assert.equal(error.details.reason, 'OutputTooLarge');
});

test('a stream gives complete lines as they come, and ends with its child', async () => {
  const lines = await Array.fromAsync(exec.lines({ argv: ['sh', '-c', 'printf "a\\nb"; sleep 0.1; printf "c\\nd"'] }));
  assert.deepEqual(lines, ['a', 'bc', 'd']);
});

test('leaving a stream ends its child', async () => {
  let pid = 0;
  for await (const line of exec.lines({ argv: ['sh', '-c', 'echo $$; exec sleep 60'] })) {
    pid = Number(line);
    break;
  }
  assert.ok(pid > 0);
  await gone(pid);
});

test('aborting a stream ends it and its child', async () => {
  const controller = new AbortController();
  let pid = 0;
  for await (const line of exec.lines({ argv: ['sh', '-c', 'echo $$; exec sleep 60'], signal: controller.signal })) {
    pid = Number(line);
    controller.abort();
  }
  await gone(pid);
});

/** Resolves when no process has this id any more. */
async function gone(pid: number): Promise<void> {
  const script = 'while kill -0 "$1" 2>/dev/null; do sleep 0.02; done';
  await exec.run({ argv: ['sh', '-c', script, 'sh', String(pid)], timeoutMs });
}
