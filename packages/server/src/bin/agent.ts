/** Entry point of the node agent: configuration, wiring, start, orderly end. */
import { existsSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createClusterClient } from '@holdfast/api/client/cluster-client.ts';
import { createEventRecorder } from '@holdfast/api/client/events.ts';
import { EVENTS } from '@holdfast/api/client/kinds.ts';
import { createClock, createRandom } from '../adapters/clock/real.ts';
import { createDrbd } from '../adapters/drbd/index.ts';
import { createExec } from '../adapters/exec/index.ts';
import { dieAfterEach, SideEffects } from '../adapters/exec/instrument.ts';
import { metered } from '../adapters/exec/metered.ts';
import { createFenceGate } from '../adapters/fence/index.ts';
import { createFiles } from '../adapters/files/index.ts';
import { createBindMounts } from '../adapters/filesystem/bind.ts';
import { createFileSystems } from '../adapters/filesystem/index.ts';
import { createRpcListener } from '../adapters/grpc/index.ts';
import { serveHealth } from '../adapters/health/index.ts';
import { createHost } from '../adapters/host/index.ts';
import { createHttpTransport } from '../adapters/http/transport.ts';
import { createPinoLog, type LogLevel } from '../adapters/log/pino.ts';
import { createLvm } from '../adapters/lvm/index.ts';
import { createReplicationSecrets } from '../adapters/secrets/replication.ts';
import type { Log } from '../ports/log.ts';
import type { NodeVolumes } from '../ports/node-volumes.ts';
import { runAgent } from '../reconcile/agent/agent.ts';
import { createNodeReporter } from '../reconcile/agent/node-status.ts';
import { createPoolManager } from '../reconcile/agent/pools.ts';
import { findDrbd, loadDataPath, requireMachine } from '../reconcile/agent/preflight.ts';
import { DRIVER_NAME } from '../transport/csi/driver.ts';
import { Exclusive } from '../transport/csi/exclusive.ts';
import { nodeProcess, registrationProcess } from '../transport/csi/methods.ts';
import { badOption, checkToken, logLevel, readOptionFile, required, runDaemon } from './daemon.ts';
import { healthAddress, serveUntil } from './serve.ts';

const VERSION = '0.1.0';

