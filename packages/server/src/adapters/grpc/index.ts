/** gRPC over a unix socket with @grpc/grpc-js. */
import { chmod, lstat, mkdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { AppError } from '@holdfast/api/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { RpcListener, RpcMethod, RpcServer } from '../../ports/rpc.ts';

/** Larger than any message of CSI; a client that sends more is broken. Bytes. */
const LARGEST_MESSAGE = 4 * 2 ** 20;
/** sun_path of Linux, without its end. */
const LONGEST_PATH = 107;

export function createRpcListener(deps: { readonly clock: Clock; readonly log: Log }): RpcListener {
  return {
    async listen(endpoint, methods): Promise<RpcServer> {
      const path = socketPath(endpoint);
      await mkdir(dirname(path), { recursive: true, mode: 0o750 });
      await clearTheWay(path);
      const server = new grpc.Server({
        'grpc.max_receive_message_length': LARGEST_MESSAGE,
        // A client that went without a word holds nothing for long.
        'grpc.keepalive_time_ms': 60_000,
      });
      const closing = new AbortController();
      addMethods(server, methods, closing.signal);
      await bind(server, path);
      // A umask would hold for whatever else the process makes in this moment. Until here the directory keeps others out.
      await chmod(path, 0o600);
      deps.log.info('serving gRPC', { path });
      let closed: Promise<void> | undefined;
      return {
        address: `unix://${path}`,
        close(graceMs) {
          closed ??= shutDown(server, closing, deps.clock, graceMs).then(() => removeSocket(path));
          return closed;
        },
      };
    },
  };
}

/** @throws AppError `invalid_argument`. */
function socketPath(endpoint: string): string {
  const path = endpoint.replace(/^unix:(?=\/)/, '').replace(/^\/\/(?=\/)/, '');
  if (path.startsWith('/') && !path.endsWith('/') && Buffer.byteLength(path) <= LONGEST_PATH) return path;
  throw new AppError('invalid_argument', `'${endpoint}' is no unix socket; write unix:///path/to/csi.sock`, {
    details: { field: 'endpoint', value: endpoint, remedy: `an absolute path of at most ${LONGEST_PATH} bytes` },
  });
}

/** Removes what a killed process left behind: only a socket, and only when nobody answers there. */
async function clearTheWay(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new AppError('already_exists', `${path} exists and is no socket; it is left alone`, {
      details: { value: path, remedy: 'move it away, or use another endpoint' },
    });
  }
  if (await isServed(path)) {
    throw new AppError('failed_precondition', `another process serves on ${path}`, {
      details: { value: path, reason: 'SocketInUse', remedy: 'stop the other process, or use another endpoint' },
    });
  }
  await removeSocket(path);
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (served: boolean): void => {
      socket.destroy();
      resolve(served);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

async function removeSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() === true) await unlink(path).catch(() => undefined);
}

function bind(server: grpc.Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix://${path}`, grpc.ServerCredentials.createInsecure(), (error) => {
      if (error === null) {
        resolve();
        return;
      }
      const message = `cannot serve on ${path}: ${error.message}`;
      reject(new AppError('unavailable', message, { cause: error, details: { value: path, reason: 'CannotListen' } }));
    });
  });
}

async function shutDown(server: grpc.Server, closing: AbortController, clock: Clock, graceMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.timer(graceMs, () => {
    closing.abort(new AppError('unavailable', 'the driver is shutting down; repeat the call'));
    server.forceShutdown();
    // It does not tell when that is done.
    resolve();
  });
  server.tryShutdown(() => resolve());
  await promise;
  cancel();
}

function addMethods(server: grpc.Server, methods: readonly RpcMethod[], closing: AbortSignal): void {
  const definition: Record<string, grpc.MethodDefinition<Uint8Array, Uint8Array>> = {};
  const handlers: grpc.UntypedServiceImplementation = {};
  for (const method of methods) {
    definition[method.path] = {
      path: method.path,
      requestStream: false,
      responseStream: false,
      requestSerialize: Buffer.from,
      requestDeserialize: (bytes) => bytes,
      responseSerialize: Buffer.from,
      responseDeserialize: (bytes) => bytes,
    };
    handlers[method.path] = unary(method, closing);
  }
  server.addService(definition, handlers);
}

function unary(method: RpcMethod, closing: AbortSignal): grpc.handleUnaryCall<Uint8Array, Uint8Array> {
  return (call, done) => {
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort(new AppError('aborted', 'the client went away')));
    const deadline = Number(call.getDeadline());
    const deadlineMs = Number.isFinite(deadline) ? deadline : undefined;
    method.handle(call.request, { signal: AbortSignal.any([gone.signal, closing]), deadlineMs }).then(
      (answer) => {
        if (answer.ok) done(null, answer.message);
        else done({ code: answer.status, details: answer.message });
      },
      // It promised not to: whatever this is, its text may hold anything.
      () => done({ code: grpc.status.INTERNAL, details: 'internal error' }),
    );
  };
}
