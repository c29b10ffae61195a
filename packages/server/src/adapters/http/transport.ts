import http from 'node:http';
import https from 'node:https';
import type { Transport, TransportRequest, TransportResponse } from '@holdfast/api/client/ports.ts';
import { AppError } from '@holdfast/api/errors.ts';

export interface HttpTransportOptions {
  /** `https://host:6443`, `http://127.0.0.1:7000`, or `unix:/run/holdfast/api.sock`. A path is kept as a prefix. */
  readonly server: string;
  /** PEM. Undefined: the system's authorities. */
  readonly ca?: string | undefined;
  /** PEM pair of a client certificate. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Name to expect in the server's certificate when it differs from the host. */
  readonly tlsServerName?: string | undefined;
}

export interface HttpTransport extends Transport {
  /** Closes idle connections; running requests end by their own signals. */
  close(): void;
}

/**
 * A peer that lost its power sends no FIN. The kernel probes an idle connection after this and, as libuv sets it, ten
 * times once a second: a watch on a dead server breaks after about 15 s.
 */
const KEEP_ALIVE_PROBE_MS = 5_000;

/** HTTP/1.1 with kept-alive connections; every watch has its own. */
export function createHttpTransport(options: HttpTransportOptions): HttpTransport {
  const target = parseServer(options.server);
  const agentOptions = {
    keepAlive: true,
    keepAliveMsecs: KEEP_ALIVE_PROBE_MS,
    maxFreeSockets: 4,
    scheduling: 'lifo',
  } as const;
  const agent = target.tls
    ? new https.Agent({
        ...agentOptions,
        ca: options.ca,
        cert: options.cert,
        key: options.key,
        ...(options.tlsServerName === undefined ? {} : { servername: options.tlsServerName }),
      })
    : new http.Agent(agentOptions);

  function once(request: TransportRequest): Promise<TransportResponse> {
    return new Promise((resolve, reject) => {
      const outgoing = (target.tls ? https : http).request({
        ...target.address,
        agent,
        method: request.method,
        path: target.prefix + request.path,
        headers: {
          ...request.headers,
          ...(request.body === undefined ? {} : { 'content-length': Buffer.byteLength(request.body) }),
        },
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      outgoing.on('error', (error) => reject(new SendError(error, outgoing.reusedSocket)));
      outgoing.on('response', (response) => {
        // An error after the headers belongs to the reader of the body; without one it must not end the process.
        response.on('error', () => {});
        const headers: Record<string, string | undefined> = {};
        for (const [name, value] of Object.entries(response.headers)) {
          headers[name] = Array.isArray(value) ? value.join(', ') : value;
        }
        resolve({ status: response.statusCode ?? 0, headers, body: response });
      });
      outgoing.setNoDelay(true);
      outgoing.setSocketKeepAlive(true, KEEP_ALIVE_PROBE_MS);
      outgoing.end(request.body);
    });
  }

  return {
    async send(request) {
      try {
        return await once(request);
      } catch (error) {
        if (!(error instanceof SendError)) throw error;
        // The server closed an idle connection just as we took it. A read may simply be sent again.
        if (error.reusedSocket && request.method === 'GET' && request.signal?.aborted !== true) {
          return await once(request).catch((again: unknown) => {
            throw again instanceof SendError ? again.reason : again;
          });
        }
        throw error.reason;
      }
    },
    close: () => agent.destroy(),
  };
}

/** A request that got no answer, with what decides whether it may be repeated. */
class SendError extends Error {
  readonly reason: Error;
  readonly reusedSocket: boolean;
  constructor(reason: Error, reusedSocket: boolean) {
    super(reason.message);
    this.reason = reason;
    this.reusedSocket = reusedSocket;
  }
}

interface Target {
  readonly tls: boolean;
  readonly prefix: string;
  readonly address: { socketPath: string } | { hostname: string; port: number };
}

function parseServer(server: string): Target {
  if (server.startsWith('unix:/')) {
    return { tls: false, prefix: '', address: { socketPath: server.slice('unix:'.length) } };
  }
  const url = URL.parse(server);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new AppError(
      'invalid_argument',
      `server: '${server}' is not the address of an API server; write https://HOST:PORT, http://HOST:PORT or unix:/PATH`,
      {
        details: { field: 'server', value: server, remedy: 'write https://HOST:PORT, http://HOST:PORT or unix:/PATH' },
      },
    );
  }
  const tls = url.protocol === 'https:';
  return {
    tls,
    prefix: url.pathname.replace(/\/+$/, ''),
    address: {
      hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? (tls ? 443 : 80) : Number(url.port),
    },
  };
}
