/**
 * A cluster in one process: the embedded API server, a real controller, real agents over fakes, and the CSI driver on unix
 * sockets. Everything but the machines is what runs in production.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createClusterClient } from '@holdfast/api/client/cluster-client.ts';
import { POOLS, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import type { ClusterClient } from '@holdfast/api/client/types.ts';
import { API_VERSION, type ApiObject } from '@holdfast/api/schema/meta.ts';
import type { PoolSpec } from '@holdfast/api/schema/pool.ts';
import { createClock, createRandom } from '../../src/adapters/clock/real.ts';
import { createRpcListener } from '../../src/adapters/grpc/index.ts';
import { createHttpTransport } from '../../src/adapters/http/transport.ts';
import { startRealServer } from '../../src/apiserver/real-server.ts';
import { ADMIN_TOKEN } from '../../src/apiserver/testing.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Log } from '../../src/ports/log.ts';
import type { RpcMethod } from '../../src/ports/rpc.ts';
import { createController } from '../../src/reconcile/controllers/controller.ts';
import { createView } from '../../src/transport/csi/controller/view.ts';
import { Exclusive } from '../../src/transport/csi/exclusive.ts';
import { controllerProcess, nodeProcess } from '../../src/transport/csi/methods.ts';
import { FakeDrbdCluster } from '../fakes/drbd.ts';
import { FakeDevices } from '../fakes/host-devices.ts';
import { createFakeNode, type FakeNode } from './fake-node.ts';

const GIB = 2 ** 30;
/** How much faster than the wall the cluster's own time runs: what only waits for time is not waited for. */
const SPEED = 8;

export interface WorldOptions {
  readonly nodes?: number;
  readonly diskBytes?: number;
  readonly pool?: Partial<PoolSpec>;
}

export interface CsiWorld {
  readonly dir: string;
  readonly client: ClusterClient;
  readonly nodes: readonly FakeNode[];
  readonly controllerEndpoint: string;
  nodeEndpoint(name: string): string;
  readonly logs: string[];
  /** What is left of volumes: API objects, logical volumes, mounts, targets. Empty when nothing leaked. */
  leftovers(): Promise<string[]>;
  close(): Promise<void>;
}

