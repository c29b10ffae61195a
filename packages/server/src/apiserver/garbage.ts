import { AppError } from '@holdfast/api/errors.ts';
import { ADMINS } from './authz.ts';
import type { Batch } from './batch.ts';
import {
  type Engine,
  FINALIZER_FOREGROUND,
  FINALIZER_ORPHAN,
  isReleased,
  type Key,
  type WriteContext,
} from './engine.ts';
import type { StoredKey } from './store.ts';
import { isObject, type KubeObject } from './types.ts';
import type { Change } from './watch-hub.ts';

const CONTEXT: WriteContext = {
  user: { name: 'system:serviceaccount:kube-system:generic-garbage-collector', uid: '', groups: [ADMINS] },
  verb: 'delete',
  manager: 'garbage-collector',
  dryRun: false,
};
const BACKGROUND = { propagation: 'Background', preconditions: {} } as const;

/**
 * What Kubernetes' garbage collector and namespace controller do: dependents go when their last owner is gone, foreground and
 * orphan deletion, emptying a namespace. Driven by commits; a sweep at start picks up what a crash left.
 */
export class GarbageCollector {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
    engine.onCommit((changes) => this.#onCommit(changes));
  }

  /** Work that was pending when the server stopped. */
  sweep(): void {
    const { store } = this.#engine;
    for (const uid of store.absentOwners()) this.#start('dependents', (batch) => this.#ownerGone(batch, uid));
    for (const word of [FINALIZER_FOREGROUND, FINALIZER_ORPHAN, '"Terminating"']) {
      for (const key of store.containing(word)) this.#start('deletion', (batch) => this.#deleting(batch, key));
    }
  }

  #onCommit(changes: readonly Change[]): void {
    const { store, table } = this.#engine;
    for (const change of changes) {
      const uid = change.object.metadata.uid ?? '';
      if (change.type === 'DELETED') {
        if (store.ownedBy(uid).length > 0) this.#start('dependents', (batch) => this.#ownerGone(batch, uid));
        for (const owner of change.object.metadata.ownerReferences ?? []) {
          const key = store.findByUid(owner.uid);
          if (key !== undefined) this.#start('owner', (batch) => this.#deleting(batch, key));
        }
        if (change.namespace !== '') {
          const key = { resource: 'namespaces', namespace: '', name: change.namespace };
          if (this.#isDeleting(key)) this.#start('namespace', (batch) => this.#deleting(batch, key));
        }
      } else {
        if (change.object.metadata.deletionTimestamp !== undefined) {
          const key = { resource: change.resource.id, namespace: change.namespace, name: change.name };
          this.#start('deletion', (batch) => this.#deleting(batch, key));
        }
        for (const owner of change.object.metadata.ownerReferences ?? []) {
          // An owner of a kind that is not served here cannot be known to be gone.
          const known = table.byKind(owner.apiVersion, owner.kind) !== undefined;
          if (known && store.findByUid(owner.uid) === undefined) {
            this.#start('dependents', (batch) => this.#ownerGone(batch, owner.uid));
          }
        }
      }
    }
  }

