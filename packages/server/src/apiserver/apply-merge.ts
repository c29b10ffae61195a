import { type FieldSet, isAtomicMap, itemElement, joinPath, listKind, SEPARATOR } from './field-set.ts';
import { childSchema, type Structural } from './structural.ts';
import { cloneJson, isObject, type Json, type JsonObject, setOwn } from './types.ts';

/** Lays an applied configuration over the live value, list by list as the schema says. Neither input is changed. */
export function mergeApplied(
  live: Json | undefined,
  wanted: Json | undefined,
  schema: Structural | undefined,
): Json | undefined {
  if (wanted === undefined) return live === undefined ? undefined : cloneJson(live);
  if (isObject(wanted) && isObject(live) && !isAtomicMap(schema)) {
    const out: JsonObject = {};
    for (const key of new Set([...Object.keys(live), ...Object.keys(wanted)])) {
      const value = mergeApplied(own(live, key), own(wanted, key), childSchema(schema, key));
      if (value !== undefined) setOwn(out, key, value);
    }
    return out;
  }
  if (Array.isArray(wanted) && Array.isArray(live) && listKind(schema) !== 'atomic') {
    const applied = new Map(wanted.map((item) => [itemElement(item, schema), item]));
    const out: Json[] = [];
    for (const item of live) {
      const element = itemElement(item, schema);
      const merged = mergeApplied(item, applied.get(element), schema?.items);
      applied.delete(element);
      if (merged !== undefined) out.push(merged);
    }
    for (const item of applied.values()) out.push(cloneJson(item));
    return out;
  }
  return cloneJson(wanted);
}

function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function hasBelow(set: FieldSet, path: string): boolean {
  const prefix = `${path}${SEPARATOR}`;
  for (const field of set) if (field.startsWith(prefix)) return true;
  return false;
}

/**
 * Removes the given fields; containers that become empty go with them, unless `keep` names them or something below.
 */
export function removeFields(
  value: Json | undefined,
  schema: Structural | undefined,
  remove: FieldSet,
  keep: FieldSet,
  path = '',
): Json | undefined {
  if (remove.size === 0) return value;
  if (path !== '' && remove.has(path) && !hasBelow(keep, path)) {
    if (!isObject(value) || isAtomicMap(schema) || Object.keys(value).length === 0) return undefined;
    if (path.slice(path.lastIndexOf(SEPARATOR) + 1).startsWith('k:')) return undefined;
  }
  if (isObject(value) && !isAtomicMap(schema)) {
    if (path !== '' && !hasBelow(remove, path)) return value;
    const out: JsonObject = {};
    for (const [key, item] of Object.entries(value)) {
      const next = removeFields(item, childSchema(schema, key), remove, keep, joinPath(path, `f:${key}`));
      if (next !== undefined) setOwn(out, key, next);
    }
    return Object.keys(out).length === 0 && path !== '' && !keep.has(path) ? undefined : out;
  }
  if (Array.isArray(value) && listKind(schema) !== 'atomic') {
    if (!hasBelow(remove, path)) return value;
    const out = value.flatMap((item) => {
      const next = removeFields(item, schema?.items, remove, keep, joinPath(path, itemElement(item, schema)));
      return next === undefined ? [] : [next];
    });
    return out.length === 0 && !keep.has(path) ? undefined : out;
  }
  return value;
}
