import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { POOLS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import type { ResourceApi } from '@holdfast/api/client/types.ts';
import type { Volume, VolumeStatus } from '@holdfast/api/schema/volume.ts';
import { MIB, pool, record, refusal, volume } from './fixtures.ts';
import { openTarget, type Target } from './target.ts';

let target: Target;
let volumes: ResourceApi<Volume>;
before(async () => {
  target = await openTarget();
  volumes = target.client.resource(VOLUMES);
});
after(() => target.close());

const VOLUMES_PATH = '/apis/holdfast.storage/v1alpha1/volumes';

test('a wrong value is refused with the path of its field', async () => {
  const cases: [object, string][] = [
    [{ sizeBytes: 0 }, 'spec.sizeBytes'],
    [{ sizeBytes: -4 * MIB }, 'spec.sizeBytes'],
    [{ sizeBytes: 5 * MIB }, 'spec.sizeBytes'],
    [{ sizeBytes: '64Mi' }, 'spec.sizeBytes'],
    [{ sizeBytes: 2 ** 51 }, 'spec.sizeBytes'],
    [{ sizeBytes: undefined }, 'spec.sizeBytes'],
    [{ replicas: 0 }, 'spec.replicas'],
    [{ replicas: 1.5 }, 'spec.replicas'],
    [{ protocol: 'A' }, 'spec.protocol'],
    [{ fsType: 'ntfs' }, 'spec.fsType'],
    [{ placement: 'here' }, 'spec.placement'],
    [{ placement: { nodes: ['UPPER'] } }, 'spec.placement.nodes[0]'],
    [{ attachments: [{ node: 'a' }, { node: 'b' }] }, 'spec.attachments'],
    [{ attachments: [{}] }, 'spec.attachments[0].node'],
  ];
  for (const [spec, field] of cases) {
    const error = await refusal(volumes.create(volume(target.name('bad'), spec)));
    assert.equal(error.code, 'invalid_argument', JSON.stringify(spec));
    assert.equal(error.details.field, field, `${JSON.stringify(spec)}: ${error.message}`);
  }
});

test('every wrong field is named, not only the first', async () => {
  const error = await refusal(volumes.create(volume(target.name('bad'), { sizeBytes: 1, replicas: 99 })));
  const fields = (error.details['causes'] as { field: string }[]).map((cause) => cause.field);
  assert.ok(fields.includes('spec.sizeBytes') && fields.includes('spec.replicas'), fields.join(' '));
});

test('a name that cannot name an LV is refused', async () => {
  for (const name of ['a.b', 'x'.repeat(64), 'Upper', '-a']) {
    assert.equal((await refusal(volumes.create(volume(name)))).code, 'invalid_argument', name);
  }
});

test('an object without a spec, of another kind, or that is no JSON is refused', async () => {
  const post = (body: object | string) => target.raw({ method: 'POST', path: VOLUMES_PATH, body });
  const { spec: _, ...bare } = volume(target.name('bare'));
  assert.equal((await post(bare)).status, 422);
  assert.equal((await post({ ...volume(target.name('other')), kind: 'Pool' })).status, 400);
  assert.equal((await post({ ...volume(target.name('other')), apiVersion: 'holdfast.storage/v9' })).status, 400);
  assert.equal((await post('{"kind":')).status, 400);
  assert.equal((await post('[]')).status, 400);
});

test('strict field validation names the unknown field instead of pruning it', async () => {
  const body = { ...volume(target.name('typo')), spec: { sizeBytes: 64 * MIB, replica: 3 } };
  const answer = await target.raw({ method: 'POST', path: `${VOLUMES_PATH}?fieldValidation=Strict`, body });
  assert.equal(answer.status, 400);
  assert.match(String(answer.body['message']), /unknown field "spec\.replica"/);
});

test('a dry run validates and changes nothing', async () => {
  const name = target.name('dry');
  const path = `${VOLUMES_PATH}?dryRun=All`;
  assert.equal((await target.raw({ method: 'POST', path, body: volume(name) })).status, 201);
  assert.equal((await target.raw({ method: 'POST', path, body: volume(name, { replicas: 0 }) })).status, 422);
  assert.equal(await volumes.find(name), undefined);
});

test('transition rules hold for every way of writing', async () => {
  const made = await volumes.create(volume(target.name('pg'), { sizeBytes: 128 * MIB }));
  const { name } = made.metadata;
  const wrong: [object, string][] = [
    [{ sizeBytes: 64 * MIB }, 'spec.sizeBytes'],
    [{ fsType: 'xfs' }, 'spec.fsType'],
    [{ volumeMode: 'Block' }, 'spec.volumeMode'],
  ];
  for (const [spec, field] of wrong) {
    const byPatch = await refusal(volumes.patch(name, { spec }));
    assert.equal(byPatch.details.field, field);
    const byPut = await refusal(
      volumes.update({ ...made, spec: { ...made.spec, ...spec } as NonNullable<Volume['spec']> }),
    );
    assert.equal(byPut.details.field, field);
  }
  assert.match(
    (await refusal(volumes.patch(name, { spec: { sizeBytes: 64 * MIB } }))).message,
    /a volume cannot shrink/,
  );
});

/** A volume whose arbiter record is at epoch 4, in sync on a and b, with a as primary. */
async function withRecord(): Promise<string> {
  const made = await volumes.create(volume(target.name('pg')));
  const { name } = made.metadata;
  await volumes.patchStatus(name, { status: { arbiter: record(4, ['a', 'b'], 'a'), format: { state: 'done' } } });
  return name;
}

test('INV-3, design 3.1: the API server takes every right step of the arbiter record', async () => {
  const name = await withRecord();
  const steps = [
    record(5, ['a'], 'a'),
    record(6, ['a', 'b'], 'a'),
    record(7, ['a', 'b', 'c'], 'a'),
    record(8, ['b', 'c']),
  ];
  for (const arbiter of [...steps, record(9, ['b'], 'b')]) {
    const patch = { status: { arbiter: { ...arbiter, primary: arbiter.primary ?? null } } };
    const after = await volumes.patchStatus(name, patch);
    assert.equal(after.status?.arbiter?.epoch, arbiter.epoch);
  }
});

test('INV-3, design 3.1: the API server refuses every wrong step of the arbiter record, whoever makes it', async () => {
  const name = await withRecord();
  const wrong: [string, unknown, RegExp][] = [
    ['the epoch jumps', record(6, ['a', 'b'], 'a'), /exactly one/],
    ['the epoch goes back', record(3, ['a', 'b'], 'a'), /exactly one/],
    ['the set changes within an epoch', record(4, ['a'], 'a'), /exactly one/],
    ['the primary changes within an epoch', record(4, ['a', 'b'], 'b'), /exactly one/],
    ['the primary leaves within an epoch', record(4, ['a', 'b']), /exactly one/],
    ['a member is exchanged', record(5, ['a', 'c'], 'a'), /grows by one/],
    ['two members enter at once', record(5, ['a', 'b', 'c', 'd'], 'a'), /grows by one/],
    ['the set becomes empty', record(5, []), /never becomes empty/],
    ['a copy outside the set becomes primary', record(5, ['a'], 'b'), /only a member/],
    ['a member is listed twice', record(5, ['a', 'b', 'b'], 'a'), /once or not at all/],
    ['the record is removed', null, /never removed/],
  ];
  for (const [what, arbiter, message] of wrong) {
    const primary = (arbiter as { primary?: string } | null)?.primary ?? null;
    const patch = { status: { arbiter: arbiter === null ? null : { ...(arbiter as object), primary } } };
    const error = await refusal(volumes.patchStatus(name, patch));
    assert.equal(error.code, 'invalid_argument', what);
    assert.match(error.message, message, what);
    assert.match(error.details.field ?? '', /^status\.arbiter/, what);
  }
  const current = await volumes.get(name);
  const status: VolumeStatus = { phase: 'Ready' };
  assert.match((await refusal(volumes.updateStatus({ ...current, status }))).message, /never removed/);
  const { status: _, ...bare } = current;
  assert.match((await refusal(volumes.updateStatus(bare))).message, /never removed as a whole/);
  assert.deepEqual((await volumes.get(name)).status, current.status);
});

test('INV-6: a formatted volume stays formatted', async () => {
  const name = await withRecord();
  for (const format of [{ state: 'never' }, { state: 'formatting' }, null]) {
    assert.match((await refusal(volumes.patchStatus(name, { status: { format } }))).message, /INV-6/);
  }
});

test('INV-2: a volume can be wanted on one node only', async () => {
  const made = await volumes.create(volume(target.name('pg'), { attachments: [{ node: 'a' }] }));
  const two = { spec: { attachments: [{ node: 'a' }, { node: 'b' }] } };
  assert.equal((await refusal(volumes.patch(made.metadata.name, two))).details.field, 'spec.attachments');
});

test('a pool names each node once and disks or a file size, never both', async () => {
  const pools = target.client.resource(POOLS);
  const cases: [object, string][] = [
    [{ nodes: [] }, 'spec.nodes'],
    [{ nodes: [{ name: 'a' }] }, 'spec.nodes'],
    [{ nodes: [{ name: 'a', disks: ['x'], fileSizeBytes: 256 * MIB }] }, 'spec.nodes'],
    [{ type: 'file', nodes: [{ name: 'a', disks: ['x'] }] }, 'spec.nodes'],
  ];
  for (const [spec, field] of cases) {
    const error = await refusal(pools.create(pool(target.name('p'), spec)));
    assert.equal(error.details.field, field, JSON.stringify(spec));
  }
  const twice = {
    nodes: [
      { name: 'a', disks: ['x'] },
      { name: 'a', disks: ['y'] },
    ],
  };
  assert.match((await refusal(pools.create(pool(target.name('p'), twice)))).details.field ?? '', /^spec\.nodes\[1\]/);
  const made = await pools.create(pool(target.name('p'), { nodes: [{ name: 'a', disks: ['x'] }] }));
  const error = await refusal(pools.patch(made.metadata.name, { spec: { type: 'lvm' } }));
  assert.equal(error.details.field, 'spec.type');
});

test('a method or a path that does not exist says so', async () => {
  assert.equal((await target.raw({ method: 'PUT', path: VOLUMES_PATH, body: {} })).status, 405);
  const { status, body } = await target.raw({ method: 'GET', path: '/apis/holdfast.storage/v1alpha1/volumez' });
  assert.equal(status, 404);
  assert.equal((body['details'] as { name?: string } | undefined)?.name, undefined);
  const patch = await target.raw({
    method: 'PATCH',
    path: `${VOLUMES_PATH}/${target.name('x')}`,
    body: '{}',
    contentType: 'text/plain',
  });
  assert.equal(patch.status, 415);
});
