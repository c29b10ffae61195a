import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, aVolume, startTestApi, type TestApi, type TestWatch, VOLUMES } from './testing.ts';
import { MAX_UNREAD_BYTES } from './watch.ts';

const MERGE = { type: 'application/merge-patch+json' };
const SECRETS = '/api/v1/namespaces/default/secrets';

async function withApi(work: (api: TestApi) => Promise<void>, keepEvents = 1000): Promise<void> {
  const api = await startTestApi({ keepEvents });
  try {
    await work(api);
  } finally {
    await api.close();
  }
}

function seen(watch: TestWatch): string[] {
  return watch.events.map(
    (event) => `${event.type} ${String(at(event.object, 'metadata.name') ?? at(event.object, 'reason'))}`,
  );
}

test('sends what happens after a resourceVersion, past and future, without a gap', () =>
  withApi(async (api) => {
    const first = await api.call('POST', VOLUMES, aVolume('a'));
    await api.call('POST', VOLUMES, aVolume('b'));
    await api.call('PATCH', `${VOLUMES}/a`, { spec: { replicas: 3 } }, MERGE);
    const watch = await api.watch(
      `${VOLUMES}?watch=true&resourceVersion=${String(at(first.body, 'metadata.resourceVersion'))}`,
    );
    assert.deepEqual(seen(watch), ['ADDED b', 'MODIFIED a']);
    await api.call('DELETE', `${VOLUMES}/a`);
    await api.call('POST', VOLUMES, aVolume('c'));
    assert.deepEqual(seen(watch), ['ADDED b', 'MODIFIED a', 'DELETED a', 'ADDED c']);
    const versions = watch.events.map((event) => Number(at(event.object, 'metadata.resourceVersion')));
    assert.deepEqual(
      versions,
      [...versions].sort((x, y) => x - y),
    );
    assert.equal(at(watch.events[2]?.object, 'spec.replicas'), 3);
    watch.stop();
    await api.call('POST', VOLUMES, aVolume('d'));
    assert.equal(watch.events.length, 4);
  }));

test('begins with the state when no resourceVersion is given', () =>
  withApi(async (api) => {
    await api.call('POST', VOLUMES, aVolume('a'));
    for (const query of ['watch=1', 'watch=true&resourceVersion=0', 'watch=true&resourceVersion=']) {
      const watch = await api.watch(`${VOLUMES}?${query}`);
      assert.deepEqual(seen(watch), ['ADDED a'], query);
      watch.stop();
    }
  }));

test('marks the end of the initial state with an annotated bookmark', () =>
  withApi(async (api) => {
    await api.call('POST', VOLUMES, aVolume('a'));
    const watch = await api.watch(
      `${VOLUMES}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan`,
    );
    assert.deepEqual(
      watch.events.map((event) => event.type),
      ['ADDED', 'BOOKMARK'],
    );
    assert.deepEqual(at(watch.events[1]?.object, 'metadata.annotations'), { 'k8s.io/initial-events-end': 'true' });
    watch.stop();
  }));

test('shows objects that enter and leave a selection as ADDED and DELETED', () =>
  withApi(async (api) => {
    await api.call('POST', VOLUMES, aVolume('a'));
    const byLabel = await api.watch(`${VOLUMES}?watch=true&labelSelector=on%3Dyes`);
    const byField = await api.watch(`${VOLUMES}?watch=true&fieldSelector=status.phase%3DReady`);
    await api.call('PATCH', `${VOLUMES}/a`, { metadata: { labels: { on: 'yes' } } }, MERGE);
    await api.call('PATCH', `${VOLUMES}/a/status`, { status: { phase: 'Ready' } }, MERGE);
    await api.call('PATCH', `${VOLUMES}/a`, { metadata: { labels: { on: 'no' } } }, MERGE);
    await api.call('PATCH', `${VOLUMES}/a/status`, { status: { phase: 'Degraded' } }, MERGE);
    assert.deepEqual(
      byLabel.events.map((event) => event.type),
      ['ADDED', 'MODIFIED', 'DELETED'],
    );
    assert.equal(at(byLabel.events[2]?.object, 'metadata.labels.on'), 'yes');
    assert.deepEqual(
      byField.events.map((event) => event.type),
      ['ADDED', 'MODIFIED', 'DELETED'],
    );
    assert.equal(at(byField.events[2]?.object, 'status.phase'), 'Ready');
    const resumed = await api.watch(`${VOLUMES}?watch=true&labelSelector=on%3Dyes&resourceVersion=4`);
    assert.deepEqual(
      resumed.events.map((event) => event.type),
      ['ADDED', 'MODIFIED', 'DELETED'],
    );
  }));

