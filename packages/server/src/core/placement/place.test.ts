import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { aNode, aNodePool, aPool, aReplica, GIB } from '../../../test/fakes/cluster-builders.ts';
import type { NodeHealth } from '../node-health/types.ts';
import { roomOf } from './capacity.ts';
import { place } from './place.ts';
import type { ClusterView, PlacementRequest } from './types.ts';
import { type UsageLedger, usageOf } from './usage.ts';

const READY: NodeHealth = { state: 'Ready', reason: 'AgentAlive', message: 'alive' };

function aView(changes: Partial<{ nodes: ReturnType<typeof aNode>[]; pools: ReturnType<typeof aPool>[] }> = {}) {
  const nodes = changes.nodes ?? [aNode('a'), aNode('b'), aNode('c')];
  const pools = changes.pools ?? [
    aPool(
      'fast',
      nodes.map((node) => node.metadata.name),
    ),
  ];
  return {
    nodes: new Map(nodes.map((node) => [node.metadata.name, node])),
    health: new Map(nodes.map((node) => [node.metadata.name, READY])),
    pools: new Map(pools.map((pool) => [pool.metadata.name, pool])),
    usage: usageOf([]),
  } satisfies ClusterView;
}

function aRequest(
  changes: Partial<Omit<PlacementRequest, 'volume'>> & { volume?: Partial<PlacementRequest['volume']> } = {},
): PlacementRequest {
  const { volume, ...rest } = changes;
  return {
    count: 2,
    total: 2,
    taken: [],
    staying: [],
    prefer: [],
    ...rest,
    volume: { name: 'db', uid: 'u1', sizeBytes: GIB, poolClass: '', placement: undefined, ...volume },
  };
}

function chosen(request: PlacementRequest, view: ClusterView): string[] {
  const result = place(request, view);
  assert.ok(result.ok, result.ok ? '' : result.message);
  return result.chosen.map((one) => one.node);
}

/** The reason given for one node, and that the node was not chosen. */
function refusal(request: PlacementRequest, view: ClusterView, node: string) {
  const verdict = place(request, view).verdicts.find((one) => one.node === node);
  assert.ok(verdict !== undefined && verdict.code !== 'Chosen');
  return verdict;
}

test('takes the emptiest nodes and gives every node a reason', () => {
  const view = aView();
  view.usage.observe('x-r0', { ...claim('a'), sizeBytes: 50 * GIB });
  const result = place(aRequest(), view);
  assert.ok(result.ok);
  assert.deepEqual(result.chosen.map((one) => one.node).toSorted(), ['b', 'c']);
  assert.deepEqual(
    result.verdicts.map((verdict) => `${verdict.node} ${verdict.code}`),
    ['a NotChosen', 'b Chosen', 'c Chosen'],
  );
  for (const verdict of result.verdicts) assert.notEqual(verdict.reason, '');
});

