import { AppError } from '../errors.ts';
import type { ApiObject, Stored } from './object.ts';

/** Values under which an object is found in one index. */
export type IndexFunction<T extends ApiObject> = (object: Stored<T>) => readonly string[];

/** Objects by key, and by the values of declared indexes. Order of results: order of first arrival. */
export interface IndexedCache<T extends ApiObject> {
  get(key: string): Stored<T> | undefined;
  /** Returns what it replaces. */
  set(object: Stored<T>): Stored<T> | undefined;
  /** Returns what it removes. */
  delete(key: string): Stored<T> | undefined;
  list(): Stored<T>[];
  /** @throws AppError `internal` for an index that was not declared. */
  byIndex(index: string, value: string): Stored<T>[];
}

/** `name`, or `namespace/name` for namespaced kinds. */
export function keyOf(object: Stored<ApiObject>): string {
  const { name, namespace } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

interface Entry<T extends ApiObject> {
  readonly object: Stored<T>;
  /** What it was indexed under, kept so that removal finds the same places. */
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/** An index function that throws is reported; its object is then in the cache but not in that index. */
export function createIndexedCache<T extends ApiObject>(
  indexes: Readonly<Record<string, IndexFunction<T>>>,
  onError: (error: AppError) => void,
): IndexedCache<T> {
  const entries = new Map<string, Entry<T>>();
  const tables = new Map<string, Map<string, Set<string>>>();
  for (const name of Object.keys(indexes)) tables.set(name, new Map());

  function valuesOf(name: string, values: IndexFunction<T>, object: Stored<T>): readonly string[] {
    try {
      return values(object);
    } catch (error) {
      onError(
        new AppError('internal', `index '${name}' failed on ${keyOf(object)}: ${AppError.from(error).message}`, {
          cause: error,
        }),
      );
      return [];
    }
  }

  function remove(key: string): Stored<T> | undefined {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    for (const [name, values] of entry.values) {
      const table = tables.get(name);
      for (const value of values) {
        const keys = table?.get(value);
        keys?.delete(key);
        if (keys?.size === 0) table?.delete(value);
      }
    }
    return entry.object;
  }

  return {
    get: (key) => entries.get(key)?.object,
    set(object) {
      const key = keyOf(object);
      const values = new Map(
        Object.entries(indexes).map(([name, index]) => [name, valuesOf(name, index, object)] as const),
      );
      const old = remove(key);
      entries.set(key, { object, values });
      for (const [name, list] of values) {
        const table = tables.get(name);
        for (const value of list) {
          const keys = table?.get(value);
          if (keys === undefined) table?.set(value, new Set([key]));
          else keys.add(key);
        }
      }
      return old;
    },
    delete(key) {
      const old = remove(key);
      entries.delete(key);
      return old;
    },
    list: () => [...entries.values()].map((entry) => entry.object),
    byIndex(name, value) {
      const table = tables.get(name);
      if (table === undefined) {
        throw new AppError(
          'internal',
          `index '${name}' was not declared; declared are: ${[...tables.keys()].join(', ')}`,
        );
      }
      return [...(table.get(value) ?? [])].flatMap((key) => entries.get(key)?.object ?? []);
    },
  };
}
