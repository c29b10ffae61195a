/**
 * An API server in memory with the semantics that controllers rely on: one resourceVersion for everything, conflicts,
 * generation, the status subresource, finalizers, selectors and watches. The store is synchronous; `client()` gives the
 * asynchronous interface, with a hook that can count, fail or never answer.
 */
import type { ApiObject, Stored } from '@holdfast/api/client/object.ts';
import type { ClusterClient, ListOptions, ResourceApi, ResourceType, WatchEvent } from '@holdfast/api/client/types.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { deepEqual } from '../../src/core/merge-diff.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'patchStatus' | 'updateStatus' | 'delete';

export interface Call {
  readonly verb: Verb;
  readonly plural: string;
  readonly name: string;
}

export const MUTATIONS: ReadonlySet<Verb> = new Set([
  'create',
  'update',
  'patch',
  'patchStatus',
  'updateStatus',
  'delete',
]);

/** Around every call of a client. Throw or never resolve to play a failing or dead network. */
export interface ClientHooks {
  before?(call: Call): void | Promise<void>;
  after?(call: Call): void | Promise<void>;
  /** True while this client cannot reach the server: calls fail, watches break (after {@link FakeCluster.disturb}). */
  isCut?(): boolean;
}

type AnyStored = Stored<ApiObject<Record<string, unknown>, Record<string, unknown>>>;

interface LogEntry {
  readonly version: number;
  readonly plural: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: AnyStored;
}

export class FakeCluster {
  readonly #objects = new Map<string, Map<string, AnyStored>>();
  readonly #log: LogEntry[] = [];
  readonly #watchers = new Set<() => void>();
  readonly #nowIso: () => string;
  #version = 0;
  #changes = 0;

  constructor(nowIso: () => string) {
    this.#nowIso = nowIso;
  }

  /** Counts changes of everything but leases. */
  get changes(): number {
    return this.#changes;
  }

  get<T extends ApiObject>(type: ResourceType<T>, name: string, namespace?: string): Stored<T> | undefined {
    return this.#kind(type).get(keyOf(type, name, namespace)) as Stored<T> | undefined;
  }

