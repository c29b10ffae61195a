import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppError } from '../errors.ts';
import type { Volume } from '../schema/volume.ts';
import { aVolume, stored } from '../testing/objects.ts';
import {
  createScriptedTransport,
  createStream,
  jsonAnswer,
  type ScriptedStream,
  statusAnswer,
} from '../testing/scripted-transport.ts';
import { createSeededRandom, createVirtualClock } from '../testing/virtual-clock.ts';
import { createClusterClient } from './cluster-client.ts';
import { createInformer, type InformerOptions } from './informer.ts';
import { VOLUMES } from './kinds.ts';
import type { Stored } from './object.ts';
import type { TransportResponse } from './ports.ts';

/** A server with a list that tests set and watches that tests play. */
function setUp(options: Partial<InformerOptions<Volume>> = {}) {
  const clock = createVirtualClock();
  const watches: { from: string; stream: ScriptedStream; atMs: number }[] = [];
  const errors: { source: string; error: AppError }[] = [];
  const changes: string[] = [];
  const server = {
    items: [] as Stored<Volume>[],
    resourceVersion: '1',
    lists: 0,
    /** Instead of the normal answer. */
    onList: undefined as (() => TransportResponse | Promise<TransportResponse>) | undefined,
    onWatch: undefined as (() => TransportResponse | Promise<TransportResponse>) | undefined,
  };
  const transport = createScriptedTransport((request) => {
    const query = new URLSearchParams(request.path.split('?')[1]);
    if (query.get('watch') === null) {
      server.lists += 1;
      return (
        server.onList?.() ??
        jsonAnswer(200, { metadata: { resourceVersion: server.resourceVersion }, items: server.items })
      );
    }
    const stream = createStream(request.signal);
    watches.push({ from: query.get('resourceVersion') ?? '', stream, atMs: clock.monotonic() });
    return server.onWatch?.() ?? { status: 200, headers: {}, body: stream.body };
  });
  const informer = createInformer({
    api: createClusterClient({ transport, clock }).resource(VOLUMES),
    clock,
    random: createSeededRandom(7),
    onError: (error, source) => errors.push({ error, source }),
    ...options,
  });
  informer.onChange((change) => {
    const { old, new: now } = change;
    const name = (now ?? old)?.metadata.name ?? '';
    changes.push(
      old === undefined ? `+${name}` : now === undefined ? `-${name}` : old === now ? `=${name}` : `~${name}`,
    );
  });
  const controller = new AbortController();
  const running = informer.run(controller.signal);
  return {
    clock,
    watches,
    errors,
    changes,
    server,
    informer,
    async stop(): Promise<void> {
      controller.abort();
      await running;
      assert.equal(clock.pendingTimers, 0, 'timers are left behind');
    },
    last(): { from: string; stream: ScriptedStream; atMs: number } {
      const entry = watches.at(-1);
      assert.ok(entry, 'no watch was opened');
      return entry;
    },
  };
}

test('lists, then follows the watch from the version of the list', async () => {
  const t = setUp();
  t.server.items = [stored(aVolume('a'), '4')];
  t.server.resourceVersion = '5';
  await t.clock.until(t.informer.whenSynced());
  await t.clock.settle();
  assert.equal(t.last().from, '5');
  t.last().stream.event('ADDED', stored(aVolume('b'), '6'));
  t.last().stream.event('MODIFIED', stored(aVolume('a', { replicas: 1 }), '7'));
  t.last().stream.event('DELETED', stored(aVolume('b'), '8'));
  await t.clock.settle();
  assert.deepEqual(t.changes, ['+a', '+b', '~a', '-b']);
  assert.equal(t.informer.get('a')?.spec?.replicas, 1);
  assert.equal(t.informer.list().length, 1);
  await t.stop();
});

