import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { aNode, GIB } from '../fakes/cluster-builders.ts';
import { World } from '../fakes/cluster-world.ts';

async function ready(world: World, name: string): Promise<void> {
  await world.until(`${name} ready`, () => world.volume(name).status?.phase === 'Ready');
}

async function attached(world: World, name: string, node: string): Promise<void> {
  world.attach(name, node);
  await world.until(`${name} attached on ${node}`, () => {
    return world.volume(name).status?.attachedTo === node && world.condition(name, 'Attached')?.status === 'True';
  });
}

test('a volume is created, attached, moved between its nodes, detached and deleted without a trace (INV-2, INV-7)', async () => {
  const world = new World();
  world.start();
  world.createVolume('db');
  await ready(world, 'db');
  const [first = '', second = ''] = world.nodesOf('db');
  assert.deepEqual(world.volume('db').status?.arbiter?.inSync, ['db-r0', 'db-r1']);
  await attached(world, 'db', first);
  await attached(world, 'db', second);
  world.cluster.delete(VOLUMES, 'db');
  await world.until('deletion waits', () => world.condition('db', 'Ready')?.reason === 'Deleting');
  await world.clock.advance(5_000);
  assert.equal(world.replicas('db').length, 2, 'an attached volume keeps its replicas');
  assert.match(world.condition('db', 'Ready')?.message ?? '', new RegExp(`wanted on ${second}; detach it first`));
  world.attach('db', undefined);
  await world.until('gone', () => world.cluster.get(VOLUMES, 'db') === undefined);
  assert.deepEqual(world.cluster.list(REPLICAS), []);
  world.end();
});

test('replicas of a volume describe each other, and no number is used twice on a node', async () => {
  const world = new World();
  world.start();
  for (let index = 0; index < 6; index += 1) world.createVolume(`v${index}`);
  for (let index = 0; index < 6; index += 1) await ready(world, `v${index}`);
  for (const replica of world.cluster.list(REPLICAS)) {
    const peer = replica.spec?.peers[0];
    const other = world.cluster.get(REPLICAS, peer?.replica ?? '');
    assert.equal(other?.spec?.node, peer?.node);
    assert.deepEqual(other?.spec?.drbd, {
      minor: peer?.minor,
      port: peer?.port,
      nodeId: peer?.nodeId,
      address: peer?.address,
    });
  }
  world.end();
});

test('a single copy is local, and gets DRBD under it when raised, only while detached', async () => {
  const world = new World();
  world.start();
  world.createVolume('db', { replicas: 1 });
  await ready(world, 'db');
  const [node = ''] = world.nodesOf('db');
  assert.equal(world.replicas('db')[0]?.spec?.layout, 'local');
  await attached(world, 'db', node);
  world.patchVolume('db', { replicas: 2 });
  await world.until('told to detach', () => world.condition('db', 'Placed')?.reason === 'WaitingForDetach');
  assert.equal(world.replicas('db').length, 1);
  world.attach('db', undefined);
  await world.until('two copies in sync', () => world.volume('db').status?.arbiter?.inSync.length === 2);
  await ready(world, 'db');
  assert.deepEqual(
    world.replicas('db').map((replica) => [replica.spec?.layout, replica.spec?.bootstrap]),
    [
      ['drbd', 'source'],
      ['drbd', 'join'],
    ],
  );
  world.end();
});

test('lowering takes the copy that is not in use, out of the set first (INV-1)', async () => {
  const world = new World();
  world.start();
  world.createVolume('db');
  await ready(world, 'db');
  const second = world.replicas('db')[1]?.spec?.node ?? '';
  await attached(world, 'db', second);
  world.patchVolume('db', { replicas: 1 });
  await world.until('one left', () => world.replicas('db').length === 1);
  assert.deepEqual(world.nodesOf('db'), [second]);
  const arbiter = world.volume('db').status?.arbiter;
  assert.deepEqual(arbiter?.inSync, ['db-r1']);
  assert.equal(arbiter?.history[0]?.cause, 'remove-replica');
  assert.equal(world.volume('db').status?.attachedTo, second);
  world.end();
});

test('a volume grows on every replica, and says what it waits for', async () => {
  const world = new World();
  world.start();
  world.createVolume('db');
  await ready(world, 'db');
  const [node = ''] = world.nodesOf('db');
  world.patchVolume('db', { sizeBytes: 2 * GIB });
  await world.until('LVs grown', () =>
    world.replicas('db').every((replica) => replica.status?.lvSizeBytes === 2 * GIB),
  );
  await world.until('waits', () =>
    /when the volume is attached next/.test(world.condition('db', 'Resizing')?.message ?? ''),
  );
  assert.equal(world.volume('db').status?.sizeBytes, GIB);
  await attached(world, 'db', node);
  const other = world.nodesOf('db')[1] ?? '';
  await attached(world, 'db', other);
  await world.until('grown', () => world.volume('db').status?.sizeBytes === 2 * GIB);
  await world.until('done', () => world.condition('db', 'Resizing')?.status === 'False');
  world.end();
});

test('growing beyond a pool changes nothing and says how much room there is', async () => {
  const world = new World();
  world.start();
  world.createVolume('db');
  await ready(world, 'db');
  world.patchVolume('db', { sizeBytes: 500 * GIB });
  await world.until('refused', () => world.condition('db', 'Resizing')?.reason === 'NoSpace');
  assert.match(world.condition('db', 'Resizing')?.message ?? '', /cannot grow to 500 GiB: .*only 100 GiB large/);
  assert.ok(world.replicas('db').every((replica) => replica.spec?.sizeBytes === GIB));
  world.end();
});

