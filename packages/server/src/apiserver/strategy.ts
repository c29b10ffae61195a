import type { Resource } from './resources.ts';
import { badRequest, conflict, invalid, type StatusCause } from './status-error.ts';
import { normalize } from './structural.ts';
import { isObject, type Json, type JsonObject, jsonEqual, type KubeObject, type Meta } from './types.ts';
import { metaShapeProblem, validateFields, validateMeta, validateRules } from './validate.ts';

/** Which part of an object a request may change. */
export type Subresource = '' | 'status';

export interface Admitted {
  readonly object: KubeObject;
  /** Paths of fields that the schema does not know and that were dropped. */
  readonly unknown: readonly string[];
}

/**
 * The body of a request as an object of this kind: right apiVersion and kind, the name and namespace of the URL, unknown
 * fields pruned, defaults filled in.
 * @throws StatusError 400
 */
export function admitBody(
  resource: Resource,
  body: Json,
  url: { namespace: string; name?: string },
  options: { defaults: boolean } = { defaults: true },
): Admitted {
  if (!isObject(body)) throw badRequest('the request body must be a JSON object');
  const { apiVersion, kind } = body;
  if (
    (apiVersion !== undefined && apiVersion !== resource.apiVersion) ||
    (kind !== undefined && kind !== resource.kind)
  ) {
    throw badRequest(
      `${String(kind ?? '')} in version ${JSON.stringify(apiVersion ?? '')} cannot be handled as a ${resource.kind}: expected apiVersion ${resource.apiVersion} and kind ${resource.kind}`,
    );
  }
  const problem = metaShapeProblem(body['metadata'] ?? {});
  if (problem !== undefined) throw badRequest(problem);
  const whole = { ...body, apiVersion: resource.apiVersion, kind: resource.kind, metadata: body['metadata'] ?? {} };
  const { value, unknown } = options.defaults
    ? normalize(whole, resource.schema)
    : normalize(whole, noDefaults(resource));
  const normalized = value as KubeObject;
  const object = resource.canonicalize?.(normalized) ?? normalized;
  const meta = object.metadata;
  if (url.name !== undefined) {
    if (meta.name === undefined || meta.name === '') meta.name = url.name;
    else if (meta.name !== url.name) {
      throw badRequest(`the name of the object (${meta.name}) does not match the name on the URL (${url.name})`);
    }
  }
  if (resource.namespaced) {
    if (meta.namespace === undefined || meta.namespace === '') meta.namespace = url.namespace;
    else if (meta.namespace !== url.namespace) {
      throw badRequest(
        `the namespace of the provided object does not match the namespace sent on the request: ${meta.namespace} is not ${url.namespace}`,
      );
    }
  } else delete meta.namespace;
  delete meta['selfLink'];
  return { object, unknown };
}

const withoutDefaults = new WeakMap<Resource, Resource['schema']>();
function noDefaults(resource: Resource): Resource['schema'] {
  let schema = withoutDefaults.get(resource);
  if (schema === undefined) {
    schema = JSON.parse(
      JSON.stringify(resource.schema, (key, value: unknown) => (key === 'default' ? undefined : value)),
    ) as Resource['schema'];
    withoutDefaults.set(resource, schema);
  }
  return schema;
}

function refuse(resource: Resource, name: string, causes: StatusCause[]): void {
  if (causes.length > 0) throw invalid(resource.kind, resource.group, name, causes);
}

function hasGeneration(resource: Resource): boolean {
  return resource.group.includes('.') && 'spec' in resource.fields && resource.statusSubresource;
}

/**
 * A new object as it will be stored: server-set metadata, no status, validated.
 * @throws StatusError 422
 */
