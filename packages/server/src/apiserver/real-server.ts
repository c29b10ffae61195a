import { randomBytes, randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Clock, Random } from '../ports/clock.ts';
import { makeSelfSigned } from './self-signed.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from './server.ts';
import { silentLog, TOKENS } from './testing.ts';

/** Time and randomness of this machine, for tests over real sockets. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms) =>
    new Promise((resolve) => {
      setTimeout(resolve, ms);
    }),
  timer: (ms, callback) => {
    const handle = setTimeout(callback, ms);
    return () => clearTimeout(handle);
  },
};
const realRandom: Random = {
  next: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  hex: (bytes) => randomBytes(bytes).toString('hex'),
  uuid: () => randomUUID(),
};

export interface RealServer {
  readonly server: ApiServer;
  /** PEM of the certificate; '' without TLS. */
  readonly ca: string;
}

/** A server on a free port of loopback, with TLS unless told otherwise. */
export async function startRealServer(
  options: Partial<ApiServerOptions> & { plain?: boolean } = {},
): Promise<RealServer> {
  const { plain, ...rest } = options;
  const tls = plain === true ? undefined : makeSelfSigned(['localhost', '127.0.0.1'], Date.now());
  const server = await startApiServer({
    database: ':memory:',
    listen: { host: '127.0.0.1', port: 0 },
    tokens: { csv: TOKENS },
    log: silentLog(),
    clock: realClock,
    random: realRandom,
    ...(tls === undefined ? {} : { tls }),
    ...rest,
  });
  return { server, ca: tls?.cert ?? '' };
}
