import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { at, aVolume, REPLICAS, startTestApi, type TestApi, VOLUMES } from './testing.ts';
import type { JsonObject } from './types.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.close());

const MERGE = { type: 'application/merge-patch+json' };
const SECRETS = '/api/v1/namespaces/default/secrets';

function owned(name: string, owner: JsonObject, more: JsonObject = {}): JsonObject {
  const reference = {
    apiVersion: 'holdfast.storage/v1alpha1',
    kind: 'Volume',
    name: at(owner, 'metadata.name') ?? null,
    uid: at(owner, 'metadata.uid') ?? null,
    ...more,
  };
  return { metadata: { name, ownerReferences: [reference] } };
}

test('removes an object without finalizers at once and answers its uid', async () => {
  const made = await api.call('POST', VOLUMES, aVolume('plain'));
  const gone = await api.call('DELETE', `${VOLUMES}/plain`);
  assert.equal(gone.body['status'], 'Success');
  assert.equal(at(gone.body, 'details.uid'), at(made.body, 'metadata.uid'));
  assert.equal((await api.call('GET', `${VOLUMES}/plain`)).status, 404);
  assert.equal((await api.call('DELETE', `${VOLUMES}/plain`)).status, 404);
});

test('marks an object with finalizers, allows no new ones, removes it with the last', async () => {
  await api.call(
    'POST',
    VOLUMES,
    aVolume('held', { metadata: { finalizers: ['holdfast.storage/volume', 'example.com/b'] } }),
  );
  const url = `${VOLUMES}/held`;
  const marked = await api.call('DELETE', url);
  assert.equal(marked.status, 200);
  assert.equal(at(marked.body, 'metadata.deletionTimestamp'), '2026-01-01T00:00:00Z');
  assert.equal(at(marked.body, 'metadata.generation'), 2);
  const again = await api.call('DELETE', url);
  assert.equal(at(again.body, 'metadata.resourceVersion'), at(marked.body, 'metadata.resourceVersion'));
  const more = await api.call(
    'PATCH',
    url,
    { metadata: { finalizers: ['holdfast.storage/volume', 'example.com/b', 'x.com/c'] } },
    MERGE,
  );
  assert.equal(more.status, 422);
  await api.call('PATCH', url, { metadata: { finalizers: ['holdfast.storage/volume'] } }, MERGE);
  assert.equal((await api.call('GET', url)).status, 200);
  assert.equal((await api.call('PATCH', url, { metadata: { finalizers: null } }, MERGE)).status, 200);
  assert.equal((await api.call('GET', url)).status, 404);
});

test('deletes only what the preconditions name', async () => {
  const made = await api.call('POST', VOLUMES, aVolume('precondition'));
  const url = `${VOLUMES}/precondition`;
  const uid = at(made.body, 'metadata.uid') ?? null;
  assert.equal((await api.call('DELETE', url, { preconditions: { uid: 'other' } })).status, 409);
  assert.equal((await api.call('DELETE', url, { preconditions: { resourceVersion: '1' } })).status, 409);
  assert.equal((await api.call('DELETE', url, { preconditions: { uid } })).status, 200);
});

test('collects dependents when their last owner is gone', async () => {
  const a = (await api.call('POST', VOLUMES, aVolume('owner-a'))).body;
  const b = (await api.call('POST', VOLUMES, aVolume('owner-b'))).body;
  await api.call('POST', SECRETS, owned('one-owner', a));
  const both = owned('two-owners', a);
  const second = at(owned('x', b), 'metadata.ownerReferences.0') ?? null;
  (at(both, 'metadata.ownerReferences') as unknown[]).push(second);
  await api.call('POST', SECRETS, both);
  await api.call('DELETE', `${VOLUMES}/owner-a`);
  await api.settle();
  assert.equal((await api.call('GET', `${SECRETS}/one-owner`)).status, 404);
  const left = await api.call('GET', `${SECRETS}/two-owners`);
  assert.equal((at(left.body, 'metadata.ownerReferences') as unknown[]).length, 1);
  await api.call('DELETE', `${VOLUMES}/owner-b`);
  await api.settle();
  assert.equal((await api.call('GET', `${SECRETS}/two-owners`)).status, 404);
});

