import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { at, aVolume, GIB, POOLS, startTestApi, type TestApi, VOLUMES } from './testing.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.close());

const MERGE = { type: 'application/merge-patch+json' };

test('creates with uid, creation time, generation and defaults, and reads the same object back', async () => {
  const made = await api.call('POST', VOLUMES, aVolume('crud'));
  assert.equal(made.status, 201);
  assert.equal(at(made.body, 'metadata.generation'), 1);
  assert.equal(at(made.body, 'metadata.creationTimestamp'), '2026-01-01T00:00:00Z');
  assert.match(String(at(made.body, 'metadata.uid')), /^0000/);
  assert.equal(at(made.body, 'spec.replicas'), 2);
  assert.deepEqual((await api.call('GET', `${VOLUMES}/crud`)).body, made.body);
});

test('answers 409 AlreadyExists for a second create', async () => {
  await api.call('POST', VOLUMES, aVolume('twice'));
  const again = await api.call('POST', VOLUMES, aVolume('twice'));
  assert.equal(again.status, 409);
  assert.equal(again.body['reason'], 'AlreadyExists');
  assert.equal(again.body['message'], 'volumes.holdfast.storage "twice" already exists');
  assert.deepEqual(at(again.body, 'details'), { name: 'twice', group: 'holdfast.storage', kind: 'volumes' });
});

test('answers 404 NotFound with the name', async () => {
  const missing = await api.call('GET', `${VOLUMES}/nope`);
  assert.equal(missing.status, 404);
  assert.equal(missing.body['message'], 'volumes.holdfast.storage "nope" not found');
  assert.equal((await api.call('GET', '/apis/holdfast.storage/v1alpha1/gadgets')).status, 404);
});

test('makes a name from generateName', async () => {
  const made = await api.call('POST', VOLUMES, aVolume('', { metadata: { generateName: 'gen-' } }));
  assert.equal(made.status, 201);
  assert.match(String(at(made.body, 'metadata.name')), /^gen-[a-z0-9]{5}$/);
});

test('answers 422 with one cause per wrong field', async () => {
  const wrong = await api.call(
    'POST',
    VOLUMES,
    aVolume('wrong', { spec: { sizeBytes: 5, fsType: 'ntfs', replicas: 'two' } }),
  );
  assert.equal(wrong.status, 422);
  assert.equal(wrong.body['reason'], 'Invalid');
  const causes = at(wrong.body, 'details.causes') as { field: string; reason: string; message: string }[];
  assert.deepEqual([...new Set(causes.map((cause) => cause.field))].sort(), [
    'spec.fsType',
    'spec.replicas',
    'spec.sizeBytes',
  ]);
  const fsType = causes.find((cause) => cause.field === 'spec.fsType');
  assert.deepEqual(fsType, {
    field: 'spec.fsType',
    reason: 'FieldValueNotSupported',
    message: 'Unsupported value: "ntfs": supported values: "ext4", "xfs", "btrfs"',
  });
});

test('names a missing required field', async () => {
  const wrong = await api.call('POST', VOLUMES, { ...aVolume('nosize'), spec: {} });
  assert.deepEqual(at(wrong.body, 'details.causes'), [
    { reason: 'FieldValueRequired', message: 'Required value', field: 'spec.sizeBytes' },
  ]);
  assert.equal((await api.call('POST', VOLUMES, { metadata: { name: 'nospec' } })).status, 422);
});

test('refuses names that cannot be', async () => {
  for (const name of ['UPPER', 'a_b', '-a', 'a'.repeat(64), 'a.b', '__proto__']) {
    assert.equal((await api.call('POST', VOLUMES, aVolume(name))).status, 422, name);
  }
  assert.equal((await api.call('POST', VOLUMES, aVolume(''))).status, 422);
});

test('drops unknown fields with a warning, or refuses them under fieldValidation=Strict', async () => {
  const body = aVolume('extra', { spec: { replicaz: 3 } });
  const strict = await api.call('POST', `${VOLUMES}?fieldValidation=Strict`, body);
  assert.equal(strict.status, 400);
  assert.match(String(strict.body['message']), /unknown field "spec.replicaz"/);
  const warned = await api.call('POST', VOLUMES, body);
  assert.equal(warned.status, 201);
  assert.equal(warned.headers['warning'], '299 - "unknown field \\"spec.replicaz\\""');
  assert.equal(at(warned.body, 'spec.replicaz'), undefined);
});