const HELP = `usage: hf agent --node NAME --server URL --token-file FILE [options]

The agent of one node: reports its disks and pools, and keeps the replicas that belong on it. Needs root.

  --node NAME                  name of the Node object; must be the host name (uname -n) for replicated volumes
  --server URL                 API server, e.g. https://10.0.0.1:6443
  --token-file FILE            bearer token; read again when the file changes
  --ca-file FILE               certificate authority of the API server (PEM)
  --replication-address IP     address that DRBD uses (default: the management address)
  --management-address IP      address that people and the API use
  --state-dir DIR              what must survive a reboot (default /var/lib/holdfast)
  --csi-endpoint SOCKET        serve CSI's node calls there, e.g. unix:///csi/csi.sock
  --csi-registration-dir DIR   the kubelet's plugins_registry: the agent registers the driver with it
  --csi-kubelet-path PATH      where the kubelet finds the socket of --csi-endpoint: its path on the host
  --health HOST:PORT           serve /healthz and /readyz there
  --log-level LEVEL            debug, info, warn or error (default info)

exit codes: 2 bad option, 3 token refused, 6 the machine lacks something (the message says what), 9 no answer
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      node: { type: 'string' },
      server: { type: 'string' },
      'token-file': { type: 'string' },
      'ca-file': { type: 'string' },
      'replication-address': { type: 'string' },
      'management-address': { type: 'string' },
      'state-dir': { type: 'string', default: '/var/lib/holdfast' },
      'csi-endpoint': { type: 'string' },
      'csi-registration-dir': { type: 'string' },
      'csi-kubelet-path': { type: 'string' },
      health: { type: 'string' },
      'log-level': { type: 'string', default: 'info' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const node = required(values.node, '--node', 'give the name of this node');
  const server = required(values.server, '--server', 'give the URL of the API server');
  const level = logLevel(values['log-level']);
  await start({ node, server, level, stateDir: values['state-dir'], values });
}

async function start(config: {
  readonly node: string;
  readonly server: string;
  readonly level: LogLevel;
  readonly stateDir: string;
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
}): Promise<void> {
  const { node, stateDir } = config;
  const file = (name: string): string | undefined => {
    const path = config.values[name];
    return typeof path === 'string' ? readOptionFile(`--${name}`, path).trim() : undefined;
  };
  const address = (name: string): string | undefined => {
    const value = config.values[name];
    return typeof value === 'string' ? value : undefined;
  };
  const option = (name: string): string | undefined => {
    const value = config.values[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const csi = csiOptions(option);
  const healthText = option('health');
  const healthAt = healthText === undefined ? undefined : healthAddress(healthText);
  const log = createPinoLog({ level: config.level, component: 'agent', node });
  const clock = createClock();
  const random = createRandom();
  const crash = crashPoints(stateDir);
  const files = createFiles();
  const exec = metered(createExec(), { log, monotonic: () => clock.monotonic() });
  // What the replicas' loop works with; the same things, unless a test wants it to die.
  const work = { files: crash?.files(files) ?? files, exec: crash?.exec(exec) ?? exec };
  const host = createHost({ exec, files });
  const lvm = createLvm(exec);
  await requireMachine({ host, lvm }, node);
  await loadDataPath(host, log);
  const drbd = await findDrbd(() => createDrbd({ ...work, clock, random, log, stateDir }), log);
  const transport = createHttpTransport({ server: config.server, ca: file('ca-file') });
  file('token-file');
  const client = createClusterClient({
    transport: crash?.transport(transport) ?? transport,
    clock,
    token: () => file('token-file'),
    userAgent: `holdfast-agent/${VERSION}`,
  });
  await checkToken(client);
  const recorder = createEventRecorder({
    events: client.resource(EVENTS),
    clock,
    random,
    component: 'holdfast-agent',
    host: node,
    onError: (error) => log.warn('event not written', { err: error }),
  });
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort(new Error(signal)));
  log.info('agent starts', { node, version: VERSION, drbd: drbd?.flavour ?? 'none' });
  const registered = { isOver: csi?.registrationDir === undefined };
  const whyNotReady = (): string | null => (registered.isOver ? null : 'the kubelet has not accepted the driver yet');
  const health =
    healthAt === undefined ? undefined : await serveHealth(healthAt, { live: () => null, ready: whyNotReady });
  try {
    await runAgent(
      {
        node,
        stateDir,
        client,
        clock,
        random,
        log,
        lvm: crash === undefined ? lvm : createLvm(work.exec),
        drbd,
        fence: drbd === undefined ? undefined : createFenceGate({ exec, files, clock, log, stateDir }),
        fs: createFileSystems(work),
        ...(csi === undefined
          ? {}
          : {
              binds: createBindMounts(work),
              serve: (volumes: NodeVolumes, signal: AbortSignal) =>
                serveCsi(
                  { ...csi, node, volumes, clock, log, onRegistered: (yes) => (registered.isOver = yes) },
                  signal,
                ),
            }),
        host,
        files: work.files,
        secrets: createReplicationSecrets(client),
        recorder,
        poolKeeper: createPoolManager({ lvm, host, files, log, node, stateDir }),
        reporter: createNodeReporter({
          host,
          lvm,
          drbd,
          clock,
          agentVersion: VERSION,
          addresses: { management: address('management-address'), replication: address('replication-address') },
        }),
      },
      stop.signal,
    );
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    await health?.close();
    transport.close();
  }
}

interface CsiOptions {
  readonly endpoint: string;
  readonly registrationDir: string | undefined;
  /** What the kubelet is told. */
  readonly kubeletPath: string;
}

/** @throws AppError `invalid_argument`. */
function csiOptions(option: (name: string) => string | undefined): CsiOptions | undefined {
  const endpoint = option('csi-endpoint');
  const registrationDir = option('csi-registration-dir');
  if (endpoint === undefined) {
    if (registrationDir === undefined) return undefined;
    throw badOption('--csi-endpoint', undefined, 'give the socket that is to be registered');
  }
  const kubeletPath = option('csi-kubelet-path') ?? endpoint.replace(/^unix:(\/\/)?/, '');
  return { endpoint, registrationDir, kubeletPath };
}

/** CSI's node service and, when asked, its registration with the kubelet, until the signal aborts. */
async function serveCsi(
  args: CsiOptions & {
    readonly node: string;
    readonly volumes: NodeVolumes;
    readonly clock: ReturnType<typeof createClock>;
    readonly log: Log;
    readonly onRegistered: (registered: boolean) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  const { node, volumes, clock, endpoint, registrationDir, kubeletPath } = args;
  const log = args.log.child({ component: 'csi' });
  const listener = createRpcListener({ clock, log });
  const options = { clock, log, version: VERSION, ready: () => !signal.aborted };
  const methods = nodeProcess(options, { node, volumes, exclusive: new Exclusive(clock) });
  const parts = [serveUntil(listener, endpoint, methods, signal)];
  if (registrationDir !== undefined) {
    const socket = `unix://${registrationDir.replace(/\/+$/, '')}/${DRIVER_NAME}-reg.sock`;
    const registration = registrationProcess(options, { endpoint: kubeletPath, log, onStatus: args.onRegistered });
    parts.push(serveUntil(listener, socket, registration, signal));
  }
  await Promise.all(parts);
}

/**
 * For crash tests (INV-8): while a file `die-after-each` is in the state directory, this process ends itself the hard way
 * after the first thing that it changes for a replica.
 */
function crashPoints(stateDir: string): SideEffects | undefined {
  const path = `${stateDir}/die-after-each`;
  if (!existsSync(path)) return undefined;
  return new SideEffects(
    dieAfterEach({
      deaths: readFileSync(path, 'utf8').split('\n').filter(Boolean),
      die: (what, deaths) => {
        // By hand and at once: the process has no time left for anything buffered.
        writeFileSync(path, deaths.join('\n'));
        writeSync(1, `died after: ${what}\n`);
        process.kill(process.pid, 'SIGKILL');
      },
    }),
  );
}

await runDaemon('agent', main);
