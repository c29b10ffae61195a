import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DrbdPeerStatus } from '@holdfast/api/schema/replica.ts';
import type { ArbiterRecord } from '@holdfast/api/schema/volume.ts';
import fc from 'fast-check';
import {
  type Decision,
  decideBootstrap,
  decideDemote,
  decideDiskLost,
  decideFencePeer,
  decidePromotion,
  decideReadmit,
  decideRemoval,
  type KernelLook,
} from './decide.ts';
import { BLANK_RECORD } from './record.ts';

const CONTEXT = { by: 'agent/n1', at: '2026-01-01T00:00:00Z', evidence: 'test' };

function peer(replica: string, change: Partial<DrbdPeerStatus> = {}): DrbdPeerStatus {
  return {
    replica,
    node: `node-of-${replica}`,
    connection: 'Connected',
    role: 'Secondary',
    disk: 'UpToDate',
    replication: 'Established',
    ...change,
  };
}

function look(change: Partial<KernelLook> = {}): KernelLook {
  return { role: 'Secondary', disk: 'UpToDate', suspended: [], peers: [peer('b')], ...change };
}

const LOST = { connection: 'Connecting', role: 'Unknown', disk: 'DUnknown', replication: 'Off' } as const;

function record(change: Partial<ArbiterRecord> = {}): ArbiterRecord {
  return { epoch: 5, inSync: ['a', 'b'], history: [], ...change };
}

function granted(decision: Decision): ArbiterRecord {
  assert.ok(decision.ok, decision.message);
  return decision.next;
}

function refused(decision: Decision): string {
  assert.ok(!decision.ok, 'expected a refusal');
  assert.notEqual(decision.message, '');
  return decision.reason;
}

test('a promotion keeps the peer that the kernel sees Connected and UpToDate', () => {
  const next = granted(decidePromotion(record(), 'a', look(), CONTEXT));
  assert.deepEqual([next.epoch, next.inSync, next.primary], [6, ['a', 'b'], 'a']);
});

test('INV-3: a replica outside the in-sync set is never promoted', () => {
  assert.equal(refused(decidePromotion(record({ inSync: ['b'] }), 'a', look(), CONTEXT)), 'NotInSync');
});

test('INV-2: nobody is promoted while a connected peer is Primary', () => {
  const seen = look({ peers: [peer('b', { role: 'Primary' })] });
  assert.equal(refused(decidePromotion(record({ primary: 'b' }), 'a', seen, CONTEXT)), 'PeerIsPrimary');
});

test('INV-1: a lost peer leaves the set before the promotion, even when it is the recorded primary', () => {
  const next = granted(decidePromotion(record({ primary: 'b' }), 'a', look({ peers: [peer('b', LOST)] }), CONTEXT));
  assert.deepEqual([next.inSync, next.primary], [['a'], 'a']);
});

test('a resync target leaves the set at a promotion', () => {
  const seen = look({ peers: [peer('b', { disk: 'Inconsistent', replication: 'SyncSource' })] });
  assert.deepEqual(granted(decidePromotion(record(), 'a', seen, CONTEXT)).inSync, ['a']);
});

test('a peer that is UpToDate but not in the set is not added by a promotion', () => {
  assert.deepEqual(granted(decidePromotion(record({ inSync: ['a'] }), 'a', look(), CONTEXT)).inSync, ['a']);
});

test('an Inconsistent or Outdated disk is not promoted; a Consistent one may be', () => {
  for (const disk of ['Inconsistent', 'Outdated', 'Diskless', 'Failed'] as const) {
    assert.equal(refused(decidePromotion(record(), 'a', look({ disk }), CONTEXT)), 'DiskNotUsable');
  }
  granted(decidePromotion(record(), 'a', look({ disk: 'Consistent' }), CONTEXT));
});

test('a local volume is promoted only as the single member', () => {
  assert.deepEqual(granted(decidePromotion(record({ inSync: ['a'] }), 'a', undefined, CONTEXT)).inSync, ['a']);
  assert.equal(refused(decidePromotion(record(), 'a', undefined, CONTEXT)), 'DiskNotUsable');
});

test('nothing is promoted before the first copies are complete', () => {
  assert.equal(refused(decidePromotion(BLANK_RECORD, 'a', look(), CONTEXT)), 'NotBootstrapped');
});

test('INV-4: the primary goes on alone only with the lost peer out of the set', () => {
  const seen = look({ role: 'Primary', suspended: ['fencing'], peers: [peer('b', LOST)] });
  const next = granted(decideFencePeer(record({ primary: 'a' }), 'a', seen, CONTEXT));
  assert.deepEqual([next.epoch, next.inSync, next.primary], [6, ['a'], 'a']);
});

