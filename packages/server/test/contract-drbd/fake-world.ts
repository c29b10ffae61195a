import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createSeededRandom, createVirtualClock, type VirtualClock } from '@holdfast/api/testing/virtual-clock.ts';
import type { Drbd } from '../../src/ports/drbd.ts';
import type { FenceGate } from '../../src/ports/fence.ts';
import { FakeDrbdCluster } from '../fakes/drbd.ts';
import { fakeGate } from '../fakes/drbd-fence.ts';
import { BLOCK } from '../fakes/drbd-kernel.ts';
import type { FakeDrbdNode } from '../fakes/drbd-node.ts';
import { fakeDriver } from '../fakes/drbd-ports.ts';
import type { ContractNode, ContractWorld } from './world.ts';

class FakeContractNode implements ContractNode {
  readonly node: FakeDrbdNode;
  readonly name: string;
  readonly address: string;
  #drbd: Drbd;
  #fence: FenceGate;
  #filled = 0;

  constructor(node: FakeDrbdNode) {
    this.node = node;
    this.name = node.name;
    this.address = node.address;
    this.#drbd = fakeDriver(node.cluster, node);
    this.#fence = fakeGate(node);
  }

  get drbd(): Drbd {
    return this.#drbd;
  }

  get fence(): FenceGate {
    return this.#fence;
  }

  async makeDisks(volume: string, sizeBytes: number) {
    const disks = { disk: `/dev/data/${volume}`, metaDisk: `/dev/data/${volume}.md` };
    this.node.addDisk(disks.disk, sizeBytes);
    this.node.addDisk(disks.metaDisk, this.drbd.metadataBytes(sizeBytes, 1));
    return disks;
  }

  async growDisk(volume: string, sizeBytes: number): Promise<void> {
    this.#disk(volume).sizeBytes = sizeBytes;
  }

  #disk(volume: string) {
    const disk = this.node.disk(`/dev/data/${volume}`);
    assert.ok(disk !== undefined);
    return disk;
  }

  #resource(minor: number) {
    for (const resource of this.node.resources.values()) if (resource.config.minor === minor) return resource;
    return assert.fail(`no resource has minor ${minor} on ${this.name}`);
  }

  async write(minor: number, block: number, text: string) {
    return { result: this.#resource(minor).write(block, text) };
  }

  async fill(minor: number, block: number, bytes: number): Promise<void> {
    const resource = this.#resource(minor);
    const writes: Promise<string>[] = [];
    for (let index = 0; index < bytes / BLOCK; index += 1) {
      this.#filled += 1;
      writes.push(resource.write(block + index, `filler ${this.#filled}`));
    }
    const results = await Promise.all(writes);
    assert.ok(results.every((result) => result === 'acked'));
  }

  async fillDisk(volume: string, bytes: number): Promise<void> {
    const { blocks } = this.#disk(volume);
    for (let block = 0; block < bytes / BLOCK; block += 64) blocks.set(block, `old data ${block}`);
  }

  async read(minor: number, block: number): Promise<string> {
    return this.#resource(minor).blocks.get(block) ?? '';
  }

  async checksum(volume: string): Promise<string> {
    const blocks = [...this.#disk(volume).blocks].sort(([left], [right]) => left - right);
    return createHash('md5').update(JSON.stringify(blocks)).digest('hex');
  }

  async hold(minor: number) {
    const resource = this.#resource(minor);
    resource.holders += 1;
    return async () => {
      resource.holders -= 1;
    };
  }

  async powerOff(): Promise<void> {
    this.node.powerOff();
  }

  async powerOn(): Promise<void> {
    this.node.powerOn();
    this.#drbd = fakeDriver(this.node.cluster, this.node);
    this.#fence = fakeGate(this.node);
    await this.#fence.install();
  }

  async loseHelper(): Promise<void> {
    this.node.helperInstalled = false;
  }
}

export interface FakeContractWorld extends ContractWorld {
  readonly clock: VirtualClock;
  readonly cluster: FakeDrbdCluster;
}

export async function createFakeWorld(flavour: '8.4' | '9' = '8.4', seed = 1): Promise<FakeContractWorld> {
  const clock = createVirtualClock();
  const cluster = new FakeDrbdCluster({ clock, random: createSeededRandom(seed), flavour });
  const a = new FakeContractNode(cluster.addNode('n1', '10.78.0.11'));
  const b = new FakeContractNode(cluster.addNode('n2', '10.78.0.12'));
  await Promise.all([a.fence.install(), b.fence.install()]);
  return {
    a,
    b,
    clock,
    cluster,
    flavour,
    cut: async () => cluster.cut('n1', 'n2'),
    heal: async () => cluster.heal('n1', 'n2'),
    // Whoever runs a case moves the clock: `clock.until(run(world))`.
    pause: (ms) => clock.sleep(ms),
  };
}
