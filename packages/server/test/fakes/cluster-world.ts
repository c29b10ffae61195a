/** A whole fake cluster on virtual time: API server, agents, and real controllers that can be started and killed. */
import { EVENTS, LEASES, NODES, POOLS, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { type EventObject, SYSTEM_NAMESPACE } from '@holdfast/api/schema/core.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Node, NodeSpec } from '@holdfast/api/schema/node.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import type { Replica, ReplicaSpec } from '@holdfast/api/schema/replica.ts';
import type { Volume, VolumeSpec } from '@holdfast/api/schema/volume.ts';
import { createSeededRandom, createVirtualClock, type VirtualClock } from '@holdfast/api/testing/virtual-clock.ts';
import { nodeLeaseName } from '../../src/core/names/names.ts';
import type { Log } from '../../src/ports/log.ts';
import { type ControllerOptions, createController } from '../../src/reconcile/controllers/controller.ts';
import { type Call, type ClientHooks, FakeCluster, MUTATIONS } from './cluster.ts';
import { FakeAgents } from './cluster-agents.ts';
import { aNode, aPool, aVolume } from './cluster-builders.ts';

const TICK_MS = 200;

export interface RunningController {
  readonly calls: Call[];
  /** The process is gone: no call of it is answered any more. */
  kill(): void;
  /** Orderly end. */
  stop(): Promise<void>;
}

export class World {
  readonly clock: VirtualClock = createVirtualClock();
  readonly cluster = new FakeCluster(() => new Date(this.clock.now()).toISOString());
  readonly agents = new FakeAgents(this.cluster, () => this.clock.now());
  readonly logs: string[] = [];
  readonly #controllers = new Set<RunningController>();
  #cancel: () => void = () => {};
  #ticks = 0;
  #seed = 1;

  constructor(
    nodes: readonly Stored<Node>[] = [aNode('a'), aNode('b'), aNode('c')],
    pool: Partial<Pool['spec'] & object> = {},
  ) {
    const names = nodes.map((node) => node.metadata.name);
    for (const node of nodes) {
      this.cluster.create(NODES, {
        ...node,
        metadata: { name: node.metadata.name, labels: node.metadata.labels ?? {} },
      });
      this.cluster.patch(NODES, node.metadata.name, { status: { ...node.status, conditions: [] } }, { status: true });
    }
    this.cluster.create(POOLS, { ...aPool('fast', names, pool), metadata: { name: 'fast' } });
    const beat = (): void => {
      this.#ticks += 1;
      if (this.#ticks % (1_000 / TICK_MS) === 1) this.agents.heartbeat();
      if (this.agents.tick()) this.#watchOver();
      this.#cancel = this.clock.timer(TICK_MS, beat);
    };
    beat();
  }

  /** INV-2 and INV-7, after every step of the agents: whatever the test is about, these hold. */
  #watchOver(): void {
    for (const volume of this.cluster.list(VOLUMES)) {
      const { name } = volume.metadata;
      const writers = this.agents.writers(name);
      if (writers.length > 1) throw new Error(`INV-2: ${writers.join(' and ')} can write to ${name}`);
      const nodes = this.nodesOf(name);
      if (new Set(nodes).size < nodes.length)
        throw new Error(`two replicas of ${name} on one node: ${nodes.join(', ')}`);
    }
    const numbers = this.cluster.list(REPLICAS).flatMap(({ spec }) => {
      return spec?.drbd === undefined
        ? []
        : [`${spec.node} minor ${spec.drbd.minor}`, `${spec.node} port ${spec.drbd.port}`];
    });
    if (new Set(numbers).size < numbers.length) throw new Error(`numbers clash: ${numbers.toSorted().join(', ')}`);
  }

  start(hooks: ClientHooks = {}, config: ControllerOptions['config'] = {}): RunningController {
    const calls: Call[] = [];
    let dead = false;
    const never = new Promise<void>(() => {});
    this.#seed += 1;
    const client = this.cluster.client({
      before: async (call) => {
        if (dead) await never;
        calls.push(call);
        await hooks.before?.(call);
        if (dead) await never;
      },
      after: async (call) => {
        await hooks.after?.(call);
        if (dead) await never;
      },
      isCut: () => hooks.isCut?.() === true,
    });
    const stop = new AbortController();
    const controller = createController({
      client,
      clock: this.clock,
      random: createSeededRandom(this.#seed),
      log: this.#log(`controller-${this.#seed}`),
      identity: `controller-${this.#seed}`,
      config,
    });
    const running = controller.run(stop.signal);
    running.catch((error: unknown) => this.logs.push(`controller ended: ${String(error)}`));
    const handle: RunningController = {
      calls,
      kill: () => {
        dead = true;
        stop.abort();
        this.#controllers.delete(handle);
      },
      stop: async () => {
        stop.abort();
        await this.clock.until(running, 60_000);
        this.#controllers.delete(handle);
      },
    };
    this.#controllers.add(handle);
    return handle;
  }

  /** A controller that dies right after its n-th writing call to these kinds (the call itself still happens). */
  startAndDieAfter(count: number, onDeath: () => void): void {
    let writes = 0;
    const handle = this.start({
      after: (call) => {
        if (!MUTATIONS.has(call.verb) || call.plural === 'leases' || call.plural === 'events') return;
        writes += 1;
        if (writes !== count) return;
        handle.kill();
        onDeath();
      },
    });
  }

  end(): void {
    this.#cancel();
    for (const controller of [...this.#controllers]) controller.kill();
  }

  createVolume(name: string, spec: Partial<VolumeSpec> = {}): Stored<Volume> {
    return this.cluster.create(VOLUMES, { ...aVolume(name, { spec }), metadata: { name } });
  }

  patchVolume(name: string, spec: Partial<VolumeSpec>): void {
    this.cluster.patch(VOLUMES, name, { spec });
  }

  attach(name: string, node: string | undefined): void {
    this.patchVolume(name, { attachments: node === undefined ? [] : [{ node, readOnly: false, mount: true }] });
  }

  /** What `hf node forget` writes. */
  giveUp(node: string): void {
    const lease = this.cluster.get(LEASES, nodeLeaseName(node), SYSTEM_NAMESPACE);
    this.patchNode(node, { forget: { renewTime: lease?.spec?.renewTime ?? '' } });
  }

  patchReplica(name: string, spec: Partial<ReplicaSpec>): void {
    this.cluster.patch(REPLICAS, name, { spec });
  }

  patchNode(name: string, spec: Partial<NodeSpec>): void {
    this.cluster.patch(NODES, name, { spec });
  }

  findPool(): Stored<Pool> | undefined {
    return this.cluster.get(POOLS, 'fast');
  }

  pool(): Stored<Pool> {
    const pool = this.findPool();
    if (pool === undefined) throw new Error('there is no pool fast');
    return pool;
  }

  deletePool(): void {
    this.cluster.delete(POOLS, 'fast');
  }

  volume(name: string): Stored<Volume> {
    const volume = this.cluster.get(VOLUMES, name);
    if (volume === undefined) throw new Error(`there is no volume ${name}`);
    return volume;
  }

  replicas(volume: string): Stored<Replica>[] {
    return this.cluster.list(REPLICAS).filter((replica) => replica.spec?.volume === volume);
  }

  events(kind: string, name: string): Stored<EventObject>[] {
    return this.cluster
      .list(EVENTS)
      .filter((event) => event.involvedObject.kind === kind && event.involvedObject.name === name);
  }

  nodesOf(volume: string): string[] {
    return this.replicas(volume)
      .map((replica) => replica.spec?.node ?? '')
      .toSorted();
  }

  condition(volume: string, type: string) {
    return this.volume(volume).status?.conditions?.find((condition) => condition.type === type);
  }

  async until(what: string, condition: () => boolean, limitMs = 60_000): Promise<void> {
    try {
      await this.clock.waitFor(condition, limitMs);
    } catch (error) {
      const state = [...this.cluster.list(VOLUMES), ...this.cluster.list(REPLICAS)].map((object) =>
        JSON.stringify(object),
      );
      throw new Error(
        `not reached: ${what}\n${state.join('\n')}\n${this.logs
          .filter((line) => !line.includes('cache trouble'))
          .slice(-25)
          .join('\n')}`,
        {
          cause: error,
        },
      );
    }
  }

  #log(name: string): Log {
    const line =
      (level: string) =>
      (message: string, fields: object = {}): void => {
        const text = JSON.stringify(fields, (_key, value) =>
          value instanceof Error ? (value.stack ?? value.message) : value,
        );
        this.logs.push(`${this.clock.monotonic()} ${name} ${level} ${message} ${text}`);
      };
    const log: Log = {
      debug: line('debug'),
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
      child: () => log,
    };
    return log;
  }
}