test('every filter refuses with its own code and names what it saw', () => {
  const cases: [string, Parameters<typeof aNode>[1], Parameters<typeof aRequest>[0], string, RegExp][] = [
    ['deleting', { meta: { deletionTimestamp: 'x' } }, {}, 'NodeDeleting', /being deleted/],
    ['taken', {}, { taken: ['c'] }, 'HasReplica', /holds a replica/],
    ['only', {}, { only: 'b', count: 1 }, 'NotAllowed', /is to go to b/],
    ['nodes', {}, { volume: { placement: { nodes: ['a', 'b'] } } }, 'NotAllowed', /placement.nodes \(a, b\)/],
    ['exclude', {}, { volume: { placement: { excludeNodes: ['c'] } } }, 'NotAllowed', /excludeNodes/],
    [
      'selector',
      {},
      { volume: { placement: { nodeSelector: { disk: 'ssd' } } } },
      'NotAllowed',
      /disk=ssd.*no such label/,
    ],
    ['cordoned', { spec: { schedulable: false } }, {}, 'Unschedulable', /schedulable/],
    ['evicting', { spec: { evict: true } }, {}, 'Evicting', /evicted/],
    ['no drbd', { status: { drbd: 'none' } }, {}, 'NoDrbd', /modprobe drbd/],
    ['drbd 9', { status: { drbd: '9' } }, { staying: ['a'], taken: ['a'], count: 1 }, 'FlavourMismatch', /never mixes/],
    ['no address', { status: { addresses: {} } }, {}, 'NoAddress', /replication address/],
    [
      'pool failed',
      { status: { pools: [aNodePool('fast', { state: 'Failed', message: 'disk gone' })] } },
      {},
      'PoolNotReady',
      /disk gone/,
    ],
    ['pool missing', { status: { pools: [] } }, {}, 'PoolNotReady', /not reported/],
    [
      'pool full',
      { status: { pools: [aNodePool('fast', { dataPercent: 81.5 })] } },
      {},
      'PoolTooFull',
      /data 81 % full.*80 %/,
    ],
    [
      'metadata full',
      { status: { pools: [aNodePool('fast', { metadataPercent: 90 })] } },
      {},
      'PoolTooFull',
      /metadata 90 %/,
    ],
    [
      'unknown fill',
      { status: { pools: [{ name: 'fast', type: 'lvm-thin', state: 'Ready', sizeBytes: GIB }] } },
      {},
      'PoolNotReady',
      /how full/,
    ],
    ['small', { status: { pools: [aNodePool('fast', { sizeBytes: GIB / 2 })] } }, {}, 'NoSpace', /only 512 MiB large/],
  ];
  for (const [name, node, request, code, text] of cases) {
    const verdict = refusal(aRequest(request), aView({ nodes: [aNode('a'), aNode('b'), aNode('c', node)] }), 'c');
    assert.equal(verdict.code, code, name);
    assert.match(verdict.reason, text, name);
  }
});

test('a node that is not Ready takes nothing, with the reason of its health', () => {
  const view = aView();
  view.health.set('c', { state: 'Unknown', reason: 'LeaseExpired', message: 'its agent does not answer' });
  assert.match(refusal(aRequest(), view, 'c').reason, /its agent does not answer/);
});

test('a pool class that no pool has names the classes that exist', () => {
  const view = aView({ pools: [aPool('fast', ['a', 'b', 'c'], { classes: ['ssd'] })] });
  const result = place(aRequest({ volume: { poolClass: 'nvme' } }), view);
  assert.ok(!result.ok);
  assert.match(result.message, /no pool of class 'nvme'.*classes of pools: ssd/);
  assert.equal(result.largestBytes, 0);
});

test('DRBD 8.4 keeps at most two replicas and says what to do', () => {
  const result = place(aRequest({ count: 3, total: 3 }), aView());
  assert.ok(!result.ok);
  assert.match(result.message, /at most 2 replicas, 3 are needed.*install DRBD 9/);
});

test('never mixes DRBD 8.4 and 9 in a volume', () => {
  const nine = { status: { drbd: '9' } } as const;
  const view = aView({ nodes: [aNode('a', nine), aNode('b'), aNode('c', nine), aNode('d')] });
  const nodes = chosen(aRequest(), view);
  assert.deepEqual(nodes.toSorted(), ['a', 'c']);
  assert.deepEqual(chosen(aRequest({ count: 1, staying: ['b'], taken: ['b'] }), view), ['d']);
});

test('a single copy needs no DRBD', () => {
  const none = { status: { drbd: 'none', addresses: {} } } as const;
  assert.equal(chosen(aRequest({ count: 1, total: 1 }), aView({ nodes: [aNode('a', none)] })).length, 1);
});

test('when nothing fits, the message names the largest size that would and where', () => {
  const nodes = [20, 50, 80].map((size, index) =>
    aNode('abc'[index] ?? '', { status: { pools: [aNodePool('fast', { sizeBytes: size * GIB })] } }),
  );
  const result = place(aRequest({ volume: { sizeBytes: 60 * GIB } }), aView({ nodes }));
  assert.ok(!result.ok);
  assert.equal(result.largestBytes, 50 * GIB);
  assert.match(result.message, /1 of 3 nodes can take one, 2 needed/);
  assert.match(result.message, /The largest that fits now is 50 GiB on b and c/);
});

