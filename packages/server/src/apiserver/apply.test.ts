import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { at, aVolume, startTestApi, type TestApi, VOLUMES } from './testing.ts';
import type { JsonObject } from './types.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.close());

const MERGE = { type: 'application/merge-patch+json' };
const APPLY = { type: 'application/apply-patch+yaml' };

function apply(name: string, manager: string, body: JsonObject, query = '') {
  return api.call('PATCH', `${VOLUMES}/${name}?fieldManager=${manager}${query}`, body, APPLY);
}

function managers(object: JsonObject): string[] {
  return ((at(object, 'metadata.managedFields') ?? []) as JsonObject[]).map(
    (entry) =>
      `${String(entry['manager'])}/${String(entry['operation'])}${entry['subresource'] === undefined ? '' : `/${String(entry['subresource'])}`}`,
  );
}

test('creates what does not exist and owns what it named, not the defaults', async () => {
  const made = await apply('new', 'alice', aVolume('new'));
  assert.equal(made.status, 201);
  assert.equal(at(made.body, 'spec.replicas'), 2);
  assert.deepEqual(at(made.body, 'metadata.managedFields.0.fieldsV1'), { 'f:spec': { 'f:sizeBytes': {} } });
  assert.deepEqual(managers(made.body), ['alice/Apply']);
});

test('is idempotent: the same configuration again writes nothing', async () => {
  const first = await apply('idem', 'alice', aVolume('idem'));
  await api.clock.advance(5000);
  const second = await apply('idem', 'alice', aVolume('idem'));
  assert.equal(second.status, 200);
  assert.deepEqual(second.body, first.body);
});

test('refuses to change what another manager owns, names it, and takes it over by force', async () => {
  await apply('fight', 'alice', aVolume('fight', { spec: { replicas: 2 } }));
  const refused = await apply('fight', 'bob', aVolume('fight', { spec: { replicas: 3 } }));
  assert.equal(refused.status, 409);
  assert.equal(refused.body['reason'], 'Conflict');
  assert.equal(
    refused.body['message'],
    'Apply failed with 1 conflict: conflict with "alice" using holdfast.storage/v1alpha1: .spec.replicas',
  );
  assert.deepEqual(at(refused.body, 'details.causes'), [
    {
      reason: 'FieldManagerConflict',
      message: 'conflict with "alice" using holdfast.storage/v1alpha1',
      field: '.spec.replicas',
    },
  ]);
  const forced = await apply('fight', 'bob', aVolume('fight', { spec: { replicas: 3 } }), '&force=true');
  assert.equal(at(forced.body, 'spec.replicas'), 3);
  const back = await apply('fight', 'alice', aVolume('fight', { spec: { replicas: 2 } }));
  assert.equal(back.status, 409);
});

test('shares a field when both want the same value', async () => {
  await apply('share', 'alice', aVolume('share', { spec: { replicas: 3 } }));
  assert.equal((await apply('share', 'bob', aVolume('share', { spec: { replicas: 3 } }))).status, 200);
  const left = await apply('share', 'alice', aVolume('share'));
  assert.equal(at(left.body, 'spec.replicas'), 3, 'bob still wants it');
});

test('removes what it wanted before and nobody else does', async () => {
  await apply(
    'drop',
    'alice',
    aVolume('drop', { spec: { placement: { spreadBy: 'zone' } }, metadata: { labels: { a: '1', b: '2' } } }),
  );
  await apply('drop', 'bob', {
    apiVersion: 'holdfast.storage/v1alpha1',
    kind: 'Volume',
    metadata: { name: 'drop', labels: { c: '3' } },
  });
  const dropped = await apply('drop', 'alice', aVolume('drop', { metadata: { labels: { a: '1' } } }));
  assert.deepEqual(at(dropped.body, 'metadata.labels'), { a: '1', c: '3' });
  assert.equal(at(dropped.body, 'spec.placement'), undefined);
});

test('returns a dropped field to its default', async () => {
  await apply('default', 'alice', aVolume('default', { spec: { replicas: 3 } }));
  const back = await apply('default', 'alice', aVolume('default'));
  assert.equal(at(back.body, 'spec.replicas'), 2);
});

