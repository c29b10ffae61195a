/** What the suites on real kernels share: a cluster, volumes, writers whose acknowledgements are remembered, checks. */
import { join } from 'node:path';
import { NODES, POOLS, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { API_VERSION, type Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import type { Volume, VolumeSpec } from '@holdfast/api/schema/volume.ts';
import type { ExecProcess, LabNode } from '@holdfast/lab/types.ts';
import { createClock } from '@holdfast/server/adapters/clock/real.ts';
import { type LabCluster, type LabClusterOptions, startLabCluster } from '@holdfast/server/lab-cluster/start.ts';

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;
export const POOL = 'main';

const TOOLS = join(import.meta.dirname, '../../packages/lab/src/guest-tools');
const clock = createClock();

/** Three nodes (or as said) with agents Ready and, unless `pool` is false, one thin pool over the first disk of each. */
export async function startCluster(options: LabClusterOptions & { readonly pool?: boolean } = {}): Promise<LabCluster> {
  const { pool, ...rest } = options;
  const kernel = process.env['HOLDFAST_LAB_KERNEL'];
  const cluster = await startLabCluster({
    ...(kernel === undefined ? {} : { kernel }),
    ...rest,
    entries: { writer: join(TOOLS, 'writer.ts'), checker: join(TOOLS, 'checker.ts') },
  });
  try {
    await cluster.waitNodesReady();
    if (pool !== false) await createPool(cluster, POOL, 0);
    return cluster;
  } catch (error) {
    const why = await diagnose(cluster);
    await cluster[Symbol.asyncDispose]();
    throw new Error(`${AppError.from(error).message}\n${why}`, { cause: error });
  }
}

/** A pool over the disk with this index on every node; waits until it is ready everywhere. */
export async function createPool(
  cluster: LabCluster,
  name: string,
  diskIndex: number,
  change: { readonly type?: 'lvm' | 'lvm-thin'; readonly classes?: string[] } = {},
): Promise<void> {
  const nodes = cluster.lab.nodes.map((node) => ({ name: node.name, disks: [node.disks[diskIndex] ?? ''] }));
  const spec = {
    type: change.type ?? ('lvm-thin' as const),
    classes: change.classes ?? [],
    nodes,
    overProvision: 20,
    reservePercent: 0,
    stopAtDataPercent: 80,
  };
  await cluster.client.resource(POOLS).create({ apiVersion: API_VERSION, kind: 'Pool', metadata: { name }, spec });
  await until(`pool ${name} is ready on every node`, 60_000, async () => {
    const { items } = await cluster.client.resource(NODES).list();
    const ready = items.filter((node) =>
      node.status?.pools?.some((pool) => pool.name === name && pool.state === 'Ready'),
    );
    return ready.length === nodes.length ? true : undefined;
  });
}

/** Polls a condition of the outside world. @throws with `what` when it does not come true in time. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined>,
  everyMs = 100,
): Promise<T> {
  const deadlineMs = clock.monotonic() + timeoutMs;
  let trouble = '';
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      // Servers are killed and nodes are off while we look: only the last trouble matters, and only if it lasts.
      trouble = `: ${AppError.from(error).message}`;
    }
    if (clock.monotonic() > deadlineMs) throw new Error(`not within ${timeoutMs / 1000} s: ${what}${trouble}`);
    await clock.sleep(everyMs);
  }
}

export async function createVolume(
  cluster: LabCluster,
  name: string,
  spec: Partial<VolumeSpec> & { readonly sizeBytes: number },
): Promise<Stored<Volume>> {
  const full: VolumeSpec = {
    replicas: 2,
    poolClass: '',
    protocol: 'C',
    volumeMode: 'Filesystem',
    fsType: 'ext4',
    attachments: [],
    ...spec,
  };
  return cluster.client
    .resource(VOLUMES)
    .create({ apiVersion: API_VERSION, kind: 'Volume', metadata: { name }, spec: full });
}

export async function waitVolume(
  cluster: LabCluster,
  name: string,
  what: string,
  accept: (volume: Stored<Volume>) => boolean,
  timeoutMs = 60_000,
): Promise<Stored<Volume>> {
  let last: Stored<Volume> | undefined;
  try {
    return await until(`volume ${name}: ${what}`, timeoutMs, async () => {
      last = await cluster.client.resource(VOLUMES).get(name);
      return accept(last) ? last : undefined;
    });
  } catch (error) {
    throw new Error(
      `${AppError.from(error).message}\n${JSON.stringify(last?.status, null, 1)}\n${await diagnose(cluster)}`,
    );
  }
}

export function isHealthy(volume: Stored<Volume>): boolean {
  return volume.status?.phase === 'Ready' && volume.status.arbiter?.inSync.length === volume.spec?.replicas;
}

export async function waitHealthy(cluster: LabCluster, name: string, timeoutMs?: number): Promise<Stored<Volume>> {
  return waitVolume(cluster, name, 'healthy', isHealthy, timeoutMs);
}

/** Asks for the volume on a node (undefined: nowhere) and, unless told otherwise, waits until it is so. */
export async function attach(cluster: LabCluster, name: string, node: string | undefined, wait = true): Promise<void> {
  const attachments = node === undefined ? [] : [{ node }];
  await until(`attachment of ${name} accepted`, 30_000, async () => {
    await cluster.client.resource(VOLUMES).patch(name, { spec: { attachments } });
    return true;
  });
  if (!wait) return;
  await waitVolume(cluster, name, node === undefined ? 'detached' : `attached to ${node}`, (volume) => {
    const claimed = volume.status?.arbiter?.primary !== undefined;
    return volume.status?.attachedTo === node && claimed === (node !== undefined);
  });
}

export async function replicasOf(cluster: LabCluster, volume: string): Promise<Stored<Replica>[]> {
  const { items } = await cluster.client.resource(REPLICAS).list({ fieldSelector: `spec.volume=${volume}` });
  return items.sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
}

/** The nodes that hold replicas of the volume, in the order of the replicas. */
export async function nodesOf(cluster: LabCluster, volume: string): Promise<[LabNode, ...LabNode[]]> {
  const replicas = await replicasOf(cluster, volume);
  const [first, ...rest] = replicas.map((replica) => cluster.lab.node(replica.spec?.node ?? ''));
  if (first === undefined) throw new Error(`volume ${volume} has no replica`);
  return [first, ...rest];
}

export async function deleteVolume(cluster: LabCluster, name: string, timeoutMs = 60_000): Promise<void> {
  await cluster.client.resource(VOLUMES).delete(name);
  await until(`volume ${name} is gone`, timeoutMs, async () => {
    const left = await cluster.client.resource(VOLUMES).find(name);
    return left === undefined && (await replicasOf(cluster, name)).length === 0 ? true : undefined;
  }).catch(async (error: unknown) => {
    throw new Error(`${AppError.from(error).message}\n${await diagnose(cluster)}`);
  });
}

export function mountOf(volume: string): string {
  return `/var/lib/holdfast/mounts/${volume}`;
}

/** A writer in a node; what it acknowledged is remembered here, on the host. */
export class Writer {
  readonly #process: ExecProcess;
  readonly #acks: { readonly sequence: number; readonly atMs: number }[] = [];
  #error = '';
  #tail = '';

  private constructor(process: ExecProcess, feed: { onLine: (line: string) => void }) {
    this.#process = process;
    feed.onLine = (line) => this.#line(line);
    // A node that loses its power takes the writer with it: that is the point.
    this.#process.result.catch(() => undefined);
  }

  /** Starts a writer that waits until the volume is mounted there. */
  static async start(node: LabNode, volume: string, number = 1, pauseMs = 0): Promise<Writer> {
    const mount = mountOf(volume);
    const feed = { onLine: (_line: string): void => undefined, rest: '' };
    const argv = ['node', '/opt/holdfast/writer.js', '--path', `${mount}/log`, '--wait-mount', mount];
    const process = await node.spawn([...argv, '--writer', String(number), '--pause-ms', String(pauseMs)], {
      timeoutMs: 0,
      onStdout: (chunk) => {
        const lines = (feed.rest + chunk.toString()).split('\n');
        feed.rest = lines.pop() ?? '';
        for (const line of lines) feed.onLine(line);
      },
    });
    return new Writer(process, feed);
  }

  #line(line: string): void {
    this.#tail = line;
    const [word, sequence] = line.split(' ');
    if (word === 'ack') this.#acks.push({ sequence: Number(sequence), atMs: clock.monotonic() });
    if (word === 'error') this.#error = line;
  }

  get acknowledged(): readonly { readonly sequence: number; readonly atMs: number }[] {
    return this.#acks;
  }

  /** The highest acknowledged sequence, -1 before the first. */
  get last(): number {
    return this.#acks.at(-1)?.sequence ?? -1;
  }

  get error(): string {
    return this.#error;
  }

  /** Waits until `count` more records than now are acknowledged; returns when the first of them came (monotonic ms). */
  async more(count: number, timeoutMs = 60_000): Promise<number> {
    const from = this.#acks.length;
    await until(
      `${count} more acknowledged records (last word: ${this.#tail || 'none'})`,
      timeoutMs,
      async () => (this.#acks.length >= from + count ? true : undefined),
      10,
    );
    return this.#acks[from]?.atMs ?? Number.NaN;
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#process.result.catch(() => undefined);
  }
}

export interface Check {
  readonly records: number;
  readonly bad: number[];
  readonly writers: Record<string, [number, number]>;
}

export async function check(node: LabNode, volume: string): Promise<Check> {
  return JSON.parse(await node.sh(`node /opt/holdfast/checker.js --path ${mountOf(volume)}/log`)) as Check;
}

/** Everything that helps to understand a failure, from the API and the nodes that answer. */
export async function diagnose(cluster: LabCluster): Promise<string> {
  const parts: string[] = [];
  const tell = async (what: string, ask: () => Promise<string>): Promise<void> => {
    try {
      parts.push(`--- ${what}\n${await ask()}`);
    } catch (error) {
      parts.push(`--- ${what}: ${AppError.from(error).message}`);
    }
  };
  await tell('replicas', async () => {
    const { items } = await cluster.client.resource(REPLICAS).list();
    return items.map((each) => `${each.metadata.name} ${JSON.stringify(each.status)}`).join('\n');
  });
  for (const name of ['apiserver', 'controller'])
    await tell(name, async () => (await cluster.lab.hostLog(name)).slice(-3000));
  for (const node of cluster.lab.nodes) {
    await tell(`agent ${node.name}`, async () => (await node.daemonLog('agent')).slice(-6000));
    await tell(`drbd ${node.name}`, async () => (await node.exec(['cat', '/proc/drbd'], { timeoutMs: 5_000 })).stdout);
  }
  return parts.join('\n');
}
