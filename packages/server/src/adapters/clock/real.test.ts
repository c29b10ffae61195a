import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClock, createRandom } from './real.ts';

test('a sleep ends early with the reason of its signal', async () => {
  const controller = new AbortController();
  const sleeping = createClock().sleep(60_000, controller.signal);
  controller.abort(new Error('enough'));
  await assert.rejects(sleeping, /enough/);
  await assert.rejects(createClock().sleep(60_000, controller.signal), /enough/);
});

test('a cancelled timer does not call back, and one beyond the range of the platform does not fire at once', async () => {
  const clock = createClock();
  const fired: string[] = [];
  const cancelLong = clock.timer(2 ** 40, () => fired.push('long'));
  const cancelShort = clock.timer(1, () => fired.push('cancelled'));
  cancelShort();
  await clock.sleep(20);
  assert.deepEqual(fired, []);
  cancelLong();
});

test('monotonic time grows and wall time is the time of day', async () => {
  const clock = createClock();
  const before = clock.monotonic();
  await clock.sleep(2);
  assert.ok(clock.monotonic() > before);
  assert.ok(clock.now() > Date.parse('2026-01-01T00:00:00Z'));
});

test('random numbers are below one, hex has two digits per byte, uuids are distinct', () => {
  const random = createRandom();
  for (let n = 0; n < 1000; n += 1) {
    const value = random.next();
    assert.ok(value >= 0 && value < 1);
  }
  assert.match(random.hex(8), /^[0-9a-f]{16}$/);
  assert.notEqual(random.uuid(), random.uuid());
});
