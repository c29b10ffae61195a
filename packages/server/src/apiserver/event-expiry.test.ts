import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestApi, type TestApi } from './testing.ts';

const EVENTS = '/api/v1/namespaces/default/events';
const MINUTE = 60_000;

async function names(api: TestApi): Promise<string[]> {
  const list = (await api.call('GET', EVENTS)).body['items'] as { metadata: { name: string } }[];
  return list.map((item) => item.metadata.name);
}

function create(api: TestApi, name: string) {
  const lastTimestamp = new Date(api.clock.now()).toISOString();
  return api.call('POST', EVENTS, { metadata: { name }, involvedObject: {}, lastTimestamp });
}

test('removes events an hour after they were last seen, and stops its timer with the last', async () => {
  const api = await startTestApi();
  try {
    assert.equal(api.clock.pendingTimers, 0);
    await create(api, 'old');
    await create(api, 'again');
    await api.clock.advance(50 * MINUTE);
    const lastTimestamp = new Date(api.clock.now()).toISOString();
    await api.call('PATCH', `${EVENTS}/again`, { lastTimestamp, count: 2 }, { type: 'application/merge-patch+json' });
    assert.deepEqual(await names(api), ['again', 'old']);
    await api.clock.advance(11 * MINUTE);
    await api.settle();
    assert.deepEqual(await names(api), ['again']);
    await api.clock.advance(60 * MINUTE);
    await api.settle();
    assert.deepEqual(await names(api), []);
    await api.clock.advance(20 * MINUTE);
    await api.settle();
    assert.equal(api.clock.pendingTimers, 0);
  } finally {
    await api.close();
  }
});
