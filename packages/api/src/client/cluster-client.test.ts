import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError, type ErrorCode } from '../errors.ts';
import { aVolume, stored } from '../testing/objects.ts';
import {
  type Answer,
  createScriptedTransport,
  createStream,
  jsonAnswer,
  statusAnswer,
} from '../testing/scripted-transport.ts';
import { createVirtualClock } from '../testing/virtual-clock.ts';
import { createClusterClient } from './cluster-client.ts';
import { LEASES, VOLUMES } from './kinds.ts';

function setUp(answer: Answer, options: { token?: () => string } = {}) {
  const clock = createVirtualClock();
  const transport = createScriptedTransport(answer);
  const client = createClusterClient({ transport, clock, ...options });
  return { clock, transport, volumes: client.resource(VOLUMES), leases: client.resource(LEASES) };
}

async function failure(promise: Promise<unknown>): Promise<AppError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof AppError, `not an AppError: ${String(error)}`);
    return error;
  }
  assert.fail('it should have failed');
}

test('follows continue tokens until the list is complete and keeps the first version', async () => {
  const { volumes, transport } = setUp((request) => {
    const second = request.path.includes('continue=more%2Bnext');
    return jsonAnswer(200, {
      metadata: { resourceVersion: second ? '12' : '10', ...(second ? {} : { continue: 'more+next' }) },
      items: [stored(aVolume(second ? 'b' : 'a'), '1')],
    });
  });
  const result = await volumes.list({ labelSelector: 'a=b,c!=d', limit: 1 });
  assert.deepEqual(
    result.items.map((item) => item.metadata.name),
    ['a', 'b'],
  );
  assert.equal(result.resourceVersion, '10');
  assert.match(
    transport.requests[0]?.path ?? '',
    /^\/apis\/holdfast.storage\/v1alpha1\/volumes\?labelSelector=a%3Db%2Cc!%3Dd&limit=1$/,
  );
});

test('takes the whole list in one answer when the paged snapshot has expired', async () => {
  const { volumes, transport } = setUp((request) => {
    if (request.path.includes('continue=')) return statusAnswer(410, 'Expired', 'the continue token is too old');
    if (request.path.includes('limit=')) {
      return jsonAnswer(200, { metadata: { resourceVersion: '1', continue: 'x' }, items: [stored(aVolume('a'), '1')] });
    }
    return jsonAnswer(200, {
      metadata: { resourceVersion: '2' },
      items: [stored(aVolume('a'), '1'), stored(aVolume('b'), '2')],
    });
  });
  const result = await volumes.list();
  assert.equal(result.items.length, 2);
  assert.equal(transport.requests.length, 3);
});

test('an answer that is no list is unavailable, never an empty list', async () => {
  for (const body of ['{}', '<html>', '{"items":null,"metadata":{"resourceVersion":"1"}}', '[]']) {
    const { volumes } = setUp(() => jsonAnswer(200, body));
    assert.equal((await failure(volumes.list())).code, 'unavailable', body);
  }
});

test('fills in the kind that items of built-in lists lack', async () => {
  const { leases } = setUp(() =>
    jsonAnswer(200, {
      metadata: { resourceVersion: '5' },
      items: [{ metadata: { name: 'l', namespace: 'n', resourceVersion: '1', uid: 'u' }, spec: {} }],
    }),
  );
  const lease = (await leases.list({}, 'n')).items[0];
  assert.equal(lease?.kind, 'Lease');
  assert.equal(lease?.apiVersion, 'coordination.k8s.io/v1');
});

test('Kubernetes answers become our errors', async () => {
  const cases: [number, string, ErrorCode, string?][] = [
    [400, 'BadRequest', 'invalid_argument'],
    [401, 'Unauthorized', 'unauthenticated'],
    [403, 'Forbidden', 'permission_denied'],
    [404, 'NotFound', 'not_found'],
    [409, 'Conflict', 'aborted', 'Conflict'],
    [409, 'AlreadyExists', 'already_exists', 'AlreadyExists'],
    [410, 'Expired', 'aborted', 'Expired'],
    [410, 'Gone', 'aborted', 'Expired'],
    [413, 'RequestEntityTooLarge', 'invalid_argument'],
    [422, 'Invalid', 'invalid_argument'],
    [429, 'TooManyRequests', 'unavailable'],
    [500, 'InternalError', 'internal'],
    [500, 'ServerTimeout', 'unavailable'],
    [503, 'ServiceUnavailable', 'unavailable'],
    [504, 'Timeout', 'deadline_exceeded'],
    [507, 'InsufficientStorage', 'resource_exhausted'],
  ];
  for (const [status, reason, code, expectedReason] of cases) {
    const { volumes } = setUp(() => statusAnswer(status, reason, 'because', { name: 'pg' }));
    const error = await failure(volumes.get('pg'));
    assert.equal(error.code, code, `${status} ${reason}`);
    assert.equal(error.details.reason, expectedReason ?? reason);
    assert.match(error.message, /cannot get volumes\/pg: because/);
  }
});