test('conflicts with fields that were written by create and patch', async () => {
  await api.call('POST', `${VOLUMES}?fieldManager=creator`, aVolume('mixed', { spec: { replicas: 2 } }));
  const refused = await apply('mixed', 'alice', aVolume('mixed', { spec: { replicas: 3 } }));
  assert.match(String(refused.body['message']), /conflict with "creator" using/);
  await apply('mixed', 'alice', aVolume('mixed', { spec: { replicas: 3 } }), '&force=true');
  await api.call('PATCH', `${VOLUMES}/mixed?fieldManager=patcher`, { spec: { replicas: 4 } }, MERGE);
  const again = await apply('mixed', 'alice', aVolume('mixed', { spec: { replicas: 3 } }));
  assert.match(String(again.body['message']), /conflict with "patcher" using/);
});

test('keeps the writers of status apart from those of spec', async () => {
  await apply('sub', 'alice', aVolume('sub'));
  await api.call('PATCH', `${VOLUMES}/sub/status?fieldManager=agent`, { status: { phase: 'Ready' } }, MERGE);
  const condition = (type: string): JsonObject => ({
    type,
    status: 'True',
    reason: 'R',
    message: 'm',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });
  const status = (type: string): JsonObject => ({
    apiVersion: 'holdfast.storage/v1alpha1',
    kind: 'Volume',
    metadata: { name: 'sub' },
    status: { conditions: [condition(type)] },
  });
  const applyStatus = (manager: string, type: string) =>
    api.call('PATCH', `${VOLUMES}/sub/status?fieldManager=${manager}`, status(type), APPLY);
  assert.equal((await applyStatus('one', 'Ready')).status, 200);
  const both = await applyStatus('two', 'Synced');
  assert.equal(both.status, 200);
  assert.deepEqual(
    (at(both.body, 'status.conditions') as JsonObject[]).map((item) => item['type']),
    ['Ready', 'Synced'],
  );
  assert.equal(at(both.body, 'status.phase'), 'Ready');
  assert.deepEqual(managers(both.body), ['alice/Apply', 'one/Apply/status', 'two/Apply/status', 'agent/Update/status']);
});

test('creates nothing through the status subresource', async () => {
  const answer = await api.call('PATCH', `${VOLUMES}/ghost/status?fieldManager=a`, aVolume('ghost'), APPLY);
  assert.equal(answer.status, 404);
});

test('needs a manager, a kind, and no managedFields; takes YAML', async () => {
  assert.equal((await api.call('PATCH', `${VOLUMES}/x`, aVolume('x'), APPLY)).status, 400);
  assert.equal((await apply('x', 'a', { metadata: { name: 'x' } })).status, 400);
  assert.equal((await apply('x', 'a', aVolume('x', { metadata: { managedFields: [] } }))).status, 400);
  const yaml =
    'apiVersion: holdfast.storage/v1alpha1\nkind: Volume\nmetadata: {name: yaml}\nspec:\n  sizeBytes: 1073741824 # 1 GiB\n';
  const made = await api.raw('PATCH', `${VOLUMES}/yaml?fieldManager=a`, yaml, APPLY);
  assert.equal(made.status, 201);
  assert.equal((await api.raw('PATCH', `${VOLUMES}/yaml?fieldManager=a`, 'a: [', APPLY)).status, 400);
});

test('checks a resourceVersion in the configuration', async () => {
  const made = await apply('version', 'a', aVolume('version'));
  const resourceVersion = String(at(made.body, 'metadata.resourceVersion'));
  await apply('version', 'b', aVolume('version', { metadata: { labels: { x: 'y' } } }));
  assert.equal(
    (await apply('version', 'a', aVolume('version', { metadata: { resourceVersion }, spec: { replicas: 3 } }))).status,
    409,
  );
});

test('lets a client rewrite or reset managedFields, as kubectl does when it migrates', async () => {
  await api.call('POST', `${VOLUMES}?fieldManager=kubectl-client-side-apply`, aVolume('migrate'));
  const patch = [
    { op: 'replace', path: '/metadata/managedFields/0/manager', value: 'kubectl' },
    { op: 'replace', path: '/metadata/managedFields/0/operation', value: 'Apply' },
  ];
  const moved = await api.call('PATCH', `${VOLUMES}/migrate`, patch, { type: 'application/json-patch+json' });
  assert.deepEqual(managers(moved.body), ['kubectl/Apply']);
  const reset = await api.call('PATCH', `${VOLUMES}/migrate`, { metadata: { managedFields: [{}] } }, MERGE);
  assert.deepEqual(managers(reset.body), []);
});