test('keeps status out of create and of the main resource, and spec out of /status', async () => {
  await api.call('POST', VOLUMES, { ...aVolume('sides'), status: { phase: 'Ready' } });
  const made = await api.call('GET', `${VOLUMES}/sides`);
  assert.equal(made.body['status'], undefined);
  const main = await api.call('PATCH', `${VOLUMES}/sides`, { status: { phase: 'Ready' } }, MERGE);
  assert.equal(main.body['status'], undefined);
  const status = await api.call(
    'PATCH',
    `${VOLUMES}/sides/status`,
    { spec: { replicas: 5 }, metadata: { labels: { a: 'b' } }, status: { phase: 'Ready' } },
    MERGE,
  );
  assert.deepEqual(status.body['status'], { phase: 'Ready' });
  assert.equal(at(status.body, 'spec.replicas'), 2);
  assert.equal(at(status.body, 'metadata.labels'), undefined);
});

test('counts generation for changes of spec only', async () => {
  await api.call('POST', VOLUMES, aVolume('generations'));
  const url = `${VOLUMES}/generations`;
  assert.equal(
    at((await api.call('PATCH', url, { metadata: { labels: { a: 'b' } } }, MERGE)).body, 'metadata.generation'),
    1,
  );
  assert.equal(
    at((await api.call('PATCH', `${url}/status`, { status: { phase: 'Ready' } }, MERGE)).body, 'metadata.generation'),
    1,
  );
  assert.equal(at((await api.call('PATCH', url, { spec: { replicas: 3 } }, MERGE)).body, 'metadata.generation'), 2);
});

test('does not write what does not change', async () => {
  const made = await api.call('POST', VOLUMES, aVolume('same'));
  const patched = await api.call('PATCH', `${VOLUMES}/same`, { spec: { replicas: 2 } }, MERGE);
  assert.equal(at(patched.body, 'metadata.resourceVersion'), at(made.body, 'metadata.resourceVersion'));
});

test('is a compare-and-swap when a resourceVersion is sent, by PUT and by patch', async () => {
  const first = await api.call('POST', VOLUMES, aVolume('swap'));
  const url = `${VOLUMES}/swap`;
  await api.call('PATCH', url, { spec: { replicas: 3 } }, MERGE);
  const stale = await api.call('PUT', url, first.body);
  assert.equal(stale.status, 409);
  assert.equal(stale.body['reason'], 'Conflict');
  assert.match(
    String(stale.body['message']),
    /the object has been modified; please apply your changes to the latest version/,
  );
  const old = at(first.body, 'metadata.resourceVersion') ?? null;
  const patch = await api.call('PATCH', url, { metadata: { resourceVersion: old }, spec: { replicas: 4 } }, MERGE);
  assert.equal(patch.status, 409);
  const fresh = await api.call('GET', url);
  assert.equal((await api.call('PUT', url, fresh.body)).status, 200);
  const { resourceVersion: _dropped, ...metadata } = fresh.body['metadata'] as { resourceVersion: string };
  assert.equal((await api.call('PUT', url, { ...fresh.body, metadata })).status, 422);
});

test('refuses a body for another kind, name or uid', async () => {
  await api.call('POST', VOLUMES, aVolume('identity'));
  const url = `${VOLUMES}/identity`;
  assert.equal((await api.call('POST', VOLUMES, { ...aVolume('x'), kind: 'Pool' })).status, 400);
  assert.equal((await api.call('PUT', url, aVolume('other'))).status, 400);
  const fresh = await api.call('GET', url);
  const metadata = { ...(fresh.body['metadata'] as object), uid: 'someone-else' };
  assert.equal((await api.call('PUT', url, { ...fresh.body, metadata })).status, 409);
});

