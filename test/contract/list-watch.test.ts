import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { isExpired } from '@holdfast/api/client/status.ts';
import type { ResourceApi, WatchEvent } from '@holdfast/api/client/types.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import { refusal, volume } from './fixtures.ts';
import { openTarget, type Target } from './target.ts';

let target: Target;
let volumes: ResourceApi<Volume>;
before(async () => {
  target = await openTarget();
  volumes = target.client.resource(VOLUMES);
});
after(() => target.close());

const VOLUMES_PATH = '/apis/holdfast.storage/v1alpha1/volumes';

/** Collects events until `enough`, then leaves. */
async function collect(
  options: { resourceVersion: string; labelSelector?: string; fieldSelector?: string; timeoutSeconds?: number },
  enough: (events: WatchEvent<Volume>[]) => boolean,
): Promise<WatchEvent<Volume>[]> {
  const events: WatchEvent<Volume>[] = [];
  for await (const event of volumes.watch(options)) {
    events.push(event);
    if (enough(events)) break;
  }
  return events;
}

function told(events: readonly WatchEvent<Volume>[], only: readonly string[]): string[] {
  return events.flatMap((event) =>
    event.type === 'BOOKMARK' || !only.includes(event.object.metadata.name)
      ? []
      : [`${event.type} ${event.object.metadata.name}`],
  );
}

test('label selectors of every form select', async () => {
  const group = target.name('group');
  const names: Record<string, string> = {};
  for (const [key, labels] of Object.entries({ a: { tier: 'db' }, b: { tier: 'web' }, c: {} })) {
    names[key] = target.name(key);
    await volumes.create(volume(names[key], {}, { labels: { group, ...labels } }));
  }
  const cases: [string, string][] = [
    ['tier=db', 'a'],
    ['tier==db', 'a'],
    ['tier!=db', 'bc'],
    ['tier in (db,web)', 'ab'],
    ['tier notin (db)', 'bc'],
    ['tier', 'ab'],
    ['!tier', 'c'],
    ['tier,tier!=db', 'b'],
  ];
  for (const [selector, expected] of cases) {
    const { items } = await volumes.list({ labelSelector: `group=${group},${selector}` });
    const got = items.map((item) => Object.keys(names).find((key) => names[key] === item.metadata.name)).sort();
    assert.equal(got.join(''), expected, selector);
  }
  assert.equal((await refusal(volumes.list({ labelSelector: 'tier in (' }))).code, 'invalid_argument');
});

test('field selectors select by name and by the declared fields, and refuse others', async () => {
  const replicas = target.client.resource(REPLICAS);
  const [one, two] = [target.name('r'), target.name('r')];
  const node = target.name('node');
  for (const [name, on] of [
    [one, node],
    [two, 'elsewhere'],
  ] as const) {
    await replicas.create({
      apiVersion: 'holdfast.storage/v1alpha1',
      kind: 'Replica',
      metadata: { name },
      spec: {
        volume: 'v',
        volumeUid: 'u',
        node: on,
        pool: 'p',
        type: 'Diskful',
        sizeBytes: 0,
        layout: 'local',
        peers: [],
        bootstrap: 'none',
      },
    });
  }
  const names = async (fieldSelector: string): Promise<string[]> =>
    (await replicas.list({ fieldSelector })).items.map((item) => item.metadata.name);
  assert.deepEqual(await names(`spec.node=${node}`), [one]);
  assert.deepEqual(await names(`metadata.name=${two}`), [two]);
  assert.deepEqual(await names(`spec.node=${node},spec.volume!=v`), []);
  assert.equal((await refusal(replicas.list({ fieldSelector: 'spec.sizeBytes=0' }))).code, 'invalid_argument');
});

test('a list in pages is complete, without doubles, and a snapshot', async () => {
  const group = target.name('pages');
  const created: string[] = [];
  for (let n = 0; n < 7; n += 1) {
    const made = await volumes.create(volume(target.name('page'), {}, { labels: { group } }));
    created.push(made.metadata.name);
  }
  const paged = await volumes.list({ labelSelector: `group=${group}`, limit: 2 });
  assert.deepEqual(paged.items.map((item) => item.metadata.name).sort(), created.sort());

  const query = `labelSelector=group%3D${group}&limit=3`;
  const first = (await target.raw({ method: 'GET', path: `${VOLUMES_PATH}?${query}` })).body as {
    metadata: { continue: string; resourceVersion: string };
    items: Volume[];
  };
  assert.equal(first.items.length, 3);
  const late = await volumes.create(volume(target.name('page'), {}, { labels: { group } }));
  const next = encodeURIComponent(first.metadata.continue);
  const second = (await target.raw({ method: 'GET', path: `${VOLUMES_PATH}?${query}&continue=${next}` })).body as {
    metadata: { resourceVersion: string };
    items: Volume[];
  };
  assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
  assert.ok(second.items.every((item) => item.metadata.name !== late.metadata.name));
});

test('a watch from the version of a list tells everything after it, once, in order', async () => {
  const { resourceVersion } = await volumes.list();
  const [a, b] = [target.name('a'), target.name('b')];
  await volumes.create(volume(a));
  const watching = collect({ resourceVersion }, (events) => told(events, [a, b]).length === 6);
  await volumes.create(volume(b));
  await volumes.patch(a, { spec: { replicas: 1 } });
  await volumes.patchStatus(b, { status: { phase: 'Ready' } });
  await volumes.delete(a);
  await volumes.delete(b);
  const events = await watching;
  assert.deepEqual(told(events, [a, b]), [
    `ADDED ${a}`,
    `ADDED ${b}`,
    `MODIFIED ${a}`,
    `MODIFIED ${b}`,
    `DELETED ${a}`,
    `DELETED ${b}`,
  ]);
  const versions = events.flatMap((event) =>
    event.type === 'BOOKMARK' ? [] : [BigInt(event.object.metadata.resourceVersion)],
  );
  assert.ok(versions.every((version, index) => index === 0 || version > (versions[index - 1] ?? 0n)));
});

