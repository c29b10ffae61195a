import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError, ERROR_CODES } from '@holdfast/api/errors.ts';
import { createVirtualClock } from '@holdfast/api/testing/virtual-clock.ts';
import type { Log } from '../../ports/log.ts';
import { createCodec } from './codec.ts';
import { type ControllerMethods, ControllerService, DEFINITION } from './gen/csi.ts';
import type { Call } from './method.ts';
import { rpcMethods } from './serve.ts';
import { failureOf, GRPC_STATUS } from './status.ts';

const codec = createCodec(DEFINITION);
const encode = (message: object): Uint8Array => codec.encode('csi.v1.DeleteVolumeRequest', message);

function bench(deleteVolume: ControllerMethods['deleteVolume']) {
  const clock = createVirtualClock();
  const lines: string[] = [];
  const write = (message: string, fields: object = {}): void => {
    lines.push(`${message} ${JSON.stringify(fields, (_key, value) => (value instanceof Error ? value.stack : value))}`);
  };
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  const [method] = rpcMethods(ControllerService, codec, { deleteVolume }, { clock, log });
  assert.ok(method !== undefined);
  const call = (bytes: Uint8Array, deadlineMs?: number, signal = new AbortController().signal) =>
    method.handle(bytes, { signal, deadlineMs });
  return { clock, lines, call, path: method.path };
}

test('a method is found at its place on the wire, gets what was sent and answers in kind', async () => {
  const { call, path } = bench(async (request) => {
    assert.deepEqual(request, { volumeId: 'v1', secrets: {} });
    return {};
  });
  assert.equal(path, '/csi.v1.Controller/DeleteVolume');
  const answer = await call(encode({ volumeId: 'v1' }));
  assert.ok(answer.ok && answer.message.length === 0);
});

test('every code of ours has one of gRPC', () => {
  for (const code of ERROR_CODES) {
    const answer = failureOf(new AppError(code, 'text'), 'id', []);
    assert.ok(!answer.ok && answer.status > 0 && answer.status <= 16);
  }
  assert.equal(new Set(Object.values(GRPC_STATUS)).size, ERROR_CODES.length);
});

test('trouble with our own token is not final for the client', () => {
  for (const code of ['unauthenticated', 'permission_denied'] as const) {
    const answer = failureOf(new AppError(code, 'no'), 'id', []);
    assert.ok(!answer.ok && answer.status === GRPC_STATUS.unavailable);
  }
});

test('a number in somebody else’s error chooses no code, and its text stays in our log', async () => {
  for (const code of [5, 1, 32, 'ENOENT']) {
    const thrown = Object.assign(new Error('lvcreate failed: /dev/secret-path'), { code });
    const { call, lines } = bench(async () => Promise.reject(thrown));
    const answer = await call(encode({ volumeId: 'v1' }));
    assert.ok(!answer.ok);
    assert.equal(answer.status, GRPC_STATUS.internal);
    assert.match(answer.message, /^internal error; look for call DeleteVolume-1 in the log$/);
    assert.ok(lines.some((line) => line.includes('secret-path')));
  }
});

test('a refusal carries its remedy', async () => {
  const { call } = bench(async () => {
    throw new AppError('failed_precondition', 'it is in use', { details: { remedy: 'stop the pod' } });
  });
  assert.deepEqual(await call(encode({ volumeId: 'v1' })), {
    ok: false,
    status: GRPC_STATUS.failed_precondition,
    message: 'it is in use; stop the pod',
  });
});

test('truncated and damaged messages are INVALID_ARGUMENT, and no method is called', async () => {
  let called = false;
  const { call } = bench(async () => {
    called = true;
    return {};
  });
  const whole = encode({ volumeId: 'volume-1', secrets: { key: 'value' } });
  for (const bytes of [
    whole.subarray(0, whole.length - 3),
    new Uint8Array([0xff, 0xff, 0xff]),
    new Uint8Array([0x0a, 0x7f]),
  ]) {
    const answer = await call(bytes);
    assert.ok(!answer.ok && answer.status === GRPC_STATUS.invalid_argument, JSON.stringify(answer));
    assert.match(answer.message, /truncated or damaged/);
  }
  assert.equal(called, false);
});

test('INV-9: secrets reach neither the log nor an answer, whatever throws them', async () => {
  for (const error of [new AppError('failed_precondition', 'wrong key hunter2'), new Error('bad hunter2')]) {
    const { call, lines } = bench(async () => Promise.reject(error));
    const answer = await call(encode({ volumeId: 'v1', secrets: { passphrase: 'hunter2' } }));
    assert.ok(!JSON.stringify(answer).includes('hunter2'));
    assert.ok(!lines.join('\n').includes('hunter2'), lines.join('\n'));
    assert.ok(lines.some((line) => line.includes('"secrets":"***"')));
  }
});

test('every field that the specification marks as secret is taken out, however deep', () => {
  const message = {
    name: 'x',
    secrets: { a: 'S1' },
    volumeContentSource: { snapshot: { snapshotId: 's' } },
    volumeCapabilities: [{ mount: { fsType: 'ext4' } }],
  };
  const shown = JSON.stringify(codec.redact('csi.v1.CreateVolumeRequest', message));
  assert.ok(!shown.includes('S1') && shown.includes('ext4') && shown.includes('snapshotId'));
  assert.deepEqual(codec.secretsOf('csi.v1.CreateVolumeRequest', message), ['S1']);
});

test('the signal ends a little before the client’s deadline, and the answer says that work goes on', async () => {
  let seen: Call | undefined;
  const { call, clock } = bench((_, one) => {
    seen = one;
    return new Promise((_resolve, reject) => {
      one.signal.addEventListener('abort', () => reject(one.signal.reason));
    });
  });
  const answer = call(encode({ volumeId: 'v1' }), clock.now() + 5_000);
  await clock.settle();
  assert.equal(seen?.leftMs(), 4_600);
  await clock.advance(4_500);
  assert.equal(seen?.signal.aborted, false);
  await clock.advance(200);
  const ended = await answer;
  assert.ok(!ended.ok && ended.status === GRPC_STATUS.deadline_exceeded);
  assert.match(ended.message, /the work goes on, repeat the call/);
  assert.equal(clock.pendingTimers, 0);
});

test('a deadline that is over already is answered at once', async () => {
  const { call, clock } = bench(async (_, one) => {
    await new Promise<void>((resolve) => {
      one.signal.addEventListener('abort', () => resolve());
    });
    one.signal.throwIfAborted();
    return {};
  });
  const answer = call(encode({ volumeId: 'v1' }), clock.now() - 1);
  await clock.advance(1);
  const ended = await answer;
  assert.ok(!ended.ok && ended.status === GRPC_STATUS.deadline_exceeded);
});