test('a 422 names the first offending field and keeps all causes', async () => {
  const { volumes } = setUp(() =>
    statusAnswer(422, 'Invalid', 'two things', {
      name: 'pg',
      causes: [
        { reason: 'FieldValueInvalid', message: 'too small', field: 'spec.sizeBytes' },
        { reason: 'FieldValueInvalid', message: 'too many', field: 'spec.replicas' },
      ],
    }),
  );
  const error = await failure(volumes.create(aVolume('pg')));
  assert.equal(error.details.field, 'spec.sizeBytes');
  assert.equal((error.details['causes'] as unknown[]).length, 2);
});

test('tells for how long a busy server asked to be left alone', async () => {
  const { volumes } = setUp(() => statusAnswer(429, 'TooManyRequests', 'slow down', undefined, { 'retry-after': '7' }));
  assert.equal((await failure(volumes.get('pg'))).details['retryAfterMs'], 7000);
});

test('a missing object is undefined, a missing kind is an error', async () => {
  const missing = setUp(() => statusAnswer(404, 'NotFound', 'volumes "pg" not found', { name: 'pg', kind: 'volumes' }));
  assert.equal(await missing.volumes.find('pg'), undefined);
  await missing.volumes.delete('pg');
  const noKind = setUp(() => jsonAnswer(404, '404 page not found'));
  const error = await failure(noKind.volumes.find('pg'));
  assert.equal(error.code, 'unavailable');
  assert.equal(error.details.reason, 'NoSuchResource');
  await assert.rejects(noKind.volumes.delete('pg'));
});

test('a broken connection is unavailable, with the cause kept for the log only', async () => {
  const { volumes } = setUp(() => Promise.reject(new Error('connect ECONNREFUSED 127.0.0.1:6443')));
  const error = await failure(volumes.get('pg'));
  assert.equal(error.code, 'unavailable');
  assert.match(error.message, /does not answer.*ECONNREFUSED/);
});

test('a server that never answers is given up after the deadline, also when the transport ignores the signal', async () => {
  const { volumes, clock } = setUp(() => new Promise(() => {}));
  const attempt = failure(volumes.get('pg'));
  await clock.advance(9_999);
  assert.equal(clock.pendingTimers, 1);
  await clock.advance(1);
  assert.equal((await attempt).code, 'deadline_exceeded');
  assert.equal(clock.pendingTimers, 0);
});

test('the deadline covers the body too', async () => {
  const { volumes, clock } = setUp((request) => {
    const stream = createStream(request.signal);
    stream.write('{"kind":');
    return { status: 200, headers: {}, body: stream.body };
  });
  assert.equal((await clock.until(failure(volumes.get('pg', undefined, { timeoutMs: 50 })))).code, 'deadline_exceeded');
});

test('an aborted caller gets its own reason back', async () => {
  const { volumes } = setUp(() => new Promise(() => {}));
  const controller = new AbortController();
  const attempt = volumes.get('pg', undefined, { signal: controller.signal });
  const reason = new Error('stopping');
  controller.abort(reason);
  await assert.rejects(attempt, (error) => error === reason);
});

test('asks for the token before every request, so that a rotated one is used', async () => {
  let token = 'one';
  const { volumes, transport } = setUp(() => jsonAnswer(200, stored(aVolume('pg'), '1')), { token: () => token });
  await volumes.get('pg');
  token = 'two';
  await volumes.get('pg');
  assert.deepEqual(
    transport.requests.map((request) => request.headers['authorization']),
    ['Bearer one', 'Bearer two'],
  );
});

test('writes go where Kubernetes expects them', async () => {
  const { volumes, leases, transport } = setUp((request) =>
    jsonAnswer(200, stored(aVolume('pg'), request.method === 'POST' ? '1' : '2')),
  );
  const made = await volumes.create(aVolume('pg'));
  await volumes.update(made);
  await volumes.updateStatus(made);
  await volumes.patchStatus('pg', { status: { phase: 'Ready' } });
  await leases.patch('node-a', { spec: {} }, 'holdfast-system');
  await volumes.delete('pg', { preconditions: { uid: 'u1', resourceVersion: '2' } });
  const base = '/apis/holdfast.storage/v1alpha1/volumes';
  assert.deepEqual(
    transport.requests.map((request) => `${request.method} ${request.path.replace('?fieldManager=holdfast', '')}`),
    [
      `POST ${base}`,
      `PUT ${base}/pg`,
      `PUT ${base}/pg/status`,
      `PATCH ${base}/pg/status`,
      'PATCH /apis/coordination.k8s.io/v1/namespaces/holdfast-system/leases/node-a',
      `DELETE ${base}/pg`,
    ],
  );
  assert.equal(transport.requests[3]?.headers['content-type'], 'application/merge-patch+json');
  assert.deepEqual(JSON.parse(transport.requests[5]?.body ?? '').preconditions, { uid: 'u1', resourceVersion: '2' });
});

