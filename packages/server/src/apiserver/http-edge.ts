import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { Server, Socket } from 'node:net';
import { gzip } from 'node:zlib';
import type { Log } from '../ports/log.ts';
import { type ApiHandler, type ApiResponse, failure } from './handler.ts';
import { StatusError } from './status-error.ts';
import type { Sink } from './watch.ts';

/** As kube-apiserver's limit for a request body. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;
const GZIP_FROM_BYTES = 16 * 1024;

export interface TlsMaterial {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const buffer = chunk as Buffer;
    size += buffer.length;
    if (size > MAX_BODY_BYTES) {
      throw new StatusError(
        413,
        'RequestEntityTooLarge',
        `the request body is larger than ${MAX_BODY_BYTES} bytes; send less at once`,
      );
    }
    chunks.push(buffer);
  }
  return Buffer.concat(chunks);
}

function headersOf(request: IncomingMessage): Record<string, string | undefined> {
  const out: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(request.headers))
    out[name] = Array.isArray(value) ? value.join(', ') : value;
  return out;
}

function sinkOf(response: ServerResponse): Sink {
  return {
    write: (chunk) => {
      if (!response.destroyed) response.write(chunk);
    },
    buffered: () => response.writableLength,
    end: () => {
      response.end();
    },
    abort: () => {
      response.destroy();
    },
  };
}

function send(request: IncomingMessage, response: ServerResponse, answer: ApiResponse): void {
  if (answer.stream !== undefined) {
    response.writeHead(answer.status, answer.headers);
    // Headers go out before the first event, which may be hours away.
    response.flushHeaders();
    const stop = answer.stream(sinkOf(response));
    response.once('close', stop);
    return;
  }
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  const isHead = request.method === 'HEAD';
  const accepts = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  if (accepts && body.length >= GZIP_FROM_BYTES && !isHead) {
    gzip(body, { level: 1 }, (error, packed) => {
      if (error !== null) {
        response.destroy(error);
        return;
      }
      response.writeHead(answer.status, {
        ...answer.headers,
        'content-encoding': 'gzip',
        vary: 'accept-encoding',
        'content-length': packed.length,
      });
      response.end(packed);
    });
    return;
  }
  response.writeHead(answer.status, { ...answer.headers, 'content-length': body.length });
  response.end(isHead ? undefined : body);
}

/** Sockets around an {@link ApiHandler}. */
export class HttpEdge {
  readonly server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #handler: ApiHandler;
  readonly #log: Log;

  constructor(handler: ApiHandler, tls: TlsMaterial | undefined, log: Log) {
    this.#handler = handler;
    this.#log = log;
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      this.#serve(request, response).catch((error: unknown) => {
        this.#log.debug('connection lost while answering', { err: error });
        response.destroy();
      });
    };
    const server =
      tls === undefined
        ? createHttp(listener)
        : createHttps({ cert: tls.cert, key: tls.key, ALPNProtocols: ['http/1.1'] }, listener);
    // Watches are silent for long; dead peers are found by TCP keep-alive instead.
    server.requestTimeout = 60_000;
    server.keepAliveTimeout = 90_000;
    server.timeout = 0;
    server.on('connection', (socket: Socket) => {
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 30_000);
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.server = server;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: ApiResponse;
    try {
      const body = request.method === 'GET' || request.method === 'HEAD' ? '' : await readBody(request);
      answer = await this.#handler.handle({
        method: request.method ?? 'GET',
        url: request.url ?? '/',
        headers: headersOf(request),
        body,
      });
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      answer = { ...failure(error), headers: { 'content-type': 'application/json', connection: 'close' } };
    }
    if (response.destroyed) return;
    send(request, response, answer);
  }

  /** Stops listening and drops every connection. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroySoon();
    });
  }
}
