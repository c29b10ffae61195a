import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { aNode, aNodePool, GIB } from '../fakes/cluster-builders.ts';
import { World } from '../fakes/cluster-world.ts';

test('an idle hour costs no API call but leases and the renewal of watches', async () => {
  const world = new World();
  const controller = world.start();
  for (let index = 0; index < 20; index += 1) world.createVolume(`v${index}`);
  for (let index = 0; index < 20; index += 1) {
    await world.until('ready', () => world.volume(`v${index}`).status?.phase === 'Ready');
  }
  world.createVolume('huge', { sizeBytes: 999 * GIB });
  await world.until('refused', () => world.condition('huge', 'Placed')?.reason === 'NoPlace');
  await world.clock.advance(30_000);
  const before = controller.calls.length;
  await world.clock.advance(3_600_000);
  const calls = controller.calls.slice(before).filter((call) => call.plural !== 'leases' && call.verb !== 'watch');
  world.end();
  assert.deepEqual(calls, []);
});

test('200 volumes at once never promise more than the pools have, and the rest is told why', async () => {
  const nodes = ['a', 'b', 'c'].map((name) =>
    aNode(name, { status: { pools: [aNodePool('fast', { sizeBytes: 50 * GIB })] } }),
  );
  const world = new World(nodes);
  world.start();
  for (let index = 0; index < 200; index += 1) world.createVolume(`v${index}`, { sizeBytes: 2 * GIB });
  const settled = (name: string): boolean => {
    return world.volume(name).status?.phase === 'Ready' || world.condition(name, 'Placed')?.reason === 'NoPlace';
  };
  await world.until(
    'all settled',
    () => world.cluster.list(VOLUMES).every((volume) => settled(volume.metadata.name)),
    600_000,
  );
  const perNode = new Map<string, number>();
  for (const { spec } of world.cluster.list(REPLICAS)) {
    perNode.set(spec?.node ?? '', (perNode.get(spec?.node ?? '') ?? 0) + (spec?.sizeBytes ?? 0));
  }
  const budget = 50 * GIB * 2 * 0.9;
  for (const [node, bytes] of perNode) assert.ok(bytes <= budget, `${node} has ${bytes / GIB} GiB`);
  const placed = world.cluster.list(VOLUMES).filter((volume) => volume.status?.phase === 'Ready').length;
  assert.equal(placed, Math.floor((3 * Math.floor(budget / (2 * GIB))) / 2), 'and as many as fit are placed');

  const [victim] = world.cluster.list(VOLUMES).filter((volume) => volume.status?.phase === 'Ready');
  world.cluster.delete(VOLUMES, victim?.metadata.name ?? '');
  const count = (): number => world.cluster.list(VOLUMES).filter((volume) => volume.status?.phase === 'Ready').length;
  await world.until(
    'its place is taken',
    () => world.cluster.get(VOLUMES, victim?.metadata.name ?? '') === undefined && count() === placed,
  );
  world.end();
});

test('two controllers: one works, the other takes over when it dies', async () => {
  const world = new World();
  const first = world.start();
  await world.clock.advance(3_000);
  const second = world.start();
  world.createVolume('v1');
  await world.until('ready', () => world.volume('v1').status?.phase === 'Ready');
  assert.ok(second.calls.every((call) => call.plural === 'leases'));
  first.kill();
  world.createVolume('v2');
  await world.until('ready', () => world.volume('v2').status?.phase === 'Ready');
  assert.equal(world.cluster.list(REPLICAS).length, 4);
  await second.stop();
  world.end();
});
