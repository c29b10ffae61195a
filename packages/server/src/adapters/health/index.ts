import { createServer } from 'node:http';
import { AppError } from '@holdfast/api/errors.ts';

/** Why the process cannot do its work, or null. `live` false: only a restart helps. */
export interface Health {
  readonly live: () => string | null;
  readonly ready: () => string | null;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * `/healthz` (is the process alive) and `/readyz` (can it serve) over plain HTTP, for the probes of a kubelet: 200 `ok`, or 503
 * with the reason. It tells nothing else and takes no input.
 * @throws AppError `unavailable` when the address cannot be used.
 */
export async function serveHealth(address: { host: string; port: number }, health: Health): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const check = request.url === '/healthz' ? health.live : request.url === '/readyz' ? health.ready : undefined;
    const why = check?.();
    const status = check === undefined ? 404 : why === null ? 200 : 503;
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(`${check === undefined ? 'not found' : (why ?? 'ok')}\n`);
  });
  server.requestTimeout = 5_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const where = `${address.host}:${address.port}`;
      reject(
        new AppError('unavailable', `health endpoint: cannot listen on ${where}`, { cause, details: { value: where } }),
      );
    });
    server.listen(address.port, address.host, resolve);
  });
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