test('applies JSON patches, and refuses the whole patch when a test in it fails', async () => {
  await api.call('POST', VOLUMES, aVolume('jsonpatch'));
  const url = `${VOLUMES}/jsonpatch`;
  const type = { type: 'application/json-patch+json' };
  const good = await api.call('PATCH', url, [{ op: 'replace', path: '/spec/replicas', value: 3 }], type);
  assert.equal(at(good.body, 'spec.replicas'), 3);
  const bad = await api.call(
    'PATCH',
    url,
    [
      { op: 'replace', path: '/spec/replicas', value: 4 },
      { op: 'test', path: '/spec/fsType', value: 'xfs' },
    ],
    type,
  );
  assert.equal(bad.status, 422);
  assert.equal(at((await api.call('GET', url)).body, 'spec.replicas'), 3);
});

test('refuses strategic merge patches for its own kinds and unknown patch types with 415', async () => {
  await api.call('POST', VOLUMES, aVolume('types'));
  const url = `${VOLUMES}/types`;
  assert.equal((await api.call('PATCH', url, {}, { type: 'application/strategic-merge-patch+json' })).status, 415);
  assert.equal((await api.call('PATCH', url, {}, { type: 'text/plain' })).status, 415);
  assert.equal((await api.call('POST', VOLUMES, {}, { type: 'text/plain' })).status, 415);
});

