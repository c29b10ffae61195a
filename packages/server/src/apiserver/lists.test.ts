import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { at, startTestApi, type TestApi } from './testing.ts';
import type { JsonObject } from './types.ts';

let api: TestApi;
const SECRETS = '/api/v1/namespaces/default/secrets';
before(async () => {
  api = await startTestApi();
  for (let index = 0; index < 7; index += 1) {
    const labels = { parity: index % 2 === 0 ? 'even' : 'odd', index: String(index) };
    await api.call('POST', SECRETS, { metadata: { name: `s${index}`, labels }, type: index < 3 ? 'low' : 'high' });
  }
  await api.call('POST', '/api/v1/namespaces/kube-system/secrets', { metadata: { name: 'elsewhere' } });
});
after(() => api.close());

async function names(query: string, path = SECRETS): Promise<string[]> {
  const answer = await api.call('GET', `${path}?${query}`);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return (answer.body['items'] as JsonObject[]).map((item) => String(at(item, 'metadata.name')));
}

test('lists one namespace, or all, ordered by namespace and name', async () => {
  assert.deepEqual(await names(''), ['s0', 's1', 's2', 's3', 's4', 's5', 's6']);
  assert.equal((await names('', '/api/v1/secrets')).at(-1), 'elsewhere');
  const list = await api.call('GET', SECRETS);
  assert.equal(list.body['kind'], 'SecretList');
  assert.equal(list.body['apiVersion'], 'v1');
});

test('selects by labels and fields', async () => {
  const select = (selector: string) => names(`labelSelector=${encodeURIComponent(selector)}`);
  assert.deepEqual(await select('parity=odd,index!=1'), ['s3', 's5']);
  assert.deepEqual(await select('index in (1, 2),!none'), ['s1', 's2']);
  assert.deepEqual(await select('index>4'), ['s5', 's6']);
  assert.deepEqual(await names('fieldSelector=type%3Dlow'), ['s0', 's1', 's2']);
  assert.deepEqual(await names('fieldSelector=metadata.name%3Ds4'), ['s4']);
  assert.deepEqual(await names('fieldSelector=metadata.name!%3Ds4,type%3Dhigh'), ['s3', 's5', 's6']);
  assert.deepEqual(await names('fieldSelector=metadata.namespace%3Dkube-system', '/api/v1/secrets'), ['elsewhere']);
});

test('answers 400 for selectors that it does not understand', async () => {
  for (const query of [
    'labelSelector=a%3D%3D%3Db',
    'labelSelector=a+in+b',
    'fieldSelector=data.x%3D1',
    'fieldSelector=x',
    'resourceVersion=abc',
    'continue=zzz',
  ]) {
    assert.equal((await api.call('GET', `${SECRETS}?${query}`)).status, 400, query);
  }
});

test('pages through the state of the first page, whatever happens meanwhile', async () => {
  const first = await api.call('GET', `${SECRETS}?limit=3`);
  assert.equal((first.body['items'] as unknown[]).length, 3);
  assert.equal(at(first.body, 'metadata.remainingItemCount'), 4);
  await api.call('POST', SECRETS, { metadata: { name: 's3a' } });
  await api.call('DELETE', `${SECRETS}/s5`);
  await api.call(
    'PATCH',
    `${SECRETS}/s4`,
    { metadata: { labels: { changed: 'yes' } } },
    { type: 'application/merge-patch+json' },
  );
  const token = String(at(first.body, 'metadata.continue'));
  const second = await api.call('GET', `${SECRETS}?limit=3&continue=${token}`);
  assert.deepEqual(
    (second.body['items'] as JsonObject[]).map((item) => at(item, 'metadata.name')),
    ['s3', 's4', 's5'],
  );
  assert.equal(at(second.body, 'items.1.metadata.labels.changed'), undefined);
  assert.equal(at(second.body, 'metadata.resourceVersion'), at(first.body, 'metadata.resourceVersion'));
  const third = await api.call('GET', `${SECRETS}?limit=3&continue=${String(at(second.body, 'metadata.continue'))}`);
  assert.deepEqual(
    (third.body['items'] as JsonObject[]).map((item) => at(item, 'metadata.name')),
    ['s6'],
  );
  assert.equal(at(third.body, 'metadata.continue'), undefined);
});

test('pages with a selector by matches', async () => {
  const query = 'labelSelector=parity%3Deven&limit=2';
  const first = await api.call('GET', `${SECRETS}?${query}`);
  assert.equal((first.body['items'] as unknown[]).length, 2);
  assert.equal(at(first.body, 'metadata.remainingItemCount'), undefined);
  const rest = await api.call('GET', `${SECRETS}?${query}&continue=${String(at(first.body, 'metadata.continue'))}`);
  assert.deepEqual(
    (rest.body['items'] as JsonObject[]).map((item) => at(item, 'metadata.name')),
    ['s4', 's6'],
  );
});

test('lists an exact past version, refuses the future and the compacted past', async () => {
  const before = await api.call('GET', SECRETS);
  const version = String(at(before.body, 'metadata.resourceVersion'));
  await api.call('POST', SECRETS, { metadata: { name: 'newer' } });
  assert.ok(!(await names(`resourceVersion=${version}&resourceVersionMatch=Exact`)).includes('newer'));
  assert.ok((await names(`resourceVersion=${version}`)).includes('newer'));
  assert.ok((await names('resourceVersion=0')).includes('newer'));
  const future = await api.call('GET', `${SECRETS}?resourceVersion=99999`);
  assert.equal(future.status, 504);
  assert.equal(at(future.body, 'details.causes.0.reason'), 'ResourceVersionTooLarge');
  const small = await startTestApi({ keepEvents: 4 });
  for (let index = 0; index < 12; index += 1) await small.call('POST', SECRETS, { metadata: { name: `x${index}` } });
  const old = await small.call('GET', `${SECRETS}?resourceVersion=2&resourceVersionMatch=Exact`);
  await small.close();
  assert.equal(old.status, 410);
  assert.equal(old.body['reason'], 'Expired');
});

test('prints tables and metadata only when asked', async () => {
  const table = await api.call('GET', `${SECRETS}?fieldSelector=metadata.name%3Ds0`, undefined, {
    accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
  });
  assert.equal(table.body['kind'], 'Table');
  assert.deepEqual(
    (table.body['columnDefinitions'] as JsonObject[]).map((column) => column['name']),
    ['Name', 'Type', 'Data', 'Age'],
  );
  assert.deepEqual(at(table.body, 'rows.0.cells'), ['s0', 'low', 0, '0s']);
  assert.equal(at(table.body, 'rows.0.object.kind'), 'PartialObjectMetadata');
  const partial = await api.call('GET', `${SECRETS}/s0`, undefined, {
    accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
  });
  assert.deepEqual(Object.keys(partial.body).sort(), ['apiVersion', 'kind', 'metadata']);
  const none = await api.call('GET', SECRETS, undefined, { accept: 'application/vnd.kubernetes.protobuf' });
  assert.equal(none.status, 406);
});
