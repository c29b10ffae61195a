import * as z from 'zod';
import { cloneJson, isObject, type Json, type JsonObject, setOwn } from './types.ts';

/** The structural subset of JSON schema that CRDs use. */
export interface Structural {
  type?: string;
  format?: string;
  description?: string;
  nullable?: boolean;
  default?: Json;
  enum?: Json[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  multipleOf?: number;
  properties?: Record<string, Structural>;
  required?: string[];
  items?: Structural;
  additionalProperties?: Structural | boolean;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: string;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
}

const COPIED = [
  'format',
  'description',
  'default',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'multipleOf',
  'required',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-int-or-string',
] as const;

/** The structural schema of a zod schema. Limits that only say "a safe integer" are left out. */
export function structuralOf(schema: z.ZodType): Structural {
  return convert(z.toJSONSchema(schema, { io: 'input', target: 'draft-7', unrepresentable: 'any' }) as JsonObject);
}

function convert(source: JsonObject): Structural {
  const out: Structural = {};
  for (const key of COPIED) {
    const value = source[key];
    if (value !== undefined) Object.assign(out, { [key]: value });
  }
  if (out.minimum === Number.MIN_SAFE_INTEGER) delete out.minimum;
  if (out.maximum === Number.MAX_SAFE_INTEGER) delete out.maximum;
  const type = source['type'];
  if (typeof type === 'string') out.type = type;
  if (Array.isArray(type)) {
    const first = type.find((item) => item !== 'null');
    if (typeof first === 'string') out.type = first;
    if (type.includes('null')) out.nullable = true;
  }
  if (isObject(source['properties'])) {
    out.properties = {};
    for (const [key, value] of Object.entries(source['properties'])) {
      if (isObject(value)) out.properties[key] = convert(value);
    }
  }
  if (isObject(source['items'])) out.items = convert(source['items']);
  const rest = source['additionalProperties'];
  if (isObject(rest)) {
    out.additionalProperties =
      Object.keys(rest).length === 0 ? { 'x-kubernetes-preserve-unknown-fields': true } : convert(rest);
  }
  const alternatives = source['anyOf'] ?? source['oneOf'];
  if (out.type === undefined && Array.isArray(alternatives)) {
    const types = alternatives.filter(isObject);
    const solid = types.filter((item) => item['type'] !== 'null');
    const only = solid[0];
    if (solid.length === 1 && only !== undefined) return { ...convert(only), ...out, nullable: true };
    out['x-kubernetes-preserve-unknown-fields'] = true;
  }
  if (out.type === undefined && out.enum === undefined) out['x-kubernetes-preserve-unknown-fields'] = true;
  return out;
}

/** What {@link normalize} dropped. */
export interface Normalized {
  readonly value: Json;
  /** Paths such as `spec.sizeByte` that the schema does not know. */
  readonly unknown: string[];
}

/**
 * What the API server does with every object that comes in: drops unknown fields (reported), drops nulls where null is
 * not allowed, fills in defaults. Never changes its input.
 */
export function normalize(value: Json, schema: Structural, path = ''): Normalized {
  const unknown: string[] = [];
  return { value: walk(value, schema, path, unknown), unknown };
}

function walk(value: Json, schema: Structural, path: string, unknown: string[]): Json {
  if (Array.isArray(value)) {
    const items = schema.items;
    if (items === undefined) return cloneJson(value);
    return value.map((item, index) => walk(item, items, `${path}[${index}]`, unknown));
  }
  if (!isObject(value)) return value;
  if (schema.type !== undefined && schema.type !== 'object') return cloneJson(value);
  const out: JsonObject = {};
  const properties = schema.properties ?? {};
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const child = Object.hasOwn(properties, key) ? properties[key] : extra(schema);
    const childPath = path === '' ? key : `${path}.${key}`;
    if (child === undefined) {
      unknown.push(childPath);
      continue;
    }
    if (item === null && child.nullable !== true && child['x-kubernetes-preserve-unknown-fields'] !== true) continue;
    setOwn(out, key, walk(item, child, childPath, unknown));
  }
  for (const [key, child] of Object.entries(properties)) {
    if (child.default !== undefined && out[key] === undefined) {
      out[key] = walk(cloneJson(child.default), child, path === '' ? key : `${path}.${key}`, unknown);
    }
  }
  return out;
}

function extra(schema: Structural): Structural | undefined {
  if (typeof schema.additionalProperties === 'object') return schema.additionalProperties;
  if (schema.additionalProperties === true || schema['x-kubernetes-preserve-unknown-fields'] === true) {
    return { 'x-kubernetes-preserve-unknown-fields': true };
  }
  return undefined;
}

/** The schema of one child of a value with `schema`; `undefined` when unknown. */
export function childSchema(schema: Structural | undefined, key: string): Structural | undefined {
  if (schema === undefined) return undefined;
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, key)) return schema.properties[key];
  return extra(schema);
}
