import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { VOLUMES } from '@holdfast/api/client/kinds.ts';
import { API_VERSION } from '@holdfast/api/schema/meta.ts';
import { MIB, volume } from './fixtures.ts';
import { openTarget, type Target } from './target.ts';

let target: Target;
before(async () => {
  target = await openTarget();
});
after(() => target.close());

const path = (name: string, query: string): string => `/apis/holdfast.storage/v1alpha1/volumes/${name}?${query}`;

function apply(name: string, manager: string, spec: object, extra: { force?: boolean; metadata?: object } = {}) {
  return target.raw({
    method: 'PATCH',
    path: path(name, `fieldManager=${manager}${extra.force === true ? '&force=true' : ''}`),
    contentType: 'application/apply-patch+yaml',
    body: JSON.stringify({ apiVersion: API_VERSION, kind: 'Volume', metadata: { name, ...extra.metadata }, spec }),
  });
}

test('apply creates, changes nothing when repeated, and removes what the manager no longer names', async () => {
  const name = target.name('pg');
  const first = await apply(name, 'ops', { sizeBytes: 64 * MIB, poolClass: 'ssd', placement: { nodes: ['a'] } });
  assert.equal(first.status, 201);
  const again = await apply(name, 'ops', { sizeBytes: 64 * MIB, poolClass: 'ssd', placement: { nodes: ['a'] } });
  assert.equal(again.status, 200);
  const version = (body: Record<string, unknown>): unknown =>
    (body['metadata'] as Record<string, unknown>)['resourceVersion'];
  assert.equal(version(again.body), version(first.body));
  const less = await apply(name, 'ops', { sizeBytes: 64 * MIB });
  const spec = less.body['spec'] as Record<string, unknown>;
  assert.equal(spec['placement'], undefined);
  assert.equal(spec['poolClass'], '', 'a field with a default gets it back');
});

test('two managers that want different values conflict, and force decides', async () => {
  const name = target.name('pg');
  await apply(name, 'ops', { sizeBytes: 64 * MIB, replicas: 2 });
  const clash = await apply(name, 'intern', { replicas: 3 });
  assert.equal(clash.status, 409);
  assert.match(JSON.stringify(clash.body), /\.spec\.replicas/);
  assert.match(String(clash.body['message']), /ops/);
  const same = await apply(name, 'intern', { replicas: 2 });
  assert.equal(same.status, 200, 'agreeing is no conflict');
  const forced = await apply(name, 'boss', { replicas: 3 }, { force: true });
  assert.equal((forced.body['spec'] as { replicas: number }).replicas, 3);
});

test('a manager leaves alone what it never named', async () => {
  const name = target.name('pg');
  await apply(name, 'ops', { sizeBytes: 64 * MIB });
  await target.client.resource(VOLUMES).patchStatus(name, { status: { phase: 'Ready' } });
  await apply(name, 'csi', { attachments: [{ node: 'a' }] });
  await apply(name, 'ops', { sizeBytes: 128 * MIB });
  const now = await target.client.resource(VOLUMES).get(name);
  assert.equal(now.status?.phase, 'Ready');
  assert.equal(now.spec?.attachments.length, 1);
  assert.equal(now.spec?.sizeBytes, 128 * MIB);
});

test('apply obeys the rules like every other write', async () => {
  const name = target.name('pg');
  await apply(name, 'ops', { sizeBytes: 128 * MIB });
  const shrunk = await apply(name, 'ops', { sizeBytes: 64 * MIB });
  assert.equal(shrunk.status, 422);
  assert.match(String(shrunk.body['message']), /a volume cannot shrink/);
  assert.equal((await apply(target.name('bad'), 'ops', { sizeBytes: 1 })).status, 422);
});

test('the steps of client-side apply work: read, create with the annotation, patch the difference', async () => {
  const volumes = target.client.resource(VOLUMES);
  const name = target.name('pg');
  const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
  const made = await volumes.create(
    volume(name, { poolClass: 'ssd' }, { annotations: { [annotation]: '{"spec":{"poolClass":"ssd"}}' } }),
  );
  assert.ok(made.metadata.annotations?.[annotation]);
  const patched = await volumes.patch(name, {
    metadata: { annotations: { [annotation]: '{"spec":{}}' } },
    spec: { poolClass: null },
  });
  assert.equal(patched.spec?.poolClass, '');
});