test('a watch can be taken up again at the version of any event', async () => {
  const { resourceVersion } = await volumes.list();
  const names = [target.name('a'), target.name('b'), target.name('c')];
  for (const name of names) await volumes.create(volume(name));
  const [first] = await collect({ resourceVersion }, (events) => events.length === 1);
  assert.ok(first?.type === 'ADDED');
  const rest = await collect(
    { resourceVersion: first.object.metadata.resourceVersion },
    (events) => told(events, names).length === 2,
  );
  assert.deepEqual(told(rest, names), [`ADDED ${names[1]}`, `ADDED ${names[2]}`]);
});

test('an object that enters a selection is added, one that leaves it is deleted', async () => {
  const group = target.name('sel');
  const name = target.name('a');
  const { resourceVersion } = await volumes.list();
  const label = (value: string | null) => volumes.patch(name, { metadata: { labels: { group: value } } });
  await volumes.create(volume(name));
  await label(group);
  await volumes.patch(name, { spec: { replicas: 1 } });
  await label(null);
  await volumes.patch(name, { spec: { replicas: 2 } });
  await label(group);
  const events = await collect(
    { resourceVersion, labelSelector: `group=${group}` },
    (seen) => told(seen, [name]).length === 4,
  );
  assert.deepEqual(told(events, [name]), [`ADDED ${name}`, `MODIFIED ${name}`, `DELETED ${name}`, `ADDED ${name}`]);
});

test('a field selector follows the field in a watch too', async () => {
  const name = target.name('a');
  const node = target.name('node');
  const { resourceVersion } = await volumes.list();
  await volumes.create(volume(name));
  await volumes.patchStatus(name, { status: { attachedTo: node } });
  await volumes.patchStatus(name, { status: { attachedTo: null } });
  const events = await collect(
    { resourceVersion, fieldSelector: `status.attachedTo=${node}` },
    (seen) => told(seen, [name]).length === 2,
  );
  assert.deepEqual(told(events, [name]), [`ADDED ${name}`, `DELETED ${name}`]);
});

test('a watch with a time limit ends by itself, with a bookmark from which nothing is missed', async () => {
  const { resourceVersion } = await volumes.list();
  const name = target.name('a');
  await volumes.create(volume(name));
  const events = await collect(
    { resourceVersion, timeoutSeconds: 3, fieldSelector: 'metadata.name=nobody' },
    () => false,
  );
  const bookmark = events.at(-1);
  assert.ok(bookmark?.type === 'BOOKMARK', 'the last event is a bookmark');
  assert.ok(BigInt(bookmark.resourceVersion) > BigInt(resourceVersion));
  const after = await volumes.patch(name, { spec: { replicas: 1 } });
  const [next] = await collect(
    { resourceVersion: bookmark.resourceVersion, fieldSelector: `metadata.name=${name}` },
    (seen) => seen.length === 1,
  );
  assert.ok(next?.type === 'MODIFIED');
  assert.equal(next.object.metadata.resourceVersion, after.metadata.resourceVersion);
});

test('a version that was compacted away is refused as expired, never answered with a gap', async () => {
  const made = await volumes.create(volume(target.name('busy')));
  const old = await target.expiredVersion((n) =>
    volumes.patch(made.metadata.name, { metadata: { labels: { n: String(n) } } }),
  );
  const error = await refusal(collect({ resourceVersion: old }, () => true));
  assert.ok(isExpired(error), error.message);
});

test('a version from the future of the server is refused, not waited for', async () => {
  const { resourceVersion } = await volumes.list();
  const error = await refusal(collect({ resourceVersion: `${resourceVersion}000` }, () => true));
  assert.ok(isExpired(error) || error.code === 'deadline_exceeded', error.message);
});

test('initial events in a watch end with the bookmark that says so', async () => {
  const name = target.name('init');
  await volumes.create(volume(name));
  const path = `${VOLUMES_PATH}?watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name%3D${name}`;
  const events = await rawEvents(path, 2);
  assert.equal(events[0]?.['type'], 'ADDED');
  assert.equal(events[1]?.['type'], 'BOOKMARK');
  assert.match(JSON.stringify(events[1]), /"k8s.io\/initial-events-end":"true"/);
});

async function rawEvents(path: string, count: number): Promise<Record<string, unknown>[]> {
  const lines = target.lines(path);
  const events: Record<string, unknown>[] = [];
  for await (const line of lines) {
    events.push(JSON.parse(line) as Record<string, unknown>);
    if (events.length === count) break;
  }
  return events;
}

test('every event reaches each of many watchers', async () => {
  const { resourceVersion } = await volumes.list();
  const names = Array.from({ length: 20 }, () => target.name('many'));
  const watchers = Array.from({ length: 20 }, () =>
    collect({ resourceVersion }, (events) => told(events, names).length === names.length),
  );
  for (const name of names) await volumes.create(volume(name));
  const expected = names.map((name) => `ADDED ${name}`);
  for (const events of await Promise.all(watchers)) assert.deepEqual(told(events, names), expected);
});
