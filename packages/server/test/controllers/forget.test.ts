import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LEASES, NODES, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { SYSTEM_NAMESPACE } from '@holdfast/api/schema/core.ts';
import { nodeLeaseName } from '../../src/core/names/names.ts';
import { World } from '../fakes/cluster-world.ts';

function ready(world: World, node: string) {
  return world.cluster.get(NODES, node)?.status?.conditions?.find((one) => one.type === 'Ready');
}

/** Volume `db` with a copy in sync on `kept`; `dead` has no power and is known to be lost. */
async function deadNode(): Promise<{ world: World; kept: string; dead: string }> {
  const world = new World();
  world.start();
  world.createVolume('db');
  await world.until('ready', () => world.volume('db').status?.phase === 'Ready');
  const [kept = '', dead = ''] = world.replicas('db').map((replica) => replica.spec?.node ?? '');
  world.attach('db', kept);
  await world.until('attached', () => world.volume('db').status?.attachedTo === kept);
  world.agents.powerOff(dead);
  await world.until('lost', () => ready(world, dead)?.reason === 'NodeLost');
  return { world, kept, dead };
}

test('a replica that is deleted on a dead node stays until an operator gives the node up (INV-7)', async () => {
  const { world, dead } = await deadNode();
  world.patchReplica('db-r1', { evict: { acceptReducedRedundancy: true } });
  await world.until('leaving', () => world.replicas('db')[1]?.metadata.deletionTimestamp !== undefined);
  await world.clock.advance(120_000);
  assert.ok(world.replicas('db').some((replica) => replica.metadata.name === 'db-r1'));
  world.giveUp(dead);
  await world.until('gone', () => !world.replicas('db').some((replica) => replica.metadata.name === 'db-r1'));
  world.end();
});

test('the copies of a node that was given up are replaced, and then the Node goes', async () => {
  const { world, kept, dead } = await deadNode();
  world.giveUp(dead);
  await world.until('replaced', () => {
    const nodes = world.nodesOf('db');
    return nodes.length === 2 && !nodes.includes(dead) && world.volume('db').status?.phase === 'Ready';
  });
  assert.equal(world.volume('db').status?.attachedTo, kept, 'the workload never noticed');
  await world.until('the node is gone', () => world.cluster.get(NODES, dead) === undefined);
  await world.until('its lease is gone', () => {
    return world.cluster.get(LEASES, nodeLeaseName(dead), SYSTEM_NAMESPACE) === undefined;
  });
  const reasons = [...world.events('Node', dead), ...world.events('Volume', 'db')].map((event) => event.reason);
  for (const reason of ['NodeForgotten', 'ReplicaForgotten', 'NodeRemoved'])
    assert.ok(reasons.includes(reason), reason);
  world.end();
});

test('a node that came back after it was given up keeps everything: the mark is void (INV-7)', async () => {
  const { world, dead } = await deadNode();
  const lease = world.cluster.get(LEASES, nodeLeaseName(dead), SYSTEM_NAMESPACE);
  world.agents.powerOn(dead);
  await world.until('back', () => ready(world, dead)?.status === 'True');
  world.patchNode(dead, { forget: { renewTime: lease?.spec?.renewTime ?? '' } });
  world.agents.powerOff(dead);
  await world.until('lost again', () => ready(world, dead)?.reason === 'NodeLost');
  await world.clock.advance(120_000);
  assert.equal(ready(world, dead)?.reason, 'NodeLost');
  assert.ok(world.nodesOf('db').includes(dead));
  world.end();
});

test('a mark on a living node does nothing', async () => {
  const world = new World();
  world.start();
  world.createVolume('db');
  await world.until('ready', () => world.volume('db').status?.phase === 'Ready');
  const nodes = world.nodesOf('db');
  for (const node of nodes) world.giveUp(node);
  await world.clock.advance(120_000);
  assert.deepEqual(world.nodesOf('db'), nodes);
  assert.equal(world.volume('db').status?.phase, 'Ready');
  world.end();
});

test('a volume that was deleted does not wait for a node that was given up', async () => {
  const { world, dead } = await deadNode();
  world.attach('db', undefined);
  await world.until('detached', () => world.volume('db').status?.attachedTo === undefined);
  world.cluster.delete(VOLUMES, 'db');
  await world.clock.advance(60_000);
  assert.equal(world.volume('db').status?.phase, 'Deleting');
  world.giveUp(dead);
  await world.until('gone', () => world.replicas('db').length === 0);
  await world.until('node gone', () => world.cluster.get(NODES, dead) === undefined);
  world.end();
});
