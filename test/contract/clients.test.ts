import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createEventRecorder } from '@holdfast/api/client/events.ts';
import { createInformer, type InformerOptions } from '@holdfast/api/client/informer.ts';
import { keepLease } from '@holdfast/api/client/keep-lease.ts';
import { EVENTS, LEASES, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { runLeaderElection } from '@holdfast/api/client/leader.ts';
import type { Stored } from '@holdfast/api/client/object.ts';
import type { ResourceApi } from '@holdfast/api/client/types.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import { createClock, createRandom } from '@holdfast/server/adapters/clock/real.ts';
import { volume } from './fixtures.ts';
import { eventually, openTarget, type Target } from './target.ts';

let target: Target;
let volumes: ResourceApi<Volume>;
before(async () => {
  target = await openTarget();
  volumes = target.client.resource(VOLUMES);
});
after(() => target.close());

const clock = createClock();
const random = createRandom();

function informer(options: Partial<InformerOptions<Volume>> = {}) {
  const errors: AppError[] = [];
  const group = target.name('group');
  const cache = createInformer({
    api: volumes,
    listOptions: { labelSelector: `group=${group}` },
    clock,
    random,
    onError: (error) => errors.push(error),
    ...options,
  });
  const seen: string[] = [];
  cache.onChange(({ old, new: now }) => {
    seen.push(`${old === undefined ? '+' : now === undefined ? '-' : '~'}${(now ?? old)?.metadata.name}`);
  });
  const controller = new AbortController();
  const running = cache.run(controller.signal);
  return {
    cache,
    seen,
    errors,
    make: (): Promise<Stored<Volume>> => volumes.create(volume(target.name('inf'), {}, { labels: { group } })),
    has: (object: Stored<Volume>): boolean =>
      cache.get(object.metadata.name)?.metadata.resourceVersion === object.metadata.resourceVersion,
    async stop(): Promise<void> {
      controller.abort();
      await running;
    },
  };
}

test('an informer sees what was there, what comes and what goes', async () => {
  const t = informer();
  const early = await t.make();
  await t.cache.whenSynced();
  await eventually('the early volume is cached', () => t.has(early));
  const late = await t.make();
  await eventually('the late volume is cached', () => t.has(late));
  const changed = await volumes.patch(late.metadata.name, { spec: { replicas: 1 } });
  await eventually('the change is cached', () => t.has(changed));
  await volumes.delete(late.metadata.name);
  await eventually('the late volume is gone', () => t.cache.get(late.metadata.name) === undefined);
  assert.deepEqual(t.seen, [`+${early.metadata.name}`, ...['+', '~', '-'].map((sign) => sign + late.metadata.name)]);
  assert.deepEqual(t.errors, []);
  await t.stop();
});

test('an informer survives a restart of the server without a second list and without doubles', async () => {
  const t = informer();
  await t.cache.whenSynced();
  const first = await t.make();
  await eventually('the first volume is cached', () => t.has(first));
  await target.restart();
  const second = await retried(() => t.make());
  await eventually('the second volume is cached', () => t.has(second));
  assert.deepEqual(t.seen, [`+${first.metadata.name}`, `+${second.metadata.name}`]);
  await t.stop();
});

test('an informer misses nothing that happens while its connection is cut, again and again', async () => {
  const t = informer();
  await t.cache.whenSynced();
  const made: Stored<Volume>[] = [];
  for (let round = 0; round < 10; round += 1) {
    target.network.cut();
    made.push(await retried(() => t.make()));
  }
  for (const object of made) await eventually(`${object.metadata.name} is cached`, () => t.has(object));
  assert.deepEqual(new Set(t.seen), new Set(made.map((object) => `+${object.metadata.name}`)));
  assert.equal(t.seen.length, made.length);
  await t.stop();
});

test('an informer whose watch is swallowed by the network notices, and catches up from where it was', async () => {
  const t = informer({ stallMs: 1_000 });
  await t.cache.whenSynced();
  const first = await t.make();
  await eventually('the first volume is cached', () => t.has(first));
  target.network.swallow();
  await eventually('the silence is noticed', () => t.errors.some((error) => error.details.reason === 'WatchStalled'));
  target.network.heal();
  const second = await retried(() => t.make());
  await eventually('the second volume is cached', () => t.has(second));
  await t.stop();
});

test('an informer that was away for longer than the server remembers lists again and tells the difference', async () => {
  const t = informer();
  await t.cache.whenSynced();
  const [kept, gone] = [await t.make(), await t.make()];
  await eventually('both are cached', () => t.has(kept) && t.has(gone));
  target.network.refuse();
  await eventually('the watch is broken', () => t.errors.length > 0);
  target.network.heal();
  // All of it may reach the informer as events or as a list: the cache ends the same.
  await retried(() => volumes.delete(gone.metadata.name));
  await target.expiredVersion((n) => volumes.patch(kept.metadata.name, { metadata: { labels: { n: String(n) } } }));
  const last = await volumes.patch(kept.metadata.name, { spec: { replicas: 1 } });
  await eventually('the cache is current', () => t.has(last) && t.cache.get(gone.metadata.name) === undefined);
  await t.stop();
});

test('heartbeats renew a lease, through an absence of the server', async () => {
  const leases = target.client.resource(LEASES);
  const name = target.name('node');
  const controller = new AbortController();
  let failures = 0;
  const running = keepLease(
    {
      leases,
      name,
      namespace: 'default',
      identity: name,
      clock,
      random,
      intervalMs: 50,
      timeoutMs: 500,
      onError: () => {
        failures += 1;
      },
    },
    controller.signal,
  );
  const renewed = async (): Promise<string | undefined> => (await leases.find(name, 'default'))?.spec?.renewTime;
  await eventually('the lease exists', async () => (await renewed()) !== undefined);
  await target.restart(() => eventually('a heartbeat has failed', () => failures > 0));
  const before = await retried(renewed);
  await eventually('it is renewed again', async () => (await renewed()) !== before);
  controller.abort();
  await running;
});

test('two candidates never lead together, and leadership moves on when one is stopped', async () => {
  const leases = target.client.resource(LEASES);
  const name = target.name('election');
  const leading = new Set<string>();
  let most = 0;
  const candidate = (identity: string) => {
    const controller = new AbortController();
    const running = runLeaderElection(
      {
        leases,
        name,
        namespace: 'default',
        identity,
        clock,
        random,
        leaseDurationMs: 2_000,
        renewDeadlineMs: 1_200,
        retryMs: 100,
        onError: () => {},
        onStarted: (signal) =>
          new Promise((resolve) => {
            leading.add(identity);
            most = Math.max(most, leading.size);
            signal.addEventListener('abort', () => {
              leading.delete(identity);
              resolve();
            });
          }),
      },
      controller.signal,
    );
    return async (): Promise<void> => {
      controller.abort();
      await running;
    };
  };
  const stopA = candidate('a');
  await eventually('a leads', () => leading.has('a'));
  const stopB = candidate('b');
  await target.restart();
  await eventually('somebody leads', () => leading.size === 1);
  await stopA();
  await eventually('b leads', () => leading.has('b'));
  await stopB();
  assert.equal(most, 1);
  assert.equal((await leases.get(name, 'default')).spec?.holderIdentity, undefined);
});

test('an event about a cluster-scoped object is accepted, counted up, and found by its object', async () => {
  const events = target.client.resource(EVENTS);
  const made = await volumes.create(volume(target.name('pg')));
  const errors: AppError[] = [];
  const recorder = createEventRecorder({
    events,
    clock,
    random,
    component: 'contract',
    onError: (error) => errors.push(error),
  });
  for (let time = 0; time < 3; time += 1) {
    recorder.record(made, { type: 'Warning', reason: 'Frozen', message: 'writes wait for node b' });
    await recorder.flush();
  }
  assert.deepEqual(errors, []);
  const { items } = await events.list({ fieldSelector: `involvedObject.uid=${made.metadata.uid}` }, 'default');
  assert.deepEqual(
    items.map((event) => [event.reason, event.count, event.type]),
    [['Frozen', 3, 'Warning']],
  );
});

/** Repeats what a broken connection interrupted. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const code = AppError.from(error).code;
      if (code !== 'unavailable' && code !== 'deadline_exceeded') throw error;
      await clock.sleep(20);
    }
  }
}