test('replicas go to different failure domains when possible, and to the same one when not', () => {
  const zone = (value: string) => ({ meta: { labels: { rack: value } } });
  const nodes = [aNode('a', zone('1')), aNode('b', zone('1')), aNode('c', zone('2'))];
  const spread = aRequest({ volume: { placement: { spreadBy: 'rack' } } });
  const view = aView({ nodes });
  view.usage.observe('x-r0', { ...claim('c'), sizeBytes: 90 * GIB });
  assert.ok(chosen(spread, view).includes('c'));
  const same = aView({ nodes: [aNode('a', zone('1')), aNode('b', zone('1'))] });
  assert.equal(chosen(spread, same).length, 2);
});

test('the node where the volume is wanted comes first when it fits', () => {
  const view = aView();
  view.usage.observe('x-r0', { ...claim('c'), sizeBytes: 90 * GIB });
  assert.equal(chosen(aRequest({ prefer: ['c'] }), view)[0], 'c');
});

test('thick pools count metadata and what is promised but not yet visible in the free space', () => {
  const nodes = [
    aNode('a', { status: { pools: [aNodePool('fast', { type: 'lvm', sizeBytes: 10 * GIB, freeBytes: 10 * GIB })] } }),
  ];
  const view = aView({ nodes, pools: [aPool('fast', ['a'], { type: 'lvm', reservePercent: 0 })] });
  const one = (sizeBytes: number) => place(aRequest({ count: 1, total: 1, volume: { sizeBytes } }), view);
  assert.ok(one(10 * GIB).ok);
  view.usage.reserve('x-r0', { ...claim('a'), sizeBytes: 4 * GIB });
  assert.ok(!one(7 * GIB).ok);
  assert.ok(one(6 * GIB).ok);
  const pair = place(aRequest({ count: 1, total: 2, volume: { sizeBytes: 6 * GIB } }), view);
  assert.ok(!pair.ok, 'no room for the DRBD metadata');
  assert.ok(pair.largestBytes < 6 * GIB && pair.largestBytes > 5.9 * GIB);
});

const arbitraryCluster = fc.array(
  fc.record({
    size: fc.integer({ min: 1, max: 64 }),
    ready: fc.boolean(),
    drbd: fc.constantFrom('none', '8.4', '9'),
    zone: fc.constantFrom('1', '2', '3'),
    thick: fc.boolean(),
    used: fc.integer({ min: 0, max: 40 }),
    data: fc.integer({ min: 0, max: 100 }),
  }),
  { minLength: 1, maxLength: 8 },
);
const arbitraryRequest = fc.record({
  size: fc.integer({ min: 1, max: 48 }),
  count: fc.integer({ min: 1, max: 4 }),
  uid: fc.stringMatching(/^[0-9a-f]{4,8}$/),
});

type Generated = typeof arbitraryCluster extends fc.Arbitrary<infer T> ? T : never;
type GeneratedRequest = typeof arbitraryRequest extends fc.Arbitrary<infer T> ? T : never;

function build(generated: Generated, order: (names: string[]) => string[] = (names) => names, extra = 0) {
  const names = order(generated.map((_, index) => `n${index}`));
  const nodes = names.map((name) => {
    const one = generated[Number(name.slice(1))] as Generated[number];
    const sizeBytes = (one.size + extra) * GIB;
    return aNode(name, {
      meta: { labels: { rack: one.zone } },
      status: {
        drbd: one.drbd as 'none',
        pools: [
          aNodePool(one.thick ? 'thick' : 'thin', {
            type: one.thick ? 'lvm' : 'lvm-thin',
            sizeBytes,
            freeBytes: sizeBytes,
            dataPercent: one.data,
          }),
        ],
      },
    });
  });
  const pools = [aPool('thin', names), aPool('thick', names, { type: 'lvm' })];
  const view = aView({ nodes, pools });
  for (const name of names) {
    const one = generated[Number(name.slice(1))] as Generated[number];
    if (!one.ready) view.health.set(name, { state: 'Lost', reason: 'x', message: 'gone' });
    if (one.used > 0) {
      view.usage.observe(`old-${name}`, { ...claim(name, one.thick ? 'thick' : 'thin'), sizeBytes: one.used * GIB });
    }
  }
  return view;
}