test('enforces the rules of the kind with their own words', async () => {
  await api.call('POST', VOLUMES, aVolume('rules', { spec: { sizeBytes: 2 * GIB } }));
  const shrink = await api.call('PATCH', `${VOLUMES}/rules`, { spec: { sizeBytes: GIB } }, MERGE);
  assert.equal(shrink.status, 422);
  assert.deepEqual(at(shrink.body, 'details.causes.0'), {
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${GIB}: a volume cannot shrink`,
    field: 'spec.sizeBytes',
  });
  const pool = {
    apiVersion: 'holdfast.storage/v1alpha1',
    kind: 'Pool',
    metadata: { name: 'p' },
    spec: { nodes: [{ name: 'a' }] },
  };
  const noDisk = await api.call('POST', POOLS, pool);
  assert.match(String(noDisk.body['message']), /name at least one disk per node/);
});

test('INV-3 INV-4: refuses every wrong arbiter step, also the removal of the record', async () => {
  await api.call('POST', VOLUMES, aVolume('arbiter'));
  const url = `${VOLUMES}/arbiter/status`;
  const step = (arbiter: object | null) => api.call('PATCH', url, { status: { arbiter } } as never, MERGE);
  assert.equal((await step({ epoch: 1, inSync: ['r0', 'r1'] })).status, 200);
  assert.equal((await step({ epoch: 2, inSync: ['r0', 'r1'], primary: 'r0' })).status, 200);
  assert.equal((await step({ epoch: 4, inSync: ['r0'] })).status, 422);
  assert.equal((await step({ epoch: 3, inSync: ['r0', 'r7'] })).status, 422);
  assert.equal((await step({ epoch: 3, inSync: ['r0'], primary: 'r1' })).status, 422);
  assert.equal((await step(null)).status, 422);
  assert.equal((await api.call('PATCH', url, { status: null }, MERGE)).status, 422);
  const kept = await api.call('GET', `${VOLUMES}/arbiter`);
  assert.equal(at(kept.body, 'status.arbiter.epoch'), 2);
  assert.equal((await step({ epoch: 3, inSync: ['r0'], primary: 'r0' })).status, 200);
});

test('INV-6: refuses to forget that a volume was formatted', async () => {
  await api.call('POST', VOLUMES, aVolume('formatted'));
  const url = `${VOLUMES}/formatted/status`;
  await api.call('PATCH', url, { status: { format: { state: 'done' } } }, MERGE);
  assert.equal((await api.call('PATCH', url, { status: { format: { state: 'never' } } }, MERGE)).status, 422);
  assert.equal((await api.call('PATCH', url, { status: { format: null } }, MERGE)).status, 422);
});

test('changes nothing under dryRun=All, but refuses what would be refused', async () => {
  const dry = await api.call('POST', `${VOLUMES}?dryRun=All`, aVolume('dry'));
  assert.equal(dry.status, 201);
  assert.equal((await api.call('GET', `${VOLUMES}/dry`)).status, 404);
  await api.call('POST', VOLUMES, aVolume('dry'));
  assert.equal((await api.call('POST', `${VOLUMES}?dryRun=All`, aVolume('dry'))).status, 409);
  assert.equal(
    at((await api.call('PATCH', `${VOLUMES}/dry?dryRun=All`, { spec: { replicas: 5 } }, MERGE)).body, 'spec.replicas'),
    5,
  );
  await api.call('DELETE', `${VOLUMES}/dry?dryRun=All`);
  assert.equal(at((await api.call('GET', `${VOLUMES}/dry`)).body, 'spec.replicas'), 2);
});

test('refuses malformed bodies with 400 and never with 500', async () => {
  const bodies = [
    '',
    '{',
    '[]',
    'null',
    '"x"',
    '{"metadata":[]}',
    '{"metadata":{"labels":{"a":1}}}',
    '{"metadata":{"finalizers":{}}}',
    '{"metadata":{"name":7}}',
  ];
  for (const body of bodies) {
    const answer = await api.raw('POST', VOLUMES, body);
    assert.ok([400, 422].includes(answer.status), `${body}: ${answer.status} ${answer.body.toString()}`);
  }
  const deep = `{"metadata":{"name":"deep"},"spec":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`;
  assert.ok((await api.raw('POST', VOLUMES, deep)).status < 500);
  const proto = await api.raw(
    'POST',
    VOLUMES,
    '{"metadata":{"name":"proto"},"__proto__":{"x":1},"spec":{"sizeBytes":4194304,"__proto__":{"replicas":99}}}',
  );
  assert.equal(proto.status, 201);
  assert.equal(at(JSON.parse(proto.body.toString()) as never, 'spec.replicas'), 2);
});

test('refuses methods that a path does not have', async () => {
  assert.equal((await api.call('POST', `${VOLUMES}/x`, {})).status, 405);
  assert.equal((await api.call('PUT', VOLUMES, {})).status, 405);
  assert.equal((await api.call('PATCH', VOLUMES, {}, MERGE)).status, 405);
  assert.equal((await api.call('TRACE', VOLUMES)).status, 405);
});

test('encodes stringData of a Secret, refuses bad base64, keeps an immutable one', async () => {
  const secrets = '/api/v1/namespaces/default/secrets';
  const made = await api.call('POST', secrets, { metadata: { name: 's' }, stringData: { a: 'b' }, immutable: true });
  assert.deepEqual(made.body['data'], { a: 'Yg==' });
  assert.equal(made.body['stringData'], undefined);
  assert.equal(made.body['type'], 'Opaque');
  assert.equal((await api.call('POST', secrets, { metadata: { name: 't' }, data: { a: '***' } })).status, 422);
  assert.equal((await api.call('PATCH', `${secrets}/s`, { data: { a: 'eA==' } }, MERGE)).status, 422);
  const strategic = await api.call(
    'PATCH',
    `${secrets}/s`,
    { metadata: { labels: { x: 'y' } } },
    { type: 'application/strategic-merge-patch+json' },
  );
  assert.equal(at(strategic.body, 'metadata.labels.x'), 'y');
});

test('takes leases and events with microseconds, in namespaces that exist', async () => {
  const lease = {
    metadata: { name: 'node-a' },
    spec: { holderIdentity: 'a', renewTime: '2026-01-01T00:00:00.123456Z', leaseDurationSeconds: 15 },
  };
  const leases = '/apis/coordination.k8s.io/v1/namespaces/holdfast-system/leases';
  const made = await api.call('POST', leases, lease);
  assert.equal(at(made.body, 'spec.renewTime'), '2026-01-01T00:00:00.123456Z');
  assert.equal(at(made.body, 'metadata.managedFields'), undefined);
  const nowhere = await api.call('POST', leases.replace('holdfast-system', 'nowhere'), lease);
  assert.equal(nowhere.status, 404);
  assert.equal(nowhere.body['message'], 'namespaces "nowhere" not found');
  const event = {
    metadata: { name: 'e' },
    involvedObject: { kind: 'Volume', name: 'v' },
    reason: 'R',
    message: 'm',
    type: 'Normal',
    eventTime: null,
  };
  assert.equal((await api.call('POST', '/api/v1/namespaces/default/events', event)).status, 201);
  const found = await api.call('GET', '/api/v1/events?fieldSelector=involvedObject.kind=Volume,involvedObject.name=v');
  assert.equal((found.body['items'] as unknown[]).length, 1);
});
