import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import protobuf from 'protobufjs';
import { type GoModule, moduleFiles } from '../go/module.ts';

const OURS = path.resolve(import.meta.dirname, '../../packages/server/src/transport/csi/proto');
const SPEC = 'github.com/container-storage-interface/spec';
const CSI_12: GoModule = { path: SPEC, version: 'v1.12.0', sum: 'h1:zrFOEqpR5AghNaaDG4qyedwPBqU2fU0dWjLQMP/azK0=' };
const CSI_13: GoModule = { path: SPEC, version: 'v1.13.0', sum: 'h1:6ja3nYoACisewTPAAZkJ1pbf4+1ehhvt9Z/nYgWGHGw=' };
const KUBELET: GoModule = {
  path: 'k8s.io/kubelet',
  version: 'v0.36.3',
  sum: 'h1:dRzEnhHk35Opy6wjWR4YBcN5RI9lB2npUY37TghFuPU=',
};

/** Everything that matters on the wire, one line per fact; `csi_secret` too, because it decides what is logged. */
function factsOf(text: string): Set<string> {
  const facts = new Set<string>();
  const { root } = protobuf.parse(text, new protobuf.Root(), { keepCase: true });
  const visit = (space: protobuf.NamespaceBase): void => {
    for (const one of space.nestedArray) {
      const name = one.fullName.slice(1);
      if (one instanceof protobuf.Enum) {
        for (const [key, value] of Object.entries(one.values)) facts.add(`enum ${name}: ${key} = ${value}`);
      } else if (one instanceof protobuf.Service) {
        for (const rpc of one.methodsArray) {
          const stream = rpc.responseStream === true ? 'stream ' : '';
          facts.add(`rpc /${name}/${rpc.name}(${rpc.requestType}) returns (${stream}${rpc.responseType})`);
        }
      } else if (one instanceof protobuf.Type) {
        facts.add(`message ${name}`);
        for (const field of one.fieldsArray) facts.add(fieldFact(name, field));
      }
      if (one instanceof protobuf.Namespace) visit(one);
    }
  };
  visit(root);
  return facts;
}

function fieldFact(message: string, field: protobuf.Field): string {
  const key = field instanceof protobuf.MapField ? `map<${field.keyType}> of ` : '';
  const oneof = field.partOf === null ? '' : ` in oneof ${field.partOf.name}`;
  const secret = field.options?.['(csi_secret)'] === true ? ' secret' : '';
  const rule = field.repeated ? 'repeated ' : '';
  return `field ${message}.${field.name} = ${field.id}: ${rule}${key}${field.type}${oneof}${secret}`;
}

const ours = (file: string): Set<string> => factsOf(readFileSync(path.join(OURS, file), 'utf8'));

test('our CSI definitions are those of 1.12 and 1.13, field by field, and nothing else', async () => {
  const [v12 = ''] = await moduleFiles(CSI_12, ['csi.proto']);
  const [v13 = ''] = await moduleFiles(CSI_13, ['csi.proto']);
  const published = factsOf(v12).union(factsOf(v13));
  assert.ok(published.size > 400, `only ${published.size} facts were read`);
  assert.deepEqual([...published.difference(ours('csi.proto'))], [], 'missing');
  assert.deepEqual([...ours('csi.proto').difference(published)], [], 'invented');
});

test('what 1.12 has and 1.13 only reserves was not given to anything else', async () => {
  const [v12 = ''] = await moduleFiles(CSI_12, ['csi.proto']);
  const [v13 = ''] = await moduleFiles(CSI_13, ['csi.proto']);
  const gone = [...factsOf(v12).difference(factsOf(v13))];
  // Served to clients of 1.12: each of these numbers must still be free in 1.13, or the two cannot be told apart.
  const numberOf = (fact: string): string =>
    fact.replace(/^(field \S+\.)\S+ = (\d+).*$/, '$1$2').replace(/: \S+ = /, ': ');
  const taken = new Set([...factsOf(v13)].map(numberOf));
  assert.ok(gone.length >= 6);
  assert.deepEqual(
    gone.filter((fact) => taken.has(numberOf(fact))),
    [],
  );
});

test('our kubelet registration definitions are the published ones', async () => {
  const [v1 = ''] = await moduleFiles(KUBELET, ['pkg/apis/pluginregistration/v1/api.proto']);
  assert.deepEqual([...ours('pluginregistration.proto')].sort(), [...factsOf(v1)].sort());
});
