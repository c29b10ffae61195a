import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '@holdfast/api/errors.ts';
import { createSeededRandom, createVirtualClock } from '@holdfast/api/testing/virtual-clock.ts';
import type { Log } from '../ports/log.ts';
import { createLoop, type Reconcile } from './loop.ts';

function setUp(reconcile: Reconcile, concurrency = 2) {
  const clock = createVirtualClock();
  const lines: string[] = [];
  const write = (level: string) => (message: string) => lines.push(`${level} ${message}`);
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => log,
  };
  const loop = createLoop({ name: 'test', clock, random: createSeededRandom(1), log, concurrency, reconcile });
  const stop = new AbortController();
  const running = loop.run(stop.signal);
  return { clock, loop, lines, stop, running };
}

/** Work that ends when told to. */
function gates() {
  const open = new Map<string, () => void>();
  const wait = (key: string) => new Promise<void>((resolve) => open.set(key, resolve));
  return { open, wait };
}

test('a key that is queued twice runs once, and different keys run side by side up to the limit', async () => {
  const { open, wait } = gates();
  const started: string[] = [];
  const { clock, loop, stop, running } = setUp(async (key) => {
    started.push(key);
    await wait(key);
    return {};
  });
  for (const key of ['a', 'a', 'b', 'c']) loop.enqueue(key);
  await clock.settle();
  assert.deepEqual(started, ['a', 'b']);
  open.get('a')?.();
  await clock.settle();
  assert.deepEqual(started, ['a', 'b', 'c']);
  open.get('b')?.();
  open.get('c')?.();
  await clock.settle();
  assert.equal(loop.idle, true);
  stop.abort();
  await running;
});

test('a key that changes while it runs runs again afterwards, never twice at once', async () => {
  const { open, wait } = gates();
  let active = 0;
  let most = 0;
  let runs = 0;
  const { clock, loop, stop, running } = setUp(async (key) => {
    active += 1;
    runs += 1;
    most = Math.max(most, active);
    await wait(key);
    active -= 1;
    return {};
  });
  loop.enqueue('a');
  await clock.settle();
  loop.enqueue('a');
  loop.enqueue('a');
  await clock.settle();
  assert.equal(runs, 1);
  open.get('a')?.();
  await clock.settle();
  assert.equal(runs, 2);
  open.get('a')?.();
  await clock.settle();
  assert.equal(runs, 2);
  assert.equal(most, 1);
  stop.abort();
  await running;
});

test('errors back off up to the limit and are logged; success starts over', async () => {
  const atMs: number[] = [];
  let failing = true;
  const { clock, loop, lines, stop, running } = setUp(async () => {
    atMs.push(clock.monotonic());
    if (failing) throw new AppError('unavailable', 'away');
    return {};
  });
  loop.enqueue('a');
  await clock.advance(200_000);
  const pauses = atMs.slice(1).map((at, index) => at - (atMs[index] ?? 0));
  assert.ok((pauses[0] ?? 0) >= 75 && (pauses[0] ?? 0) <= 125, `first pause ${pauses[0]}`);
  assert.ok(pauses.every((pause) => pause <= 30_000 * 1.25));
  assert.ok(pauses.slice(0, 6).every((pause, index) => index === 0 || pause > (pauses[index - 1] ?? 0)));
  assert.ok(lines.every((line) => line === 'warn reconcile failed'));
  failing = false;
  await clock.advance(60_000);
  assert.equal(loop.idle, true);
  stop.abort();
  await running;
});

test('a lost race is tried again at once, and is not worth a warning', async () => {
  let runs = 0;
  const { clock, loop, lines, stop, running } = setUp(async () => {
    runs += 1;
    if (runs < 3) throw new AppError('aborted', 'conflict');
    return {};
  });
  loop.enqueue('a');
  await clock.advance(60);
  assert.equal(runs, 3);
  assert.deepEqual(lines, ['debug reconcile failed', 'debug reconcile failed']);
  stop.abort();
  await running;
});

test('waiting is an explicit time; an earlier wish wins', async () => {
  const atMs: number[] = [];
  const { clock, loop, stop, running } = setUp(async () => {
    atMs.push(clock.monotonic());
    return atMs.length === 1 ? { requeueAfterMs: 5_000 } : {};
  });
  loop.enqueue('a');
  await clock.advance(1_000);
  assert.equal(loop.idle, false);
  await clock.advance(10_000);
  assert.deepEqual(atMs, [0, 5_000]);
  assert.equal(loop.idle, true);
  stop.abort();
  await running;
});

test('the end waits for what is running, and nothing starts afterwards', async () => {
  const { open, wait } = gates();
  let ended = false;
  let runs = 0;
  const { clock, loop, stop, running } = setUp(async (key) => {
    runs += 1;
    await wait(key);
    ended = true;
    return { requeueAfterMs: 10 };
  });
  loop.enqueue('a');
  await clock.settle();
  stop.abort();
  loop.enqueue('b');
  await clock.settle();
  assert.equal(ended, false);
  open.get('a')?.();
  await running;
  assert.equal(ended, true);
  assert.equal(clock.pendingTimers, 0);
  await clock.advance(1_000);
  assert.equal(runs, 1);
});
