import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { decodeKubeProto } from './kube-proto.ts';
import { ProtoWriter, readProto } from './protobuf.ts';
import { parsePath } from './request-path.ts';
import { makeSelfSigned } from './self-signed.ts';
import { at, startTestApi } from './testing.ts';
import type { Json, JsonObject } from './types.ts';

test('understands every path of the API and nothing else', () => {
  assert.deepEqual(parsePath('/api/v1/namespaces/x/secrets/s'), {
    kind: 'resource',
    apiVersion: 'v1',
    plural: 'secrets',
    namespace: 'x',
    name: 's',
    subresource: '',
  });
  const brief = (path: string): string => {
    const target = parsePath(path);
    return target?.kind === 'resource'
      ? [target.namespace ?? '', target.plural, target.name ?? '', target.subresource].join('|')
      : (target?.kind ?? 'none');
  };
  assert.equal(brief('/api/v1/namespaces/x'), '|namespaces|x|');
  assert.equal(brief('/api/v1/namespaces/x/status'), '|namespaces|x|status');
  assert.equal(brief('/api/v1/secrets'), '|secrets||');
  assert.equal(brief('/apis/holdfast.storage/v1alpha1/volumes/v/status'), '|volumes|v|status');
  assert.equal(brief('/apis/holdfast.storage/v1alpha1/'), 'discovery-version');
  assert.equal(brief('/apis/a/b/c/d/e/f/g/h'), 'none');
  assert.equal(brief('/api/v1/secrets/%zz'), 'none');
  assert.equal(brief('/readyz'), 'health');
  assert.equal(brief('/metrics'), 'none');
});

test('serves discovery that names every kind with its verbs and its status', async () => {
  const api = await startTestApi();
  try {
    const list = await api.call('GET', '/apis/holdfast.storage/v1alpha1');
    const resources = list.body['resources'] as JsonObject[];
    assert.deepEqual(
      resources.map((item) => item['name']),
      ['nodes', 'pools', 'volumes', 'replicas'].flatMap((name) => [name, `${name}/status`]),
    );
    assert.deepEqual(at(list.body, 'resources.4.shortNames'), ['hfv']);
    assert.equal((await api.call('GET', '/apis')).body['kind'], 'APIGroupList');
    assert.equal((await api.call('GET', '/apis/holdfast.storage')).body['kind'], 'APIGroup');
    assert.equal((await api.call('GET', '/apis/none.example')).status, 404);
    assert.equal((await api.call('POST', '/apis')).status, 405);
  } finally {
    await api.close();
  }
});

/** Every $ref of a document, and every name it defines. */
function references(value: Json | undefined, out: Set<string> = new Set()): Set<string> {
  if (Array.isArray(value)) for (const item of value) references(item, out);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      if (key === '$ref' && typeof item === 'string') out.add(item.split('/').at(-1) ?? '');
      references(item, out);
    }
  }
  return out;
}

test('serves OpenAPI in both versions with no dangling reference', async () => {
  const api = await startTestApi();
  try {
    const v2 = (await api.call('GET', '/openapi/v2')).body;
    const definitions = v2['definitions'] as JsonObject;
    for (const name of references(v2)) assert.ok(name in definitions, name);
    assert.ok('storage.holdfast.v1alpha1.Volume' in definitions);
    const index = (await api.call('GET', '/openapi/v3')).body['paths'] as Record<string, { serverRelativeURL: string }>;
    for (const { serverRelativeURL } of Object.values(index)) {
      const v3 = (await api.call('GET', serverRelativeURL)).body;
      const schemas = at(v3, 'components.schemas') as JsonObject;
      for (const name of references(v3)) assert.ok(name in schemas, name);
    }
    const proto = await api.raw('GET', '/openapi/v2', '', {
      accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
    });
    const fields = readProto(Buffer.from(proto.body));
    assert.deepEqual(
      fields.map((field) => field.field),
      [1, 2, 8, 9],
    );
  } finally {
    await api.close();
  }
});

test('decodes a Secret as kubectl sends it', () => {
  const writer = new ProtoWriter();
  writer.message(1, (type) => {
    type.text(1, 'v1');
    type.text(2, 'Secret');
  });
  writer.message(2, (secret) => {
    secret.message(1, (meta) => {
      meta.text(1, 's');
      meta.text(2, '');
      meta.message(11, (label) => {
        label.text(1, 'a');
        label.text(2, '');
      });
    });
    secret.message(2, (entry) => {
      entry.text(1, 'key');
      entry.bytes(2, Buffer.from([0xff, 0x00]));
    });
    secret.text(3, 'Opaque');
    secret.int(5, 1);
  });
  assert.deepEqual(decodeKubeProto(Buffer.concat([Buffer.from('k8s\0'), writer.finish()])), {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's', labels: { a: '' } },
    data: { key: '/wA=' },
    type: 'Opaque',
    immutable: true,
  });
});

test('refuses broken protocol buffers', () => {
  for (const bytes of [
    Buffer.from('nope'),
    Buffer.from('6b3873000aff', 'hex'),
    Buffer.from('6b387300ff', 'hex'),
    Buffer.from('k8s\0'),
  ]) {
    assert.throws(() => decodeKubeProto(bytes), /protocol buffers/);
  }
});

test('makes a certificate that checks out for its names', () => {
  const { cert, fingerprint } = makeSelfSigned(
    ['api.example', '10.0.0.1', 'fd00::1'],
    Date.parse('2026-01-01T00:00:00Z'),
    30,
  );
  const parsed = new X509Certificate(cert);
  assert.ok(parsed.verify(parsed.publicKey));
  assert.equal(parsed.checkHost('api.example'), 'api.example');
  assert.equal(parsed.checkIP('10.0.0.1'), '10.0.0.1');
  assert.equal(parsed.checkIP('10.0.0.2'), undefined);
  assert.match(parsed.subjectAltName ?? '', /FD00:0:0:0:0:0:0:1/i);
  assert.equal(new Date(parsed.validTo).toISOString(), '2026-01-31T00:00:00.000Z');
  assert.equal(parsed.fingerprint256, fingerprint);
});
