import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import * as z from 'zod';
import type { KindDescriptor } from '../schema/meta.ts';
import { KINDS } from '../schema/registry.ts';
import { crdFileName, crdYaml, objectSchema } from './crd.ts';
import { generatedFiles } from './files.ts';
import { structuralProblems } from './structural-rules.ts';
import { addRule, type StructuralSchema, structuralSchema } from './structural-schema.ts';

const root = path.resolve(import.meta.dirname, '../../../..');

test('every CRD is structural by the rules of apiextensions', () => {
  for (const kind of KINDS) assert.deepEqual(structuralProblems(objectSchema(kind)), [], kind.kind);
});

test('every field of every kind has a description', () => {
  const bare: string[] = [];
  const walk = (schema: StructuralSchema, at: string): void => {
    for (const [name, child] of Object.entries(schema.properties ?? {})) {
      if (child.description === undefined) bare.push(`${at}.${name}`);
      walk(child, `${at}.${name}`);
    }
    if (schema.items !== undefined) walk(schema.items, `${at}[]`);
  };
  for (const kind of KINDS) {
    walk(structuralSchema(kind.spec), `${kind.kind}.spec`);
    walk(structuralSchema(kind.status), `${kind.kind}.status`);
  }
  assert.deepEqual(bare, []);
});

test('CEL rules are at the path they are about, with status and printer columns beside them', () => {
  const volume = KINDS.find((kind) => kind.kind === 'Volume');
  assert.ok(volume);
  const version = parse(crdYaml(volume)).spec.versions[0];
  const schema = version.schema.openAPIV3Schema;
  const arbiter = schema.properties.status.properties.arbiter;
  assert.ok(arbiter['x-kubernetes-validations'].length >= 4);
  assert.ok(
    schema.properties.spec['x-kubernetes-validations'].some(
      (rule: { fieldPath: string }) => rule.fieldPath === '.sizeBytes',
    ),
  );
  const placed = JSON.stringify(schema).split('"rule":').length - 1;
  assert.equal(placed, volume.cel.length);
  assert.deepEqual(version.subresources, { status: {} });
  assert.equal(version.additionalPrinterColumns.length, volume.printerColumns.length);
  assert.deepEqual(
    version.selectableFields,
    volume.selectableFields.map((jsonPath) => ({ jsonPath })),
  );
  assert.equal(schema.properties.spec.properties.sizeBytes.format, 'int64');
});

test('printer columns and selectable fields point at fields that exist', () => {
  for (const kind of KINDS) {
    const schema = objectSchema(kind);
    for (const jsonPath of [...kind.selectableFields, ...kind.printerColumns.map((column) => column.jsonPath)]) {
      if (jsonPath.startsWith('.metadata.')) continue;
      let at: StructuralSchema | undefined = schema;
      for (const name of jsonPath
        .replace(/\[[^\]]*\]/g, '')
        .split('.')
        .filter((part) => part !== '')) {
        at = (at?.items ?? at)?.properties?.[name];
      }
      assert.ok(at, `${kind.kind} ${jsonPath}`);
    }
  }
});

test('strings that look like numbers stay strings in the YAML', () => {
  const node = KINDS.find((kind) => kind.kind === 'Node');
  assert.ok(node);
  const drbd = parse(crdYaml(node)).spec.versions[0].schema.openAPIV3Schema.properties.status.properties.drbd;
  assert.deepEqual(new Set(drbd.enum), new Set(['none', '8.4', '9']));
});

test('the output is the same every time', () => {
  assert.deepEqual([...generatedFiles()], [...generatedFiles()]);
});

test('the generated files in the repository are up to date and there are no others', () => {
  for (const [file, text] of generatedFiles()) {
    assert.equal(readFileSync(path.join(root, file), 'utf8'), text, `${file}: run \`npm run gen\``);
  }
  const names = readdirSync(path.join(root, 'deploy/crds'));
  assert.deepEqual(names.sort(), [...KINDS.map(crdFileName), 'kustomization.yaml'].sort());
});

