import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createClusterClient } from '@holdfast/api/client/cluster-client.ts';
import { VOLUMES } from '@holdfast/api/client/kinds.ts';
import { readLines, readText } from '@holdfast/api/client/lines.ts';
import type { ClusterClient } from '@holdfast/api/client/types.ts';
import { createClock, createRandom } from '@holdfast/server/adapters/clock/real.ts';
import { createHttpTransport } from '@holdfast/server/adapters/http/transport.ts';
import { type ApiServer, startApiServer } from '@holdfast/server/apiserver/server.ts';
import type { Log } from '@holdfast/server/ports/log.ts';
import { type NetworkProxy, startProxy } from './proxy.ts';

/** The API server that the contract is checked against, and what a test may do to it. */
export interface Target {
  readonly client: ClusterClient;
  /** The network between the client and the server. */
  readonly network: NetworkProxy;
  /** A request as it is on the wire, for what the typed client does not offer. */
  raw(request: {
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
    path: string;
    body?: object | string;
    contentType?: string;
    /** Default: the valid one. `undefined`: none. */
    token?: string | undefined;
  }): Promise<{ status: number; body: Record<string, unknown> }>;
  /** The lines of a streamed answer. Leaving the iteration ends the request. */
  lines(path: string): AsyncIterable<string>;
  /**
   * The server goes away and comes back with the same data. An external server is not touched: the network plays it.
   * `between` runs while it is away.
   */
  restart(between?: () => Promise<void>): Promise<void>;
  /** A resourceVersion that the server has compacted away. `write` makes one change. */
  expiredVersion(write: (n: number) => Promise<unknown>): Promise<string>;
  /** A name that no other run uses. */
  name(base: string): string;
  close(): Promise<void>;
}

interface External {
  readonly server: string;
  readonly token: string;
  readonly ca: string | undefined;
}

/** The only place that reads the environment: an external server with the Holdfast CRDs to check instead of our own. */
async function externalServer(): Promise<External | undefined> {
  const server = process.env['HOLDFAST_CONTRACT_SERVER'];
  if (server === undefined || server === '') return undefined;
  const caFile = process.env['HOLDFAST_CONTRACT_CA_FILE'];
  return {
    server,
    token: process.env['HOLDFAST_CONTRACT_TOKEN'] ?? '',
    ca: caFile === undefined || caFile === '' ? undefined : await readFile(caFile, 'utf8'),
  };
}

const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => SILENT };
const TOKEN = 'contract-token';

/** A log that fails the test run for what a server says only about its own bugs. */
function recordingLog(errors: string[]): Log {
  return { ...SILENT, error: (message, fields) => void errors.push(`${message} ${String(fields?.err ?? '')}`) };
}

export async function openTarget(): Promise<Target> {
  const external = await externalServer();
  return external === undefined ? embedded() : outside(external);
}

function common(
  network: NetworkProxy,
  scheme: string,
  token: string,
  tls: { ca?: string | undefined; tlsServerName?: string },
) {
  const clock = createClock();
  const transport = createHttpTransport({ server: `${scheme}://127.0.0.1:${network.port}`, ...tls });
  const run = createRandom().hex(3);
  let count = 0;
  const raw: Target['raw'] = async (request) => {
    const given = 'token' in request ? request.token : token;
    const response = await transport.send({
      method: request.method,
      path: request.path,
      headers: {
        accept: 'application/json',
        ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
        ...(given === undefined ? {} : { authorization: `Bearer ${given}` }),
      },
      ...(request.body === undefined
        ? {}
        : { body: typeof request.body === 'string' ? request.body : JSON.stringify(request.body) }),
    });
    const text = await readText(response.body);
    return { status: response.status, body: JSON.parse(text) as Record<string, unknown> };
  };
  return {
    client: createClusterClient({ transport, clock, token: () => token, userAgent: 'contract', timeoutMs: 5_000 }),
    network,
    raw,
    async *lines(path: string): AsyncGenerator<string> {
      const headers = { accept: 'application/json', authorization: `Bearer ${token}` };
      const { body } = await transport.send({ method: 'GET', path, headers });
      yield* readLines(body);
    },
    name(base: string): string {
      count += 1;
      return `${base}-${run}-${count}`;
    },
    transport,
  };
}

async function embedded(): Promise<Target> {
  const directory = await mkdtemp(path.join(tmpdir(), 'hf-contract-'));
  const errors: string[] = [];
  const start = (port: number): Promise<ApiServer> =>
    startApiServer({
      database: path.join(directory, 'api.db'),
      listen: { host: '127.0.0.1', port },
      tokens: { csv: `${TOKEN},admin,1,"system:masters"` },
      log: recordingLog(errors),
      clock: createClock(),
      random: createRandom(),
      keepEvents: 100,
    });
  let server = await start(0);
  const network = await startProxy({ host: '127.0.0.1', port: server.port });
  const { transport, ...shared } = common(network, 'http', TOKEN, {});
  return {
    ...shared,
    async restart(between) {
      await server.close();
      await between?.();
      server = await start(0);
      network.target = { host: '127.0.0.1', port: server.port };
    },
    async expiredVersion(write) {
      const { resourceVersion } = await shared.client.resource(VOLUMES).list({ limit: 1 });
      for (let n = 0; n < 160; n += 16) await Promise.all(Array.from({ length: 16 }, (_, i) => write(n + i)));
      return resourceVersion;
    },
    async close() {
      transport.close();
      await network.close();
      await server.close();
      await rm(directory, { recursive: true });
      if (errors.length > 0) throw new Error(`the server reported errors of its own:\n${errors.join('\n')}`);
    },
  };
}

async function outside(external: External): Promise<Target> {
  const url = new URL(external.server);
  const tls = url.protocol === 'https:';
  const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port);
  const network = await startProxy({ host: url.hostname, port });
  const { transport, ...shared } = common(network, tls ? 'https' : 'http', external.token, {
    ca: external.ca,
    tlsServerName: url.hostname,
  });
  return {
    ...shared,
    async restart(between) {
      network.refuse();
      await between?.();
      network.heal();
    },
    // Older than anything that the watch cache of a server that has started keeps.
    expiredVersion: () => Promise.resolve('1'),
    async close() {
      transport.close();
      await network.close();
    },
  };
}

/** Waits for a condition of the real world, looking often; fails with `what` after a generous time. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const clock = createClock();
  const startedMs = clock.monotonic();
  while (!(await condition())) {
    if (clock.monotonic() - startedMs > limitMs) throw new Error(`did not happen within ${limitMs} ms: ${what}`);
    await clock.sleep(10);
  }
}
