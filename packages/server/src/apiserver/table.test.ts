import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KINDS } from '@holdfast/api/schema/registry.ts';
import { CORE_KINDS } from './core-kinds.ts';
import { negotiate } from './negotiate.ts';
import { ResourceTable, sourceOf } from './resources.ts';
import { humanAge, toTable } from './table.ts';
import type { KubeObject } from './types.ts';

const TABLE = new ResourceTable([...CORE_KINDS, ...KINDS.map(sourceOf)]);
const NOW = Date.parse('2026-01-01T00:10:00Z');

test('prints ages as kubectl does', () => {
  const minute = 60;
  const hour = 3600;
  const day = 86_400;
  const cases: [number, string][] = [
    [-1, '0s'],
    [0, '0s'],
    [119, '119s'],
    [120, '2m'],
    [2 * minute + 1, '2m1s'],
    [10 * minute + 5, '10m'],
    [179 * minute, '179m'],
    [3 * hour, '3h'],
    [3 * hour + minute, '3h1m'],
    [8 * hour + minute, '8h'],
    [47 * hour, '47h'],
    [48 * hour, '2d'],
    [49 * hour, '2d1h'],
    [8 * day + hour, '8d'],
    [729 * day, '729d'],
    [730 * day, '2y'],
    [731 * day, '2y1d'],
  ];
  for (const [seconds, text] of cases) assert.equal(humanAge(seconds), text, String(seconds));
});

test('makes one cell per column, null where nothing is', () => {
  const volumes = TABLE.byKind('holdfast.storage/v1alpha1', 'Volume');
  assert.ok(volumes !== undefined);
  const object: KubeObject = {
    apiVersion: 'holdfast.storage/v1alpha1',
    kind: 'Volume',
    metadata: { name: 'v', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { replicas: 2 },
    status: { phase: 'Ready', arbiter: { inSync: ['v-r0', 'v-r1'], epoch: 3 } },
  };
  const table = toTable(volumes, [object], { kind: 'table', includeObject: 'None' }, NOW, {});
  const columns = (table['columnDefinitions'] as { name: string }[]).map((column) => column.name);
  const [row] = table['rows'] as { cells: unknown[]; object?: unknown }[];
  const cells = Object.fromEntries(columns.map((name, index) => [name, row?.cells[index]]));
  assert.equal(cells['Name'], 'v');
  assert.equal(cells['Phase'], 'Ready');
  assert.equal(cells['Size'], null);
  assert.equal(cells['Epoch'], 3);
  assert.equal(cells['Age'], '10m');
  assert.equal(row?.object, undefined);
});

test('every column of every kind can be computed for an empty object', () => {
  for (const resource of TABLE.all) {
    const empty: KubeObject = { apiVersion: resource.apiVersion, kind: resource.kind, metadata: { name: 'x' } };
    const table = toTable(resource, [empty], { kind: 'table', includeObject: 'Object' }, NOW, {});
    const [row] = table['rows'] as { cells: unknown[] }[];
    assert.equal(row?.cells.length, (table['columnDefinitions'] as unknown[]).length, resource.kind);
  }
});

test('prefers the first representation that it has', () => {
  const table =
    'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';
  assert.deepEqual(negotiate(table, null), { kind: 'table', includeObject: 'Metadata' });
  assert.deepEqual(negotiate(table, 'Object'), { kind: 'table', includeObject: 'Object' });
  assert.deepEqual(negotiate('application/vnd.kubernetes.protobuf,application/json', null), { kind: 'json' });
  assert.deepEqual(negotiate('application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1', null), {
    kind: 'partial',
  });
  assert.deepEqual(
    negotiate('application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json', null),
    { kind: 'json' },
  );
  assert.deepEqual(negotiate(undefined, null), { kind: 'json' });
  assert.deepEqual(negotiate('*/*', null), { kind: 'json' });
  assert.throws(() => negotiate('text/html', null), /only the following media types/);
});
