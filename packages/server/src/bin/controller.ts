/** Entry point of the controller: configuration, wiring, start, orderly end. */
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { createClusterClient } from '@holdfast/api/client/cluster-client.ts';
import { createClock, createRandom } from '../adapters/clock/real.ts';
import { createRpcListener } from '../adapters/grpc/index.ts';
import { serveHealth } from '../adapters/health/index.ts';
import { createHttpTransport } from '../adapters/http/transport.ts';
import { createPinoLog } from '../adapters/log/pino.ts';
import { CONTROLLER_DEFAULTS, createController } from '../reconcile/controllers/controller.ts';
import type { ControllerConfig } from '../reconcile/controllers/deps.ts';
import type { ControllerDeps } from '../transport/csi/controller/deps.ts';
import { createView } from '../transport/csi/controller/view.ts';
import { Exclusive } from '../transport/csi/exclusive.ts';
import { controllerProcess } from '../transport/csi/methods.ts';
import { badOption, checkToken, logLevel, readOptionFile, required, runDaemon } from './daemon.ts';
import { healthAddress, serveUntil } from './serve.ts';

const VERSION = '0.1.0';
const DEFAULTS = CONTROLLER_DEFAULTS;

const HELP = `usage: hf controller --server URL --token-file FILE [options]

Places volumes, drives them through their life, and watches over the nodes. Several may run; one leads.

  --server URL            API server, e.g. https://10.0.0.1:6443
  --token-file FILE       bearer token; read again when the file changes
  --ca-file FILE          certificate authority of the API server (PEM)
  --identity NAME         unique per process (default: host name, process id and a random part)
  --unknown-after MS      silence after which nothing is placed on a node (default ${DEFAULTS.health.unknownAfterMs})
  --lost-after MS         silence after which a node may be declared lost, if no peer's kernel is connected to it
                          (default ${DEFAULTS.health.lostAfterMs})
  --grace MS              nobody is declared lost for this long after a start or an interruption (default ${DEFAULTS.health.graceMs})
  --lease-duration MS     another controller takes over after this silence, whole seconds (default ${DEFAULTS.leaseDurationMs})
  --renew-deadline MS     a leader that could not renew for this long stops (default ${DEFAULTS.renewDeadlineMs})
  --concurrency N         volumes worked on at once (default ${DEFAULTS.concurrency})
  --resync MS             mean time between two looks at everything (default ${DEFAULTS.resyncMs})
  --csi-endpoint SOCKET   serve CSI's controller calls there, e.g. unix:///csi/csi.sock; every replica serves its own
  --health HOST:PORT      serve /healthz and /readyz there
  --log-level LEVEL       debug, info, warn or error (default info)

exit codes: 2 bad option, 3 token refused, 1 a bug; while the API server is away it waits
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      server: { type: 'string' },
      'token-file': { type: 'string' },
      'ca-file': { type: 'string' },
      identity: { type: 'string' },
      'unknown-after': { type: 'string' },
      'lost-after': { type: 'string' },
      grace: { type: 'string' },
      'lease-duration': { type: 'string' },
      'renew-deadline': { type: 'string' },
      concurrency: { type: 'string' },
      resync: { type: 'string' },
      'csi-endpoint': { type: 'string' },
      health: { type: 'string' },
      'log-level': { type: 'string', default: 'info' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const level = logLevel(values['log-level']);
  const server = required(values.server, '--server', 'give the URL of the API server');
  const caFile = values['ca-file'];
  const tokenFile = values['token-file'];
  const config = configOf(values);

  const log = createPinoLog({ level, component: 'controller' });
  const clock = createClock();
  const random = createRandom();
  const transport = createHttpTransport({
    server,
    ca: caFile === undefined ? undefined : readOptionFile('--ca-file', caFile),
  });
  const client = createClusterClient({
    transport,
    clock,
    token: () => (tokenFile === undefined ? undefined : readOptionFile('--token-file', tokenFile).trim()),
    userAgent: `holdfast-controller/${VERSION}`,
  });
  if (tokenFile !== undefined) readOptionFile('--token-file', tokenFile);
  await checkToken(client);
  const controller = createController({
    client,
    clock,
    random,
    log,
    identity: values.identity ?? `${hostname()}-${process.pid}-${random.hex(4)}`,
    config,
  });
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort(new Error(signal)));
  log.info('controller starts', { version: VERSION, server });
  const healthAt = values.health === undefined ? undefined : healthAddress(values.health);
  const health =
    healthAt === undefined ? undefined : await serveHealth(healthAt, { live: () => null, ready: () => null });
  const endpoint = values['csi-endpoint'];
  try {
    // Leading or not: the sidecar beside this process has an election of its own.
    const parts = [controller.run(stop.signal)];
    if (endpoint !== undefined) parts.push(serveCsi(endpoint, { client, clock, random, log }, stop.signal));
    // A part that dies takes the process with it; on the way out both have their time.
    await Promise.all(parts.map((part) => part.finally(() => stop.abort())));
  } finally {
    await health?.close();
    transport.close();
  }
}

/** CSI's controller service, until the signal aborts; calls that run then have time to end. */
async function serveCsi(
  endpoint: string,
  deps: Pick<ControllerDeps, 'client' | 'clock' | 'random' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = deps;
  const log = deps.log.child({ component: 'csi' });
  const caches = new AbortController();
  try {
    const view = createView({ ...deps, log }, caches.signal);
    const methods = controllerProcess(
      { clock, log, version: VERSION, ready: () => !signal.aborted },
      { ...deps, log, view, exclusive: new Exclusive(clock) },
    );
    await serveUntil(createRpcListener({ clock, log }), endpoint, methods, signal);
  } finally {
    caches.abort();
  }
}

function configOf(values: Readonly<Record<string, string | boolean | undefined>>): ControllerConfig {
  const number = (option: string, fallback: number): number => {
    const text = values[option];
    if (text === undefined) return fallback;
    const value = Number(text);
    if (!Number.isInteger(value) || value <= 0) throw badOption(`--${option}`, text, 'give a whole number above 0');
    return value;
  };
  const { health } = DEFAULTS;
  const unknownAfterMs = number('unknown-after', health.unknownAfterMs);
  const lostAfterMs = number('lost-after', health.lostAfterMs);
  if (unknownAfterMs < 2_000) {
    throw badOption('--unknown-after', unknownAfterMs, 'agents renew every second: use 2000 or more');
  }
  if (lostAfterMs < unknownAfterMs)
    throw badOption('--lost-after', lostAfterMs, 'it cannot be less than --unknown-after');
  return {
    ...DEFAULTS,
    health: { ...health, unknownAfterMs, lostAfterMs, graceMs: number('grace', health.graceMs) },
    leaseDurationMs: number('lease-duration', DEFAULTS.leaseDurationMs),
    renewDeadlineMs: number('renew-deadline', DEFAULTS.renewDeadlineMs),
    concurrency: number('concurrency', DEFAULTS.concurrency),
    resyncMs: number('resync', DEFAULTS.resyncMs),
  };
}

await runDaemon('controller', main);
