/** Random stories: operators, outages and controller deaths in any order. Invariants are watched at every step. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { createSeededRandom } from '@holdfast/api/testing/virtual-clock.ts';
import { aNode } from '../fakes/cluster-builders.ts';
import { type RunningController, World } from '../fakes/cluster-world.ts';

const NODES = ['a', 'b', 'c', 'd'];
const VOLUME_NAMES = ['v1', 'v2'];
const STEPS = 25;

async function story(seed: number): Promise<void> {
  const random = createSeededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)] as T;
  const flavour = pick(['8.4', '9'] as const);
  const world = new World(NODES.map((name) => aNode(name, { status: { drbd: flavour } })));
  let controller: RunningController = world.start();
  const told: string[] = [`seed ${seed}, DRBD ${flavour}`];
  const exists = (name: string): boolean => world.cluster.get(VOLUMES, name) !== undefined;
  const steps: Record<string, () => void> = {
    create: () => {
      const name = pick(VOLUME_NAMES);
      if (!exists(name)) world.createVolume(name, { replicas: pick([1, 2]) });
    },
    attach: () => {
      const name = pick(VOLUME_NAMES);
      if (exists(name)) world.attach(name, pick([...world.nodesOf(name), undefined]));
    },
    replicas: () => {
      const name = pick(VOLUME_NAMES);
      if (exists(name)) world.patchVolume(name, { replicas: pick(flavour === '9' ? [1, 2, 3] : [1, 2]) });
    },
    grow: () => {
      const name = pick(VOLUME_NAMES);
      if (exists(name)) world.patchVolume(name, { sizeBytes: (world.volume(name).spec?.sizeBytes ?? 0) + 2 ** 22 });
    },
    evict: () => {
      const replica = pick([...world.cluster.list(REPLICAS), undefined]);
      if (replica === undefined || replica.metadata.deletionTimestamp !== undefined) return;
      world.patchReplica(replica.metadata.name, { evict: { acceptReducedRedundancy: pick([true, false]) } });
    },
    delete: () => {
      const name = pick(VOLUME_NAMES);
      if (exists(name)) world.cluster.delete(VOLUMES, name);
    },
    deleteReplica: () => {
      const replica = pick([...world.cluster.list(REPLICAS), undefined]);
      if (replica !== undefined) world.cluster.delete(REPLICAS, replica.metadata.name);
    },
    powerOff: () => world.agents.powerOff(pick(NODES)),
    powerOn: () => world.agents.powerOn(pick(NODES)),
    silence: () => world.agents.silence(pick(NODES)),
    speak: () => world.agents.speak(pick(NODES)),
    newController: () => {
      controller.kill();
      controller = world.start();
    },
  };
  try {
    for (let step = 0; step < STEPS; step += 1) {
      const name = pick(Object.keys(steps));
      told.push(`${world.clock.monotonic()} ${name}`);
      steps[name]?.();
      await world.clock.advance(pick([100, 300, 1_000, 3_000, 10_000]));
    }
    for (const node of NODES) {
      world.agents.powerOn(node);
      world.agents.speak(node);
    }
    for (const volume of world.cluster.list(VOLUMES)) {
      if (volume.metadata.deletionTimestamp !== undefined) world.attach(volume.metadata.name, undefined);
    }
    await world.until(
      'everything healed',
      () => world.cluster.list(VOLUMES).every((one) => healed(world, one.metadata.name)),
      300_000,
    );
    await world.clock.advance(30_000);
    await world.until(
      'and stays so',
      () => world.cluster.list(VOLUMES).every((one) => healed(world, one.metadata.name)),
      0,
    );
    const names = new Set(world.cluster.list(VOLUMES).map((volume) => volume.metadata.name));
    assert.ok(
      world.cluster.list(REPLICAS).every((replica) => names.has(replica.spec?.volume ?? '')),
      'no leftovers',
    );
  } catch (error) {
    throw new Error(told.join('\n'), { cause: error });
  } finally {
    world.end();
  }
}

/** Everything that was asked for is so, or the volume says why it waits for a person. */
function healed(world: World, name: string): boolean {
  const volume = world.volume(name);
  if (volume.metadata.deletionTimestamp !== undefined) return false;
  // One that is deleted while its workload runs there stays until the workload has moved.
  const replicas = world
    .replicas(name)
    .filter(({ metadata, status }) => metadata.deletionTimestamp === undefined || status?.attached === undefined);
  const wanted = volume.spec?.attachments[0]?.node;
  const attached =
    wanted === undefined ? volume.status?.attachedTo === undefined : volume.status?.attachedTo === wanted;
  const answered =
    attached ||
    world.condition(name, 'Attached')?.reason === 'NoReplicaOnNode' ||
    world.condition(name, 'Attached')?.reason === 'ReplicaLeaving';
  const asksAPerson = ['NeedsReducedRedundancy', 'WaitingForDetach', 'Moving', 'NoPlace'].includes(
    world.condition(name, 'Placed')?.reason ?? '',
  );
  const complete =
    replicas.length === volume.spec?.replicas &&
    replicas.every((replica) => volume.status?.arbiter?.inSync.includes(replica.metadata.name));
  return answered && volume.status?.phase !== 'Unavailable' && (complete || asksAPerson);
}

const SEEDS = Number(process.env['SEEDS'] ?? 40);

for (let seed = 1; seed <= SEEDS; seed += 1) {
  test(`random story ${seed} keeps INV-1, INV-2 and INV-3 at every step and heals (INV-8)`, () => story(seed));
}
