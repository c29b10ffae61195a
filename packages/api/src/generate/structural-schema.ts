import * as z from 'zod';

/**
 * The part of OpenAPI v3 that a CRD may use ("structural schema"). Key order is the order in the YAML.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export interface StructuralSchema {
  description?: string;
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  format?: string;
  nullable?: boolean;
  default?: unknown;
  enum?: unknown[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  exclusiveMinimum?: boolean;
  maximum?: number;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  required?: string[];
  properties?: Record<string, StructuralSchema>;
  additionalProperties?: StructuralSchema;
  items?: StructuralSchema;
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: 'atomic' | 'granular';
  'x-kubernetes-validations'?: { rule: string; message: string; fieldPath?: string }[];
}

type JsonSchema = Readonly<Record<string, unknown>>;

const TYPES = ['object', 'array', 'string', 'integer', 'number', 'boolean'] as const;
/** Said by zod, of no use to a CRD. `additionalProperties: false` is what pruning does anyway. */
const DROPPED = new Set(['$schema', 'propertyNames', 'id', 'title', 'examples']);
const COPIED = [
  'description',
  'type',
  'format',
  'default',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'multipleOf',
  'minItems',
  'maxItems',
  'maxProperties',
  'required',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
] as const;
const HANDLED = new Set<string>([
  ...COPIED,
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'properties',
  'additionalProperties',
  'items',
  'const',
]);

/**
 * What a client may write, as a structural schema. Objects in it are stripped of unknown fields by the API server and
 * filled with defaults, so defaulted fields are not required.
 * @throws Error for anything of zod that has no structural form (unions, tuples, transforms): a schema bug.
 */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  return convert(z.toJSONSchema(schema, { io: 'input', target: 'draft-7', unrepresentable: 'throw' }), '');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function convert(source: JsonSchema, path: string): StructuralSchema {
  const where = path === '' ? 'the top' : path;
  for (const key of Object.keys(source)) {
    if (!HANDLED.has(key) && !DROPPED.has(key)) throw new Error(`schema at ${where}: '${key}' has no structural form`);
  }
  const out: Record<string, unknown> = {};
  for (const key of COPIED) if (source[key] !== undefined) out[key] = source[key];
  if (source['const'] !== undefined) out['enum'] = [source['const']];
  if (!TYPES.some((type) => type === out['type'])) throw new Error(`schema at ${where}: type '${String(out['type'])}'`);
  if (out['type'] === 'integer') out['format'] = 'int64';
  bounds(source, out);
  if (isRecord(source['properties'])) {
    out['properties'] = Object.fromEntries(
      Object.entries(source['properties']).map(([name, child]) => [
        name,
        convert(child as JsonSchema, `${path}.${name}`),
      ]),
    );
  }
  if (isRecord(source['additionalProperties'])) {
    if (out['properties'] !== undefined)
      throw new Error(`schema at ${where}: properties and additionalProperties exclude each other`);
    out['additionalProperties'] = convert(source['additionalProperties'], `${path}.*`);
  }
  if (source['items'] !== undefined) {
    if (!isRecord(source['items'])) throw new Error(`schema at ${where}: items must be one schema`);
    out['items'] = convert(source['items'], `${path}[]`);
  }
  return ordered(out);
}

/** Draft 7 has numbers where OpenAPI v3.0 has flags; limits that only say "a safe integer" say nothing. */
function bounds(source: JsonSchema, out: Record<string, unknown>): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = source;
  if (typeof minimum === 'number' && minimum !== Number.MIN_SAFE_INTEGER) out['minimum'] = minimum;
  if (typeof maximum === 'number' && maximum !== Number.MAX_SAFE_INTEGER) out['maximum'] = maximum;
  if (typeof exclusiveMinimum === 'number') Object.assign(out, { minimum: exclusiveMinimum, exclusiveMinimum: true });
  if (typeof exclusiveMaximum === 'number') Object.assign(out, { maximum: exclusiveMaximum, exclusiveMaximum: true });
}

const ORDER: readonly (keyof StructuralSchema)[] = [
  'description',
  'type',
  'format',
  'nullable',
  'default',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'exclusiveMinimum',
  'maximum',
  'exclusiveMaximum',
  'multipleOf',
  'minItems',
  'maxItems',
  'maxProperties',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'required',
  'properties',
  'additionalProperties',
  'items',
];

function ordered(schema: Record<string, unknown>): StructuralSchema {
  return Object.fromEntries(ORDER.flatMap((key) => (schema[key] === undefined ? [] : [[key, schema[key]]])));
}

/** Adds a rule at a dotted path of properties ('' is the schema itself). @throws Error when the path does not exist. */
export function addRule(
  schema: StructuralSchema,
  path: string,
  rule: { rule: string; message: string; fieldPath?: string },
): void {
  let at: StructuralSchema | undefined = schema;
  for (const name of path.split('.').filter((part) => part !== '')) at = at?.properties?.[name];
  if (at === undefined) throw new Error(`a CEL rule is at '${path}', which the schema does not have: ${rule.rule}`);
  at['x-kubernetes-validations'] = [...(at['x-kubernetes-validations'] ?? []), rule];
}
