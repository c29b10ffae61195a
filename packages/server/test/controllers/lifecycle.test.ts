import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from '../fakes/cluster-world.ts';

test('a volume is created, attached, detached and deleted', async () => {
  const world = new World();
  world.start();
  world.createVolume('db');
  await world.until('ready', () => world.volume('db').status?.phase === 'Ready');
  assert.equal(world.replicas('db').length, 2);
  const [first = '', second = ''] = world.nodesOf('db');
  world.attach('db', first);
  await world.until('attached', () => world.volume('db').status?.attachedTo === first);
  world.attach('db', second);
  await world.until('moved', () => world.volume('db').status?.attachedTo === second);
  world.attach('db', undefined);
  await world.until('detached', () => world.volume('db').status?.attachedTo === undefined);
  world.end();
});
