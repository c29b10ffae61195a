import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NODES, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { World } from '../fakes/cluster-world.ts';

/** A world with volume `db` attached on `holder`; `other` has the second copy. */
async function attachedVolume(): Promise<{ world: World; holder: string; other: string }> {
  const world = new World();
  world.start();
  world.createVolume('db');
  await world.until('ready', () => world.volume('db').status?.phase === 'Ready');
  const [holder = '', other = ''] = world.replicas('db').map((replica) => replica.spec?.node ?? '');
  world.attach('db', holder);
  await world.until('attached', () => world.volume('db').status?.attachedTo === holder);
  return { world, holder, other };
}

function condition(world: World, node: string) {
  return world.cluster.get(NODES, node)?.status?.conditions?.find((one) => one.type === 'Ready');
}

test('failover on request: leases silent and the survivor disconnected, then attach, within seconds (INV-1, INV-2, INV-3)', async () => {
  const { world, holder, other } = await attachedVolume();
  world.agents.powerOff(holder);
  world.attach('db', other);
  const startMs = world.clock.monotonic();
  await world.until('waits', () => world.condition('db', 'Attached')?.reason === 'WaitingForRelease');
  assert.equal(world.replicas('db')[1]?.spec?.attach, undefined, 'nothing is asked of the survivor yet');
  await world.until('failed over', () => world.volume('db').status?.attachedTo === other);
  assert.ok(world.clock.monotonic() - startMs <= 6_000, `took ${world.clock.monotonic() - startMs} ms`);
  assert.deepEqual(world.volume('db').status?.arbiter?.inSync, ['db-r1']);
  assert.equal(world.replicas('db')[0]?.spec?.attach, undefined, 'the dead node will not come back as a writer');
  assert.ok(world.events('Volume', 'db').some((event) => event.reason === 'Failover' && event.type === 'Warning'));

  world.agents.powerOn(holder);
  await world.until('healed', () => world.volume('db').status?.arbiter?.inSync.length === 2);
  await world.until('ready', () => world.volume('db').status?.phase === 'Ready');
  assert.equal(world.volume('db').status?.attachedTo, other);
  await world.until('node ready', () => condition(world, holder)?.status === 'True');
  world.end();
});

test('a node whose agent is silent but whose kernel is connected is not failed away from (INV-2)', async () => {
  const { world, holder, other } = await attachedVolume();
  world.agents.silence(holder);
  world.attach('db', other);
  await world.until('says why', () =>
    /its agent is silent, but the kernel of/.test(condition(world, holder)?.message ?? ''),
  );
  await world.clock.advance(60_000);
  assert.equal(condition(world, holder)?.status, 'Unknown');
  assert.equal(world.condition('db', 'Attached')?.reason, 'WaitingForRelease');
  assert.match(world.condition('db', 'Attached')?.message ?? '', /restart its agent/);
  assert.equal(world.volume('db').status?.arbiter?.primary, 'db-r0');
  world.agents.speak(holder);
  await world.until('handed over', () => world.volume('db').status?.attachedTo === other);
  world.end();
});

test('a lost node that nobody asks about changes nothing but what is reported', async () => {
  const { world, holder } = await attachedVolume();
  world.agents.powerOff(holder);
  await world.until('lost', () => condition(world, holder)?.reason === 'NodeLost');
  await world.until('degraded', () => world.volume('db').status?.phase === 'Degraded');
  await world.clock.advance(120_000);
  assert.equal(world.volume('db').status?.arbiter?.primary, 'db-r0');
  assert.equal(world.replicas('db').length, 2);
  assert.match(world.condition('db', 'Redundant')?.message ?? '', /1 of 2 copies in sync. db-r0 on .*not Ready/);
  world.end();
});

