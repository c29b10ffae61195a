import type { Clock, Random } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { User } from './authn.ts';
import { authorizeWrite, type Verb } from './authz.ts';
import { type Batch, Committer } from './batch.ts';
import { trackUpdate } from './managed-fields.ts';
import type { Resource, ResourceTable } from './resources.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  forbidden,
  invalid,
  notFound,
  requiredValue,
  StatusError,
} from './status-error.ts';
import type { Store } from './store.ts';
import { prepareCreate, prepareUpdate, type Subresource } from './strategy.ts';
import { type Json, jsonEqual, type KubeObject } from './types.ts';
import { nameProblem } from './validate.ts';
import { type Change, WatchHub } from './watch-hub.ts';

/** Who writes, and how. */
export interface WriteContext {
  readonly user: User;
  readonly verb: Verb;
  readonly manager: string;
  readonly dryRun: boolean;
}

export interface Key {
  readonly resource: Resource;
  /** '' for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
}

export interface Preconditions {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

export interface DeleteOptions {
  readonly propagation: 'Background' | 'Foreground' | 'Orphan';
  readonly preconditions: Preconditions;
}

/** What a deletion left: the object that waits for its finalizers, or nothing. */
export interface DeleteResult {
  readonly object: KubeObject;
  readonly removed: boolean;
}

export interface EngineOptions {
  readonly store: Store;
  readonly table: ResourceTable;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Events kept for watches to resume from. */
  readonly keepEvents: number;
}

const SUFFIX = 'bcdfghjklmnpqrstvwxz2456789';
/** Finalizers that this server itself removes. */
export const FINALIZER_FOREGROUND = 'foregroundDeletion';
export const FINALIZER_ORPHAN = 'orphan';

/**
 * The write side of the API: every verb is one function over one batch, so that reading, deciding and writing are atomic and a
 * compare-and-swap cannot race. Nothing here knows HTTP or SQL.
 */
export class Engine {
  readonly store: Store;
  readonly table: ResourceTable;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly hub = new WatchHub();
  readonly committer: Committer;
  readonly #keepEvents: number;
  readonly #listeners: ((changes: readonly Change[]) => void)[] = [];

