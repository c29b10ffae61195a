import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../errors.ts';
import { createMemoryApi } from '../testing/memory-api.ts';
import { aVolume, stored } from '../testing/objects.ts';
import { createSeededRandom, createVirtualClock } from '../testing/virtual-clock.ts';
import { createEventRecorder, type EventRecorderOptions } from './events.ts';
import { EVENTS } from './kinds.ts';

function setUp(options: Partial<EventRecorderOptions> = {}) {
  const clock = createVirtualClock();
  const events = createMemoryApi(EVENTS);
  const errors: AppError[] = [];
  const recorder = createEventRecorder({
    events,
    clock,
    random: createSeededRandom(1),
    component: 'holdfast-controller',
    host: 'a',
    onError: (error) => errors.push(error),
    ...options,
  });
  const volume = stored(aVolume('pg'), '5');
  const say = (message: string, reason = 'Placed', object = volume): void =>
    recorder.record(object, { type: 'Normal', reason, message });
  return { clock, events, errors, recorder, volume, say, list: () => [...events.objects.values()] };
}

test('an event about a cluster-scoped object goes to namespace default, with everything kubectl shows', async () => {
  const t = setUp();
  t.say('placed on a and b');
  await t.recorder.flush();
  const event = t.list()[0];
  assert.equal(event?.metadata.namespace, 'default');
  assert.match(event?.metadata.name ?? '', /^pg\.[0-9a-f]{16}$/);
  assert.deepEqual(event?.involvedObject, {
    apiVersion: 'holdfast.storage/v1alpha1',
    kind: 'Volume',
    name: 'pg',
    uid: 'uid-pg',
  });
  assert.equal(event?.firstTimestamp, '2026-01-01T00:00:00Z');
  assert.equal(event?.count, 1);
  assert.deepEqual(event?.source, { component: 'holdfast-controller', host: 'a' });
});

test('the same text again raises the count, and becomes a new event after ten quiet minutes', async () => {
  const t = setUp();
  for (let time = 0; time < 3; time += 1) {
    t.say('placed');
    await t.clock.advance(60_000);
  }
  await t.recorder.flush();
  assert.equal(t.list().length, 1);
  assert.equal(t.list()[0]?.count, 3);
  assert.equal(t.list()[0]?.lastTimestamp, '2026-01-01T00:02:00Z');
  await t.clock.advance(600_000);
  t.say('placed');
  await t.recorder.flush();
  assert.equal(t.list().length, 2);
});

test('an event that expired on the server is made again', async () => {
  const t = setUp();
  t.say('placed');
  await t.recorder.flush();
  const name = t.list()[0]?.metadata.name ?? '';
  await t.events.delete(name, { namespace: 'default' });
  t.say('placed');
  await t.recorder.flush();
  assert.equal(t.list().length, 1);
  assert.deepEqual(t.errors, []);
});

test('many different texts of one reason are combined', async () => {
  const t = setUp();
  for (let n = 0; n < 20; n += 1) t.say(`attempt ${n} failed`, 'PlacementFailed');
  await t.recorder.flush();
  assert.equal(t.list().length, 11);
  assert.match(t.list().at(-1)?.message ?? '', /^\(combined from similar events\)/);
  assert.equal(t.list().at(-1)?.count, 10);
});

test('an object that never stops talking is limited, others are not', async () => {
  const t = setUp({ burst: 5, perMinute: 1 });
  for (let n = 0; n < 50; n += 1) t.say('x', `Reason${n}`);
  t.say('y', 'Other', stored(aVolume('quiet'), '1'));
  await t.recorder.flush();
  assert.equal(t.list().length, 6);
  await t.clock.advance(120_000);
  for (let n = 0; n < 50; n += 1) t.say('x', `Later${n}`);
  await t.recorder.flush();
  assert.equal(t.list().length, 8);
});

test('waits for an absent API, then gives up and says so', async () => {
  const t = setUp();
  t.events.onCall = () => Promise.reject(new AppError('unavailable', 'away'));
  t.say('placed');
  await t.clock.advance(2_000);
  assert.deepEqual(t.errors, []);
  t.events.onCall = () => {};
  await t.clock.until(t.recorder.flush());
  assert.equal(t.list().length, 1);
  t.events.onCall = () => Promise.reject(new AppError('unavailable', 'away'));
  t.say('moved');
  await t.clock.until(t.recorder.flush());
  assert.equal(t.errors.length, 1);
});

test('the oldest waiting event is dropped when too many wait, and that is reported', async () => {
  const t = setUp({ queueLimit: 2 });
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  t.events.onCall = () => gate;
  for (const reason of ['One', 'Two', 'Three', 'Four']) t.say('x', reason);
  open();
  await t.recorder.flush();
  assert.deepEqual(
    t.list().map((event) => event.reason),
    ['One', 'Three', 'Four'],
  );
  assert.equal(t.errors[0]?.code, 'resource_exhausted');
});

test('a message is cut at what the API accepts', async () => {
  const t = setUp();
  t.say('x'.repeat(5_000));
  await t.recorder.flush();
  assert.equal(t.list()[0]?.message.length, 1024);
});