function requestOf(request: GeneratedRequest): PlacementRequest {
  return aRequest({
    count: request.count,
    total: request.count,
    volume: { uid: request.uid, sizeBytes: request.size * GIB, placement: { spreadBy: 'rack' } },
  });
}

test('property: never overshoots a pool, however many volumes are placed one after the other', () => {
  fc.assert(
    fc.property(arbitraryCluster, fc.array(arbitraryRequest, { maxLength: 12 }), (generated, requests) => {
      const view = build(generated);
      let placed = 0;
      for (const request of requests) {
        const result = place(requestOf(request), view);
        if (!result.ok) continue;
        for (const one of result.chosen) {
          placed += 1;
          const before = room(view, one.node, one.pool);
          view.usage.reserve(`v${placed}-r0`, { ...claim(one.node, one.pool), sizeBytes: request.size * GIB });
          assert.ok(before >= request.size * GIB, `${one.node} had ${before}`);
        }
      }
    }),
  );
});

test('property: constraints hold, the answer is deterministic and does not depend on the order of nodes', () => {
  fc.assert(
    fc.property(arbitraryCluster, arbitraryRequest, (generated, request) => {
      const result = place(requestOf(request), build(generated));
      const reversed = place(
        requestOf(request),
        build(generated, (names) => names.toReversed()),
      );
      assert.deepEqual(reversed, result);
      assert.equal(result.verdicts.length, generated.length);
      if (!result.ok) return;
      const nodes = result.chosen.map((one) => generated[Number(one.node.slice(1))] as Generated[number]);
      assert.equal(new Set(result.chosen.map((one) => one.node)).size, request.count);
      assert.ok(nodes.every((node) => node.ready));
      if (request.count > 1) {
        assert.equal(new Set(nodes.map((node) => node.drbd)).size, 1);
        assert.ok(nodes.every((node) => node.drbd !== 'none'));
        assert.ok(request.count <= 2 || nodes.every((node) => node.drbd === '9'));
      }
    }),
  );
});

test('property: more capacity never makes a placement fail, and the largest size that is named fits', () => {
  fc.assert(
    fc.property(arbitraryCluster, arbitraryRequest, fc.integer({ min: 1, max: 50 }), (generated, request, extra) => {
      const result = place(requestOf(request), build(generated));
      if (result.ok) {
        assert.ok(
          place(
            requestOf(request),
            build(generated, (names) => names, extra),
          ).ok,
        );
      } else if (result.largestBytes > 0) {
        const smaller = { ...requestOf(request) };
        const fitting = { ...smaller, volume: { ...smaller.volume, sizeBytes: result.largestBytes } };
        assert.ok(place(fitting, build(generated)).ok);
      }
    }),
  );
});

test('a reservation that became visible is counted once, and a lost one is given back', () => {
  const view = aView({ nodes: [aNode('a')] });
  const usage: UsageLedger = view.usage;
  const replica = aReplica('db-r0', { spec: { node: 'a', sizeBytes: 5 * GIB } });
  const before = room(view, 'a', 'fast');
  usage.reserve('db-r0', { ...claim('a'), sizeBytes: 5 * GIB });
  assert.equal(room(view, 'a', 'fast'), before - 5 * GIB);
  usage.observe('db-r0', { ...claim('a'), sizeBytes: replica.spec?.sizeBytes ?? 0 });
  assert.equal(room(view, 'a', 'fast'), before - 5 * GIB);
  assert.deepEqual(usage.reserved(), []);
  usage.reserve('gone-r0', { ...claim('a'), sizeBytes: GIB });
  usage.release('gone-r0');
  usage.observe('db-r0', undefined);
  assert.equal(room(view, 'a', 'fast'), before);
});

function claim(node: string, pool = 'fast') {
  return {
    node,
    pool,
    sizeBytes: GIB,
    metadataBytes: 0,
    materialisedBytes: 0,
    minor: undefined,
    port: undefined,
  };
}

function room(view: ClusterView, node: string, name: string): number {
  const pool = view.pools.get(name)?.spec;
  assert.ok(pool !== undefined);
  const reported = view.nodes.get(node)?.status?.pools?.find((one) => one.name === name);
  const result = roomOf(pool, name, reported, view.usage.pool(node, name));
  assert.ok(result.ok);
  return result.bytes;
}