test('rule 1: a fence grant bumps the epoch also when the peer is out of the set already', () => {
  const next = granted(decideFencePeer(record({ primary: 'a', inSync: ['a'] }), 'a', undefined, CONTEXT));
  assert.deepEqual([next.epoch, next.inSync], [6, ['a']]);
});

test('INV-5: a fence question without a claim is refused', () => {
  assert.equal(refused(decideFencePeer(record({ primary: 'b' }), 'a', look(), CONTEXT)), 'ClaimLost');
  assert.equal(refused(decideFencePeer(record(), 'a', look(), CONTEXT)), 'ClaimLost');
});

test('a fence question that a reconnect made moot grants nothing', () => {
  const seen = look({ role: 'Primary' });
  assert.equal(refused(decideFencePeer(record({ primary: 'a' }), 'a', seen, CONTEXT)), 'NothingLost');
});

test('INV-1: a primary whose own disk failed is never left as the only member', () => {
  const lost = look({ role: 'Primary', disk: 'Diskless', peers: [peer('b', LOST)] });
  assert.equal(refused(decideFencePeer(record({ primary: 'a' }), 'a', lost, CONTEXT)), 'DiskNotUsable');
  assert.equal(refused(decideDiskLost(record({ primary: 'a' }), 'a', lost, CONTEXT)), 'NoCopyLeft');
});

test('INV-4: a copy that lost its disk under a live connection leaves the set', () => {
  const claim = record({ primary: 'a' });
  for (const disk of ['Diskless', 'Failed', 'Inconsistent', 'Outdated'] as const) {
    const peerLost = look({ role: 'Primary', peers: [peer('b', { disk })] });
    assert.deepEqual(granted(decideDiskLost(claim, 'a', peerLost, CONTEXT)).inSync, ['a']);
    const ownLost = granted(decideDiskLost(claim, 'a', look({ role: 'Primary', disk }), CONTEXT));
    assert.deepEqual([ownLost.inSync, ownLost.primary], [['b'], 'a'], 'it goes on through the network');
  }
  assert.equal(refused(decideDiskLost(claim, 'a', look({ role: 'Primary' }), CONTEXT)), 'NothingLost');
  assert.equal(
    refused(decideDiskLost(claim, 'a', look({ role: 'Primary', peers: [peer('b', LOST)] }), CONTEXT)),
    'NothingLost',
  );
  assert.equal(
    refused(decideDiskLost(record({ primary: 'b' }), 'a', look({ disk: 'Failed' }), CONTEXT)),
    'NothingToDo',
  );
  const both = look({ role: 'Primary', disk: 'Failed', peers: [peer('b', { disk: 'Diskless' })] });
  assert.equal(refused(decideDiskLost(claim, 'a', both, CONTEXT)), 'NoCopyLeft');
});

test('rule 2: a primary that resynced its own disk takes itself back, one copy at a time, every member in sight', () => {
  const claim = record({ primary: 'a', inSync: ['b'] });
  const seen = look({ role: 'Primary' });
  assert.deepEqual(granted(decideReadmit(claim, 'a', seen, ['b'], CONTEXT)).inSync, ['b', 'a']);
  const syncing = look({ role: 'Primary', disk: 'Inconsistent', peers: [peer('b', { replication: 'SyncTarget' })] });
  assert.ok(!decideReadmit(claim, 'a', syncing, ['b'], CONTEXT).ok);
  const away = look({ role: 'Primary', peers: [peer('b', LOST)] });
  assert.ok(!decideReadmit(claim, 'a', away, ['b'], CONTEXT).ok);
});

test('rule 2: the primary re-admits a peer that is Connected, UpToDate and not resyncing', () => {
  const alone = record({ primary: 'a', inSync: ['a'] });
  const seen = look({ role: 'Primary' });
  assert.deepEqual(granted(decideReadmit(alone, 'a', seen, ['b'], CONTEXT)).inSync, ['a', 'b']);
  const syncing = look({ role: 'Primary', peers: [peer('b', { replication: 'SyncSource' })] });
  assert.equal(refused(decideReadmit(alone, 'a', syncing, ['b'], CONTEXT)), 'NothingToDo');
  assert.equal(refused(decideReadmit(alone, 'a', seen, [], CONTEXT)), 'NothingToDo');
});