  #start(what: string, work: (batch: Batch) => void): void {
    this.#engine.committer.submit(work).catch((error: unknown) => {
      this.#engine.log.warn('garbage collection failed; it is repeated at the next start', {
        op: what,
        err: AppError.from(error),
      });
    });
  }

  #isDeleting(key: StoredKey): boolean {
    const row = this.#engine.store.get(key.resource, key.namespace, key.name);
    return row?.text.includes('"deletionTimestamp"') ?? false;
  }

  #load(batch: Batch, stored: StoredKey): { key: Key; object: KubeObject } | undefined {
    const resource = this.#engine.table.byId(stored.resource);
    if (resource === undefined) return undefined;
    const object = batch.find(resource, stored.namespace, stored.name);
    return object === undefined
      ? undefined
      : { key: { resource, namespace: stored.namespace, name: stored.name }, object };
  }

  #ownerGone(batch: Batch, uid: string): void {
    const { store, table } = this.#engine;
    if (store.findByUid(uid) !== undefined) return;
    for (const stored of store.ownedBy(uid)) {
      const found = this.#load(batch, stored);
      if (found === undefined) continue;
      const owners = found.object.metadata.ownerReferences ?? [];
      if (owners.some((owner) => owner.uid === uid && table.byKind(owner.apiVersion, owner.kind) === undefined))
        continue;
      const solid = owners.filter((owner) => owner.uid !== uid && store.findByUid(owner.uid) !== undefined);
      if (solid.length > 0) {
        const left = owners.filter((owner) => owner.uid !== uid);
        batch.save(
          found.key.resource,
          { ...found.object, metadata: { ...found.object.metadata, ownerReferences: left } },
          found.object,
        );
      } else if (found.object.metadata.deletionTimestamp === undefined) {
        this.#engine.deleteIn(batch, found.key, BACKGROUND, CONTEXT, found.object);
      }
    }
  }

  /** One step for an object that is being deleted and waits for this server. */
  #deleting(batch: Batch, stored: StoredKey): void {
    const found = this.#load(batch, stored);
    if (found?.object.metadata.deletionTimestamp === undefined) return;
    const finalizers = found.object.metadata.finalizers ?? [];
    if (finalizers.includes(FINALIZER_ORPHAN)) this.#orphan(batch, found.key, found.object);
    else if (finalizers.includes(FINALIZER_FOREGROUND)) this.#foreground(batch, found.key, found.object);
    else if (stored.resource === 'namespaces') this.#emptyNamespace(batch, found.key, found.object);
  }

  #orphan(batch: Batch, key: Key, object: KubeObject): void {
    const uid = object.metadata.uid ?? '';
    for (const stored of this.#engine.store.ownedBy(uid)) {
      const found = this.#load(batch, stored);
      if (found === undefined) continue;
      const left = (found.object.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid);
      batch.save(
        found.key.resource,
        { ...found.object, metadata: { ...found.object.metadata, ownerReferences: left } },
        found.object,
      );
    }
    this.#release(batch, key, object, FINALIZER_ORPHAN);
  }

  #foreground(batch: Batch, key: Key, object: KubeObject): void {
    const uid = object.metadata.uid ?? '';
    let blocked = false;
    for (const stored of this.#engine.store.ownedBy(uid)) {
      const found = this.#load(batch, stored);
      if (found === undefined) continue;
      const others = (found.object.metadata.ownerReferences ?? []).filter(
        (owner) => owner.uid !== uid && this.#engine.store.findByUid(owner.uid) !== undefined,
      );
      if (others.length > 0) continue;
      const blocks = (found.object.metadata.ownerReferences ?? []).some(
        (owner) => owner.uid === uid && owner.blockOwnerDeletion === true,
      );
      const gone =
        found.object.metadata.deletionTimestamp === undefined &&
        this.#engine.deleteIn(batch, found.key, BACKGROUND, CONTEXT, found.object).removed;
      if (blocks && !gone) blocked = true;
    }
    if (!blocked) this.#release(batch, key, object, FINALIZER_FOREGROUND);
  }

  #release(batch: Batch, key: Key, object: KubeObject, finalizer: string): void {
    const finalizers = (object.metadata.finalizers ?? []).filter((item) => item !== finalizer);
    const next: KubeObject = { ...object, metadata: { ...object.metadata, finalizers } };
    if (finalizers.length === 0) delete next.metadata.finalizers;
    if (isReleased(next)) batch.remove(key.resource, next);
    else batch.save(key.resource, next, object);
  }

  #emptyNamespace(batch: Batch, key: Key, object: KubeObject): void {
    const { store, table } = this.#engine;
    let left = 0;
    for (const resource of table.all.filter((item) => item.namespaced)) {
      for (const row of store.list(resource.id, key.name, {})) {
        const item = JSON.parse(row.text) as KubeObject;
        const itemKey: Key = { resource, namespace: key.name, name: row.name };
        if (item.metadata.deletionTimestamp !== undefined) left += 1;
        else if (!this.#engine.deleteIn(batch, itemKey, BACKGROUND, CONTEXT, item).removed) left += 1;
      }
    }
    if (left > 0) return;
    const spec = isObject(object['spec']) ? object['spec'] : {};
    const inner = Array.isArray(spec['finalizers']) ? spec['finalizers'].filter((item) => item !== 'kubernetes') : [];
    const next: KubeObject = { ...object, spec: { ...spec, finalizers: inner } };
    if (isReleased(next)) batch.remove(key.resource, next);
    else if (inner.length !== (Array.isArray(spec['finalizers']) ? spec['finalizers'].length : 0)) {
      batch.save(key.resource, next, object);
    }
  }
}
