/**
 * A whole Holdfast cluster in a lab: embedded API server and controller as host processes, one agent in each node.
 * Used by `hf lab up`, `hf demo`, the tests and the benchmarks.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createClusterClient } from '@holdfast/api/client/cluster-client.ts';
import { NODES } from '@holdfast/api/client/kinds.ts';
import type { ClusterClient } from '@holdfast/api/client/types.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { bundle } from '@holdfast/lab/app.ts';
import { createLab } from '@holdfast/lab/lab.ts';
import { HOST_ADDRESS, type Lab, type LabOptions, type NodeInfo } from '@holdfast/lab/types.ts';
import { createClock } from '../adapters/clock/real.ts';
import { createHttpTransport } from '../adapters/http/transport.ts';

const SOURCE = resolve(import.meta.dirname, '..');
/**
 * A daemon is idle nearly always, and V8 otherwise keeps a large space for objects that die young: 2 MiB cost no CPU time that could
 * be measured.
 */
const SMALL_HEAP = '--max-semi-space-size=2';

export interface LabClusterOptions extends Omit<LabOptions, 'app' | 'daemons' | 'hostProcesses'> {
  /** Additional programs for the nodes, as in {@link LabOptions.app}. */
  readonly entries?: Readonly<Record<string, string>>;
  /** More flags for every agent, e.g. `--crash-at 7`. */
  readonly agentFlags?: readonly string[];
  /** More flags for the controller. */
  readonly controllerFlags?: readonly string[];
  /** false: agents are not started (tests start them by hand). Default true. */
  readonly agents?: boolean;
}

export interface LabCluster extends AsyncDisposable {
  readonly lab: Lab;
  readonly client: ClusterClient;
  readonly server: string;
  readonly token: string;
  /** Directory with the API server's database and the token file. */
  readonly dir: string;
  /** Waits until these nodes (default: all) are Ready and have reported their disks. */
  waitNodesReady(names?: readonly string[], timeoutMs?: number): Promise<void>;
}

/** Everything that a lab needs to run Holdfast; also what `hf lab up` hands to the supervisor. */
export interface ClusterPlan {
  readonly lab: LabOptions;
  readonly server: string;
  readonly token: string;
}

/**
 * The control plane as it ships, in one file each: from TypeScript every process also loads the compiler and every locale of
 * its libraries, some 35 MiB.
 */
async function writeControlPlane(dir: string): Promise<void> {
  const entries = { apiserver: join(SOURCE, 'bin/apiserver.ts'), controller: join(SOURCE, 'bin/controller.ts') };
  for (const [name, content] of await bundle(entries)) writeFileSync(join(dir, name), content);
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
}

/** Chooses the port and the token, writes programs and token files into `dir`, and describes the processes. */
export async function planLabCluster(dir: string, options: LabClusterOptions = {}): Promise<ClusterPlan> {
  await writeControlPlane(dir);
  const port = await freePort();
  const token = randomBytes(24).toString('hex');
  const tokenFile = join(dir, 'token');
  const usersFile = join(dir, 'users.csv');
  writeFileSync(tokenFile, token, { mode: 0o600 });
  writeFileSync(usersFile, `${token},holdfast-admin,holdfast-admin,"system:masters"\n`, { mode: 0o600 });
  const server = `http://127.0.0.1:${port}`;
  const fromNode = `http://${HOST_ADDRESS}:${port}`;
  const { entries, agentFlags, controllerFlags, agents, ...labOptions } = options;
  const lab: LabOptions = {
    ...labOptions,
    app: { entries: { agent: join(SOURCE, 'bin/agent.ts'), ...entries }, files: { 'etc/token': tokenFile } },
    hostProcesses: [
      {
        name: 'apiserver',
        argv: [
          process.execPath,
          SMALL_HEAP,
          join(dir, 'apiserver.js'),
          '--listen',
          `127.0.0.1:${port}`,
          '--database',
          join(dir, 'api.db'),
          '--token-file',
          usersFile,
        ],
      },
      {
        name: 'controller',
        argv: [
          process.execPath,
          SMALL_HEAP,
          join(dir, 'controller.js'),
          '--server',
          server,
          '--token-file',
          tokenFile,
          ...(controllerFlags ?? []),
        ],
      },
    ],
    daemons: (node: NodeInfo) => [
      {
        name: 'agent',
        argv: [
          'node',
          SMALL_HEAP,
          '/opt/holdfast/agent.js',
          '--node',
          node.name,
          '--server',
          fromNode,
          '--token-file',
          '/opt/holdfast/etc/token',
          '--management-address',
          node.mgmtAddress,
          '--replication-address',
          node.replAddress,
          ...(agentFlags ?? []),
        ],
        autostart: agents ?? true,
      },
    ],
  };
  return { lab, server, token };
}

/** Boots it in this process; `await using` takes everything down again. */
export async function startLabCluster(options: LabClusterOptions = {}): Promise<LabCluster> {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-cluster-'));
  const removeDir = (): void => rmSync(dir, { recursive: true, force: true });
  // Also when the process ends by a signal, which the lab handles by ending itself.
  process.once('exit', removeDir);
  try {
    const plan = await planLabCluster(dir, options);
    const lab = await createLab(plan.lab);
    const { client, close } = connectCluster(plan.server, plan.token);
    return {
      lab,
      client,
      server: plan.server,
      token: plan.token,
      dir,
      waitNodesReady: (names, timeoutMs) =>
        waitNodesReady(client, names ?? lab.nodes.map((node) => node.name), timeoutMs ?? 120_000),
      async [Symbol.asyncDispose]() {
        close();
        await lab.destroy();
        removeDir();
      },
    };
  } catch (error) {
    removeDir();
    throw error;
  }
}

/** A client for the cluster's API server, from the host. */
export function connectCluster(server: string, token: string): { client: ClusterClient; close: () => void } {
  const transport = createHttpTransport({ server });
  const client = createClusterClient({ transport, clock: createClock(), token: () => token, userAgent: 'hf-lab' });
  return { client, close: () => transport.close() };
}

/** @throws AppError `deadline_exceeded` naming the nodes that are not Ready and why. */
export async function waitNodesReady(
  client: ClusterClient,
  names: readonly string[],
  timeoutMs: number,
): Promise<void> {
  const clock = createClock();
  const deadlineMs = clock.monotonic() + timeoutMs;
  let missing: string[] = [...names];
  let trouble = '';
  while (clock.monotonic() < deadlineMs) {
    try {
      const { items } = await client.resource(NODES).list();
      missing = names.filter((name) => {
        const status = items.find((node) => node.metadata.name === name)?.status;
        // The heartbeat comes before the first report: a node that has not told its disks is of no use yet.
        if (status?.disks === undefined || status.drbd === undefined) return true;
        return status.conditions?.find((condition) => condition.type === 'Ready')?.status !== 'True';
      });
      if (missing.length === 0) return;
      trouble = '';
    } catch (error) {
      trouble = AppError.from(error).message;
    }
    await clock.sleep(250);
  }
  throw new AppError(
    'deadline_exceeded',
    `not Ready after ${timeoutMs / 1000} s: ${missing.join(', ')} ${trouble}`.trim(),
  );
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.on('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => done(port));
    });
  });
}