test('rule 2: the returning side never re-admits itself', () => {
  assert.equal(
    refused(decideReadmit(record({ primary: 'a', inSync: ['a'] }), 'b', look(), ['a'], CONTEXT)),
    'NotSource',
  );
  assert.equal(
    refused(decideReadmit(record({ inSync: ['a'] }), 'b', look({ peers: [peer('a')] }), ['a'], CONTEXT)),
    'NotSource',
  );
});

test('a claim ends only when the kernel is no longer Primary', () => {
  assert.equal(
    refused(decideDemote(record({ primary: 'a' }), 'a', look({ role: 'Primary' }), CONTEXT)),
    'StillPrimary',
  );
  assert.equal(granted(decideDemote(record({ primary: 'a' }), 'a', look(), CONTEXT)).primary, undefined);
  assert.equal(refused(decideDemote(record({ primary: 'b' }), 'a', look(), CONTEXT)), 'NothingToDo');
});

test('rule 5: the first set is taken once; the primary and the last member are never removed', () => {
  assert.deepEqual(granted(decideBootstrap(BLANK_RECORD, ['a', 'b'], CONTEXT)).inSync, ['a', 'b']);
  assert.equal(refused(decideBootstrap(record(), ['a'], CONTEXT)), 'NothingToDo');
  assert.equal(refused(decideRemoval(record({ primary: 'a' }), 'a', CONTEXT)), 'StillPrimary');
  assert.equal(refused(decideRemoval(record({ inSync: ['a'] }), 'a', CONTEXT)), 'LastMember');
  assert.deepEqual(granted(decideRemoval(record({ primary: 'a' }), 'b', CONTEXT)).inSync, ['a']);
});

test('every grant adds one to the epoch, shrinks the set or grows it by one, and makes only members primary', () => {
  const names = fc.constantFrom('a', 'b', 'c');
  const arbPeer = fc.record({
    replica: fc.constantFrom('b', 'c'),
    node: fc.constant('n'),
    connection: fc.constantFrom('Connected', 'Connecting', 'StandAlone', 'NetworkFailure'),
    role: fc.constantFrom('Primary', 'Secondary', 'Unknown'),
    disk: fc.constantFrom('UpToDate', 'Inconsistent', 'Outdated', 'DUnknown', 'Consistent'),
    replication: fc.constantFrom('Established', 'SyncSource', 'SyncTarget', 'Off'),
  }) as fc.Arbitrary<DrbdPeerStatus>;
  const arbLook = fc.record({
    role: fc.constantFrom('Primary', 'Secondary'),
    disk: fc.constantFrom('UpToDate', 'Consistent', 'Inconsistent', 'Outdated', 'Diskless'),
    suspended: fc.constantFrom([], ['fencing']),
    peers: fc.uniqueArray(arbPeer, { selector: (each) => each.replica }),
  }) as fc.Arbitrary<KernelLook>;
  const arbRecord = fc
    .record({ epoch: fc.integer({ min: 1, max: 99 }), inSync: fc.uniqueArray(names, { minLength: 1 }), pick: fc.nat() })
    .map(({ epoch, inSync, pick }): ArbiterRecord => {
      const primary = inSync[pick % (inSync.length + 1)];
      return { epoch, inSync, ...(primary === undefined ? {} : { primary }), history: [] };
    });
  fc.assert(
    fc.property(arbRecord, arbLook, (before, seen) => {
      const decisions = [
        decidePromotion(before, 'a', seen, CONTEXT),
        decideFencePeer(before, 'a', seen, CONTEXT),
        decideFencePeer(before, 'a', undefined, CONTEXT),
        decideDiskLost(before, 'a', seen, CONTEXT),
        decideReadmit(before, 'a', seen, ['b', 'c'], CONTEXT),
        decideDemote(before, 'a', seen, CONTEXT),
        decideRemoval(before, 'b', CONTEXT),
      ];
      for (const decision of decisions) {
        if (!decision.ok) continue;
        const { next } = decision;
        assert.equal(next.epoch, before.epoch + 1);
        assert.ok(next.inSync.length > 0);
        const stays = next.primary === before.primary;
        assert.ok(next.primary === undefined || stays || next.inSync.includes(next.primary));
        const shrinks = next.inSync.every((member) => before.inSync.includes(member));
        const growsByOne =
          before.inSync.every((member) => next.inSync.includes(member)) &&
          next.inSync.length === before.inSync.length + 1;
        assert.ok(shrinks || growsByOne);
        assert.ok(next.history.length <= 16);
      }
    }),
  );
});