  constructor(options: EngineOptions) {
    this.store = options.store;
    this.table = options.table;
    this.clock = options.clock;
    this.random = options.random;
    this.log = options.log;
    this.#keepEvents = options.keepEvents;
    this.committer = new Committer(options.store, (changes) => this.#committed(changes));
  }

  /** Called after each commit, after the watchers. */
  onCommit(listener: (changes: readonly Change[]) => void): void {
    this.#listeners.push(listener);
  }

  #committed(changes: readonly Change[]): void {
    this.hub.publish(changes);
    for (const listener of this.#listeners) listener(changes);
    const { resourceVersion, compacted } = this.store;
    if (resourceVersion - compacted > this.#keepEvents * 1.25) {
      try {
        this.store.compact(resourceVersion - this.#keepEvents);
      } catch (error) {
        this.log.warn('event log could not be compacted; it is tried again after the next write', { err: error });
      }
    }
  }

  /** RFC 3339 with seconds, as Kubernetes' Time. */
  now(): string {
    return new Date(this.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  read(key: Key): KubeObject | undefined {
    const row = this.store.get(key.resource.id, key.namespace, key.name);
    return row === undefined ? undefined : (JSON.parse(row.text) as KubeObject);
  }

  #allow(
    context: WriteContext,
    key: Key,
    subresource: string,
    old: KubeObject | undefined,
    next: KubeObject | undefined,
  ): void {
    const why = authorizeWrite(context.user, {
      verb: context.verb,
      group: key.resource.group,
      plural: key.resource.plural,
      subresource,
      namespace: key.namespace,
      name: key.name,
      old,
      new: next,
    });
    if (why !== undefined) throw forbidden(key.resource, key.name, why);
  }

  #checkNamespace(batch: Batch, resource: Resource, namespace: string, name: string): void {
    if (!resource.namespaced) return;
    const namespaces = this.table.find('v1', 'namespaces');
    if (namespaces === undefined) return;
    const found = batch.find(namespaces, '', namespace);
    if (found === undefined) throw notFound(namespaces, namespace);
    if (found.metadata.deletionTimestamp !== undefined) {
      throw forbidden(
        resource,
        name,
        `unable to create new content in namespace ${namespace} because it is being terminated`,
      );
    }
  }

  #generateName(batch: Batch, resource: Resource, namespace: string, prefix: string): string {
    for (let attempt = 0; attempt < 8; attempt += 1) {
      let name = prefix.slice(0, 58);
      for (let index = 0; index < 5; index += 1) name += SUFFIX[Math.floor(this.random.next() * SUFFIX.length)] ?? 'x';
      if (batch.transaction.get(resource.id, namespace, name) === undefined) return name;
    }
    throw new StatusError(409, 'AlreadyExists', `no free name found for generateName ${prefix}; try again`);
  }

  /** POST. */
  create(resource: Resource, namespace: string, input: KubeObject, context: WriteContext): Promise<KubeObject> {
    return this.committer.submit((batch) => this.createIn(batch, resource, namespace, input, context));
  }

  createIn(
    batch: Batch,
    resource: Resource,
    namespace: string,
    input: KubeObject,
    context: WriteContext,
    applied = false,
  ): KubeObject {
    if (input.metadata.resourceVersion !== undefined && input.metadata.resourceVersion !== '') {
      throw badRequest('resourceVersion should not be set on objects to be created');
    }
    const prefix = input.metadata.generateName ?? '';
    let name = input.metadata.name ?? '';
    if (name === '') {
      if (prefix === '') {
        throw invalid(resource.kind, resource.group, '', [
          requiredValue('metadata.name', 'name or generateName is required'),
        ]);
      }
      name = this.#generateName(batch, resource, namespace, prefix);
      if (nameProblem(resource, name) !== undefined) name = prefix;
    }
    this.#checkNamespace(batch, resource, namespace, name);
    const named: KubeObject = { ...input, metadata: { ...input.metadata, name } };
    const object = prepareCreate(resource, named, { now: this.now(), uid: this.random.uuid() });
    if (!applied) object.metadata = trackUpdate(resource, object, undefined, context.manager, '', this.now()).metadata;
    const key: Key = { resource, namespace, name };
    this.#allow(context, key, '', undefined, object);
    if (batch.transaction.get(resource.id, namespace, name) !== undefined) throw alreadyExists(resource, name);
    return context.dryRun ? object : batch.save(resource, object, undefined);
  }

  /**
   * Reads, lets `change` make the next version, checks and stores it: PUT and every kind of PATCH.
   * @param change gets the stored object and returns what the client wants.
   */
  modify(
    key: Key,
    subresource: Subresource,
    context: WriteContext,
    change: (old: KubeObject) => KubeObject,
  ): Promise<KubeObject> {
    return this.committer.submit((batch) => {
      const old = batch.find(key.resource, key.namespace, key.name);
      if (old === undefined) throw notFound(key.resource, key.name);
      return this.modifyIn(batch, key, subresource, context, old, change(old));
    });
  }

  modifyIn(
    batch: Batch,
    key: Key,
    subresource: Subresource,
    context: WriteContext,
    old: KubeObject,
    wanted: KubeObject,
    applied = false,
  ): KubeObject {
    let object = prepareUpdate(key.resource, wanted, old, subresource);
    if (!applied) object = trackUpdate(key.resource, object, old, context.manager, subresource, this.now());
    this.#allow(context, key, subresource, old, object);
    if (jsonEqual(object, old)) return old;
    if (context.dryRun) return object;
    if (isReleased(object)) return batch.remove(key.resource, object);
    return batch.save(key.resource, object, old);
  }

  /** DELETE of one object. */
  delete(key: Key, options: DeleteOptions, context: WriteContext): Promise<DeleteResult> {
    return this.committer.submit((batch) => {
      const old = batch.find(key.resource, key.namespace, key.name);
      if (old === undefined) throw notFound(key.resource, key.name);
      return this.deleteIn(batch, key, options, context, old);
    });
  }

  deleteIn(batch: Batch, key: Key, options: DeleteOptions, context: WriteContext, old: KubeObject): DeleteResult {
    checkPreconditions(key, options.preconditions, old);
    this.#allow(context, key, '', old, undefined);
    const finalizers = (old.metadata.finalizers ?? []).filter(
      (finalizer) => finalizer !== FINALIZER_FOREGROUND && finalizer !== FINALIZER_ORPHAN,
    );
    if (options.propagation === 'Foreground') finalizers.push(FINALIZER_FOREGROUND);
    if (options.propagation === 'Orphan') finalizers.push(FINALIZER_ORPHAN);
    const metadata = { ...old.metadata, finalizers };
    if (finalizers.length === 0) delete (metadata as { finalizers?: string[] }).finalizers;
    const object: KubeObject = { ...old, metadata };
    if (isReleased({ ...object, metadata: { ...metadata, deletionTimestamp: this.now() } })) {
      return { object: context.dryRun ? old : batch.remove(key.resource, old), removed: true };
    }
    if (metadata.deletionTimestamp === undefined) {
      metadata.deletionTimestamp = this.now();
      metadata.deletionGracePeriodSeconds = 0;
      if (metadata.generation !== undefined) metadata.generation += 1;
      if (key.resource.id === 'namespaces') object['status'] = { phase: 'Terminating' };
    }
    if (jsonEqual(object, old)) return { object: old, removed: false };
    return { object: context.dryRun ? object : batch.save(key.resource, object, old), removed: false };
  }

  /** Makes the namespaces that exist from the first start on. */
  ensureNamespaces(names: readonly string[], context: WriteContext): Promise<void> {
    const resource = this.table.find('v1', 'namespaces');
    return this.committer.submit((batch) => {
      if (resource === undefined) return;
      for (const name of names) {
        if (batch.find(resource, '', name) !== undefined) continue;
        this.createIn(batch, resource, '', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, context);
      }
    });
  }
}

/** True when an object that is being deleted waits for nobody any more. */
export function isReleased(object: KubeObject): boolean {
  if (object.metadata.deletionTimestamp === undefined) return false;
  if ((object.metadata.finalizers ?? []).length > 0) return false;
  const spec = object['spec'];
  const inner =
    object.kind === 'Namespace' && object.apiVersion === 'v1'
      ? (spec as { finalizers?: Json } | undefined)?.finalizers
      : undefined;
  return !Array.isArray(inner) || inner.length === 0;
}

function checkPreconditions(key: Key, preconditions: Preconditions, object: KubeObject): void {
  const { uid, resourceVersion } = preconditions;
  if (uid !== undefined && uid !== object.metadata.uid) {
    throw conflict(
      key.resource,
      key.name,
      `the UID in the precondition (${uid}) does not match the UID in record (${object.metadata.uid ?? ''}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion) {
    throw conflict(
      key.resource,
      key.name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${object.metadata.resourceVersion ?? ''}). The object might have been modified`,
    );
  }
}
