import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NODES, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { FIRST_MINOR } from '../../src/core/placement/allocate.ts';
import { aNode } from '../fakes/cluster-builders.ts';
import { World } from '../fakes/cluster-world.ts';

interface Story {
  readonly name: string;
  readonly nodes?: 'drbd9';
  /** What stands before the crashing controller starts; made by a healthy one. */
  readonly before: (world: World) => Promise<void>;
  readonly when: (world: World) => void;
  readonly done: (world: World) => boolean;
}

const ready = (world: World, name = 'db'): boolean => world.cluster.get(VOLUMES, name)?.status?.phase === 'Ready';

async function twoCopies(world: World): Promise<void> {
  world.createVolume('db');
  await world.until('ready', () => ready(world));
}

const STORIES: readonly Story[] = [
  {
    name: 'create',
    before: async () => {},
    when: (world) => world.createVolume('db'),
    done: (world) => ready(world) && world.replicas('db').length === 2,
  },
  {
    name: 'attach and switch over',
    before: async (world) => {
      await twoCopies(world);
      world.attach('db', world.replicas('db')[0]?.spec?.node);
      await world.until('attached', () => world.volume('db').status?.attachedTo !== undefined);
    },
    when: (world) => world.attach('db', world.replicas('db')[1]?.spec?.node),
    done: (world) => world.volume('db').status?.attachedTo === world.replicas('db')[1]?.spec?.node,
  },
  {
    name: 'grow',
    before: twoCopies,
    when: (world) => world.patchVolume('db', { sizeBytes: 2 ** 31 }),
    done: (world) => world.replicas('db').every((replica) => replica.status?.lvSizeBytes === 2 ** 31),
  },
  {
    name: 'raise a local volume',
    before: async (world) => {
      world.createVolume('db', { replicas: 1 });
      await world.until('ready', () => ready(world));
    },
    when: (world) => world.patchVolume('db', { replicas: 2 }),
    done: (world) => ready(world) && world.volume('db').status?.arbiter?.inSync.length === 2,
  },
  {
    name: 'lower',
    before: twoCopies,
    when: (world) => world.patchVolume('db', { replicas: 1 }),
    done: (world) => ready(world) && world.replicas('db').length === 1,
  },
  {
    name: 'move on DRBD 8.4',
    before: twoCopies,
    when: (world) => world.patchReplica('db-r1', { evict: { acceptReducedRedundancy: true } }),
    done: (world) => ready(world) && world.replicas('db').every((one) => one.metadata.name !== 'db-r1'),
  },
  {
    name: 'move on DRBD 9',
    nodes: 'drbd9',
    before: twoCopies,
    when: (world) => world.patchReplica('db-r1', { evict: { acceptReducedRedundancy: false } }),
    done: (world) => ready(world) && world.replicas('db').every((one) => one.metadata.name !== 'db-r1'),
  },
  {
    name: 'forget a node',
    before: async (world) => {
      await twoCopies(world);
      world.agents.powerOff(world.replicas('db')[1]?.spec?.node ?? '');
      await world.until('degraded', () => world.volume('db').status?.phase === 'Degraded');
    },
    when: (world) => world.giveUp(world.replicas('db')[1]?.spec?.node ?? ''),
    done: (world) =>
      ready(world) &&
      world.replicas('db').every((one) => one.metadata.name !== 'db-r1') &&
      world.cluster.list(NODES).length === 2,
  },
  {
    name: 'delete',
    before: twoCopies,
    when: (world) => world.cluster.delete(VOLUMES, 'db'),
    done: (world) => world.cluster.get(VOLUMES, 'db') === undefined && world.replicas('db').length === 0,
  },
];

/** Runs the story with a controller that dies after its n-th write; true when it died before the story was over. */
async function dieAfter(story: Story, writes: number): Promise<boolean> {
  const flavour = story.nodes === 'drbd9' ? { status: { drbd: '9' as const } } : {};
  const world = new World([aNode('a', flavour), aNode('b', flavour), aNode('c', flavour)]);
  const healthy = world.start();
  await story.before(world);
  await world.clock.advance(5_000);
  healthy.kill();
  await world.clock.advance(10_000);
  let died = false;
  world.startAndDieAfter(writes, () => {
    died = true;
  });
  await world.clock.advance(12_000);
  story.when(world);
  await world.until('died or done', () => died || story.done(world));
  world.start();
  await world.until(`${story.name} converges after death at write ${writes}`, () => story.done(world), 120_000);
  await world.clock.advance(20_000);
  assert.ok(story.done(world), 'and stays so');
  checkConsistency(world);
  world.end();
  return died;
}

function checkConsistency(world: World): void {
  const replicas = world.cluster.list(REPLICAS);
  for (const volume of world.cluster.list(VOLUMES)) {
    const mine = replicas.filter((replica) => replica.spec?.volume === volume.metadata.name);
    assert.equal(mine.length, volume.spec?.replicas, 'no duplicate and no missing replica');
    const names = mine.map((replica) => replica.metadata.name).toSorted();
    assert.deepEqual(volume.status?.arbiter?.inSync.toSorted(), names);
    for (const replica of mine) {
      const peers = replica.spec?.peers.map((peer) => peer.replica).toSorted();
      assert.deepEqual(
        peers,
        names.filter((name) => name !== replica.metadata.name),
      );
      assert.ok((replica.spec?.drbd?.minor ?? FIRST_MINOR) >= FIRST_MINOR);
    }
  }
}

for (const story of STORIES) {
  test(`killed after any write of '${story.name}' and restarted, the controller converges (INV-8)`, async () => {
    let writes = 1;
    while (await dieAfter(story, writes)) writes += 1;
    assert.ok(writes > 1, 'the story has at least one write to die after');
  });
}
