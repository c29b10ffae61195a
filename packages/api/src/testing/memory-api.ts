import type { ApiObject, Stored } from '../client/object.ts';
import type { ResourceApi, ResourceType, WatchEvent } from '../client/types.ts';
import { AppError } from '../errors.ts';

/** One kind in memory, with compare-and-swap, merge patch and watches. For unit tests of clients of the API. */
export interface MemoryApi<T extends ApiObject> extends ResourceApi<T> {
  /** Called before every request with its verb; throw or wait here to play a failing or slow server. */
  onCall: (verb: string, name: string) => void | Promise<void>;
  readonly calls: string[];
  readonly objects: ReadonlyMap<string, Stored<T>>;
}

export function createMemoryApi<T extends ApiObject>(type: ResourceType<T>): MemoryApi<T> {
  const objects = new Map<string, Stored<T>>();
  const calls: string[] = [];
  const log: { version: number; event: WatchEvent<T> }[] = [];
  const watchers = new Set<() => void>();
  let version = 0;

  const keyOf = (name: string, namespace?: string): string => (type.namespaced ? `${namespace ?? ''}/${name}` : name);
  const fail = (code: AppError['code'], name: string, reason: string): AppError =>
    new AppError(code, `${type.plural} '${name}': ${reason}`, { details: { reason } });

  async function called(verb: string, name: string, signal?: AbortSignal): Promise<void> {
    calls.push(`${verb} ${name}`);
    signal?.throwIfAborted();
    const gave = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    gave.catch(() => {});
    await Promise.race([gave, Promise.resolve().then(() => api.onCall(verb, name))]);
  }

  function emit(eventType: 'ADDED' | 'MODIFIED' | 'DELETED', object: Stored<T>): void {
    log.push({ version, event: { type: eventType, object } });
    for (const wake of watchers) wake();
  }

  function store(object: T, old: Stored<T> | undefined): Stored<T> {
    version += 1;
    const copy = structuredClone(object);
    const made = {
      ...copy,
      metadata: {
        ...copy.metadata,
        uid: old?.metadata.uid ?? `uid-${version}`,
        creationTimestamp: old?.metadata.creationTimestamp ?? '2026-01-01T00:00:00Z',
        resourceVersion: String(version),
      },
    } as Stored<T>;
    objects.set(keyOf(made.metadata.name, made.metadata.namespace), made);
    emit(old === undefined ? 'ADDED' : 'MODIFIED', made);
    return structuredClone(made);
  }

  function existing(name: string, namespace: string | undefined): Stored<T> {
    const object = objects.get(keyOf(name, namespace));
    if (object === undefined) throw fail('not_found', name, 'NotFound');
    return object;
  }

  function put(object: Stored<T>): Stored<T> {
    const old = existing(object.metadata.name, object.metadata.namespace);
    if (old.metadata.resourceVersion !== object.metadata.resourceVersion) {
      throw fail('aborted', object.metadata.name, 'Conflict');
    }
    return store(object as unknown as T, old);
  }

  function patched(name: string, patch: object, namespace: string | undefined): Stored<T> {
    const old = existing(name, namespace);
    const wanted = (patch as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion;
    if (wanted !== undefined && wanted !== old.metadata.resourceVersion) throw fail('aborted', name, 'Conflict');
    return store(mergePatch(old, patch) as T, old);
  }

  const api: MemoryApi<T> = {
    type,
    calls,
    objects,
    onCall: () => {},
    async get(name, namespace, options) {
      await called('get', name, options?.signal);
      return structuredClone(existing(name, namespace));
    },
    async find(name, namespace, options) {
      await called('get', name, options?.signal);
      return structuredClone(objects.get(keyOf(name, namespace)));
    },
    async list(options, namespace) {
      await called('list', '', options?.signal);
      const items = [...objects.values()].filter(
        (object) => namespace === undefined || object.metadata.namespace === namespace,
      );
      return { items: structuredClone(items), resourceVersion: String(version) };
    },
    async create(object, options) {
      await called('create', object.metadata.name, options?.signal);
      if (objects.has(keyOf(object.metadata.name, object.metadata.namespace))) {
        throw fail('already_exists', object.metadata.name, 'AlreadyExists');
      }
      return store(object, undefined);
    },
    async update(object, options) {
      await called('update', object.metadata.name, options?.signal);
      return put(object);
    },
    async updateStatus(object, options) {
      await called('updateStatus', object.metadata.name, options?.signal);
      return put(object);
    },
    async patch(name, patch, namespace, options) {
      await called('patch', name, options?.signal);
      return patched(name, patch, namespace);
    },
    async patchStatus(name, patch, namespace, options) {
      await called('patchStatus', name, options?.signal);
      return patched(name, patch, namespace);
    },
    async delete(name, options) {
      await called('delete', name, options?.signal);
      const old = objects.get(keyOf(name, options?.namespace));
      if (old === undefined) return;
      objects.delete(keyOf(name, options?.namespace));
      version += 1;
      emit('DELETED', { ...old, metadata: { ...old.metadata, resourceVersion: String(version) } });
    },
    async *watch(options, namespace) {
      await called('watch', '', options.signal);
      let from = Number(options.resourceVersion);
      for (;;) {
        const next = log.find((entry) => entry.version > from);
        if (next === undefined) {
          await new Promise<void>((resolve) => {
            const wake = (): void => {
              watchers.delete(wake);
              resolve();
            };
            watchers.add(wake);
            options.signal?.addEventListener('abort', wake, { once: true });
            if (options.signal?.aborted === true) wake();
          });
          options.signal?.throwIfAborted();
          continue;
        }
        from = next.version;
        const { event } = next;
        if (event.type !== 'BOOKMARK' && namespace !== undefined && event.object.metadata.namespace !== namespace)
          continue;
        yield structuredClone(event);
      }
    },
  };
  return api;
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return structuredClone(patch);
  const out: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else out[key] = mergePatch(out[key], value);
  }
  return out;
}
