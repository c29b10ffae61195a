import assert from 'node:assert/strict';
import type { DrbdConfig, DrbdState } from '../../src/ports/drbd.ts';
import type { FenceRequest, FenceVerdict } from '../../src/ports/fence.ts';
import type { ContractNode, ContractWorld, Disks, PendingWrite } from './world.ts';

export const MIB = 1024 * 1024;
const WAIT_MS = 30_000;
const STEP_MS = 100;

/** Waits for a condition; the last value is in the failure. */
export async function until<T>(
  world: ContractWorld,
  what: string,
  read: () => Promise<T>,
  done: (value: T) => boolean,
): Promise<T> {
  for (let waited = 0; ; waited += STEP_MS) {
    const value = await read();
    if (done(value)) return value;
    assert.ok(waited < WAIT_MS, `waited in vain: ${what}; last seen ${JSON.stringify(value)}`);
    await world.pause(STEP_MS);
  }
}

/** True when the promise has not settled after (real or virtual) `ms`. */
export async function staysPending(world: ContractWorld, promise: Promise<unknown>, ms: number): Promise<boolean> {
  let settled = false;
  promise.then(
    () => {
      settled = true;
    },
    () => {
      settled = true;
    },
  );
  await world.pause(ms);
  return !settled;
}

/** A replicated volume of one test: minor, port and names of its own, so that tests do not disturb each other. */
export class TestVolume {
  static #count = 0;
  readonly world: ContractWorld;
  readonly name: string;
  readonly resource: string;
  readonly sizeBytes: number;
  readonly minor: { readonly [node: string]: number };
  readonly #index: number;
  readonly #disks = new Map<string, Disks>();

