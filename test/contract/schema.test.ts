import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectSchema } from '@holdfast/api/generate/crd.ts';
import type { StructuralSchema } from '@holdfast/api/generate/structural-schema.ts';
import { KINDS } from '@holdfast/api/schema/registry.ts';
import { compileResource, sourceOf } from '@holdfast/server/apiserver/resources.ts';

/** What decides pruning, defaulting, merging and limits; not texts, formats and rules, which are compared elsewhere. */
function essence(schema: StructuralSchema): object {
  const {
    description: _d,
    format: _f,
    'x-kubernetes-validations': _v,
    properties,
    items,
    additionalProperties,
    ...rest
  } = schema;
  const children = Object.entries(properties ?? {}).map(([name, child]) => [name, essence(child)] as const);
  return {
    ...rest,
    ...(properties === undefined ? {} : { properties: Object.fromEntries(children) }),
    ...(items === undefined ? {} : { items: essence(items) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: essence(additionalProperties) }),
  };
}

test('our own API server works by the same schemas as the CRDs that a cluster gets', () => {
  for (const kind of KINDS) {
    const own = compileResource(sourceOf(kind)).schema as unknown as StructuralSchema;
    const crd = objectSchema(kind);
    for (const part of ['spec', 'status']) {
      const [ours, theirs] = [own.properties?.[part], crd.properties?.[part]];
      assert.ok(ours !== undefined && theirs !== undefined);
      assert.deepEqual(essence(ours), essence(theirs), `${kind.kind}.${part}`);
    }
    assert.deepEqual(own.required, crd.required, kind.kind);
  }
});
