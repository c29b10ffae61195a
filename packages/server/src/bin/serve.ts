import { AppError } from '@holdfast/api/errors.ts';
import type { RpcListener, RpcMethod } from '../ports/rpc.ts';

/** Calls that run when the process is told to end have this long, milliseconds. */
const GRACE_MS = 10_000;

/** Serves until the signal aborts, then lets the running calls end and removes the socket. */
export async function serveUntil(
  listener: RpcListener,
  endpoint: string,
  methods: readonly RpcMethod[],
  signal: AbortSignal,
): Promise<void> {
  const server = await listener.listen(endpoint, methods);
  await aborted(signal);
  await server.close(GRACE_MS);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** `host:port` or `:port` of the health endpoint. @throws AppError `invalid_argument`. */
export function healthAddress(text: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^(.*):([0-9]{1,5})$/.exec(text) ?? [];
  if (port !== '' && Number(port) <= 65535)
    return { host: host.replace(/^\[|\]$/g, '') || '0.0.0.0', port: Number(port) };
  throw new AppError('invalid_argument', `--health '${text}' is wrong: give HOST:PORT or :PORT`, {
    details: { field: '--health', value: text, remedy: 'give HOST:PORT or :PORT' },
  });
}