export async function startCsiWorld(options: WorldOptions = {}): Promise<CsiWorld> {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-csi-'));
  const logs: string[] = [];
  const log = collect(logs);
  const clock = createClock();
  const fast = speedUp(clock, SPEED);
  const random = createRandom();
  const { server } = await startRealServer({ plain: true });
  const transport = createHttpTransport({ server: server.url });
  const clientOf = (userAgent: string): ClusterClient =>
    createClusterClient({ transport, clock, token: () => ADMIN_TOKEN, userAgent });
  const client = clientOf('test');
  const stop = new AbortController();
  const devices = new Map<string, FakeDevices>();
  const drbd = new FakeDrbdCluster({
    clock: fast,
    random,
    backing: (node, path) => devices.get(node)?.get(path)?.sizeBytes,
  });
  const names = ['n1', 'n2', 'n3', 'n4', 'n5'].slice(0, options.nodes ?? 2);
  const nodes = names.map((name, index) => {
    const own = new FakeDevices();
    devices.set(name, own);
    const address = `10.0.0.${index + 1}`;
    const diskBytes = options.diskBytes ?? 200 * GIB;
    const agent = clientOf('holdfast-agent');
    const node = createFakeNode({
      name,
      address,
      diskBytes,
      client: agent,
      clock: fast,
      random,
      log,
      drbd,
      devices: own,
    });
    node.binds.onTarget = (path, kind) => mirror(dir, path, kind);
    return node;
  });
  const running: Promise<unknown>[] = [];
  const controller = createController({
    client: clientOf('holdfast-controller'),
    clock: fast,
    random,
    log,
    identity: 'c',
  });
  running.push(controller.run(stop.signal));
  await client.resource(POOLS).create({
    apiVersion: API_VERSION,
    kind: 'Pool',
    metadata: { name: 'fast' },
    spec: {
      type: 'lvm-thin',
      classes: ['ssd'],
      nodes: names.map((name) => ({ name, disks: [`disk-${name}`] })),
      overProvision: 2,
      reservePercent: 10,
      stopAtDataPercent: 80,
      ...options.pool,
    },
  });

  const listener = createRpcListener({ clock, log });
  const serve = async (name: string, methods: RpcMethod[]) =>
    listener.listen(`unix://${join(dir, name)}.sock`, methods);
  const servers = new Map<string, Awaited<ReturnType<typeof serve>>>();
  const processOptions = { clock, log, version: 'test', ready: () => true };
  for (const node of nodes) {
    const { volumes, ended } = node.start(stop.signal);
    running.push(ended);
    const deps = { node: node.name, volumes: await volumes, exclusive: new Exclusive(clock) };
    servers.set(node.name, await serve(node.name, nodeProcess(processOptions, deps)));
  }
  const csi = clientOf('holdfast-csi');
  const view = createView({ client: csi, clock, random, log }, stop.signal);
  const controllerDeps = { client: csi, clock, random, log, view, exclusive: new Exclusive(clock) };
  const front = await serve('controller', controllerProcess(processOptions, controllerDeps));
  await untilPoolReady(client, clock);
  return {
    dir,
    client,
    nodes,
    logs,
    controllerEndpoint: front.address,
    nodeEndpoint: (name) => servers.get(name)?.address ?? '',
    async leftovers() {
      const left: string[] = [];
      for (const type of [VOLUMES, REPLICAS]) {
        const { items } = await client.resource<ApiObject>(type).list();
        left.push(...items.map((item) => `${item.kind} ${item.metadata.name}`));
      }
      for (const { name, lvm, fs, binds, files } of nodes) {
        const { lvs } = await lvm.inventory();
        left.push(...lvs.filter((lv) => lv.kind !== 'thin-pool').map((lv) => `${name}: logical volume ${lv.name}`));
        left.push(...(await fs.mounts()).map((mount) => `${name}: mount ${mount.mountPath}`));
        left.push(...[...binds.targets.keys()].map((path) => `${name}: target ${path}`));
        left.push(...[...files.links.keys()].map((path) => `${name}: link ${path}`));
      }
      return left;
    },
    async close() {
      await Promise.all([front, ...servers.values()].map((one) => one.close(100)));
      stop.abort();
      await Promise.allSettled(running);
      transport.close();
      await server.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** csi-sanity looks whether targets are there: what the fake makes below our own directory is made for real. */
function mirror(dir: string, path: string, kind: 'directory' | 'file' | undefined): void {
  if (!path.startsWith(`${dir}/`)) return;
  if (kind === undefined) rmSync(path, { recursive: true, force: true });
  else if (kind === 'directory') mkdirSync(path, { recursive: true });
  else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
  }
}

async function untilPoolReady(client: ClusterClient, clock: Clock): Promise<void> {
  const until = clock.now() + 60_000;
  for (;;) {
    const pool = await client.resource(POOLS).get('fast');
    if (pool.status?.nodesReady === pool.spec?.nodes.length) return;
    if (clock.now() > until) throw new Error(`the pool is not ready: ${JSON.stringify(pool.status)}`);
    await clock.sleep(50);
  }
}

function speedUp(clock: Clock, factor: number): Clock {
  const startNow = clock.now();
  const start = clock.monotonic();
  const passed = (): number => (clock.monotonic() - start) * factor;
  return {
    now: () => startNow + passed(),
    monotonic: () => start + passed(),
    sleep: (ms, signal) => clock.sleep(ms / factor, signal),
    timer: (ms, callback) => clock.timer(ms / factor, callback),
  };
}

function collect(lines: string[]): Log {
  const write =
    (level: string) =>
    (message: string, fields: object = {}): void => {
      const text = JSON.stringify(fields, (_key, value) => (value instanceof Error ? (value.stack ?? '') : value));
      lines.push(`${level} ${message} ${text}`);
    };
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => ({ ...log, ...prefixed(log, fields) }),
  };
  return log;
}

function prefixed(log: Log, fields: object): Pick<Log, 'debug' | 'info' | 'warn' | 'error'> {
  return {
    debug: (message, more) => log.debug(message, { ...fields, ...more }),
    info: (message, more) => log.info(message, { ...fields, ...more }),
    warn: (message, more) => log.warn(message, { ...fields, ...more }),
    error: (message, more) => log.error(message, { ...fields, ...more }),
  };
}
