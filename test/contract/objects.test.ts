import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LEASES, SECRETS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { isConflict } from '@holdfast/api/client/status.ts';
import type { ResourceApi } from '@holdfast/api/client/types.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import { MIB, refusal, volume } from './fixtures.ts';
import { openTarget, type Target } from './target.ts';

let target: Target;
let volumes: ResourceApi<Volume>;
before(async () => {
  target = await openTarget();
  volumes = target.client.resource(VOLUMES);
});
after(() => target.close());

test('a new object gets uid, version, generation 1 and creation time, and every default', async () => {
  const made = await volumes.create(volume(target.name('pg')));
  assert.match(made.metadata.uid, /^[0-9a-f-]{36}$/);
  assert.match(made.metadata.resourceVersion, /^[0-9]+$/);
  assert.equal(made.metadata.generation, 1);
  assert.match(made.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.deepEqual(made.spec, {
    sizeBytes: 64 * MIB,
    replicas: 2,
    poolClass: '',
    protocol: 'C',
    volumeMode: 'Filesystem',
    fsType: 'ext4',
    attachments: [],
  });
  assert.deepEqual(await volumes.get(made.metadata.name), made);
});

test('a name can be taken once', async () => {
  const made = await volumes.create(volume(target.name('pg')));
  const error = await refusal(volumes.create(volume(made.metadata.name)));
  assert.equal(error.code, 'already_exists');
});

test('an absent object is not_found for get, undefined for find, fine for delete', async () => {
  const name = target.name('absent');
  assert.equal((await refusal(volumes.get(name))).code, 'not_found');
  assert.equal(await volumes.find(name), undefined);
  await volumes.delete(name);
  assert.equal((await refusal(volumes.patch(name, { spec: { replicas: 1 } }))).code, 'not_found');
});

test('a generated name is unique and keeps its prefix', async () => {
  const object = { ...volume(''), metadata: { name: '', generateName: 'made-' } };
  const [a, b] = await Promise.all([volumes.create(object), volumes.create(object)]);
  assert.match(a.metadata.name, /^made-[a-z0-9]{5}$/);
  assert.notEqual(a.metadata.name, b.metadata.name);
});

test('unknown fields are pruned, at every depth', async () => {
  const made = await volumes.create(
    volume(target.name('pg'), {
      sizeByte: 1,
      placement: { nodes: ['a'], node: 'b' },
      attachments: [{ node: 'a', x: 1 }],
    }),
  );
  assert.deepEqual(made.spec?.placement, { nodes: ['a'] });
  assert.deepEqual(made.spec?.attachments, [{ node: 'a', readOnly: false, mount: true }]);
  assert.ok(!('sizeByte' in (made.spec ?? {})));
});

test('update is a compare-and-swap: of two writers with one version, one wins', async () => {
  const made = await volumes.create(volume(target.name('pg'), { replicas: 2 }));
  const spec = (replicas: number) => ({ ...made, spec: { ...made.spec, replicas } as NonNullable<Volume['spec']> });
  const results = await Promise.allSettled([1, 3, 4, 5].map((replicas) => volumes.update(spec(replicas))));
  const won = results.filter((result) => result.status === 'fulfilled');
  const lost = results.filter((result) => result.status === 'rejected');
  assert.equal(won.length, 1);
  assert.ok(lost.every((result) => isConflict(result.reason)));
  assert.deepEqual((await volumes.get(made.metadata.name)).spec, won[0]?.value.spec);
});

test('generation counts changes of the spec and nothing else; a write that changes nothing makes no new version', async () => {
  const made = await volumes.create(volume(target.name('pg')));
  const { name } = made.metadata;
  const labelled = await volumes.patch(name, { metadata: { labels: { app: 'db' } } });
  assert.equal(labelled.metadata.generation, 1);
  assert.notEqual(labelled.metadata.resourceVersion, made.metadata.resourceVersion);
  const reported = await volumes.patchStatus(name, { status: { phase: 'Ready' } });
  assert.equal(reported.metadata.generation, 1);
  const grown = await volumes.patch(name, { spec: { sizeBytes: 128 * MIB } });
  assert.equal(grown.metadata.generation, 2);
  const same = await volumes.patch(name, { spec: { sizeBytes: 128 * MIB } });
  assert.equal(same.metadata.resourceVersion, grown.metadata.resourceVersion);
  assert.equal((await volumes.update(same)).metadata.resourceVersion, grown.metadata.resourceVersion);
});

test('status and spec are written apart: each endpoint ignores the other part', async () => {
  const created = await volumes.create({ ...volume(target.name('pg')), status: { phase: 'Ready' } });
  assert.equal(created.status, undefined);
  const bySpec = await volumes.update({ ...created, status: { phase: 'Ready' } });
  assert.equal(bySpec.status, undefined);
  const byStatus = await volumes.updateStatus({
    ...created,
    spec: { ...created.spec, replicas: 7 } as NonNullable<Volume['spec']>,
    status: { phase: 'Creating' },
  });
  assert.equal(byStatus.status?.phase, 'Creating');
  assert.equal(byStatus.spec?.replicas, 2);
  const patched = await volumes.patch(created.metadata.name, { spec: { replicas: 1 }, status: { phase: 'Degraded' } });
  assert.equal(patched.status?.phase, 'Creating');
  assert.equal(patched.spec?.replicas, 1);
  const patchedStatus = await volumes.patchStatus(created.metadata.name, {
    spec: { replicas: 2 },
    status: { phase: 'Ready' },
  });
  assert.equal(patchedStatus.spec?.replicas, 1);
  assert.equal(patchedStatus.status?.phase, 'Ready');
});

test('a merge patch sets what it names, removes what it nulls, replaces lists and leaves the rest', async () => {
  const made = await volumes.create(
    volume(target.name('pg'), { placement: { nodes: ['a', 'b'], spreadBy: 'rack' } }, { labels: { a: '1', b: '2' } }),
  );
  const patched = await volumes.patch(made.metadata.name, {
    metadata: { labels: { a: null, c: '3' } },
    spec: { placement: { nodes: ['c'], spreadBy: null } },
  });
  assert.deepEqual(patched.metadata.labels, { b: '2', c: '3' });
  assert.deepEqual(patched.spec?.placement, { nodes: ['c'] });
  assert.equal(patched.spec?.sizeBytes, 64 * MIB);
});

test('a field with a default that is nulled gets its default back', async () => {
  const made = await volumes.create(volume(target.name('pg'), { replicas: 3 }));
  const patched = await volumes.patch(made.metadata.name, { spec: { replicas: null } });
  assert.equal(patched.spec?.replicas, 2);
});

test('a patch that carries a version is a compare-and-swap', async () => {
  const made = await volumes.create(volume(target.name('pg')));
  const { name, resourceVersion } = made.metadata;
  await volumes.patch(name, { metadata: { resourceVersion }, spec: { replicas: 1 } });
  assert.ok(isConflict(await refusal(volumes.patch(name, { metadata: { resourceVersion }, spec: { replicas: 3 } }))));
  assert.ok(
    isConflict(await refusal(volumes.patchStatus(name, { metadata: { resourceVersion }, status: { phase: 'Ready' } }))),
  );
  assert.equal((await volumes.get(name)).spec?.replicas, 1);
});

test('an object with a finalizer is only marked by delete, and goes when the last finalizer does', async () => {
  const made = await volumes.create(volume(target.name('pg'), {}, { finalizers: ['example.com/a', 'example.com/b'] }));
  const { name } = made.metadata;
  await volumes.delete(name);
  const marked = await volumes.get(name);
  assert.match(marked.metadata.deletionTimestamp ?? '', /^\d{4}-/);
  await volumes.delete(name);
  const again = await volumes.get(name);
  assert.equal(again.metadata.deletionTimestamp, marked.metadata.deletionTimestamp);
  await volumes.patch(name, { metadata: { finalizers: ['example.com/b'] } });
  assert.equal(
    (await refusal(volumes.patch(name, { metadata: { finalizers: ['example.com/b', 'example.com/c'] } }))).code,
    'invalid_argument',
  );
  assert.ok(await volumes.find(name), 'it is still there');
  await volumes.patch(name, { metadata: { finalizers: null } });
  assert.equal(await volumes.find(name), undefined);
  const reborn = await volumes.create(volume(name));
  assert.notEqual(reborn.metadata.uid, made.metadata.uid);
});

test('delete with preconditions deletes only the very object that was meant', async () => {
  const made = await volumes.create(volume(target.name('pg')));
  const { name, uid, resourceVersion } = made.metadata;
  const otherUid = '00000000-0000-4000-8000-000000000000';
  assert.ok(isConflict(await refusal(volumes.delete(name, { preconditions: { uid: otherUid } }))));
  const changed = await volumes.patch(name, { spec: { replicas: 1 } });
  assert.ok(isConflict(await refusal(volumes.delete(name, { preconditions: { uid, resourceVersion } }))));
  assert.ok(await volumes.find(name));
  await volumes.delete(name, { preconditions: { uid, resourceVersion: changed.metadata.resourceVersion } });
  assert.equal(await volumes.find(name), undefined);
});

test('an update for another incarnation of the same name is refused', async () => {
  const made = await volumes.create(volume(target.name('pg')));
  await volumes.delete(made.metadata.name);
  assert.ok(['not_found', 'aborted'].includes((await refusal(volumes.update(made))).code));
  const reborn = await volumes.create(volume(made.metadata.name));
  assert.ok(isConflict(await refusal(volumes.update(made))));
  assert.equal((await volumes.get(made.metadata.name)).metadata.resourceVersion, reborn.metadata.resourceVersion);
});

test('secrets keep their bytes, leases their microseconds, each in its namespace', async () => {
  const secrets = target.client.resource(SECRETS);
  const name = target.name('key');
  const made = await secrets.create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default' },
    type: 'Opaque',
    data: { key: 'AAEC/w==' },
  });
  assert.deepEqual(made.data, { key: 'AAEC/w==' });
  await secrets.delete(name, { namespace: 'default' });
  const leases = target.client.resource(LEASES);
  const lease = await leases.create({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: 'default' },
    spec: { holderIdentity: 'a', renewTime: '2026-01-01T00:00:00.123456Z', leaseDurationSeconds: 10 },
  });
  assert.equal(lease.spec?.renewTime, '2026-01-01T00:00:00.123456Z');
  assert.equal((await refusal(leases.get(name, 'kube-system'))).code, 'not_found');
  await leases.delete(name, { namespace: 'default' });
});