  constructor(world: ContractWorld, sizeBytes = 32 * MIB) {
    TestVolume.#count += 1;
    this.#index = TestVolume.#count;
    this.world = world;
    this.name = `v${this.#index}`;
    this.resource = `hf-${this.name}`;
    this.sizeBytes = sizeBytes;
    // Different on the two nodes, so that nothing takes one for the other.
    this.minor = { [world.a.name]: 1000 + this.#index, [world.b.name]: 2000 + this.#index };
  }

  minorOf(node: ContractNode): number {
    const minor = this.minor[node.name];
    assert.ok(minor !== undefined);
    return minor;
  }

  other(node: ContractNode): ContractNode {
    return node === this.world.a ? this.world.b : this.world.a;
  }

  config(node: ContractNode, alone = false): DrbdConfig {
    const disks = this.#disks.get(node.name);
    assert.ok(disks !== undefined, 'disks are made first');
    const endpoint = (it: ContractNode) => ({
      replica: `${this.name}-r${it === this.world.a ? 0 : 1}`,
      node: it.name,
      nodeId: it === this.world.a ? 0 : 1,
      address: it.address,
      port: 7000 + this.#index,
      minor: this.minorOf(it),
      diskless: false,
    });
    return {
      resource: this.resource,
      minor: this.minorOf(node),
      device: `/dev/drbd${this.minorOf(node)}`,
      disk: disks.disk,
      metaDisk: disks.metaDisk,
      self: endpoint(node),
      peers: alone ? [] : [endpoint(this.other(node))],
      sharedSecret: `secret-of-volume-${this.#index}`,
      thin: true,
    };
  }

  /** Disks, configuration and blank metadata on a node; the resource stays down. */
  async provision(node: ContractNode, alone = false): Promise<void> {
    this.#disks.set(node.name, await node.makeDisks(this.name, this.sizeBytes));
    await node.drbd.writeConfig(this.config(node, alone));
    assert.equal(await node.drbd.metadataState(this.config(node, alone)), 'blank');
    await node.drbd.createMetadata(this.config(node, alone));
  }

  async look(node: ContractNode): Promise<DrbdState | undefined> {
    return node.drbd.look(this.resource);
  }

  async state(node: ContractNode): Promise<DrbdState> {
    const state = await this.look(node);
    assert.ok(state !== undefined, `${this.resource} is up on ${node.name}`);
    return state;
  }

  async untilState(node: ContractNode, what: string, done: (state: DrbdState) => boolean): Promise<DrbdState> {
    return until(this.world, `${this.resource} on ${node.name}: ${what}`, () => this.state(node), done);
  }

  async untilConnected(): Promise<void> {
    for (const node of [this.world.a, this.world.b])
      await this.untilState(node, 'connected', (state) => state.peers[0]?.connection === 'Connected');
  }

  async untilDisconnected(node: ContractNode): Promise<DrbdState> {
    return this.untilState(node, 'not connected', (state) => state.peers[0]?.connection !== 'Connected');
  }

  /** Both sides UpToDate, connected, nothing out of sync. */
  async untilHealthy(): Promise<void> {
    for (const node of [this.world.a, this.world.b])
      await this.untilState(
        node,
        'healthy',
        ({ disk, peers: [peer], suspended }) =>
          disk === 'UpToDate' &&
          suspended.length === 0 &&
          peer?.connection === 'Connected' &&
          peer.disk === 'UpToDate' &&
          peer.replication === 'Established' &&
          peer.outOfSyncBytes === 0,
      );
  }

  /** Two blank replicas, UpToDate without a sync. */
  async create(): Promise<this> {
    const { a, b } = this.world;
    await Promise.all([this.provision(a), this.provision(b)]);
    await Promise.all([a.drbd.adjust(this.resource), b.drbd.adjust(this.resource)]);
    await this.untilConnected();
    await a.drbd.skipInitialSync(this.resource);
    await this.untilHealthy();
    return this;
  }

  /** Promotes a connected replica. A starved machine may lose a ping just then: refused, it is tried again. */
  async promote(node: ContractNode): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.answering(node, 1, node.drbd.promote(this.resource, 60_000));
      if (outcome.ok || attempt === 3 || outcome.reason !== 'fencing-refused') {
        assert.deepEqual(outcome, { ok: true });
        return;
      }
      await this.untilHealthy();
    }
  }

  /** Promotes a replica that is on its own, with a grant. */
  async promoteAlone(node: ContractNode): Promise<void> {
    await this.untilDisconnected(node);
    const attempt = node.drbd.promote(this.resource, 60_000);
    await this.question(node);
    assert.deepEqual(await this.answering(node, 4, attempt), { ok: true });
  }

  /** Gives this answer to every question about this volume until the promise settles: the kernel may ask several times. */
  async answering<T>(node: ContractNode, verdict: FenceVerdict, promise: Promise<T>): Promise<T> {
    let over = false;
    const watched = promise.finally(() => {
      over = true;
    });
    while (!over) {
      await Promise.race([watched, this.world.pause(STEP_MS)]);
      if (over) break;
      for (const request of await node.fence.pending())
        if (request.resource === this.resource) await node.fence.answer(request, verdict);
    }
    return watched;
  }

  write(node: ContractNode, block: number, text: string): Promise<PendingWrite> {
    return node.write(this.minorOf(node), block, text);
  }

  read(node: ContractNode, block: number): Promise<string> {
    return node.read(this.minorOf(node), block);
  }

  /** The kernel's question on this node. */
  async question(node: ContractNode, except?: FenceRequest): Promise<FenceRequest> {
    const isOurs = (it: FenceRequest): boolean => it.resource === this.resource && it.id !== except?.id;
    const found = await until(
      this.world,
      `question about ${this.resource} on ${node.name}`,
      () => node.fence.pending(),
      (list) => list.some(isOurs),
    );
    const request = found.find(isOurs);
    assert.ok(request !== undefined);
    return request;
  }

  async noQuestion(node: ContractNode): Promise<void> {
    await until(
      this.world,
      `no question about ${this.resource} on ${node.name}`,
      () => node.fence.pending(),
      (list) => list.every((it) => it.resource !== this.resource),
    );
  }

  /** Takes it down and forgets it, on both nodes. */
  async destroy(): Promise<void> {
    for (const node of [this.world.a, this.world.b]) {
      await node.drbd.demote(this.resource).catch(() => undefined);
      await node.drbd.down(this.resource);
      await node.drbd.removeConfig(this.resource);
    }
  }
}
