import type { CelViolation } from '@holdfast/api/cel/rules.ts';
import type * as z from 'zod';
import type { Resource } from './resources.ts';
import { forbiddenValue, invalidValue, notSupportedValue, requiredValue, type StatusCause } from './status-error.ts';
import { isObject, type Json, jsonEqual, type KubeObject, type Meta } from './types.ts';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const SUBDOMAIN_HELP =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const LABEL_HELP =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const MAX_ANNOTATION_BYTES = 256 * 1024;

function formatPath(path: readonly PropertyKey[], root: string): string {
  let out = root;
  for (const part of path) out += typeof part === 'number' ? `[${part}]` : `.${String(part)}`;
  return out;
}

function valueAt(value: Json | undefined, path: readonly PropertyKey[]): Json | undefined {
  let current = value;
  for (const part of path) {
    if (Array.isArray(current) && typeof part === 'number') current = current[part];
    else if (isObject(current) && Object.hasOwn(current, String(part))) current = current[String(part)];
    else return undefined;
  }
  return current;
}

function causeOf(issue: z.core.$ZodIssue, root: string, value: Json | undefined): StatusCause {
  const field = formatPath(issue.path, root);
  const found = valueAt(value, issue.path);
  if (found === undefined) return requiredValue(field);
  if (issue.code === 'invalid_value') return notSupportedValue(field, found, issue.values.map(String));
  return invalidValue(field, found, issue.message);
}

/**
 * Checks the top-level fields against their zod schemas. A wrong value that was already stored does not block an update
 * that leaves it alone: otherwise a stricter schema would make old objects immovable.
 */
export function validateFields(resource: Resource, object: KubeObject, old?: KubeObject): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const [name, field] of Object.entries(resource.fields)) {
    const value = object[name];
    if (value === undefined) {
      if (field.required) causes.push(requiredValue(name));
      continue;
    }
    if (old !== undefined && jsonEqual(value, old[name])) continue;
    const result = field.schema.safeParse(value);
    if (result.success) continue;
    for (const issue of result.error.issues) {
      const unchanged =
        old !== undefined &&
        isObject(old[name]) &&
        jsonEqual(valueAt(value, issue.path), valueAt(old[name], issue.path));
      if (!unchanged) causes.push(causeOf(issue, name, value));
    }
  }
  return causes;
}

function celCause(violation: CelViolation): StatusCause {
  const value = violation.value as Json | undefined;
  if (value !== undefined && (typeof value !== 'object' || value === null)) {
    return invalidValue(violation.field, value, violation.message);
  }
  const shown = Array.isArray(value) ? 'array' : 'object';
  return {
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${JSON.stringify(shown)}: ${violation.message}`,
    field: violation.field === '' ? '<nil>' : violation.field,
  };
}

/** The CEL rules, as the CRD carries them. */
export function validateRules(resource: Resource, object: KubeObject, old?: KubeObject): StatusCause[] {
  return resource.compiled.evaluate(object, old).map(celCause);
}

/** Whether `text` can be an object name. Returns what is wrong, or undefined. */
export function nameProblem(resource: Resource, text: string): string | undefined {
  if (resource.kind === 'Namespace') {
    return LABEL.test(text) && text.length <= 63 ? undefined : LABEL_HELP;
  }
  return SUBDOMAIN.test(text) && text.length <= 253 ? undefined : SUBDOMAIN_HELP;
}

/** Checks metadata that clients write. */
export function validateMeta(resource: Resource, meta: Meta, old?: Meta): StatusCause[] {
  const causes: StatusCause[] = [];
  const problem = nameProblem(resource, meta.name ?? '');
  if (old === undefined && problem !== undefined) causes.push(invalidValue('metadata.name', meta.name, problem));
  for (const [key, value] of Object.entries(meta.labels ?? {})) {
    if (!QUALIFIED.test(key)) causes.push(invalidValue('metadata.labels', key, 'name part must be a qualified name'));
    if (typeof value !== 'string' || !LABEL_VALUE.test(value)) {
      causes.push(
        invalidValue(
          'metadata.labels',
          value,
          'a valid label must be an empty string or at most 63 alphanumeric characters, "-", "_" or ".", starting and ending with an alphanumeric character',
        ),
      );
    }
  }
  let bytes = 0;
  for (const [key, value] of Object.entries(meta.annotations ?? {})) {
    if (!QUALIFIED.test(key.toLowerCase())) {
      causes.push(invalidValue('metadata.annotations', key, 'name part must be a qualified name'));
    }
    if (typeof value !== 'string') causes.push(invalidValue('metadata.annotations', value, 'must be a string'));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(String(value));
  }
  if (bytes > MAX_ANNOTATION_BYTES) {
    causes.push({
      reason: 'FieldValueTooLong',
      message: `Too long: may not be more than ${MAX_ANNOTATION_BYTES} bytes`,
      field: 'metadata.annotations',
    });
  }
  for (const finalizer of meta.finalizers ?? []) {
    if (typeof finalizer !== 'string' || !QUALIFIED.test(finalizer)) {
      causes.push(invalidValue('metadata.finalizers', finalizer, 'name part must be a qualified name'));
    }
  }
  if (old?.deletionTimestamp !== undefined) {
    const before = new Set(old.finalizers ?? []);
    const added = (meta.finalizers ?? []).filter((finalizer) => !before.has(finalizer));
    if (added.length > 0) {
      causes.push(
        forbiddenValue(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`,
        ),
      );
    }
  }
  (meta.ownerReferences ?? []).forEach((owner, index) => {
    for (const key of ['apiVersion', 'kind', 'name', 'uid']) {
      if (typeof owner[key] !== 'string' || owner[key] === '') {
        causes.push(requiredValue(`metadata.ownerReferences[${index}].${key}`, 'must not be empty'));
      }
    }
  });
  if ((meta.ownerReferences ?? []).filter((owner) => owner.controller === true).length > 1) {
    causes.push(
      invalidValue('metadata.ownerReferences', undefined, 'only one reference can have controller set to true'),
    );
  }
  return causes;
}

/** Shape problems of metadata that would make the checks above lie: maps that are not maps, lists that are not lists. */
export function metaShapeProblem(meta: Json | undefined): string | undefined {
  if (!isObject(meta)) return 'metadata must be an object';
  for (const key of ['name', 'namespace', 'generateName', 'uid', 'resourceVersion']) {
    if (meta[key] !== undefined && typeof meta[key] !== 'string') return `metadata.${key} must be a string`;
  }
  for (const key of ['labels', 'annotations']) {
    const map = meta[key];
    if (map === undefined) continue;
    if (!isObject(map)) return `metadata.${key} must be an object of strings`;
    for (const [name, value] of Object.entries(map)) {
      if (typeof value !== 'string') return `metadata.${key}.${name} must be a string (quote it in YAML)`;
    }
  }
  for (const key of ['finalizers', 'ownerReferences', 'managedFields']) {
    const list = meta[key];
    if (list !== undefined && !Array.isArray(list)) return `metadata.${key} must be a list`;
    if (key !== 'finalizers' && Array.isArray(list) && !list.every(isObject)) {
      return `metadata.${key} must be a list of objects`;
    }
  }
  return undefined;
}