test('a namespace that does not exist takes no objects', async () => {
  const leases = target.client.resource(LEASES);
  const error = await refusal(
    leases.create({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'x', namespace: target.name('nowhere') },
      spec: {},
    }),
  );
  assert.equal(error.code, 'not_found');
});

test('without a valid token nothing is said', async () => {
  const path = '/apis/holdfast.storage/v1alpha1/volumes';
  for (const token of ['wrong', '']) {
    const { status, body } = await target.raw({ method: 'GET', path, token });
    assert.equal(status, 401);
    assert.equal(body['kind'], 'Status');
    assert.equal(body['items'], undefined);
  }
});

test('discovery and OpenAPI know every kind', async () => {
  const { body } = await target.raw({ method: 'GET', path: '/apis/holdfast.storage/v1alpha1' });
  const names = (body['resources'] as { name: string }[]).map((resource) => resource.name);
  for (const plural of ['nodes', 'pools', 'volumes', 'replicas']) {
    assert.ok(names.includes(plural) && names.includes(`${plural}/status`), plural);
  }
  const openapi = await target.raw({ method: 'GET', path: '/openapi/v3' });
  const paths = openapi.body['paths'] as Record<string, { serverRelativeURL: string }>;
  const entry = paths['apis/holdfast.storage/v1alpha1'];
  assert.ok(entry);
  const document = await target.raw({ method: 'GET', path: entry.serverRelativeURL });
  assert.match(JSON.stringify(document.body), /Usable bytes, a multiple of 4 MiB/);
});
