import type { Resource } from './resources.ts';
import type { LoggedEvent, Store, Transaction } from './store.ts';
import type { KubeObject } from './types.ts';
import type { Change, EventType } from './watch-hub.ts';

/** One write transaction as the verbs see it; collects what watchers will be told after the commit. */
export class Batch {
  readonly changes: Change[] = [];
  readonly #transaction: Transaction;

  constructor(transaction: Transaction) {
    this.#transaction = transaction;
  }

  get transaction(): Transaction {
    return this.#transaction;
  }

  find(resource: Resource, namespace: string, name: string): KubeObject | undefined {
    const row = this.#transaction.get(resource.id, namespace, name);
    return row === undefined ? undefined : (JSON.parse(row.text) as KubeObject);
  }

  /** Stores the object with a new resourceVersion and returns it. */
  save(resource: Resource, object: KubeObject, previous: KubeObject | undefined): KubeObject {
    const owners = (object.metadata.ownerReferences ?? []).map((owner) => owner.uid);
    const change = this.#record(resource, object, previous === undefined ? 'ADDED' : 'MODIFIED', previous);
    this.#transaction.put(logged(change), object.metadata.uid ?? '', owners);
    return change.object;
  }

  /** Removes the object; watchers see its last state with a new resourceVersion. */
  remove(resource: Resource, object: KubeObject): KubeObject {
    const change = this.#record(resource, object, 'DELETED', object);
    this.#transaction.remove(logged(change), object.metadata.uid ?? '');
    return change.object;
  }

  #record(resource: Resource, object: KubeObject, type: EventType, previous: KubeObject | undefined): Change {
    const resourceVersion = this.#transaction.nextResourceVersion();
    const stored: KubeObject = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(resourceVersion) },
    };
    const change: Change = {
      resourceVersion,
      resource,
      namespace: object.metadata.namespace ?? '',
      name: object.metadata.name ?? '',
      type,
      object: stored,
      text: JSON.stringify(stored),
      previous,
      encoded: new Map(),
    };
    this.changes.push(change);
    return change;
  }
}

function logged(change: Change): LoggedEvent {
  return {
    resourceVersion: change.resourceVersion,
    resource: change.resource.id,
    namespace: change.namespace,
    name: change.name,
    type: change.type,
    text: change.text,
    previous: change.previous === undefined ? undefined : JSON.stringify(change.previous),
  };
}

interface Waiting {
  readonly run: (batch: Batch) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: everything that arrives while the event loop turns once shares one transaction and one fsync. Nobody gets an
 * answer, good or bad, before that fsync, since even a refusal may rest on a write of the same batch.
 */
export class Committer {
  readonly #store: Store;
  readonly #afterCommit: (changes: readonly Change[]) => void;
  readonly #maxBatch: number;
  #waiting: Waiting[] = [];
  #scheduled = false;

  constructor(store: Store, afterCommit: (changes: readonly Change[]) => void, maxBatch = 512) {
    this.#store = store;
    this.#afterCommit = afterCommit;
    this.#maxBatch = maxBatch;
  }

  /** Runs `work` in the next transaction. It must throw before its first write, or not at all. */
  submit<T>(work: (batch: Batch) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ run: work, resolve: resolve as (value: unknown) => void, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#drain();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #drain(): void {
    const group = this.#waiting.splice(0, this.#maxBatch);
    const answers: (() => void)[] = [];
    let changes: readonly Change[] = [];
    try {
      changes = this.#store.transact((transaction) => {
        const batch = new Batch(transaction);
        for (const item of group) {
          const before = batch.changes.length;
          try {
            const value = item.run(batch);
            answers.push(() => item.resolve(value));
          } catch (error) {
            // A failure of the store itself, or one halfway through its writes, takes the whole transaction with it.
            const fromStore = error instanceof Error && 'errcode' in error;
            if (fromStore || batch.changes.length !== before) throw error;
            answers.push(() => item.reject(error));
          }
        }
        return batch.changes;
      });
    } catch (error) {
      for (const item of group) item.reject(error);
      return;
    }
    for (const answer of answers) answer();
    if (changes.length > 0) this.#afterCommit(changes);
  }
}
