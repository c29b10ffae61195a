import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../errors.ts';
import { createMemoryApi } from '../testing/memory-api.ts';
import { createSeededRandom, createVirtualClock } from '../testing/virtual-clock.ts';
import { keepLease } from './keep-lease.ts';
import { LEASES } from './kinds.ts';
import { createLeaseAges } from './lease-age.ts';

function setUp() {
  const clock = createVirtualClock();
  const leases = createMemoryApi(LEASES);
  const controller = new AbortController();
  const failures: number[] = [];
  let alive = 0;
  const running = keepLease(
    {
      leases,
      name: 'node-a',
      namespace: 'holdfast-system',
      identity: 'node-a',
      clock,
      random: createSeededRandom(3),
      onError: (_, inARow) => failures.push(inARow),
      onAlive: () => {
        alive += 1;
      },
    },
    controller.signal,
  );
  return {
    clock,
    leases,
    failures,
    get alive() {
      return alive;
    },
    lease: () => leases.objects.get('holdfast-system/node-a'),
    stop: async (): Promise<void> => {
      controller.abort();
      await running;
      assert.equal(clock.pendingTimers, 0);
    },
  };
}

test('creates the lease once and renews it with one small patch each second', async () => {
  const t = setUp();
  await t.clock.advance(10_000);
  assert.deepEqual(t.leases.calls.slice(0, 3), ['patch node-a', 'create node-a', 'patch node-a']);
  assert.equal(t.leases.calls.length, 12);
  assert.equal(t.lease()?.spec?.renewTime, '2026-01-01T00:00:10.000000Z');
  assert.equal(t.alive, 1);
  await t.stop();
});

test('goes on through an absence of the API and says when it is back', async () => {
  const t = setUp();
  await t.clock.advance(5_000);
  t.leases.onCall = () => Promise.reject(new AppError('unavailable', 'away'));
  await t.clock.advance(60_000);
  assert.ok(t.failures.length >= 30 && t.failures.length <= 60, `${t.failures.length} tries in a minute`);
  assert.equal(t.failures.at(-1), t.failures.length);
  t.leases.onCall = () => {};
  await t.clock.advance(2_500);
  assert.equal(t.alive, 2);
  await t.stop();
});

test('makes the lease again when somebody deleted it', async () => {
  const t = setUp();
  await t.clock.advance(2_000);
  await t.leases.delete('node-a', { namespace: 'holdfast-system' });
  await t.clock.advance(1_500);
  assert.ok(t.lease());
  assert.deepEqual(t.failures, []);
  await t.stop();
});

test('ages follow what was observed, not what is written in the lease', async () => {
  const t = setUp();
  const ages = createLeaseAges(t.clock);
  const observe = (): void => {
    const lease = t.lease();
    if (lease !== undefined) ages.observe(lease);
  };
  await t.clock.advance(3_100);
  observe();
  assert.equal(ages.ageMs('node-a', 'holdfast-system'), 0);
  // A wall clock that jumps a day back still renews.
  t.clock.skewWall(-86_400_000);
  await t.clock.advance(1_000);
  observe();
  assert.equal(ages.ageMs('node-a', 'holdfast-system'), 0);
  await t.stop();
  await t.leases.patch('node-a', { metadata: { labels: { touched: 'by-hand' } } }, 'holdfast-system');
  await t.clock.advance(7_000);
  observe();
  assert.equal(ages.ageMs('node-a', 'holdfast-system'), 7_000);
  assert.equal(ages.ageMs('node-b', 'holdfast-system'), undefined);
  ages.forget('node-a', 'holdfast-system');
  assert.equal(ages.ageMs('node-a', 'holdfast-system'), undefined);
});
