import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '@holdfast/api/errors.ts';
import { createVirtualClock } from '@holdfast/api/testing/virtual-clock.ts';
import type { Log } from '../../ports/log.ts';
import { Exclusive } from './exclusive.ts';
import type { Call } from './method.ts';

const log: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };

function setUp() {
  const clock = createVirtualClock();
  const end = new AbortController();
  const call: Call = { signal: end.signal, leftMs: () => 1_000, log };
  return { clock, end, call, exclusive: new Exclusive(clock) };
}

const isAborted = (error: unknown): boolean => error instanceof AppError && error.code === 'aborted';

test('a second call for the same volume is told ABORTED at once, one for another volume is not', async () => {
  const { exclusive, call } = setUp();
  const gate = Promise.withResolvers<string>();
  const first = exclusive.run('a', 'CreateVolume', call, () => gate.promise);
  await assert.rejects(
    exclusive.run('a', 'DeleteVolume', call, async () => 'never'),
    (error) => isAborted(error) && /being worked on \(CreateVolume\)/.test(String(error)),
  );
  assert.equal(await exclusive.run('b', 'DeleteVolume', call, async () => 'other'), 'other');
  gate.resolve('done');
  assert.equal(await first, 'done');
  assert.equal(await exclusive.run('a', 'DeleteVolume', call, async () => 'now'), 'now');
});

test('a failure frees the volume', async () => {
  const { exclusive, call } = setUp();
  await assert.rejects(
    exclusive.run('a', 'x', call, () => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.equal(exclusive.pending('a'), undefined);
});

test('work that outlives its call keeps the volume until it has really ended', async () => {
  const { exclusive, call, end, clock } = setUp();
  const mkfs = Promise.withResolvers<void>();
  const first = exclusive.run('a', 'NodeStageVolume', call, () => mkfs.promise);
  const told = assert.rejects(first, /no time left/);
  end.abort(new AppError('deadline_exceeded', 'no time left'));
  await clock.advance(200);
  await told;
  assert.equal(exclusive.pending('a'), 'NodeStageVolume');
  const again: Call = { ...call, signal: new AbortController().signal };
  await assert.rejects(
    exclusive.run('a', 'NodeStageVolume', again, async () => undefined),
    isAborted,
  );
  mkfs.resolve();
  await clock.settle();
  await exclusive.run('a', 'NodeStageVolume', again, async () => undefined);
});

test('work that can say what it waited for has the last word', async () => {
  const { exclusive, call, end, clock } = setUp();
  const first = exclusive.run(
    'a',
    'x',
    call,
    () =>
      new Promise((_, reject) => {
        call.signal.addEventListener('abort', () => reject(new AppError('deadline_exceeded', 'waiting for n2')));
      }),
  );
  const told = assert.rejects(first, /waiting for n2/);
  end.abort(new AppError('deadline_exceeded', 'no time left'));
  await clock.advance(200);
  await told;
});