test('a move on DRBD 8.4 asks before it reduces redundancy, then removes, adds and syncs (INV-1)', async () => {
  const world = new World();
  world.start();
  world.createVolume('db');
  await ready(world, 'db');
  const [kept = '', left = ''] = world.replicas('db').map((replica) => replica.spec?.node ?? '');
  const free = ['a', 'b', 'c'].find((node) => node !== kept && node !== left) ?? '';
  await attached(world, 'db', kept);
  world.patchReplica('db-r1', { evict: { to: free, acceptReducedRedundancy: false } });
  await world.until('asked', () => world.condition('db', 'Placed')?.reason === 'NeedsReducedRedundancy');
  await world.clock.advance(5_000);
  assert.equal(world.volume('db').status?.arbiter?.inSync.length, 2);
  world.patchReplica('db-r1', { evict: { to: free, acceptReducedRedundancy: true } });
  await world.until('moved', () => world.nodesOf('db').join() === [kept, free].toSorted().join());
  await world.until('in sync', () => world.volume('db').status?.arbiter?.inSync.join() === 'db-r0,db-r2');
  assert.equal(world.volume('db').status?.attachedTo, kept);
  world.end();
});

test('with DRBD 9 a move adds, syncs and only then drops', async () => {
  const nine = { status: { drbd: '9' as const } };
  const world = new World([aNode('a', nine), aNode('b', nine), aNode('c', nine)]);
  world.start();
  world.createVolume('db');
  await ready(world, 'db');
  const left = world.nodesOf('db')[1] ?? '';
  const victim = world.replicas('db').find((replica) => replica.spec?.node === left)?.metadata.name ?? '';
  let fewest = 2;
  world.patchReplica(victim, { evict: { acceptReducedRedundancy: false } });
  await world.until('moved', () => {
    fewest = Math.min(fewest, world.volume('db').status?.arbiter?.inSync.length ?? 0);
    return !world.nodesOf('db').includes(left);
  });
  assert.equal(fewest, 2, 'never fewer than two copies');
  assert.equal(world.replicas('db').length, 2);
  await ready(world, 'db');
  world.end();
});

test('evicting a node empties it, one allowed step at a time', async () => {
  const nine = { status: { drbd: '9' as const } };
  const world = new World([aNode('a', nine), aNode('b', nine), aNode('c', nine)]);
  world.start();
  for (const name of ['v1', 'v2', 'v3']) world.createVolume(name);
  for (const name of ['v1', 'v2', 'v3']) await ready(world, name);
  world.patchNode('a', { evict: true });
  await world.until('empty', () => world.cluster.list(REPLICAS).every((replica) => replica.spec?.node !== 'a'));
  for (const name of ['v1', 'v2', 'v3']) await ready(world, name);
  world.end();
});

test('three replicas on DRBD 8.4 are refused with the reason; two keep working', async () => {
  const world = new World();
  world.start();
  world.createVolume('db');
  await ready(world, 'db');
  world.patchVolume('db', { replicas: 3 });
  await world.until('refused', () => world.condition('db', 'Placed')?.status === 'False');
  assert.match(world.condition('db', 'Placed')?.message ?? '', /DRBD 8.4 .*at most 2 replicas, 3 are needed/);
  assert.equal(world.replicas('db').length, 2);
  assert.equal(world.condition('db', 'Ready')?.status, 'True');
  world.end();
});

test('attach is refused in words: unknown node, node without a replica, node that is not Ready', async () => {
  const world = new World();
  world.start();
  world.createVolume('db');
  await ready(world, 'db');
  const nodes = world.nodesOf('db');
  const free = ['a', 'b', 'c'].find((node) => !nodes.includes(node)) ?? '';
  world.attach('db', 'nowhere');
  await world.until('unknown', () => world.condition('db', 'Attached')?.reason === 'NodeNotFound');
  assert.match(world.condition('db', 'Attached')?.message ?? '', /no node 'nowhere'.*Replicas are on/);
  world.attach('db', free);
  await world.until('no replica', () => world.condition('db', 'Attached')?.reason === 'NoReplicaOnNode');
  assert.match(world.condition('db', 'Attached')?.message ?? '', /hf volume move db --to/);
  world.agents.powerOff(nodes[0] ?? '');
  await world.until('lost', () => world.volume('db').status?.phase === 'Degraded');
  world.attach('db', nodes[0]);
  await world.until('not ready', () => world.condition('db', 'Attached')?.reason === 'NodeNotReady');
  assert.match(world.condition('db', 'Attached')?.message ?? '', new RegExp(`can be attached on ${nodes[1]}`));
  world.end();
});

test('a pool stays while replicas use it', async () => {
  const world = new World();
  world.start();
  world.createVolume('db');
  await ready(world, 'db');
  await world.until('finalizer', () => (world.pool().metadata.finalizers ?? []).length === 1);
  assert.equal(world.pool().status?.nodesReady, 3);
  world.deletePool();
  await world.until('in use', () => world.pool().status?.conditions?.[0]?.reason === 'InUse');
  world.cluster.delete(VOLUMES, 'db');
  await world.until('pool gone', () => world.findPool() === undefined);
  world.end();
});
