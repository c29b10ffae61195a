import { badRequest } from './status-error.ts';
import { cloneJson, isObject, type Json, type JsonObject, jsonEqual, setOwn } from './types.ts';

/** How a list merges: by the value of a key, or as a set. Lists that are not named here are replaced. */
export type ListMerge = { readonly mergeKey: string } | { readonly set: true };

/** Lists of the built-in kinds that this server serves, by path. */
export const LIST_MERGES: Readonly<Record<string, ListMerge>> = {
  'metadata.finalizers': { set: true },
  'metadata.ownerReferences': { mergeKey: 'uid' },
  'spec.finalizers': { set: true },
  'status.conditions': { mergeKey: 'type' },
};

const DIRECTIVES = /^\$(patch|retainKeys|setElementOrder\/.*|deleteFromPrimitiveList\/.*)$/;

/**
 * Kubernetes' strategic merge patch, which kubectl sends for the built-in kinds (Secret, Namespace, Lease, Event).
 * Knows `$patch`, `$retainKeys`, `$deleteFromPrimitiveList`; `$setElementOrder` is accepted and has no effect (order
 * carries no meaning in these lists). Neither input is changed.
 */
export function strategicMergePatch(
  target: Json | undefined,
  patch: Json,
  merges: Readonly<Record<string, ListMerge>> = LIST_MERGES,
  path = '',
): Json {
  if (!isObject(patch)) return cloneJson(patch);
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  if (patch['$patch'] === 'delete') return {};
  if (patch['$patch'] !== undefined && patch['$patch'] !== 'merge') {
    throw badRequest(`strategic merge patch: unknown $patch directive ${JSON.stringify(patch['$patch'])}`);
  }
  const out: JsonObject = isObject(target) ? { ...target } : {};
  const retain = patch['$retainKeys'];
  if (Array.isArray(retain)) for (const key of Object.keys(out)) if (!retain.includes(key)) delete out[key];
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    const removal = /^\$deleteFromPrimitiveList\/(.*)$/.exec(key);
    if (removal !== null) {
      const list = out[removal[1] ?? ''];
      if (Array.isArray(list) && Array.isArray(value)) out[removal[1] ?? ''] = without(list, value);
      continue;
    }
    if (DIRECTIVES.test(key)) continue;
    const childPath = path === '' ? key : `${path}.${key}`;
    if (value === null) delete out[key];
    else if (Array.isArray(value)) setOwn(out, key, mergeList(out[key], value, merges[childPath]));
    else
      setOwn(out, key, strategicMergePatch(Object.hasOwn(out, key) ? out[key] : undefined, value, merges, childPath));
  }
  return out;
}

function without(list: Json[], removed: Json[]): Json[] {
  return list.filter((item) => !removed.some((other) => jsonEqual(item, other)));
}

function withoutDirectives(patch: JsonObject): JsonObject {
  const out: JsonObject = {};
  for (const [key, value] of Object.entries(patch)) {
    if (value !== undefined && !DIRECTIVES.test(key)) setOwn(out, key, cloneJson(value));
  }
  return out;
}

function mergeList(current: Json | undefined, patch: Json[], how: ListMerge | undefined): Json[] {
  if (how === undefined || !Array.isArray(current)) {
    return patch.flatMap((item) => (isObject(item) && item['$patch'] === 'delete' ? [] : [cloneJson(item)]));
  }
  if ('set' in how) return [...current, ...without(patch, current)];
  if (patch.some((item) => isObject(item) && item['$patch'] === 'replace')) {
    return patch.filter((item) => !(isObject(item) && item['$patch'] === 'replace')).map((item) => cloneJson(item));
  }
  const out = [...current];
  for (const item of patch) {
    if (!isObject(item) || item[how.mergeKey] === undefined) {
      throw badRequest(`strategic merge patch: list items need the key ${how.mergeKey}`);
    }
    const position = out.findIndex((other) => isObject(other) && jsonEqual(other[how.mergeKey], item[how.mergeKey]));
    if (item['$patch'] === 'delete') {
      if (position >= 0) out.splice(position, 1);
    } else if (position >= 0) out[position] = strategicMergePatch(out[position], item, {});
    else out.push(withoutDirectives(item));
  }
  return out;
}
