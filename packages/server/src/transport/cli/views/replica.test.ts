import assert from 'node:assert/strict';
import { test } from 'node:test';
import { API_VERSION, type Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import { measureRates, syncOf, syncText } from './replica.ts';

function replica(name: string, peer: string, replication: string, outOfSyncBytes: number): Stored<Replica> {
  return {
    apiVersion: API_VERSION,
    kind: 'Replica',
    metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
    status: {
      drbd: {
        role: 'Secondary',
        disk: 'UpToDate',
        suspended: [],
        peers: [
          {
            replica: peer,
            node: 'n',
            connection: 'Connected',
            role: 'Secondary',
            disk: 'UpToDate',
            replication,
            outOfSyncBytes,
            syncPercent: 50,
          },
        ],
      },
    },
  };
}

test('a resync is told once, by its source, and names who is behind', () => {
  const target = replica('db-r0', 'db-r1', 'SyncTarget', 100);
  const source = replica('db-r1', 'db-r0', 'SyncSource', 90);
  for (const both of [
    [target, source],
    [source, target],
  ]) {
    const syncs = syncOf(both);
    assert.equal(syncs.length, 1);
    assert.equal(syncs[0]?.replica, 'db-r1');
    assert.equal(syncs[0]?.target, 'db-r0');
    assert.equal(syncs[0]?.leftBytes, 90);
  }
  assert.equal(syncOf([target])[0]?.target, 'db-r0');
  assert.deepEqual(syncOf([replica('a', 'b', 'Established', 0)]), []);
});

test('a rate is what went away between two looks; a resync that stands still has none', () => {
  const before = syncOf([replica('db-r1', 'db-r0', 'SyncSource', 30 * 2 ** 20)]);
  const after = syncOf([replica('db-r1', 'db-r0', 'SyncSource', 10 * 2 ** 20)]);
  const rates = measureRates(before, after, 2000);
  assert.equal(rates.get('db-r1/db-r0'), 10 * 2 ** 20);
  const [sync] = after;
  assert.ok(sync !== undefined);
  assert.equal(syncText(sync, rates), '█████░░░░░ 50% 10MiB left at 10 MiB/s 1s to go');
  assert.equal(measureRates(after, after, 2000).size, 0);
  assert.equal(measureRates(before, after, 0).size, 0);
});