test('leaves dependents of owners that this server cannot know', async () => {
  const pod = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'pod-uid' };
  await api.call('POST', SECRETS, { metadata: { name: 'of-a-pod', ownerReferences: [pod] } });
  await api.settle();
  assert.equal((await api.call('GET', `${SECRETS}/of-a-pod`)).status, 200);
});

test('orphans dependents when asked to', async () => {
  const owner = (await api.call('POST', VOLUMES, aVolume('orphaning'))).body;
  await api.call('POST', SECRETS, owned('orphan', owner));
  await api.call('DELETE', `${VOLUMES}/orphaning`, { propagationPolicy: 'Orphan' });
  await api.settle();
  assert.equal((await api.call('GET', `${VOLUMES}/orphaning`)).status, 404);
  assert.deepEqual(at((await api.call('GET', `${SECRETS}/orphan`)).body, 'metadata.ownerReferences'), []);
});

test('keeps the owner until blocking dependents are gone under Foreground', async () => {
  const owner = (await api.call('POST', VOLUMES, aVolume('foreground'))).body;
  const blocking = owned('blocking', owner, { blockOwnerDeletion: true });
  (blocking['metadata'] as JsonObject)['finalizers'] = ['example.com/wait'];
  await api.call('POST', SECRETS, blocking);
  await api.call('DELETE', `${VOLUMES}/foreground`, { propagationPolicy: 'Foreground' });
  await api.settle();
  const waiting = await api.call('GET', `${VOLUMES}/foreground`);
  assert.deepEqual(at(waiting.body, 'metadata.finalizers'), ['foregroundDeletion']);
  await api.call('PATCH', `${SECRETS}/blocking`, { metadata: { finalizers: [] } }, MERGE);
  await api.settle();
  assert.equal((await api.call('GET', `${VOLUMES}/foreground`)).status, 404);
});

test('deletes a collection by selector and nothing else', async () => {
  for (const name of ['c1', 'c2']) await api.call('POST', SECRETS, { metadata: { name, labels: { set: 'c' } } });
  await api.call('POST', SECRETS, { metadata: { name: 'c3' } });
  const gone = await api.call('DELETE', `${SECRETS}?labelSelector=set%3Dc`);
  assert.equal((gone.body['items'] as unknown[]).length, 2);
  assert.equal((await api.call('GET', `${SECRETS}/c3`)).status, 200);
});

test('empties a namespace before it goes, and refuses to lose the ones it needs', async () => {
  const spaces = '/api/v1/namespaces';
  await api.call('POST', spaces, { metadata: { name: 'team' } });
  await api.call('POST', `${spaces}/team/secrets`, { metadata: { name: 's', finalizers: ['example.com/wait'] } });
  await api.call('DELETE', `${spaces}/team`);
  await api.settle();
  assert.equal(at((await api.call('GET', `${spaces}/team`)).body, 'status.phase'), 'Terminating');
  assert.equal((await api.call('POST', `${spaces}/team/secrets`, { metadata: { name: 'late' } })).status, 403);
  await api.call('PATCH', `${spaces}/team/secrets/s`, { metadata: { finalizers: null } }, MERGE);
  await api.settle();
  assert.equal((await api.call('GET', `${spaces}/team`)).status, 404);
  for (const name of ['default', 'holdfast-system', 'kube-system']) {
    assert.equal((await api.call('DELETE', `${spaces}/${name}`)).status, 403);
  }
});

test('never collects a replica whose volume was deleted while the replica has its finalizer', async () => {
  const volume = (await api.call('POST', VOLUMES, aVolume('inv7'))).body;
  const replica = {
    ...owned('inv7-r0', volume),
    spec: {
      volume: 'inv7',
      volumeUid: at(volume, 'metadata.uid') ?? null,
      node: 'a',
      pool: 'p',
      sizeBytes: 4_194_304,
      layout: 'local',
    },
  } as JsonObject;
  (replica['metadata'] as JsonObject)['finalizers'] = ['holdfast.storage/replica'];
  assert.equal((await api.call('POST', REPLICAS, replica)).status, 201);
  await api.call('DELETE', `${VOLUMES}/inv7`);
  await api.settle();
  const kept = await api.call('GET', `${REPLICAS}/inv7-r0`);
  assert.equal(kept.status, 200);
  assert.notEqual(at(kept.body, 'metadata.deletionTimestamp'), undefined);
});
