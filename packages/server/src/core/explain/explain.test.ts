import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NODES, POOLS, REPLICAS } from '@holdfast/api/client/kinds.ts';
import { World } from '../../../test/fakes/cluster-world.ts';
import { explainVolume, planText } from './explain.ts';
import { observationOf } from './view.ts';

function explain(world: World, name: string) {
  const objects = {
    nodes: world.cluster.list(NODES),
    pools: world.cluster.list(POOLS),
    replicas: world.cluster.list(REPLICAS),
  };
  const observation = observationOf(world.volume(name), objects, '2026-01-01T00:00:00Z');
  const explanation = explainVolume(observation);
  assert.ok(explanation !== undefined);
  return { explanation, plan: planText(observation) };
}

test('a healthy volume is explained: every node, what each loss would mean, and nothing left to do', async () => {
  const world = new World();
  world.start();
  world.createVolume('db');
  await world.until('ready', () => world.volume('db').status?.phase === 'Ready');
  const [first = '', second = ''] = world.nodesOf('db');
  world.attach('db', first);
  await world.until('attached', () => world.volume('db').status?.attachedTo === first);
  await world.clock.advance(2_000);
  const { explanation, plan } = explain(world, 'db');
  world.end();
  assert.equal(explanation.nodes.length, 3);
  assert.equal(explanation.nodes.filter((node) => node.role === 'holds').length, 2);
  assert.equal(explanation.nodes.filter((node) => node.role === 'could').length, 1);
  assert.deepEqual(explanation.waitsFor, []);
  assert.equal(plan, 'nothing to do');
  const loss = new Map(explanation.ifNodeDied.map((one) => [one.node, one.outcome]));
  assert.match(
    loss.get(first) ?? '',
    new RegExp(`attached on ${second} within seconds, with every acknowledged write`),
  );
  assert.match(loss.get(second) ?? '', /would pause for a moment/);
});

test('a volume that fits nowhere says so with the largest size, in explain, condition and Event alike', async () => {
  const world = new World();
  world.start();
  world.createVolume('huge', { sizeBytes: 200 * 2 ** 30 });
  await world.until('refused', () => world.condition('huge', 'Placed')?.reason === 'NoPlace');
  await world.clock.advance(2_000);
  const { explanation } = explain(world, 'huge');
  const message = world.condition('huge', 'Placed')?.message ?? '';
  world.end();
  assert.match(message, /The largest that fits now is 100 GiB on a and b/);
  assert.ok(
    explanation.waitsFor.some((what) => what.includes(message)),
    explanation.waitsFor.join('\n'),
  );
  assert.ok(explanation.nodes.every((node) => node.role === 'cannot' && /only 100 GiB large/.test(node.reason)));
  assert.ok(
    world.events('Volume', 'huge').some((event) => event.reason === 'NoPlace' && message.startsWith(event.message)),
  );
});
