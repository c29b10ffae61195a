import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { AppError } from '@holdfast/api/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { RpcCall, RpcMethod, RpcServer } from '../../ports/rpc.ts';
import { createClock } from '../clock/real.ts';
import { createRpcListener } from './index.ts';

const noLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => noLog };
const dir = mkdtempSync(join(tmpdir(), 'holdfast-grpc-'));
const listener = createRpcListener({ clock: createClock(), log: noLog });
const open: RpcServer[] = [];
after(async () => {
  for (const server of open) await server.close(0);
  rmSync(dir, { recursive: true, force: true });
});

const NOTHING: RpcMethod = { path: '/t.S/Nothing', handle: async () => ({ ok: true, message: Buffer.alloc(0) }) };

async function listen(name: string, methods: readonly RpcMethod[] = [NOTHING]): Promise<RpcServer> {
  const server = await listener.listen(`unix://${join(dir, name)}`, methods);
  open.push(server);
  return server;
}

function ask(server: RpcServer, path: string, deadline?: number): Promise<Buffer | grpc.ServiceError> {
  const client = new grpc.Client(server.address, grpc.credentials.createInsecure());
  const pass = (bytes: Buffer): Buffer => bytes;
  const options = deadline === undefined ? {} : { deadline };
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, pass, pass, Buffer.from('hello'), options, (error, answer) => {
      client.close();
      resolve(error ?? answer ?? Buffer.alloc(0));
    });
  });
}

const code = (error: unknown): string => (error instanceof AppError ? error.code : String(error));

test('moves bytes there and back, with the deadline, and every status as it was answered', async () => {
  const calls: RpcCall[] = [];
  const server = await listen('a.sock', [
    {
      path: '/t.S/Echo',
      async handle(request, call) {
        calls.push(call);
        return { ok: true, message: Buffer.concat([request, Buffer.from('!')]) };
      },
    },
    { path: '/t.S/Refuse', handle: async () => ({ ok: false, status: 9, message: 'ü not now' }) },
    { path: '/t.S/Bug', handle: () => Promise.reject(new Error('secret')) },
  ]);
  const deadline = Date.now() + 60_000;
  assert.equal(String(await ask(server, '/t.S/Echo', deadline)), 'hello!');
  assert.ok(Math.abs((calls[0]?.deadlineMs ?? 0) - deadline) < 5_000);
  const refused = (await ask(server, '/t.S/Refuse')) as grpc.ServiceError;
  assert.deepEqual([refused.code, refused.details], [9, 'ü not now']);
  const bug = (await ask(server, '/t.S/Bug')) as grpc.ServiceError;
  assert.deepEqual([bug.code, bug.details], [13, 'internal error']);
  const missing = (await ask(server, '/t.S/None')) as grpc.ServiceError;
  assert.equal(missing.code, grpc.status.UNIMPLEMENTED);
});

test('the socket is our user’s alone, and gone afterwards', async () => {
  const server = await listen('b.sock');
  const path = join(dir, 'b.sock');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await server.close(0);
  assert.equal(existsSync(path), false);
});

test('a socket that nobody serves is replaced; one that is served, and anything else, is left alone', async () => {
  const stale = join(dir, 'stale.sock');
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(stale, resolve));
  await assert.rejects(listen('stale.sock'), (error) => code(error) === 'failed_precondition');
  assert.ok(existsSync(stale));
  await new Promise<void>((resolve) => other.close(() => resolve()));
  writeFileSync(join(dir, 'file'), 'precious');
  await assert.rejects(listen('file'), (error) => code(error) === 'already_exists');
  assert.ok(existsSync(join(dir, 'file')));
  await listen('stale.sock');
});

test('endpoints that are no unix socket are refused', async () => {
  for (const endpoint of ['tcp://127.0.0.1:1', 'relative.sock', `unix:///${'x'.repeat(120)}`, 'unix:///dir/']) {
    await assert.rejects(listener.listen(endpoint, []), (error) => code(error) === 'invalid_argument', endpoint);
  }
});

test('closing lets a running call end, and ends one that does not', async () => {
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const slow: RpcMethod = {
    path: '/t.S/Slow',
    async handle() {
      started.resolve();
      await finish.promise;
      return { ok: true, message: Buffer.from('done') };
    },
  };
  const server = await listen('c.sock', [slow]);
  const answer = ask(server, '/t.S/Slow');
  await started.promise;
  const closing = server.close(30_000);
  finish.resolve();
  assert.equal(String(await answer), 'done');
  await closing;

  const aborted = Promise.withResolvers<string>();
  const running = Promise.withResolvers<void>();
  const stuck: RpcMethod = {
    path: '/t.S/Stuck',
    handle: (_, call) =>
      new Promise(() => {
        call.signal.addEventListener('abort', () => aborted.resolve(String(call.signal.reason)));
        running.resolve();
      }),
  };
  const second = await listen('d.sock', [stuck]);
  const never = ask(second, '/t.S/Stuck');
  await running.promise;
  await second.close(10);
  assert.match(await aborted.promise, /shutting down|client went away/);
  assert.ok((await never) instanceof Error);
});