test('is not synced, and says that it is stale, until the first complete list', async () => {
  const t = setUp();
  t.server.onList = () => statusAnswer(503, 'ServiceUnavailable', 'starting');
  await t.clock.advance(60_000);
  assert.equal(t.informer.synced, false);
  assert.equal(t.informer.staleMs, Number.POSITIVE_INFINITY);
  assert.ok(t.errors.length > 5 && t.errors.every((entry) => entry.source === 'list'));
  assert.ok(t.server.lists < 20, `${t.server.lists} lists in a minute`);
  t.server.onList = undefined;
  await t.clock.until(t.informer.whenSynced(), 20_000);
  await t.clock.settle();
  assert.equal(t.informer.staleMs, 0);
  await t.stop();
});

test('goes on from the last version after a broken connection, bookmarks included', async () => {
  const t = setUp();
  await t.clock.until(t.informer.whenSynced());
  await t.clock.settle();
  t.last().stream.event('ADDED', stored(aVolume('a'), '6'));
  t.last().stream.event('BOOKMARK', { metadata: { resourceVersion: '40' } });
  t.last().stream.cut();
  await t.clock.waitFor(() => t.watches.length === 2, 10_000);
  assert.equal(t.last().from, '40');
  assert.equal(t.server.lists, 1);
  assert.deepEqual(
    t.errors.map((entry) => `${entry.source} ${entry.error.code}`),
    ['watch unavailable'],
  );
  await t.stop();
});

test('backs off with jitter while the server is away and returns quickly to work', async () => {
  const t = setUp();
  await t.clock.until(t.informer.whenSynced());
  await t.clock.settle();
  t.server.onWatch = () => Promise.reject(new Error('connect ECONNREFUSED'));
  t.last().stream.cut();
  await t.clock.advance(120_000);
  const pauses = t.watches.slice(2).map((entry, index) => entry.atMs - (t.watches[index + 1]?.atMs ?? 0));
  assert.ok(pauses.every((ms) => ms <= 10_000));
  assert.ok(pauses.slice(10).every((ms) => ms >= 5_000));
  assert.ok(new Set(pauses.slice(10)).size > 3, 'the pauses are jittered');
  assert.ok(t.informer.staleMs > 100_000);
  t.server.onWatch = undefined;
  const before = t.watches.length;
  await t.clock.waitFor(() => t.watches.length > before, 10_000);
  t.last().stream.event('ADDED', stored(aVolume('after'), '9'));
  await t.clock.settle();
  assert.equal(t.server.lists, 1);
  assert.equal(t.informer.staleMs, 0);
  assert.ok(t.informer.get('after'));
  await t.stop();
});

test('lists again after 410 and delivers exactly the difference', async () => {
  const t = setUp();
  t.server.items = [
    stored(aVolume('same'), '1'),
    stored(aVolume('gone'), '2'),
    stored(aVolume('changed'), '3'),
    stored(aVolume('reborn'), '4'),
  ];
  await t.clock.until(t.informer.whenSynced());
  await t.clock.settle();
  t.changes.length = 0;
  t.server.items = [
    stored(aVolume('same'), '1'),
    stored(aVolume('changed'), '30'),
    stored(aVolume('reborn'), '31', 'another-uid'),
    stored(aVolume('new'), '32'),
  ];
  t.server.resourceVersion = '40';
  t.last().stream.event('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' });
  await t.clock.waitFor(() => t.watches.length === 2, 10_000);
  assert.equal(t.last().from, '40');
  assert.deepEqual(t.changes, ['-gone', '~changed', '-reborn', '+reborn', '+new']);
  await t.stop();
});

test('lists again when the server does not accept the version for any other reason', async () => {
  const t = setUp();
  await t.clock.until(t.informer.whenSynced());
  await t.clock.settle();
  // What a kube-apiserver that was restored from a backup says to a version of its future.
  t.last().stream.event('ERROR', {
    kind: 'Status',
    code: 504,
    reason: 'Timeout',
    message: 'Too large resource version',
  });
  await t.clock.waitFor(() => t.watches.length === 2, 20_000);
  assert.equal(t.server.lists, 2);
  await t.stop();
});

