import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTokens, staticTokens } from './authn.ts';
import { at, aVolume, NODES, REPLICAS, startTestApi, VOLUMES } from './testing.ts';
import type { JsonObject } from './types.ts';

test('reads tokens with quoted groups, comments and empty lines', () => {
  const tokens = staticTokens('# people\n\nt1,alice,1,"a,b"\nt2,bob,2\n"t,3",carol,3,c\n');
  assert.deepEqual(tokens.authenticate('t1'), { name: 'alice', uid: '1', groups: ['a', 'b', 'system:authenticated'] });
  assert.deepEqual(tokens.authenticate('t2')?.groups, ['system:authenticated']);
  assert.equal(tokens.authenticate('t,3')?.name, 'carol');
  assert.equal(tokens.authenticate(''), undefined);
  assert.equal(tokens.authenticate('t'), undefined);
});

test('names the line of a broken token file and never the token', () => {
  assert.throws(
    () => parseTokens('good,a,1\nsecret-token\n', 'tokens.csv'),
    (error: Error) => /tokens\.csv line 2/.test(error.message) && !error.message.includes('secret-token'),
  );
});

const MERGE = { type: 'application/merge-patch+json' };
const AGENT = { token: 'agent-a-token' };

test('an agent writes what belongs to its node and nothing else', async () => {
  const api = await startTestApi();
  try {
    const replica = (node: string): JsonObject => ({
      metadata: { name: `v-${node}`, finalizers: ['holdfast.storage/replica'] },
      spec: { volume: 'v', volumeUid: 'u', node, pool: 'p', sizeBytes: 4_194_304, layout: 'local' },
    });
    await api.call('POST', VOLUMES, aVolume('v'));
    for (const node of ['a', 'b']) await api.call('POST', REPLICAS, replica(node));
    await api.call('POST', NODES, { metadata: { name: 'b' }, spec: {} });
    const leases = '/apis/coordination.k8s.io/v1/namespaces/holdfast-system/leases';
    const secrets = '/api/v1/namespaces/holdfast-system/secrets';
    const cases: [number, string, string, JsonObject | undefined][] = [
      [201, 'POST', NODES, { metadata: { name: 'a' }, spec: {} }],
      [403, 'POST', NODES, { metadata: { name: 'c' }, spec: {} }],
      [200, 'PATCH', `${NODES}/a/status`, { status: { bootId: 'x' } }],
      [403, 'PATCH', `${NODES}/b/status`, { status: { bootId: 'x' } }],
      [403, 'PATCH', `${NODES}/a`, { spec: { evict: true } }],
      [200, 'PATCH', `${REPLICAS}/v-a/status`, { status: { phase: 'Ready' } }],
      [403, 'PATCH', `${REPLICAS}/v-b/status`, { status: { phase: 'Ready' } }],
      [403, 'PATCH', `${REPLICAS}/v-a`, { spec: { sizeBytes: 8_388_608 } }],
      [403, 'PATCH', `${REPLICAS}/v-b`, { metadata: { finalizers: null } }],
      [200, 'PATCH', `${REPLICAS}/v-a`, { metadata: { finalizers: null } }],
      [403, 'PATCH', `${REPLICAS}/v-a`, { metadata: { labels: { x: 'y' } } }],
      [403, 'DELETE', `${REPLICAS}/v-a`, undefined],
      [
        200,
        'PATCH',
        `${VOLUMES}/v/status`,
        { status: { arbiter: { epoch: 1, inSync: ['v-a'] }, format: { state: 'never' } } },
      ],
      [403, 'PATCH', `${VOLUMES}/v/status`, { status: { phase: 'Ready' } }],
      [403, 'PATCH', `${VOLUMES}/v`, { spec: { replicas: 3 } }],
      [403, 'DELETE', `${VOLUMES}/v`, undefined],
      [201, 'POST', leases, { metadata: { name: 'node-a' }, spec: {} }],
      [403, 'POST', leases, { metadata: { name: 'node-b' }, spec: {} }],
      [200, 'PATCH', `${leases}/node-a`, { spec: { holderIdentity: 'a' } }],
      [403, 'PATCH', `${leases}/controller`, { spec: { holderIdentity: 'a' } }],
      [201, 'POST', '/api/v1/namespaces/default/events', { metadata: { name: 'e' }, involvedObject: {} }],
      [403, 'GET', secrets, undefined],
      [201, 'POST', secrets, { metadata: { name: 'replication' }, stringData: { key: 'k' } }],
      [403, 'POST', secrets, { metadata: { name: 'other' } }],
      [200, 'GET', `${secrets}/replication`, undefined],
      [403, 'GET', `${secrets}/luks`, undefined],
      [200, 'GET', VOLUMES, undefined],
      [403, 'DELETE', VOLUMES, undefined],
    ];
    for (const [status, method, path, body] of cases) {
      const answer = await api.call(method, path, body, method === 'PATCH' ? { ...AGENT, ...MERGE } : AGENT);
      assert.equal(answer.status, status, `${method} ${path} ${JSON.stringify(body)}: ${JSON.stringify(answer.body)}`);
    }
    const why = await api.call('PATCH', `${NODES}/b/status`, {}, { ...AGENT, ...MERGE });
    assert.equal(why.body['reason'], 'Forbidden');
    assert.match(String(why.body['message']), /the agent of node a may only write what belongs to its node/);
  } finally {
    await api.close();
  }
});

test('a user in no known group may do nothing', async () => {
  const api = await startTestApi();
  try {
    const answer = await api.call('GET', VOLUMES, undefined, { token: 'nobody-token' });
    assert.equal(answer.status, 403);
    assert.match(
      String(at(answer.body, 'message')),
      /user "nobody" cannot list resource "volumes".*use a token of group system:masters/,
    );
  } finally {
    await api.close();
  }
});
