import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../errors.ts';
import { createMemoryApi } from '../testing/memory-api.ts';
import { createSeededRandom, createVirtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import { LEASES } from './kinds.ts';
import { type LeaderElectionOptions, runLeaderElection } from './leader.ts';
import type { ClockPort } from './ports.ts';

const ERROR = (): AppError => new AppError('unavailable', 'the API server does not answer');

function setUp() {
  const clock = createVirtualClock();
  const leases = createMemoryApi(LEASES);
  const leading = new Set<string>();
  const story: string[] = [];
  let most = 0;

  function candidate(identity: string, options: Partial<LeaderElectionOptions> & { wallSkewMs?: number } = {}) {
    const controller = new AbortController();
    const errors: AppError[] = [];
    /** Set to play a network that is gone for this candidate only. */
    const network = { down: false };
    const view = {
      ...leases,
      find: (...args: Parameters<typeof leases.find>) =>
        network.down ? Promise.reject(ERROR()) : leases.find(...args),
      update: (...args: Parameters<typeof leases.update>) =>
        network.down ? Promise.reject(ERROR()) : leases.update(...args),
    };
    const own: ClockPort = { ...skewed(clock, options.wallSkewMs ?? 0) };
    const running = runLeaderElection(
      {
        leases: view,
        name: 'controller',
        namespace: 'holdfast-system',
        identity,
        clock: own,
        random: createSeededRandom(identity.length + identity.charCodeAt(0)),
        onError: (error) => errors.push(error),
        onStopped: (lost) => story.push(`${identity} ${lost ? 'lost' : 'gave up'}`),
        onStarted: (signal) => {
          leading.add(identity);
          most = Math.max(most, leading.size);
          story.push(`${identity} leads`);
          return new Promise<void>((resolve) => {
            signal.addEventListener(
              'abort',
              () => {
                leading.delete(identity);
                resolve();
              },
              { once: true },
            );
          });
        },
        ...options,
      },
      controller.signal,
    );
    return {
      errors,
      network,
      running,
      stop: async (): Promise<void> => {
        controller.abort();
        await clock.until(running);
      },
    };
  }
  return {
    clock,
    leases,
    leading,
    story,
    candidate,
    get mostAtOnce() {
      return most;
    },
    lease: () => leases.objects.get('holdfast-system/controller')?.spec,
  };
}

function skewed(clock: VirtualClock, ms: number): ClockPort {
  return { now: () => clock.now() + ms, monotonic: clock.monotonic, sleep: clock.sleep, timer: clock.timer };
}

test('one of two candidates leads, and the other takes over soon after it stops', async () => {
  const t = setUp();
  const a = t.candidate('a');
  await t.clock.waitFor(() => t.leading.has('a'));
  const b = t.candidate('b');
  await t.clock.advance(120_000);
  assert.deepEqual(t.story, ['a leads']);
  await a.stop();
  assert.equal(t.lease()?.holderIdentity, undefined);
  const stoppedMs = t.clock.monotonic();
  await t.clock.waitFor(() => t.leading.has('b'), 20_000);
  assert.ok(t.clock.monotonic() - stoppedMs < 3_000, 'a released lease is taken at the next try');
  assert.deepEqual(t.story, ['a leads', 'a gave up', 'b leads']);
  assert.equal(t.lease()?.leaseTransitions, 1);
  await b.stop();
  assert.equal(t.clock.pendingTimers, 0);
});

test('a leader that cannot renew has stopped before anybody else starts', async () => {
  const t = setUp();
  const a = t.candidate('a');
  await t.clock.waitFor(() => t.leading.has('a'));
  const b = t.candidate('b');
  await t.clock.advance(60_000);
  a.network.down = true;
  const cutMs = t.clock.monotonic();
  await t.clock.waitFor(() => !t.leading.has('a'), 20_000);
  const stoppedMs = t.clock.monotonic() - cutMs;
  await t.clock.waitFor(() => t.leading.has('b'), 30_000);
  const tookOverMs = t.clock.monotonic() - cutMs;
  assert.ok(stoppedMs <= 10_000, `stopped after ${stoppedMs} ms`);
  assert.ok(tookOverMs > stoppedMs && tookOverMs <= 20_000, `taken over after ${tookOverMs} ms`);
  assert.equal(t.mostAtOnce, 1);
  a.network.down = false;
  await t.clock.advance(30_000);
  assert.deepEqual([...t.leading], ['b']);
  await b.stop();
  await a.stop();
});

test('wall clocks that are hours apart change nothing', async () => {
  const t = setUp();
  const a = t.candidate('a', { wallSkewMs: -7_200_000 });
  await t.clock.waitFor(() => t.leading.has('a'));
  const b = t.candidate('b', { wallSkewMs: 7_200_000 });
  await t.clock.advance(120_000);
  t.clock.skewWall(86_400_000);
  await t.clock.advance(120_000);
  assert.deepEqual(t.story, ['a leads']);
  await a.stop();
  await b.stop();
});

test('a request that hangs does not let a leader lead past its deadline', async () => {
  const t = setUp();
  const a = t.candidate('a');
  await t.clock.waitFor(() => t.leading.has('a'));
  t.leases.onCall = () => new Promise(() => {});
  const startedMs = t.clock.monotonic();
  await t.clock.waitFor(() => !t.leading.has('a'), 30_000);
  assert.ok(t.clock.monotonic() - startedMs <= 10_000);
  t.leases.onCall = () => {};
  await t.clock.waitFor(() => t.leading.has('a'), 60_000);
  await a.stop();
});

test('a foreign write to the lease is no reason to step down, a foreign holder is', async () => {
  const t = setUp();
  const a = t.candidate('a');
  await t.clock.waitFor(() => t.leading.has('a'));
  await t.leases.patch('controller', { metadata: { labels: { seen: 'yes' } } }, 'holdfast-system');
  await t.clock.advance(30_000);
  assert.deepEqual(t.story, ['a leads']);
  await t.leases.patch('controller', { spec: { holderIdentity: 'intruder' } }, 'holdfast-system');
  await t.clock.waitFor(() => t.story.includes('a lost'), 5_000);
  await a.stop();
});

test('the lease is kept until the work has really ended', async () => {
  const t = setUp();
  let finish: () => void = () => {};
  const a = t.candidate('a', {
    onStarted: () => {
      t.leading.add('a');
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    },
  });
  await t.clock.waitFor(() => t.leading.has('a'));
  const b = t.candidate('b');
  const stopping = a.stop();
  await t.clock.advance(60_000);
  assert.equal(t.lease()?.holderIdentity, 'a');
  assert.ok(!t.leading.has('b'));
  t.leading.delete('a');
  finish();
  await stopping;
  await t.clock.waitFor(() => t.leading.has('b'), 5_000);
  await b.stop();
});

test('work that fails is reported, the lease released and the election run again', async () => {
  const t = setUp();
  let runs = 0;
  const a = t.candidate('a', {
    onStarted: async (signal) => {
      runs += 1;
      if (runs === 1) throw new Error('controller bug');
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    },
  });
  await t.clock.waitFor(() => runs === 2, 30_000);
  assert.match(a.errors[0]?.message ?? '', /controller bug/);
  await a.stop();
});

test('a candidate waits for the longer of its own and the holder’s promised duration', async () => {
  const t = setUp();
  await t.leases.create({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'controller', namespace: 'holdfast-system' },
    spec: { holderIdentity: 'gone', leaseDurationSeconds: 60 },
  });
  const a = t.candidate('a');
  await t.clock.advance(59_000);
  assert.ok(!t.leading.has('a'));
  await t.clock.waitFor(() => t.leading.has('a'), 5_000);
  await a.stop();
});

test('durations that could give two leaders are refused', async () => {
  const t = setUp();
  const a = t.candidate('a', { renewDeadlineMs: 15_000, leaseDurationMs: 15_000 });
  await assert.rejects(a.running, /renew deadline 15000 ms < lease duration 15000 ms/);
});
