import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FirstPlacement, Placement } from '@holdfast/api/schema/volume.ts';
import { aNode, aNodePool, aPool, GIB } from '../../../test/fakes/cluster-builders.ts';
import { offer } from './offer.ts';
import { place } from './place.ts';
import type { ClusterView, PlacementRequest } from './types.ts';
import { usageOf } from './usage.ts';

function aView(nodes: readonly ReturnType<typeof aNode>[]): ClusterView {
  const names = nodes.map((node) => node.metadata.name);
  return {
    nodes: new Map(nodes.map((node) => [node.metadata.name, node])),
    health: new Map(names.map((name) => [name, { state: 'Ready', reason: 'AgentAlive', message: 'alive' }])),
    pools: new Map([['fast', aPool('fast', names, { overProvision: 1, reservePercent: 0 })]]),
    usage: usageOf([]),
  };
}

const sized = (name: string, gib: number, labels: Record<string, string> = {}) =>
  aNode(name, { status: { pools: [aNodePool('fast', { sizeBytes: gib * GIB })] }, meta: { labels } });

function aRequest(
  first: FirstPlacement | undefined,
  changes: Partial<PlacementRequest> & { placement?: Placement } = {},
): PlacementRequest {
  const { placement, ...rest } = changes;
  return {
    volume: { name: 'db', uid: 'u', sizeBytes: 4 * GIB, poolClass: '', placement },
    count: 2,
    total: 2,
    taken: [],
    staying: [],
    prefer: [],
    ...(first === undefined ? {} : { first }),
    ...rest,
  };
}

function chosen(request: PlacementRequest, view: ClusterView): string[] {
  const result = place(request, view);
  assert.ok(result.ok, result.ok ? '' : result.message);
  return result.chosen.map((one) => one.node);
}

test('first.each: a replica on every named node, the others where it is best', () => {
  const view = aView([sized('a', 10), sized('b', 100), sized('c', 50)]);
  assert.deepEqual(chosen(aRequest({ each: ['a'] }), view), ['a', 'b']);
});

test('first.each: a named node that cannot take its replica leaves the volume unplaced, and the message says which and why', () => {
  const view = aView([sized('a', 2), sized('b', 100), sized('c', 50)]);
  const result = place(aRequest({ each: ['a'] }), view);
  assert.ok(!result.ok);
  assert.match(result.message, /a replica has to be on a, which cannot take it: pool fast is only 2 GiB large/);
  const nowhere = place(aRequest({ each: ['z'] }), view);
  assert.ok(!nowhere.ok && /there is no such node/.test(nowhere.message));
});

test('first.each is continued when some of the first replicas were made before a crash', () => {
  const view = aView([sized('a', 10), sized('b', 100), sized('c', 50)]);
  const rest = { staying: ['b'], taken: ['b'], count: 1 };
  assert.deepEqual(chosen(aRequest({ each: ['a'] }, rest), view), ['a']);
});

test('first.prefer: the first in order that can take a replica gets one; nobody fails because of it', () => {
  const view = aView([sized('a', 2), sized('b', 10), sized('c', 100), sized('d', 90)]);
  assert.deepEqual(chosen(aRequest({ prefer: ['a', 'b', 'c'] }), view), ['b', 'c']);
  assert.deepEqual(chosen(aRequest({ prefer: ['a', 'z'] }), view), ['c', 'd']);
});

test('first.nodes: no other node is used', () => {
  const view = aView([sized('a', 10), sized('b', 100), sized('c', 50)]);
  assert.deepEqual(chosen(aRequest({ nodes: ['a', 'c'] }), view).toSorted(), ['a', 'c']);
});

test('sameBy: all replicas share the value of the label, later ones too', () => {
  const view = aView([
    sized('a', 100, { rack: '1' }),
    sized('b', 100, { rack: '2' }),
    sized('c', 20, { rack: '2' }),
    sized('d', 100),
  ]);
  const placement = { sameBy: 'rack' };
  assert.deepEqual(chosen(aRequest(undefined, { placement }), view).toSorted(), ['b', 'c']);
  const more = place(aRequest(undefined, { placement, staying: ['a'], taken: ['a'], count: 1 }), view);
  assert.ok(!more.ok && /rack is 2, its replicas are where it is 1/.test(more.message));
  assert.match(more.message, /has no label rack/);
});

test('an offer is what placement would give: largest volume and room, with and without a named node', () => {
  const view = aView([sized('a', 10), sized('b', 100), sized('c', 50)]);
  assert.deepEqual(offer(aRequest(undefined), view), { largestBytes: 50 * GIB, availableBytes: 80 * GIB });
  assert.deepEqual(offer(aRequest({ each: ['a'] }), view), { largestBytes: 10 * GIB, availableBytes: 10 * GIB });
  assert.deepEqual(offer(aRequest({ each: ['a'] }, { count: 1, total: 1 }), view), {
    largestBytes: 10 * GIB,
    availableBytes: 10 * GIB,
  });
  assert.deepEqual(offer(aRequest({ each: ['z'] }), view), { largestBytes: 0, availableBytes: 0 });
  for (const each of [undefined, 'a', 'b', 'c']) {
    const request = aRequest(each === undefined ? undefined : { each: [each] });
    const { largestBytes } = offer(request, view);
    const of = (sizeBytes: number) => ({ ...request, volume: { ...request.volume, sizeBytes } });
    assert.ok(place(of(largestBytes), view).ok);
    assert.ok(!place(of(largestBytes + 4 * 2 ** 20), view).ok);
  }
});
