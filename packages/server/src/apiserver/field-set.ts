import { childSchema, type Structural } from './structural.ts';
import { isObject, type Json, type JsonObject, jsonEqual, setOwn } from './types.ts';

/**
 * A set of field paths, as server-side apply speaks of them. A path is its FieldsV1 elements (`f:name`, `k:{"uid":"1"}`, `v:"x"`)
 * joined by a character that JSON text never holds unescaped, so that set algebra is that of `Set<string>`.
 */
export type FieldSet = ReadonlySet<string>;
export const SEPARATOR = '\u0000';

export function joinPath(parent: string, element: string): string {
  return parent === '' ? element : `${parent}${SEPARATOR}${element}`;
}

/** FieldsV1 as it is stored. */
export function toFieldsV1(set: FieldSet): JsonObject {
  const root: JsonObject = {};
  for (const path of [...set].sort()) {
    let node = root;
    const elements = path.split(SEPARATOR);
    for (const element of elements) {
      const next = Object.hasOwn(node, element) ? node[element] : undefined;
      if (isObject(next)) node = next;
      else {
        const made: JsonObject = {};
        setOwn(node, element, made);
        node = made;
      }
    }
    node['.'] = {};
  }
  return compact(root);
}

/** A leaf is written `{}`, not `{".":{}}`. */
function compact(node: JsonObject): JsonObject {
  const keys = Object.keys(node);
  if (keys.length === 1 && keys[0] === '.') return {};
  const out: JsonObject = {};
  for (const [key, value] of Object.entries(node))
    setOwn(out, key, key === '.' || !isObject(value) ? {} : compact(value));
  return out;
}

export function fromFieldsV1(fields: Json | undefined): Set<string> {
  const out = new Set<string>();
  const visit = (node: JsonObject, path: string): void => {
    const keys = Object.keys(node);
    if (keys.length === 0 && path !== '') out.add(path);
    for (const key of keys) {
      const child = node[key];
      if (key === '.') {
        if (path !== '') out.add(path);
      } else if (isObject(child)) visit(child, joinPath(path, key));
    }
  };
  if (isObject(fields)) visit(fields, '');
  return out;
}

export type ListKind = 'atomic' | 'set' | 'map';

export function listKind(schema: Structural | undefined): ListKind {
  const kind = schema?.['x-kubernetes-list-type'];
  return kind === 'set' || kind === 'map' ? kind : 'atomic';
}

export function isAtomicMap(schema: Structural | undefined): boolean {
  return schema?.['x-kubernetes-map-type'] === 'atomic';
}

/** The path element of a list item: by its keys, or by its value. */
export function itemElement(item: Json, schema: Structural | undefined): string {
  if (listKind(schema) === 'map' && isObject(item)) {
    const keys: JsonObject = {};
    for (const key of [...(schema?.['x-kubernetes-list-map-keys'] ?? [])].sort()) {
      const value = item[key] ?? schema?.items?.properties?.[key]?.default;
      if (value !== undefined) keys[key] = value;
    }
    return `k:${JSON.stringify(keys)}`;
  }
  return `v:${JSON.stringify(item)}`;
}

/** Every field that a value sets. Atomic lists and maps count as one field. */
export function fieldsOf(
  value: Json | undefined,
  schema: Structural | undefined,
  path = '',
  out = new Set<string>(),
): Set<string> {
  if (value === undefined) return out;
  if (isObject(value) && !isAtomicMap(schema)) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    if (entries.length === 0 && path !== '') out.add(path);
    for (const [key, item] of entries) fieldsOf(item, childSchema(schema, key), joinPath(path, `f:${key}`), out);
    return out;
  }
  if (Array.isArray(value) && listKind(schema) !== 'atomic') {
    if (value.length === 0) out.add(path);
    for (const item of value) {
      const itemPath = joinPath(path, itemElement(item, schema));
      out.add(itemPath);
      if (listKind(schema) === 'map') fieldsOf(item, schema?.items, itemPath, out);
    }
    return out;
  }
  out.add(path);
  return out;
}

/** What differs between two values. */
export interface Difference {
  /** Added or changed. */
  readonly changed: Set<string>;
  readonly removed: Set<string>;
}

export function compareFields(
  before: Json | undefined,
  after: Json | undefined,
  schema: Structural | undefined,
  path = '',
  out: Difference = { changed: new Set(), removed: new Set() },
): Difference {
  if (before === after) return out;
  if (before === undefined) {
    fieldsOf(after, schema, path, out.changed);
  } else if (after === undefined) {
    fieldsOf(before, schema, path, out.removed);
  } else if (isObject(before) && isObject(after) && !isAtomicMap(schema)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compareFields(before[key], after[key], childSchema(schema, key), joinPath(path, `f:${key}`), out);
    }
  } else if (Array.isArray(before) && Array.isArray(after) && listKind(schema) !== 'atomic') {
    const old = new Map(before.map((item) => [itemElement(item, schema), item]));
    const now = new Map(after.map((item) => [itemElement(item, schema), item]));
    for (const element of new Set([...old.keys(), ...now.keys()])) {
      const itemPath = joinPath(path, element);
      const a = old.get(element);
      const b = now.get(element);
      if (a === undefined) out.changed.add(itemPath);
      if (b === undefined) out.removed.add(itemPath);
      if (listKind(schema) === 'map') compareFields(a, b, schema?.items, itemPath, out);
    }
  } else if (!jsonEqual(before, after)) {
    fieldsOf(before, schema, path, out.removed);
    fieldsOf(after, schema, path, out.changed);
    for (const field of out.changed) out.removed.delete(field);
  }
  return out;
}

/** `.spec.replicas`, `.metadata.ownerReferences[uid="1"]`: a path as conflict messages show it. */
export function describePath(path: string): string {
  return path
    .split(SEPARATOR)
    .map((element) => {
      const rest = element.slice(2);
      if (element.startsWith('f:')) return `.${rest}`;
      if (element.startsWith('v:')) return `[=${rest}]`;
      const keys = JSON.parse(rest) as JsonObject;
      return `[${Object.entries(keys)
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .join(',')}]`;
    })
    .join('');
}
