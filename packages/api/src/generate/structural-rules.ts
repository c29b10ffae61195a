import type { StructuralSchema } from './structural-schema.ts';

const FORMATS = new Set(['int32', 'int64', 'float', 'double', 'date-time', 'byte', 'duration', 'ipv4', 'ipv6', 'cidr']);
const KEYS_BY_TYPE: Readonly<Record<string, readonly string[]>> = {
  object: ['required', 'properties', 'additionalProperties', 'maxProperties', 'x-kubernetes-map-type'],
  array: ['items', 'minItems', 'maxItems', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys'],
  string: ['pattern', 'minLength', 'maxLength'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  boolean: [],
};
const ANYWHERE = ['description', 'type', 'format', 'nullable', 'default', 'enum', 'x-kubernetes-validations'];

/**
 * Why an API server would refuse this schema in a CRD, or would treat it other than meant: one line per problem. The
 * rules of apiextensions v1 that concern what our generator can write.
 */
export function structuralProblems(schema: StructuralSchema, path = ''): string[] {
  const problems: string[] = [];
  const say = (why: string): void => {
    problems.push(`${path === '' ? '.' : path}: ${why}`);
  };
  const { type } = schema;
  if (type === undefined) return [`${path}: every schema needs a type`];
  const allowed = new Set([...ANYWHERE, ...(KEYS_BY_TYPE[type] ?? [])]);
  for (const key of Object.keys(schema)) if (!allowed.has(key)) say(`'${key}' is not allowed with type ${type}`);
  if (schema.format !== undefined && !FORMATS.has(schema.format)) say(`format '${schema.format}' is not known`);
  if (type === 'integer' && schema.format !== 'int64')
    say('an integer needs format int64, or it is cut to 32 bits by some clients');
  if (type === 'array' && schema.items === undefined) say('an array needs items');
  if (type === 'object' && schema.properties !== undefined && schema.additionalProperties !== undefined) {
    say('properties and additionalProperties exclude each other');
  }
  for (const name of schema.required ?? []) {
    if (schema.properties?.[name] === undefined) say(`'${name}' is required but not a property`);
    else if (schema.properties[name]?.default !== undefined) say(`'${name}' is required and has a default`);
  }
  if (schema.default !== undefined) {
    const why = misfit(schema.default, schema);
    if (why !== undefined) say(`the default does not fit the schema: ${why}`);
  }
  problems.push(...listProblems(schema, path), ...ruleProblems(schema, path));
  for (const [name, child] of Object.entries(schema.properties ?? {}))
    problems.push(...structuralProblems(child, `${path}.${name}`));
  if (schema.additionalProperties !== undefined)
    problems.push(...structuralProblems(schema.additionalProperties, `${path}.*`));
  if (schema.items !== undefined) problems.push(...structuralProblems(schema.items, `${path}[]`));
  return problems;
}

function listProblems(schema: StructuralSchema, path: string): string[] {
  const problems: string[] = [];
  const keys = schema['x-kubernetes-list-map-keys'];
  const listType = schema['x-kubernetes-list-type'];
  const items = schema.items;
  if (listType === 'map') {
    if (keys === undefined || keys.length === 0) problems.push(`${path}: a map list needs x-kubernetes-list-map-keys`);
    for (const key of keys ?? []) {
      const child = items?.properties?.[key];
      const scalar = child?.type !== undefined && child.type !== 'object' && child.type !== 'array';
      if (!scalar) problems.push(`${path}: list map key '${key}' is not a scalar property of the items`);
      else if (!items?.required?.includes(key) && child.default === undefined) {
        problems.push(`${path}: list map key '${key}' must be required or have a default`);
      }
    }
  } else if (keys !== undefined) problems.push(`${path}: x-kubernetes-list-map-keys without list type map`);
  if (listType === 'set' && (items?.type === 'object' || items?.type === 'array')) {
    problems.push(`${path}: a set holds scalars`);
  }
  return problems;
}

/** CEL: every transition rule must be reachable by a unique path, every string and list that rules walk must be bounded. */
function ruleProblems(schema: StructuralSchema, path: string): string[] {
  const problems: string[] = [];
  for (const rule of schema['x-kubernetes-validations'] ?? []) {
    if (rule.message === '' || rule.message.includes('\n'))
      problems.push(`${path}: a rule needs a message of one line: ${rule.rule}`);
    if (rule.fieldPath !== undefined && !rule.fieldPath.startsWith('.'))
      problems.push(`${path}: fieldPath must start with '.'`);
    if (/\boldSelf\b/.test(rule.rule) && /\[\]/.test(path))
      problems.push(`${path}: a transition rule inside a list cannot find its old value`);
    for (const [, name] of rule.rule.matchAll(/\bself\.([A-Za-z]\w*)\.(?:all|exists|exists_one|map|filter)\(/g)) {
      const list = schema.properties?.[name ?? ''];
      if (list?.maxItems === undefined) problems.push(`${path}: a rule walks '${name}', which has no maxItems`);
      if (list?.items?.type === 'string' && list.items.maxLength === undefined && list.items.enum === undefined) {
        problems.push(`${path}: a rule compares items of '${name}', which have no maxLength`);
      }
    }
  }
  return problems;
}

/** Only what defaults of ours can get wrong: type, enum and numeric limits. */
function misfit(value: unknown, schema: StructuralSchema): string | undefined {
  const type = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
  const wanted = schema.type === 'integer' ? 'number' : schema.type;
  if (type !== wanted) return `${JSON.stringify(value)} is not of type ${schema.type}`;
  if (schema.type === 'integer' && !Number.isInteger(value)) return `${String(value)} is not whole`;
  if (schema.enum !== undefined && !schema.enum.includes(value))
    return `${JSON.stringify(value)} is not one of the allowed values`;
  if (typeof value === 'number') {
    if (schema.minimum !== undefined && value < schema.minimum) return `${value} is below the minimum`;
    if (schema.maximum !== undefined && value > schema.maximum) return `${value} is above the maximum`;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const name of Object.keys(value))
      if (schema.properties?.[name] === undefined) return `'${name}' would be pruned`;
  }
  return undefined;
}
