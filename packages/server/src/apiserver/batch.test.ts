import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KINDS } from '@holdfast/api/schema/registry.ts';
import { type Batch, Committer } from './batch.ts';
import { ResourceTable, sourceOf } from './resources.ts';
import { SqliteStore } from './sqlite-store.ts';
import { StatusError } from './status-error.ts';
import type { KubeObject } from './types.ts';
import type { Change } from './watch-hub.ts';

const TABLE = new ResourceTable(KINDS.map(sourceOf));

function setup(): {
  store: SqliteStore;
  committer: Committer;
  commits: (readonly Change[])[];
  put: (name: string) => (batch: Batch) => KubeObject;
} {
  const store = new SqliteStore(':memory:');
  const commits: (readonly Change[])[] = [];
  const committer = new Committer(store, (changes) => commits.push(changes));
  const volumes = TABLE.byKind('holdfast.storage/v1alpha1', 'Volume');
  assert.ok(volumes !== undefined);
  const put = (name: string) => (batch: Batch) =>
    batch.save(
      volumes,
      { apiVersion: volumes.apiVersion, kind: volumes.kind, metadata: { name, uid: name } },
      undefined,
    );
  return { store, committer, commits, put };
}

test('commits everything that arrives in one turn as one transaction, in order', async () => {
  const { committer, commits, put, store } = setup();
  const saved = await Promise.all(['a', 'b', 'c'].map((name) => committer.submit(put(name))));
  assert.deepEqual(
    saved.map((object) => object.metadata.resourceVersion),
    ['1', '2', '3'],
  );
  assert.deepEqual(
    commits.map((changes) => changes.map((change) => change.name)),
    [['a', 'b', 'c']],
  );
  store.close();
});

test('a refusal, and a bug before its first write, concern only the one who asked', async () => {
  const { committer, put, store } = setup();
  const results = await Promise.allSettled([
    committer.submit(put('a')),
    committer.submit(() => {
      throw new StatusError(409, 'Conflict', 'no');
    }),
    committer.submit(() => {
      throw new TypeError('bug');
    }),
    committer.submit(put('b')),
  ]);
  assert.deepEqual(
    results.map((result) => result.status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  );
  assert.equal(store.resourceVersion, 2);
  store.close();
});

test('a failure after a write takes the whole transaction with it, and nobody is told that it was stored', async () => {
  const { committer, commits, put, store } = setup();
  const results = await Promise.allSettled([
    committer.submit(put('a')),
    committer.submit((batch) => {
      put('half')(batch);
      throw new Error('in the middle');
    }),
  ]);
  assert.deepEqual(
    results.map((result) => result.status),
    ['rejected', 'rejected'],
  );
  assert.equal(store.resourceVersion, 0);
  assert.deepEqual(commits, []);
  assert.equal((await committer.submit(put('later'))).metadata.resourceVersion, '1');
  store.close();
});

test('a failure of the store rejects everyone of the transaction', async () => {
  const { committer, store } = setup();
  store.close();
  const results = await Promise.allSettled([committer.submit(() => 1), committer.submit(() => 2)]);
  for (const result of results) {
    assert.equal(result.status, 'rejected');
    assert.match(String(result.status === 'rejected' ? result.reason : ''), /nothing was stored/);
  }
});

test('takes a flood in bounded transactions', async () => {
  const store = new SqliteStore(':memory:');
  const sizes: number[] = [];
  const committer = new Committer(store, (changes) => sizes.push(changes.length), 10);
  const { put } = setup();
  await Promise.all(Array.from({ length: 25 }, (_, index) => committer.submit(put(`v${index}`))));
  assert.deepEqual(sizes, [10, 10, 5]);
  store.close();
});