test('a namespaced kind without a namespace is refused before anything is sent', async () => {
  const { leases, transport } = setUp(() => jsonAnswer(200, {}));
  assert.equal((await failure(leases.get('node-a'))).details.field, 'metadata.namespace');
  assert.equal((await failure(leases.patch('', {}, 'n'))).details.field, 'metadata.name');
  assert.equal(transport.requests.length, 0);
});

test('decodes a watch whatever way the bytes are cut', async () => {
  const text = [
    { type: 'ADDED', object: stored(aVolume('ä'), '3') },
    { type: 'BOOKMARK', object: { kind: 'Volume', metadata: { resourceVersion: '9' } } },
    { type: 'DELETED', object: stored(aVolume('ä'), '10') },
  ]
    .map((event) => `${JSON.stringify(event)}\n`)
    .join('\r\n');
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 2, 7, 64, bytes.length]) {
    const { volumes, transport } = setUp((request) => {
      const stream = createStream(request.signal);
      for (let at = 0; at < bytes.length; at += size) stream.write(bytes.slice(at, at + size));
      stream.end();
      return { status: 200, headers: {}, body: stream.body };
    });
    const seen: string[] = [];
    for await (const event of volumes.watch({ resourceVersion: '1', timeoutSeconds: 30 })) {
      seen.push(
        event.type === 'BOOKMARK' ? `BOOKMARK ${event.resourceVersion}` : `${event.type} ${event.object.metadata.name}`,
      );
    }
    assert.deepEqual(seen, ['ADDED ä', 'BOOKMARK 9', 'DELETED ä']);
    assert.match(
      transport.requests[0]?.path ?? '',
      /watch=1&allowWatchBookmarks=true&resourceVersion=1&timeoutSeconds=30/,
    );
  }
});

function watching(play: (stream: ReturnType<typeof createStream>) => void) {
  const streams: ReturnType<typeof createStream>[] = [];
  const parts = setUp((request) => {
    const stream = createStream(request.signal);
    streams.push(stream);
    play(stream);
    return { status: 200, headers: {}, body: stream.body };
  });
  const drain = async (): Promise<void> => {
    for await (const _ of parts.volumes.watch({ resourceVersion: '1' }));
  };
  return { ...parts, streams, drain };
}

test('an ERROR event with code 410 says Expired', async () => {
  const { drain } = watching((stream) =>
    stream.event('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 1 (5)' }),
  );
  const error = await failure(drain());
  assert.equal(error.code, 'aborted');
  assert.equal(error.details.reason, 'Expired');
});

test('a torn line, an unknown event or a broken connection ends the watch with unavailable', async () => {
  const plays: ((stream: ReturnType<typeof createStream>) => void)[] = [
    (stream) => {
      stream.write('{"type":"ADD');
      stream.end();
    },
    (stream) => stream.cut(),
    (stream) => stream.event('SURPRISE', stored(aVolume('a'), '1')),
    (stream) => stream.event('ADDED', { metadata: {} }),
    (stream) => stream.write('null\n'),
  ];
  for (const play of plays) assert.equal((await failure(watching(play).drain())).code, 'unavailable');
});

test("an exception of the watch's consumer reaches the consumer and frees the connection", async () => {
  const { volumes, streams } = watching((stream) => stream.event('ADDED', stored(aVolume('a'), '2')));
  const mine = new SyntaxError('mine');
  await assert.rejects(
    async () => {
      for await (const _ of volumes.watch({ resourceVersion: '1' })) throw mine;
    },
    (error) => error === mine,
  );
  assert.equal(streams[0]?.released, true);
});

test('an open watch has no deadline', async () => {
  const { volumes, streams, clock } = watching(() => {});
  const next = volumes.watch({ resourceVersion: '1' })[Symbol.asyncIterator]().next();
  await clock.advance(3_600_000);
  streams[0]?.event('ADDED', stored(aVolume('late'), '2'));
  const result = await next;
  assert.ok(result.done !== true && result.value.type === 'ADDED');
});