test('an overloaded server is not asked for a list, and not before it wanted', async () => {
  const t = setUp();
  await t.clock.until(t.informer.whenSynced());
  await t.clock.settle();
  t.server.onWatch = () => statusAnswer(429, 'TooManyRequests', 'later', undefined, { 'retry-after': '5' });
  t.last().stream.end();
  await t.clock.advance(30_000);
  const times = t.watches.slice(1).map((entry) => entry.atMs);
  assert.ok(times.length >= 3 && times.length <= 7, `${times.length} tries in 30 s`);
  assert.equal(t.server.lists, 1);
  await t.stop();
});

test('replaces a watch that went silent, from the last version, without a list', async () => {
  const t = setUp({ stallMs: 90_000 });
  await t.clock.until(t.informer.whenSynced());
  await t.clock.settle();
  const first = t.last();
  await t.clock.advance(80_000);
  first.stream.event('BOOKMARK', { metadata: { resourceVersion: '77' } });
  await t.clock.advance(80_000);
  assert.equal(t.watches.length, 1);
  await t.clock.advance(10_000);
  assert.equal(t.watches.length, 2);
  assert.equal(first.stream.released, true);
  assert.equal(t.last().from, '77');
  assert.equal(t.errors.at(-1)?.error.details.reason, 'WatchStalled');
  assert.ok(t.informer.staleMs > 0, 'a silent server is not proof of a current cache');
  await t.stop();
});

test('a server that ends every watch at once is not hammered', async () => {
  const t = setUp();
  await t.clock.until(t.informer.whenSynced());
  t.server.onWatch = () => jsonAnswer(200, '');
  t.last().stream.end();
  await t.clock.advance(60_000);
  assert.ok(t.watches.length < 20, `${t.watches.length} watches in a minute`);
  await t.stop();
});

test('a handler that throws is reported and called again with what it last accepted', async () => {
  const t = setUp();
  await t.clock.until(t.informer.whenSynced());
  await t.clock.settle();
  let broken = true;
  const seen: string[] = [];
  t.informer.onChange((change) => {
    if (broken) throw new Error('handler bug');
    seen.push(`${change.old?.metadata.resourceVersion ?? '-'}>${change.new?.metadata.resourceVersion ?? '-'}`);
  });
  t.last().stream.event('ADDED', stored(aVolume('a'), '6'));
  await t.clock.advance(2_000);
  assert.ok(
    t.errors.length >= 2 &&
      t.errors.every((entry) => entry.source === 'handler' && /handler bug/.test(entry.error.message)),
  );
  t.last().stream.event('MODIFIED', stored(aVolume('a'), '7'));
  await t.clock.settle();
  broken = false;
  await t.clock.advance(30_000);
  assert.deepEqual(seen, ['6>7']);
  assert.deepEqual(t.changes, ['+a', '~a'], 'other handlers are not disturbed');
  await t.stop();
});

test('a handler that failed on a deleted object is told about the deletion until it accepts', async () => {
  const t = setUp();
  t.server.items = [stored(aVolume('a'), '6')];
  await t.clock.until(t.informer.whenSynced());
  await t.clock.settle();
  let failures = 2;
  const deletions: string[] = [];
  t.informer.onChange(({ old, new: now }) => {
    if (now !== undefined) return;
    failures -= 1;
    if (failures >= 0) throw new Error('not yet');
    deletions.push(old?.metadata.name ?? '');
  });
  t.last().stream.event('DELETED', stored(aVolume('a'), '9'));
  await t.clock.advance(10_000);
  assert.deepEqual(deletions, ['a']);
  await t.stop();
});

test('a rejected promise of a handler is not lost either', async () => {
  const t = setUp();
  await t.clock.until(t.informer.whenSynced());
  await t.clock.settle();
  let calls = 0;
  const handler = async (): Promise<void> => {
    calls += 1;
    if (calls === 1) throw new Error('async bug');
  };
  t.informer.onChange(handler as () => void);
  t.last().stream.event('ADDED', stored(aVolume('a'), '6'));
  await t.clock.advance(1_000);
  assert.equal(calls, 2);
  assert.match(t.errors[0]?.error.message ?? '', /async bug/);
  await t.stop();
});