test('the only complete copy is waited for: a stale one is never attached (INV-3)', async () => {
  const { world, holder, other } = await attachedVolume();
  world.agents.powerOff(other);
  await world.until('alone', () => world.volume('db').status?.arbiter?.inSync.join() === 'db-r0');
  world.agents.powerOff(holder);
  world.agents.powerOn(other);
  world.attach('db', other);
  await world.until('refused', () => world.condition('db', 'Attached')?.reason === 'NotInSync');
  await world.until('unavailable', () => world.volume('db').status?.phase === 'Unavailable');
  await world.clock.advance(60_000);
  assert.equal(world.volume('db').status?.attachedTo === other, false);
  assert.match(world.condition('db', 'Ready')?.message ?? '', /waits for one of: db-r0/);
  world.agents.powerOn(holder);
  await world.until('attached after the resync', () => world.volume('db').status?.attachedTo === other);
  world.end();
});

test('a new leader declares nobody lost before its grace is over', async () => {
  const world = new World();
  const first = world.start();
  world.createVolume('db');
  await world.until('ready', () => world.volume('db').status?.phase === 'Ready');
  const [holder = '', other = ''] = world.replicas('db').map((replica) => replica.spec?.node ?? '');
  world.attach('db', holder);
  await world.until('attached', () => world.volume('db').status?.attachedTo === holder);
  first.kill();
  world.agents.powerOff(holder);
  world.attach('db', other);
  let leadingSinceMs = 0;
  world.start({
    before: (call) => {
      if (call.verb === 'list' && leadingSinceMs === 0) leadingSinceMs = world.clock.monotonic();
    },
  });
  await world.until('failed over', () => world.volume('db').status?.attachedTo === other);
  assert.ok(world.clock.monotonic() - leadingSinceMs >= 5_000, 'a full grace period');
  world.end();
});

test('deleting a detached volume whose node is down waits for that node and removes the rest', async () => {
  const { world, holder, other } = await attachedVolume();
  world.attach('db', undefined);
  await world.until('detached', () => world.volume('db').status?.attachedTo === undefined);
  world.agents.powerOff(other);
  await world.clock.advance(10_000);
  world.cluster.delete(VOLUMES, 'db');
  await world.until('one left', () => world.replicas('db').length === 1);
  await world.until('says so', () =>
    new RegExp(`to be removed when node ${other} is back`).test(world.condition('db', 'Ready')?.message ?? ''),
  );
  assert.deepEqual(world.nodesOf('db'), [other]);
  assert.notEqual(holder, other);
  world.agents.powerOn(other);
  await world.until('gone', () => world.cluster.get(VOLUMES, 'db') === undefined);
  world.end();
});

test('twenty volumes fail over together in about the time of one', async () => {
  const world = new World();
  world.start();
  const names = Array.from({ length: 20 }, (_, index) => `v${index}`);
  for (const name of names) world.createVolume(name, { placement: { nodes: ['a', 'b'] } });
  await world.until('ready', () => names.every((name) => world.volume(name).status?.phase === 'Ready'));
  for (const name of names) world.attach(name, 'a');
  await world.until('attached', () => names.every((name) => world.volume(name).status?.attachedTo === 'a'));
  world.agents.powerOff('a');
  for (const name of names) world.attach(name, 'b');
  const startMs = world.clock.monotonic();
  await world.until('all over', () => names.every((name) => world.volume(name).status?.attachedTo === 'b'));
  assert.ok(world.clock.monotonic() - startMs <= 6_000, `took ${world.clock.monotonic() - startMs} ms`);
  world.end();
});

test('a controller that was cut off from the API server declares no living node lost afterwards', async () => {
  const world = new World();
  let cut = false;
  world.start({ isCut: () => cut });
  world.createVolume('db');
  await world.until('ready', () => world.volume('db').status?.phase === 'Ready');
  const said: string[] = [];
  const watch = (): void => {
    for (const node of ['a', 'b', 'c']) {
      if (condition(world, node)?.reason === 'NodeLost') said.push(node);
    }
  };
  for (const lengthMs of [2_000, 3_500, 10_000, 120_000]) {
    cut = true;
    world.cluster.disturb();
    await world.clock.advance(lengthMs);
    cut = false;
    for (let step = 0; step < 30; step += 1) {
      await world.clock.advance(1_000);
      watch();
    }
    assert.equal(condition(world, 'a')?.status, 'True');
  }
  world.end();
  assert.deepEqual(said, []);
});