export function prepareCreate(
  resource: Resource,
  input: KubeObject,
  context: { readonly now: string; readonly uid: string },
): KubeObject {
  const meta: Meta = { ...input.metadata, uid: context.uid, creationTimestamp: context.now };
  delete meta.resourceVersion;
  delete meta.deletionTimestamp;
  delete meta.deletionGracePeriodSeconds;
  delete meta.generation;
  if (hasGeneration(resource)) meta.generation = 1;
  const object: KubeObject = { ...input, apiVersion: resource.apiVersion, kind: resource.kind, metadata: meta };
  if (resource.statusSubresource) delete object['status'];
  if (resource.kind === 'Namespace' && resource.group === '') {
    object['spec'] = { finalizers: ['kubernetes'] };
    object['status'] = { phase: 'Active' };
    meta.labels = { ...meta.labels, 'kubernetes.io/metadata.name': meta.name ?? '' };
  }
  const causes = [...validateMeta(resource, meta), ...validateFields(resource, object)];
  refuse(resource, meta.name ?? '', causes);
  refuse(resource, meta.name ?? '', validateRules(resource, object));
  return object;
}

/** The fields besides metadata and status: what `generation` counts. */
function desired(object: KubeObject): JsonObject {
  const { metadata: _metadata, status: _status, managedFields: _managed, ...rest } = object;
  return rest;
}

/**
 * The object after an update, as it will be stored. Each side ignores what is not its own: the main resource never changes
 * status, the status subresource changes nothing else.
 * @throws StatusError 409 for a stale resourceVersion or another uid, 422 for what is invalid.
 */
export function prepareUpdate(
  resource: Resource,
  input: KubeObject,
  old: KubeObject,
  subresource: Subresource,
): KubeObject {
  const name = old.metadata.name ?? '';
  const given = input.metadata;
  if (given.uid !== undefined && given.uid !== '' && given.uid !== old.metadata.uid) {
    throw conflict(
      resource,
      name,
      `Precondition failed: UID in precondition: ${given.uid}, UID in object meta: ${old.metadata.uid ?? ''}`,
    );
  }
  if (
    given.resourceVersion !== undefined &&
    given.resourceVersion !== '' &&
    given.resourceVersion !== old.metadata.resourceVersion
  ) {
    throw conflict(
      resource,
      name,
      'the object has been modified; please apply your changes to the latest version and try again',
    );
  }
  const managed = given.managedFields === undefined ? old.metadata.managedFields : given.managedFields;
  if (subresource === 'status') {
    const object: KubeObject = { ...old, metadata: { ...old.metadata } };
    if (managed === undefined) delete object.metadata.managedFields;
    else object.metadata.managedFields = managed;
    if (input['status'] === undefined) delete object['status'];
    else object['status'] = input['status'];
    check(resource, object, old);
    return object;
  }
  const meta: Meta = { ...given };
  for (const key of [
    'uid',
    'resourceVersion',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
    'generateName',
  ]) {
    if (old.metadata[key] === undefined) delete meta[key];
    else meta[key] = old.metadata[key];
  }
  if (managed === undefined) delete meta.managedFields;
  else meta.managedFields = managed;
  const object: KubeObject = { ...input, apiVersion: resource.apiVersion, kind: resource.kind, metadata: meta };
  if (resource.statusSubresource) {
    if (old['status'] === undefined) delete object['status'];
    else object['status'] = old['status'];
  }
  if (resource.kind === 'Namespace' && resource.group === '' && old['spec'] !== undefined) object['spec'] = old['spec'];
  if (old['immutable'] === true && (object['immutable'] !== true || !jsonEqual(object['data'], old['data']))) {
    refuse(resource, name, [
      {
        reason: 'FieldValueForbidden',
        message: 'Forbidden: field is immutable when `immutable` is set',
        field: 'data',
      },
    ]);
  }
  if (meta.generation !== undefined && !jsonEqual(desired(object), desired(old))) meta.generation += 1;
  check(resource, object, old);
  return object;
}

function check(resource: Resource, object: KubeObject, old: KubeObject): void {
  const name = old.metadata.name ?? '';
  const causes = [...validateMeta(resource, object.metadata, old.metadata), ...validateFields(resource, object, old)];
  refuse(resource, name, causes);
  refuse(resource, name, validateRules(resource, object, old));
}