test('a handler that is added late gets every object first, one that is removed gets nothing more', async () => {
  const t = setUp();
  t.server.items = [stored(aVolume('a'), '4'), stored(aVolume('b'), '5')];
  await t.clock.until(t.informer.whenSynced());
  const seen: (string | undefined)[] = [];
  const remove = t.informer.onChange((change) => seen.push(change.new?.metadata.name));
  await t.clock.settle();
  assert.deepEqual(seen, ['a', 'b']);
  remove();
  t.last().stream.event('ADDED', stored(aVolume('c'), '6'));
  await t.clock.settle();
  assert.deepEqual(seen, ['a', 'b']);
  await t.stop();
});

test('resyncs every object to the handlers, at jittered times', async () => {
  const t = setUp({ resyncMs: 600_000, stallMs: 10_000_000 });
  t.server.items = [stored(aVolume('a'), '4'), stored(aVolume('b'), '5')];
  await t.clock.until(t.informer.whenSynced());
  await t.clock.settle();
  t.changes.length = 0;
  const times: number[] = [];
  for (let round = 1; round <= 5; round += 1) {
    const count = round * 2;
    await t.clock.waitFor(() => t.changes.length >= count, 800_000);
    times.push(t.clock.monotonic());
  }
  assert.deepEqual(t.changes.slice(0, 4), ['=a', '=b', '=a', '=b']);
  const pauses = times.map((ms, index) => ms - (times[index - 1] ?? 0));
  assert.ok(pauses.every((ms) => ms >= 450_000 && ms <= 750_000));
  assert.ok(new Set(pauses).size === pauses.length);
  await t.stop();
});

test('answers from indexes, which follow every change; a broken index function hides one object from one index only', async () => {
  const t = setUp({
    indexes: {
      byClass: (volume) => [volume.spec?.poolClass ?? ''],
      broken: (volume) => {
        if (volume.metadata.name === 'bad') throw new Error('index bug');
        return ['x'];
      },
    },
  });
  t.server.items = [stored(aVolume('a', { poolClass: 'ssd' }), '4'), stored(aVolume('bad', { poolClass: 'ssd' }), '5')];
  await t.clock.until(t.informer.whenSynced());
  await t.clock.settle();
  const names = (index: string, value: string): string[] =>
    t.informer.byIndex(index, value).map((volume) => volume.metadata.name);
  assert.deepEqual(names('byClass', 'ssd'), ['a', 'bad']);
  assert.deepEqual(names('broken', 'x'), ['a']);
  assert.match(t.errors[0]?.error.message ?? '', /index bug/);
  t.last().stream.event('MODIFIED', stored(aVolume('a', { poolClass: 'hdd' }), '6'));
  t.last().stream.event('DELETED', stored(aVolume('bad', { poolClass: 'ssd' }), '7'));
  await t.clock.settle();
  assert.deepEqual(names('byClass', 'ssd'), []);
  assert.deepEqual(names('byClass', 'hdd'), ['a']);
  assert.throws(() => t.informer.byIndex('nope', ''), /index 'nope' was not declared/);
  await t.stop();
});

test('an error callback that throws does not stop the informer', async () => {
  const t = setUp({
    onError: () => {
      throw new Error('log is full');
    },
  });
  t.server.onList = () => statusAnswer(500, 'InternalError', 'boom');
  await t.clock.advance(5_000);
  t.server.onList = undefined;
  await t.clock.until(t.informer.whenSynced(), 20_000);
  await t.stop();
});

test('whenSynced can be given up', async () => {
  const t = setUp();
  t.server.onList = () => new Promise(() => {});
  const controller = new AbortController();
  const waiting = t.informer.whenSynced(controller.signal);
  controller.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
  await t.stop();
});