  list<T extends ApiObject>(type: ResourceType<T>, options: ListOptions = {}, namespace?: string): Stored<T>[] {
    const items = [...this.#kind(type).values()].filter((object) => matches(object, options, namespace));
    return items as unknown as Stored<T>[];
  }

  create<T extends ApiObject>(type: ResourceType<T>, object: T): Stored<T> {
    const { name, namespace } = object.metadata;
    if (this.#kind(type).has(keyOf(type, name, namespace))) throw fail('already_exists', type, name, 'AlreadyExists');
    this.#version += 1;
    const copy = structuredClone(object);
    const stored = {
      ...copy,
      metadata: {
        ...copy.metadata,
        uid: `uid-${name}-${this.#version}`,
        generation: 1,
        creationTimestamp: this.#nowIso(),
        resourceVersion: String(this.#version),
      },
    } as unknown as AnyStored;
    this.#put(type, stored, 'ADDED');
    return stored as unknown as Stored<T>;
  }

  /** Merge patch of everything but the status, or of nothing but the status. */
  patch<T extends ApiObject>(
    type: ResourceType<T>,
    name: string,
    patch: object,
    options: { namespace?: string | undefined; status?: boolean } = {},
  ): Stored<T> {
    const old = this.#kind(type).get(keyOf(type, name, options.namespace));
    if (old === undefined) throw fail('not_found', type, name, 'NotFound');
    const wanted = (patch as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion;
    if (wanted !== undefined && wanted !== old.metadata.resourceVersion) throw fail('aborted', type, name, 'Conflict');
    const merged = mergePatch(old, patch) as AnyStored;
    return this.#replace(type, old, merged, options.status === true) as unknown as Stored<T>;
  }

  update<T extends ApiObject>(type: ResourceType<T>, object: Stored<T>, status = false): Stored<T> {
    const { name, namespace, resourceVersion } = object.metadata;
    const old = this.#kind(type).get(keyOf(type, name, namespace));
    if (old === undefined) throw fail('not_found', type, name, 'NotFound');
    if (resourceVersion !== old.metadata.resourceVersion) throw fail('aborted', type, name, 'Conflict');
    return this.#replace(type, old, structuredClone(object) as unknown as AnyStored, status) as unknown as Stored<T>;
  }

  delete<T extends ApiObject>(
    type: ResourceType<T>,
    name: string,
    options: { namespace?: string; preconditions?: { uid?: string; resourceVersion?: string } } = {},
  ): void {
    const old = this.#kind(type).get(keyOf(type, name, options.namespace));
    if (old === undefined) return;
    const { uid, resourceVersion } = options.preconditions ?? {};
    if (uid !== undefined && uid !== old.metadata.uid) throw fail('aborted', type, name, 'Conflict');
    if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
      throw fail('aborted', type, name, 'Conflict');
    }
    if ((old.metadata.finalizers ?? []).length === 0) {
      this.#remove(type, old);
      return;
    }
    if (old.metadata.deletionTimestamp !== undefined) return;
    this.#version += 1;
    const marked = {
      ...old,
      metadata: { ...old.metadata, deletionTimestamp: this.#nowIso(), resourceVersion: String(this.#version) },
    };
    this.#put(type, marked, 'MODIFIED');
  }

  /** Makes every watch look whether it still has a connection. */
  disturb(): void {
    for (const wake of [...this.#watchers]) wake();
  }

  client(hooks: ClientHooks = {}): ClusterClient {
    return { resource: (type) => this.#resource(type, hooks) };
  }

  #resource<T extends ApiObject>(type: ResourceType<T>, hooks: ClientHooks): ResourceApi<T> {
    const call = async <R>(verb: Verb, name: string, work: () => R): Promise<R> => {
      const what = { verb, plural: type.plural, name };
      await hooks.before?.(what);
      if (hooks.isCut?.() === true) throw noConnection();
      const result = work();
      await hooks.after?.(what);
      return result;
    };
    const required = (name: string, namespace?: string): Stored<T> => {
      const object = this.get(type, name, namespace);
      if (object === undefined) throw fail('not_found', type, name, 'NotFound');
      return object;
    };
    return {
      type,
      get: (name, namespace) => call('get', name, () => required(name, namespace)),
      find: (name, namespace) => call('get', name, () => this.get(type, name, namespace)),
      list: (options, namespace) =>
        call('list', '', () => ({
          items: this.list(type, options, namespace),
          resourceVersion: String(this.#version),
        })),
      create: (object) => call('create', object.metadata.name, () => this.create(type, object)),
      update: (object) => call('update', object.metadata.name, () => this.update(type, object)),
      updateStatus: (object) => call('updateStatus', object.metadata.name, () => this.update(type, object, true)),
      patch: (name, patch, namespace) => call('patch', name, () => this.patch(type, name, patch, { namespace })),
      patchStatus: (name, patch, namespace) =>
        call('patchStatus', name, () => this.patch(type, name, patch, { namespace, status: true })),
      delete: (name, options) => call('delete', name, () => this.delete(type, name, options)),
      watch: (options, namespace) => this.#watch(type, options, namespace, hooks),
    };
  }

  async *#watch<T extends ApiObject>(
    type: ResourceType<T>,
    options: ListOptions & { resourceVersion: string },
    namespace: string | undefined,
    hooks: ClientHooks,
  ): AsyncIterable<WatchEvent<T>> {
    await hooks.before?.({ verb: 'watch', plural: type.plural, name: '' });
    const from = Number(options.resourceVersion);
    let index = this.#log.findIndex((entry) => entry.version > from);
    if (index < 0) index = this.#log.length;
    for (;;) {
      if (hooks.isCut?.() === true) throw noConnection();
      const entry = this.#log[index];
      if (entry === undefined) {
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            this.#watchers.delete(wake);
            options.signal?.removeEventListener('abort', wake);
            resolve();
          };
          this.#watchers.add(wake);
          options.signal?.addEventListener('abort', wake, { once: true });
          if (options.signal?.aborted === true) wake();
        });
        options.signal?.throwIfAborted();
        continue;
      }
      index += 1;
      if (entry.plural !== type.plural || !matches(entry.object, options, namespace)) continue;
      yield { type: entry.type, object: entry.object as unknown as Stored<T> };
    }
  }

  #replace<T extends ApiObject>(type: ResourceType<T>, old: AnyStored, next: AnyStored, status: boolean): AnyStored {
    const body = status ? { ...old, status: next.status } : { ...next, status: old.status };
    const { deletionTimestamp } = old.metadata;
    const metadata = {
      ...(status ? old.metadata : next.metadata),
      uid: old.metadata.uid,
      creationTimestamp: old.metadata.creationTimestamp,
      resourceVersion: old.metadata.resourceVersion,
      generation: (old.metadata.generation ?? 1) + (deepEqual(old.spec, body.spec) ? 0 : 1),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    };
    const { status: bodyStatus, ...rest } = body;
    const made = { ...rest, ...(bodyStatus === undefined ? {} : { status: bodyStatus }), metadata } as AnyStored;
    if (deepEqual(made, old)) return old;
    if (deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0) {
      this.#remove(type, made);
      return made;
    }
    this.#version += 1;
    made.metadata.resourceVersion = String(this.#version);
    this.#put(type, made, 'MODIFIED');
    return made;
  }

  #kind<T extends ApiObject>(type: ResourceType<T>): Map<string, AnyStored> {
    const kind = this.#objects.get(type.plural) ?? new Map<string, AnyStored>();
    this.#objects.set(type.plural, kind);
    return kind;
  }

  #put<T extends ApiObject>(type: ResourceType<T>, object: AnyStored, event: 'ADDED' | 'MODIFIED'): void {
    this.#kind(type).set(keyOf(type, object.metadata.name, object.metadata.namespace), freeze(object));
    this.#emit(type, event, object);
  }

  #remove<T extends ApiObject>(type: ResourceType<T>, object: AnyStored): void {
    this.#version += 1;
    this.#kind(type).delete(keyOf(type, object.metadata.name, object.metadata.namespace));
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#emit(type, 'DELETED', last);
  }