test('gen --check agrees with the repository', () => {
  const out = execFileSync(process.execPath, [path.join(root, 'scripts/gen.ts'), '--check'], { encoding: 'utf8' });
  assert.match(out, /up to date/);
});

test('what has no structural form is refused when it is generated', () => {
  assert.throws(
    () => structuralSchema(z.object({ a: z.union([z.string(), z.int()]) })),
    /\.a: 'anyOf' has no structural form/,
  );
  assert.throws(() => structuralSchema(z.object({ a: z.any() })), /\.a: type/);
  assert.throws(() => structuralSchema(z.object({ a: z.tuple([z.string(), z.int()]) })), /\.a/);
  assert.throws(() => structuralSchema(z.object({ a: z.date() })), /[Dd]ate/);
  assert.throws(
    () => addRule({ type: 'object' }, 'spec.x', { rule: 'true', message: 'm' }),
    /'spec.x', which the schema does not have/,
  );
});

test('zod limits become OpenAPI limits', () => {
  const schema = structuralSchema(
    z.strictObject({
      a: z.number().gt(0).lt(1),
      b: z.literal('x'),
      c: z.record(z.string(), z.int().nonnegative()),
      d: z.int(),
    }),
  );
  assert.deepEqual(schema, {
    type: 'object',
    required: ['a', 'b', 'c', 'd'],
    properties: {
      a: { type: 'number', minimum: 0, exclusiveMinimum: true, maximum: 1, exclusiveMaximum: true },
      b: { type: 'string', enum: ['x'] },
      c: { type: 'object', additionalProperties: { type: 'integer', format: 'int64', minimum: 0 } },
      d: { type: 'integer', format: 'int64' },
    },
  });
});

/** A kind with one field, to plant mistakes in. */
function problemsOf(field: z.ZodType, cel: KindDescriptor['cel'] = []): string {
  const schema: StructuralSchema = {
    type: 'object',
    properties: { spec: structuralSchema(z.object({ f: field.optional() })) },
  };
  for (const rule of cel) addRule(schema, rule.path, rule);
  return structuralProblems(schema).join('\n');
}

test('the rules notice planted mistakes', () => {
  assert.equal(problemsOf(z.string()), '');
  assert.match(problemsOf(z.string().meta({ format: 'uuid' })), /format 'uuid' is not known/);
  assert.match(problemsOf(z.string().meta({ 'x-kubernetes-list-type': 'set' })), /not allowed with type string/);
  const items = z.object({ k: z.string().optional(), n: z.object({}) });
  const list = (key: string): z.ZodType =>
    z.array(items).meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });
  assert.match(problemsOf(list('k')), /'k' must be required or have a default/);
  assert.match(problemsOf(list('n')), /'n' is not a scalar/);
  assert.match(problemsOf(z.array(items).meta({ 'x-kubernetes-list-type': 'set' })), /a set holds scalars/);
  const walk = [{ path: 'spec', rule: 'self.f.all(x, x in self.f)', message: 'm' }];
  assert.match(problemsOf(z.array(z.string()), walk), /no maxItems[\s\S]*no maxLength/);
  assert.equal(problemsOf(z.array(z.string().max(9)).max(9), walk), '');
  assert.match(problemsOf(z.string(), [{ path: 'spec', rule: 'true', message: '' }]), /message of one line/);
  assert.match(problemsOf(z.int().min(3).default(1)), /default does not fit the schema: 1 is below the minimum/);
});

test('a list with one entry per key refuses duplicates, as the API server of a cluster does', () => {
  const pool = KINDS.find((kind) => kind.kind === 'Pool');
  const result = pool?.spec.safeParse({
    nodes: [
      { name: 'a', disks: ['x'] },
      { name: 'a', disks: ['y'] },
    ],
  });
  assert.deepEqual(
    result?.error?.issues.map((issue) => issue.path.join('.')),
    ['nodes.1.name'],
  );
});
