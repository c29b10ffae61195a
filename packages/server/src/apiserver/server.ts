import { existsSync, unlinkSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { AppError } from '@holdfast/api/errors.ts';
import { KINDS } from '@holdfast/api/schema/registry.ts';
import type { Clock, Random } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { type Authenticator, staticTokens, tokenFile } from './authn.ts';
import { ADMINS } from './authz.ts';
import { CORE_KINDS, START_NAMESPACES } from './core-kinds.ts';
import { Engine } from './engine.ts';
import { EventExpiry } from './event-expiry.ts';
import { GarbageCollector } from './garbage.ts';
import { ApiHandler } from './handler.ts';
import { HttpEdge, type TlsMaterial } from './http-edge.ts';
import { ResourceTable, sourceOf } from './resources.ts';
import { SqliteStore } from './sqlite-store.ts';
import { WatchService } from './watch.ts';

export interface ApiServerOptions {
  /** Path of the SQLite file, or `:memory:` (keeps nothing; for tests). */
  readonly database: string;
  /** `port` 0 picks a free one. */
  readonly listen: { readonly host: string; readonly port: number } | { readonly socket: string };
  readonly tls?: TlsMaterial;
  /** Allows plain HTTP on an address that is not loopback. Tokens then cross the network readable. */
  readonly allowInsecure?: boolean;
  /** `token,user,uid,"group1,group2"` lines: as text, or in a file that is read again when it changes. */
  readonly tokens: { readonly csv: string } | { readonly file: string };
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  /** Events kept for watches to resume from; older ones get 410. Default 20000. */
  readonly keepEvents?: number;
  /** Version of Holdfast, for /version. */
  readonly version?: string;
}

export interface ApiServer {
  /** `https://host:port`, `http://host:port` or `unix:/path`. */
  readonly url: string;
  /** 0 on a unix socket. */
  readonly port: number;
  /** The API without sockets; for simulations and tests. */
  readonly handler: ApiHandler;
  /** Ends watches politely, closes connections and the database. Idempotent. */
  close(): Promise<void>;
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1|\[::1\])$/;

/**
 * Starts the stand-alone API server.
 * @throws AppError `invalid_argument` for an unsafe or unusable configuration, `failed_precondition` for an unusable database.
 */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { log, clock, random } = options;
  refuseInsecure(options);
  const authenticator = authenticatorOf(options);
  const store = new SqliteStore(options.database);
  try {
    const table = new ResourceTable([...CORE_KINDS, ...KINDS.map(sourceOf)]);
    const engine = new Engine({ store, table, clock, random, log, keepEvents: options.keepEvents ?? 20_000 });
    const watches = new WatchService(engine);
    const garbage = new GarbageCollector(engine);
    const system = { name: 'system:apiserver', uid: '', groups: [ADMINS] };
    await engine.ensureNamespaces(START_NAMESPACES, {
      user: system,
      verb: 'create',
      manager: 'apiserver',
      dryRun: false,
    });
    garbage.sweep();
    const expiry = new EventExpiry(engine);
    expiry.start();
    const handler = new ApiHandler({
      engine,
      watches,
      authenticator,
      version: options.version ?? '0.1.0',
      platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
    });
    const edge = new HttpEdge(handler, options.tls, log);
    const { url, port } = await listen(edge, options);
    log.info('API server listens', { url, database: options.database, resourceVersion: store.resourceVersion });
    let closing: Promise<void> | undefined;
    return {
      url,
      port,
      handler,
      close() {
        closing ??= (async () => {
          expiry.stop();
          engine.hub.stopAll();
          await edge.close();
          store.close();
        })();
        return closing;
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

function refuseInsecure(options: ApiServerOptions): void {
  if (!('host' in options.listen) || options.tls !== undefined || options.allowInsecure === true) return;
  const { host } = options.listen;
  if (LOOPBACK.test(host)) return;
  const remedy = 'give a certificate and key, listen on 127.0.0.1, or allow it explicitly';
  throw new AppError(
    'invalid_argument',
    `listen: ${host} is not loopback and there is no TLS, so tokens could be read; ${remedy}`,
    {
      details: { field: 'listen', value: host, remedy },
    },
  );
}

function authenticatorOf(options: ApiServerOptions): Authenticator {
  if ('csv' in options.tokens) return staticTokens(options.tokens.csv);
  const { file } = options.tokens;
  return tokenFile(
    file,
    () => options.clock.monotonic(),
    (error) =>
      options.log.error('token file is not usable; the last good version stays in force', { path: file, err: error }),
  );
}

async function listen(edge: HttpEdge, options: ApiServerOptions): Promise<{ url: string; port: number }> {
  const { server } = edge;
  const target = options.listen;
  if ('socket' in target && existsSync(target.socket)) unlinkSync(target.socket);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = 'socket' in target ? target.socket : `${target.host}:${target.port}`;
      const remedy =
        error.code === 'EADDRINUSE' ? 'stop the other server or choose another port' : 'choose another address';
      reject(
        new AppError('unavailable', `listen: ${where} cannot be used (${error.code ?? error.message}); ${remedy}`, {
          cause: error,
          details: { field: 'listen', value: where, remedy },
        }),
      );
    });
    if ('socket' in target) server.listen({ path: target.socket }, resolve);
    else server.listen({ host: target.host.replace(/^\[|\]$/g, ''), port: target.port }, resolve);
  });
  server.removeAllListeners('error');
  server.on('error', (error) => options.log.error('API server socket failed', { err: error }));
  if ('socket' in target) return { url: `unix:${target.socket}`, port: 0 };
  const { port } = server.address() as AddressInfo;
  const host = target.host.includes(':') && !target.host.startsWith('[') ? `[${target.host}]` : target.host;
  return { url: `${options.tls === undefined ? 'http' : 'https'}://${host}:${port}`, port };
}
