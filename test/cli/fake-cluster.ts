import type { ClusterClient, ResourceApi, ResourceType, WatchEvent } from '@holdfast/api/client/types.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { ApiObject, Stored } from '@holdfast/api/schema/meta.ts';

type Dict = Record<string, unknown>;
type Any = Stored<ApiObject>;

/** A cluster's API in memory, with the conventions that the commands rely on: versions, conflicts, merge patch, watch. */
export interface FakeCluster extends ClusterClient {
  /** Puts an object as it is, as a controller or agent would. */
  put(object: ApiObject): void;
  remove(plural: string, name: string): void;
  /** Every object, for comparing before and after. */
  dump(): string;
  /** What was written, in order: `create volumes/db`. */
  readonly writes: string[];
  /** Called after every write, with the same text: plays the controllers. */
  onWrite: (write: string) => void;
}

function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Dict =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...(target as Dict) } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

const PLURALS: Readonly<Record<string, string>> = {
  Node: 'nodes',
  Pool: 'pools',
  Volume: 'volumes',
  Replica: 'replicas',
  Event: 'events',
};

export function createFakeCluster(nowMs: number): FakeCluster {
  const stores = new Map<string, Map<string, Any>>();
  const watchers = new Set<(plural: string, event: WatchEvent<ApiObject>) => void>();
  let version = 100;
  const writes: string[] = [];

  const storeOf = (plural: string): Map<string, Any> => {
    const store = stores.get(plural) ?? new Map<string, Any>();
    stores.set(plural, store);
    return store;
  };
  const save = (plural: string, object: ApiObject, type: 'ADDED' | 'MODIFIED'): Any => {
    version += 1;
    const stored: Any = {
      ...structuredClone(object),
      metadata: {
        uid: `uid-${plural}-${object.metadata.name}`,
        creationTimestamp: new Date(nowMs).toISOString(),
        ...structuredClone(object.metadata),
        resourceVersion: String(version),
      },
    };
    storeOf(plural).set(object.metadata.name, stored);
    for (const tell of watchers) tell(plural, { type, object: structuredClone(stored) });
    return structuredClone(stored);
  };
  const drop = (plural: string, name: string): void => {
    const old = storeOf(plural).get(name);
    if (old === undefined) return;
    storeOf(plural).delete(name);
    for (const tell of watchers) tell(plural, { type: 'DELETED', object: structuredClone(old) });
  };

  const cluster: FakeCluster = {
    writes,
    onWrite: () => {},
    put(object) {
      const plural = PLURALS[object.kind] ?? `${object.kind.toLowerCase()}s`;
      save(plural, object, storeOf(plural).has(object.metadata.name) ? 'MODIFIED' : 'ADDED');
    },
    remove: drop,
    dump: () => JSON.stringify([...stores.values()].flatMap((store) => [...store.values()])),
    resource<T extends ApiObject>(type: ResourceType<T>): ResourceApi<T> {
      const { plural } = type;
      const wrote = (verb: string, name: string): void => {
        writes.push(`${verb} ${plural}/${name}`);
        cluster.onWrite(`${verb} ${plural}/${name}`);
      };
      const find = (name: string): Promise<Stored<T> | undefined> =>
        Promise.resolve(structuredClone(storeOf(plural).get(name)) as Stored<T> | undefined);
      const get = async (name: string): Promise<Stored<T>> => {
        const found = await find(name);
        if (found === undefined) throw new AppError('not_found', `${plural} '${name}' not found`);
        return found;
      };
      const check = (current: Any, wanted: string | undefined): void => {
        if (wanted !== undefined && wanted !== current.metadata.resourceVersion) {
          throw new AppError('aborted', `${plural} '${current.metadata.name}' was changed by somebody else`);
        }
      };
      const patch = async (name: string, change: object): Promise<Stored<T>> => {
        await get(name);
        // No await from here: the comparison and the swap are one step.
        const current = storeOf(plural).get(name);
        if (current === undefined) throw new AppError('not_found', `${plural} '${name}' not found`);
        const wanted = (change as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion;
        check(current, wanted);
        const saved = save(plural, merge(current, change) as ApiObject, 'MODIFIED') as Stored<T>;
        wrote('patch', name);
        return saved;
      };
      const update = (object: Stored<T>): Promise<Stored<T>> => {
        const current = storeOf(plural).get(object.metadata.name);
        if (current === undefined) return Promise.reject(new AppError('not_found', 'gone'));
        check(current, object.metadata.resourceVersion);
        return Promise.resolve(save(plural, object, 'MODIFIED') as Stored<T>);
      };
      return {
        type,
        get,
        find,
        list: () =>
          Promise.resolve({
            items: [...storeOf(plural).values()].map((object) => structuredClone(object) as Stored<T>),
            resourceVersion: String(version),
          }),
        async create(object) {
          if (storeOf(plural).has(object.metadata.name)) throw new AppError('already_exists', `${plural} exists`);
          const saved = save(plural, object, 'ADDED') as Stored<T>;
          wrote('create', object.metadata.name);
          return saved;
        },
        update,
        updateStatus: update,
        patch,
        patchStatus: patch,
        async delete(name, options) {
          const current = storeOf(plural).get(name);
          if (current === undefined) return;
          check(current, options?.preconditions?.resourceVersion);
          if ((current.metadata.finalizers?.length ?? 0) > 0) {
            save(
              plural,
              { ...current, metadata: { ...current.metadata, deletionTimestamp: new Date(nowMs).toISOString() } },
              'MODIFIED',
            );
          } else drop(plural, name);
          wrote('delete', name);
        },
        async *watch({ signal }) {
          const queue: WatchEvent<T>[] = [];
          let wake: () => void = () => {};
          const tell = (changed: string, event: WatchEvent<ApiObject>): void => {
            if (changed !== plural) return;
            queue.push(event as WatchEvent<T>);
            wake();
          };
          watchers.add(tell);
          try {
            while (signal?.aborted !== true) {
              const next = queue.shift();
              if (next !== undefined) yield next;
              else {
                await new Promise<void>((resolve) => {
                  wake = resolve;
                  signal?.addEventListener('abort', () => resolve(), { once: true });
                });
              }
            }
          } finally {
            watchers.delete(tell);
          }
        },
      };
    },
  };
  return cluster;
}
