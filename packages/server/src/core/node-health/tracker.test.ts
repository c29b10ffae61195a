import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aReplica } from '../../../test/fakes/cluster-builders.ts';
import { connectedPeerOf } from './peers-view.ts';
import { NODE_HEALTH_DEFAULTS, NodeHealthTracker } from './tracker.ts';

/** Nodes that renew every second from `from` up to `to` (exclusive). */
function beat(tracker: NodeHealthTracker, nodes: readonly string[], from: number, to: number): void {
  for (let now = from; now < to; now += 1_000) {
    for (const node of nodes) tracker.observe(node, `mark-${now}`, now);
  }
}

function stateAt(tracker: NodeHealthTracker, node: string, now: number, peer?: string): string {
  const { health } = tracker.evaluate(node, now, false, () => peer);
  return `${health.state} ${health.reason}`;
}

function started(): NodeHealthTracker {
  return new NodeHealthTracker(NODE_HEALTH_DEFAULTS, 0);
}

test('a node that stops renewing is Ready, then Unknown after 3 s, then Lost after 4 s', () => {
  const tracker = started();
  beat(tracker, ['a', 'b'], 0, 20_000);
  beat(tracker, ['b'], 20_000, 30_000);
  assert.equal(stateAt(tracker, 'a', 21_900), 'Ready AgentAlive');
  assert.equal(stateAt(tracker, 'a', 22_000), 'Unknown LeaseExpired');
  assert.equal(stateAt(tracker, 'a', 22_999), 'Unknown LeaseExpired');
  assert.equal(stateAt(tracker, 'a', 23_000), 'Lost NodeLost');
  assert.equal(stateAt(tracker, 'b', 29_500), 'Ready AgentAlive');
});

test('a silent node whose replication is connected in the kernel of a reporting peer is not lost', () => {
  const tracker = started();
  beat(tracker, ['a', 'b'], 0, 20_000);
  beat(tracker, ['b'], 20_000, 40_000);
  assert.equal(stateAt(tracker, 'a', 39_000, 'b'), 'Unknown AgentSilent');
  assert.equal(stateAt(tracker, 'a', 39_000), 'Lost NodeLost');
});

test('a lease that was merely found is no sign of life, and nobody is lost during the grace after a start', () => {
  const tracker = started();
  tracker.observe('dead', 'old', 100);
  beat(tracker, ['b'], 0, 10_000);
  assert.equal(stateAt(tracker, 'dead', 200), 'Unknown ControllerStarted');
  assert.equal(stateAt(tracker, 'dead', 4_900), 'Unknown ControllerStarted');
  assert.equal(stateAt(tracker, 'dead', 5_100), 'Lost NodeLost');
  assert.equal(tracker.evaluate('dead', 200, false, () => undefined).tentative, true);
  assert.equal(stateAt(tracker, 'never', 9_000), 'Unknown NeverSeen');
});

test('when every node goes silent at once the controller suspects itself, and gives grace when news comes back', () => {
  const tracker = started();
  beat(tracker, ['a', 'b'], 0, 20_000);
  assert.equal(stateAt(tracker, 'a', 29_000), 'Unknown ControllerBlind');
  beat(tracker, ['b'], 30_000, 40_000);
  assert.equal(stateAt(tracker, 'a', 31_000), 'Unknown LeaseExpired');
  assert.equal(stateAt(tracker, 'a', 34_900), 'Unknown LeaseExpired');
  assert.equal(stateAt(tracker, 'a', 35_000), 'Lost NodeLost');
});

test('when all nodes stay silent for long, they are lost after all', () => {
  const tracker = started();
  beat(tracker, ['a', 'b'], 0, 20_000);
  assert.equal(stateAt(tracker, 'a', 19_000 + NODE_HEALTH_DEFAULTS.allSilentMs - 1), 'Unknown ControllerBlind');
  assert.equal(stateAt(tracker, 'a', 19_000 + NODE_HEALTH_DEFAULTS.allSilentMs), 'Lost NodeLost');
});

test('a controller that is cut off from the API server declares nobody lost, and gives grace afterwards', () => {
  const tracker = started();
  beat(tracker, ['a', 'b'], 0, 20_000);
  beat(tracker, ['b'], 20_000, 22_000);
  assert.equal(tracker.evaluate('a', 24_000, true, () => undefined).health.reason, 'ControllerBlind');
  beat(tracker, ['b'], 24_000, 40_000);
  assert.equal(stateAt(tracker, 'a', 28_900), 'Unknown LeaseExpired');
  assert.equal(stateAt(tracker, 'a', 29_000), 'Lost NodeLost');
});

test('a node that renews again is Ready at once', () => {
  const tracker = started();
  beat(tracker, ['a', 'b'], 0, 20_000);
  beat(tracker, ['b'], 20_000, 60_000);
  assert.equal(stateAt(tracker, 'a', 59_000), 'Lost NodeLost');
  tracker.observe('a', 'back', 60_000);
  assert.equal(stateAt(tracker, 'a', 60_000), 'Ready AgentAlive');
});

test('a clock that jumps on the node does not matter: only that the lease changes', () => {
  const tracker = started();
  for (let now = 0; now < 10_000; now += 1_000) tracker.observe('a', now % 2_000 === 0 ? '2031' : '1999', now);
  assert.equal(stateAt(tracker, 'a', 9_500), 'Ready AgentAlive');
});

test('looking again when told is early enough for every change', () => {
  const tracker = started();
  beat(tracker, ['a', 'b'], 0, 20_000);
  beat(tracker, ['b'], 20_000, 40_000);
  let now = 19_000;
  const seen: string[] = [];
  for (;;) {
    const report = tracker.evaluate('a', now, false, () => undefined);
    seen.push(`${now} ${report.health.state}`);
    if (report.health.state === 'Lost') break;
    now += report.lookAgainMs;
  }
  assert.deepEqual(seen, ['19000 Ready', '22000 Unknown', '23000 Lost']);
});

test('only kernels of nodes that report are asked about a silent node', () => {
  const peer = (replica: string, node: string) => ({
    replica,
    node,
    type: 'Diskful' as const,
    nodeId: 1,
    address: '10.1.0.2',
    port: 7000,
    minor: 1000,
  });
  const onA = aReplica('db-r0', { spec: { node: 'a', layout: 'drbd', peers: [peer('db-r1', 'b')] } });
  const onB = (connection: 'Connected' | 'Connecting') =>
    aReplica('db-r1', {
      spec: { node: 'b', layout: 'drbd' },
      status: {
        drbd: {
          role: 'Secondary',
          disk: 'UpToDate',
          suspended: [],
          peers: [{ replica: 'db-r0', node: 'a', connection, role: 'Primary', disk: 'UpToDate' }],
        },
      },
    });
  assert.equal(
    connectedPeerOf(
      'a',
      [onA],
      () => onB('Connected'),
      () => true,
    ),
    'b',
  );
  assert.equal(
    connectedPeerOf(
      'a',
      [onA],
      () => onB('Connecting'),
      () => true,
    ),
    undefined,
  );
  assert.equal(
    connectedPeerOf(
      'a',
      [onA],
      () => onB('Connected'),
      () => false,
    ),
    undefined,
  );
  assert.equal(
    connectedPeerOf(
      'a',
      [onA],
      () => undefined,
      () => true,
    ),
    undefined,
  );
});