test('answers an ERROR 410 for a compacted version, and for one from the future', () =>
  withApi(async (api) => {
    for (let index = 0; index < 30; index += 1) await api.call('POST', SECRETS, { metadata: { name: `s${index}` } });
    for (const [version, message] of [
      ['4', /too old resource version/],
      ['99999', /restored from an older copy/],
    ] as const) {
      const watch = await api.watch(`${SECRETS}?watch=true&resourceVersion=${version}`);
      assert.equal(watch.events[0]?.type, 'ERROR');
      assert.equal(watch.events[0]?.object['code'], 410);
      assert.equal(watch.events[0]?.object['reason'], 'Expired');
      assert.match(String(watch.events[0]?.object['message']), message);
      assert.ok(watch.ended);
    }
  }, 10));

test('sends a bookmark each minute to who asked for them, also while nothing happens', () =>
  withApi(async (api) => {
    const watch = await api.watch(`${VOLUMES}?watch=true&allowWatchBookmarks=true`);
    const plain = await api.watch(`${VOLUMES}?watch=true`);
    await api.clock.advance(60_000);
    const made = await api.call('POST', SECRETS, { metadata: { name: 's' } });
    await api.clock.advance(60_000);
    assert.deepEqual(
      watch.events.map((event) => event.type),
      ['BOOKMARK', 'BOOKMARK'],
    );
    assert.equal(at(watch.events[1]?.object, 'metadata.resourceVersion'), at(made.body, 'metadata.resourceVersion'));
    assert.equal(plain.events.length, 0);
    watch.stop();
    plain.stop();
    assert.equal(api.clock.pendingTimers, 0);
  }));

test('ends after timeoutSeconds, with a last bookmark', () =>
  withApi(async (api) => {
    const watch = await api.watch(`${VOLUMES}?watch=true&allowWatchBookmarks=true&timeoutSeconds=5`);
    await api.call('POST', SECRETS, { metadata: { name: 's' } });
    await api.clock.advance(5000);
    assert.ok(watch.ended);
    assert.deepEqual(
      watch.events.map((event) => event.type),
      ['BOOKMARK'],
    );
    await api.call('POST', VOLUMES, aVolume('late'));
    assert.equal(watch.events.length, 1);
  }));

test('disconnects a watcher that does not read, and only that one', () =>
  withApi(async (api) => {
    const slow = await api.watch(`${VOLUMES}?watch=true`);
    const quick = await api.watch(`${VOLUMES}?watch=true`);
    slow.stall(MAX_UNREAD_BYTES + 1);
    await api.call('POST', VOLUMES, aVolume('a'));
    await api.call('POST', VOLUMES, aVolume('b'));
    assert.ok(slow.aborted);
    assert.equal(slow.events.length, 0);
    assert.deepEqual(seen(quick), ['ADDED a', 'ADDED b']);
    assert.deepEqual(api.warnings, ['a watcher does not read; it is disconnected']);
  }));

test('watches as a table, with the column definitions once', () =>
  withApi(async (api) => {
    const watch = await api.watch(`${VOLUMES}?watch=true`, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
    await api.call('POST', VOLUMES, aVolume('a'));
    await api.call('POST', VOLUMES, aVolume('b'));
    assert.equal(watch.events[0]?.object['kind'], 'Table');
    assert.equal(at(watch.events[0]?.object, 'columnDefinitions.0.name'), 'Name');
    assert.deepEqual(watch.events[1]?.object['columnDefinitions'], []);
    assert.equal(at(watch.events[1]?.object, 'rows.0.cells.0'), 'b');
  }));

test('does not leak other namespaces into a watch', () =>
  withApi(async (api) => {
    const watch = await api.watch(`${SECRETS}?watch=true`);
    await api.call('POST', '/api/v1/namespaces/kube-system/secrets', { metadata: { name: 'x' } });
    await api.call('POST', SECRETS, { metadata: { name: 'y' } });
    assert.deepEqual(seen(watch), ['ADDED y']);
  }));

test('ends watches when the server closes', async () => {
  const api = await startTestApi();
  const watch = await api.watch(`${VOLUMES}?watch=true`);
  await api.close();
  assert.ok(watch.ended);
});