  #emit<T extends ApiObject>(type: ResourceType<T>, event: LogEntry['type'], object: AnyStored): void {
    this.#log.push({ version: this.#version, plural: type.plural, type: event, object: freeze(object) });
    if (type.plural !== 'leases') this.#changes += 1;
    for (const wake of [...this.#watchers]) wake();
  }
}

function keyOf<T extends ApiObject>(type: ResourceType<T>, name: string, namespace: string | undefined): string {
  return type.namespaced ? `${namespace ?? ''}/${name}` : name;
}

function fail<T extends ApiObject>(
  code: AppError['code'],
  type: ResourceType<T>,
  name: string,
  reason: string,
): AppError {
  return new AppError(code, `${type.plural} '${name}': ${reason}`, { details: { reason } });
}

function noConnection(): AppError {
  return new AppError('unavailable', 'no connection to the API server', { details: { reason: 'NoConnection' } });
}

function matches(object: AnyStored, options: ListOptions, namespace: string | undefined): boolean {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  const labels = object.metadata.labels ?? {};
  const labelOk = terms(options.labelSelector).every(([key, value]) => labels[key] === value);
  return labelOk && terms(options.fieldSelector).every(([path, value]) => String(at(object, path) ?? '') === value);
}

function terms(selector: string | undefined): [string, string][] {
  return (selector ?? '')
    .split(',')
    .filter((term) => term !== '')
    .map((term) => term.split(/==?/) as [string, string]);
}

function at(object: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object);
}

/** Objects are shared, not copied: whoever changes one in place is found out. */
function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return structuredClone(patch);
  const out: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else if (value !== undefined) out[key] = mergePatch(out[key], value);
  }
  return out;
}
