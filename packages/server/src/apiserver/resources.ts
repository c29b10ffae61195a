import { type CompiledRules, compileRules } from '@holdfast/api/cel/rules.ts';
import type { CelRule, KindDescriptor, PrinterColumn } from '@holdfast/api/schema/meta.ts';
import type * as z from 'zod';
import { type JsonPath, parseJsonPath, selectPath } from './json-path.ts';
import { METADATA } from './metadata-schema.ts';
import { type Structural, structuralOf } from './structural.ts';
import type { JsonObject, KubeObject } from './types.ts';

/** What a kind must say to be served. */
export interface ResourceSource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly description: string;
  /** Schemas of the top-level fields besides apiVersion, kind and metadata. */
  readonly fields: Readonly<Record<string, { readonly schema: z.ZodType; readonly required: boolean }>>;
  readonly statusSubresource: boolean;
  readonly printerColumns: readonly PrinterColumn[];
  readonly rules: readonly CelRule[];
  readonly selectableFields: readonly string[];
  /** Record which manager wrote which field on every write (as Kubernetes does), or only from the first apply on. */
  readonly trackUpdates: boolean;
  /** kubectl sends strategic merge patches only for kinds that it knows. */
  readonly strategicMerge: boolean;
  /** Rewrites what clients may write in several forms. Runs before validation. */
  readonly canonicalize?: (object: KubeObject) => KubeObject;
}

/** One served kind, everything compiled. */
export interface Resource extends ResourceSource {
  /** `volumes.holdfast.storage`: the key in the store. */
  readonly id: string;
  readonly apiVersion: string;
  readonly schema: Structural;
  readonly compiled: CompiledRules;
  readonly columns: readonly (PrinterColumn & { readonly path: JsonPath })[];
  readonly selectable: ReadonlySet<string>;
  /** Value of a selectable field as text, '' when absent. */
  fieldOf(object: JsonObject, path: string): string;
}

/** Compiles a kind once, at start. @throws Error for a bug in the schema package. */
export function compileResource(source: ResourceSource): Resource {
  const apiVersion = source.group === '' ? source.version : `${source.group}/${source.version}`;
  const properties: Record<string, Structural> = {
    apiVersion: {
      type: 'string',
      description: 'APIVersion defines the versioned schema of this representation of an object.',
    },
    kind: { type: 'string', description: 'Kind is a string value representing the REST resource of this object.' },
    metadata: METADATA,
  };
  const required: string[] = [];
  for (const [name, field] of Object.entries(source.fields)) {
    properties[name] = structuralOf(field.schema);
    if (field.required) required.push(name);
  }
  const schema: Structural = { type: 'object', description: source.description, properties };
  if (required.length > 0) schema.required = required;
  const paths = new Map<string, JsonPath>();
  for (const field of [
    '.metadata.name',
    ...(source.namespaced ? ['.metadata.namespace'] : []),
    ...source.selectableFields,
  ]) {
    paths.set(field.replace(/^\./, ''), parseJsonPath(field));
  }
  return {
    ...source,
    id: source.group === '' ? source.plural : `${source.plural}.${source.group}`,
    apiVersion,
    schema,
    compiled: compileRules(source.rules, schema),
    columns: source.printerColumns.map((column) => ({ ...column, path: parseJsonPath(column.jsonPath) })),
    selectable: new Set(paths.keys()),
    fieldOf(object, path) {
      const parsed = paths.get(path);
      const [value] = parsed === undefined ? [] : selectPath(object, parsed);
      return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
    },
  };
}

/** A Holdfast kind as a served resource. */
export function sourceOf(kind: KindDescriptor): ResourceSource {
  return {
    group: kind.group,
    version: kind.version,
    kind: kind.kind,
    plural: kind.plural,
    singular: kind.singular,
    shortNames: kind.shortNames,
    categories: kind.categories,
    namespaced: kind.scope === 'Namespaced',
    description: kind.description,
    fields: { spec: { schema: kind.spec, required: true }, status: { schema: kind.status, required: false } },
    statusSubresource: true,
    printerColumns: kind.printerColumns,
    rules: kind.cel,
    selectableFields: kind.selectableFields,
    trackUpdates: true,
    strategicMerge: false,
  };
}

/** Every served kind, found by group, version and plural. */
export class ResourceTable {
  readonly all: readonly Resource[];
  readonly #byPath: ReadonlyMap<string, Resource>;
  readonly #byKind: ReadonlyMap<string, Resource>;

  constructor(sources: readonly ResourceSource[]) {
    this.all = sources.map(compileResource);
    this.#byPath = new Map(this.all.map((resource) => [`${resource.apiVersion}/${resource.plural}`, resource]));
    this.#byKind = new Map(this.all.map((resource) => [`${resource.apiVersion}/${resource.kind}`, resource]));
  }

  find(apiVersion: string, plural: string): Resource | undefined {
    return this.#byPath.get(`${apiVersion}/${plural}`);
  }

  byKind(apiVersion: string, kind: string): Resource | undefined {
    return this.#byKind.get(`${apiVersion}/${kind}`);
  }

  byId(id: string): Resource | undefined {
    return this.all.find((resource) => resource.id === id);
  }
}
