import { METADATA } from './metadata-schema.ts';
import type { Resource, ResourceTable } from './resources.ts';
import { cloneJson, isObject, type JsonObject } from './types.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const LIST_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';

/** `io.k8s.api.core.v1.Secret`, `storage.holdfast.v1alpha1.Volume`: names as Kubernetes makes them. */
export function definitionName(resource: Resource): string {
  if (resource.group === '') return `io.k8s.api.core.${resource.version}.${resource.kind}`;
  if (resource.group === 'coordination.k8s.io') return `io.k8s.api.coordination.${resource.version}.${resource.kind}`;
  return `${resource.group.split('.').reverse().join('.')}.${resource.version}.${resource.kind}`;
}

function gvk(resource: Resource): JsonObject {
  return { group: resource.group, version: resource.version, kind: resource.kind };
}

/** Version 2 has bare references only; version 3 wraps them, so that a description can stand beside. */
function reference(prefix: string, name: string): JsonObject {
  const target = { $ref: `${prefix}${name}` };
  return prefix.startsWith('#/definitions') ? target : { allOf: [target] };
}

/** The structural schema as OpenAPI: metadata by reference, the kind named. */
function definition(resource: Resource, prefix: string): JsonObject {
  const schema = cloneJson(resource.schema as unknown as JsonObject);
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  properties['metadata'] = reference(prefix, META);
  schema['x-kubernetes-group-version-kind'] = [gvk(resource)];
  return schema;
}

function listDefinition(resource: Resource, prefix: string): JsonObject {
  return {
    type: 'object',
    description: `${resource.kind}List is a list of ${resource.kind}`,
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: reference(prefix, LIST_META),
      items: { type: 'array', items: { $ref: `${prefix}${definitionName(resource)}` } },
    },
    'x-kubernetes-group-version-kind': [{ ...gvk(resource), kind: `${resource.kind}List` }],
  };
}

function sharedDefinitions(): JsonObject {
  return {
    [META]: cloneJson(METADATA as unknown as JsonObject),
    [LIST_META]: {
      type: 'object',
      description: 'ListMeta describes metadata that synthetic resources must have.',
      properties: {
        continue: { type: 'string' },
        remainingItemCount: { type: 'integer', format: 'int64' },
        resourceVersion: { type: 'string' },
        selfLink: { type: 'string' },
      },
    },
  };
}

const DRY_RUN = 'dryRun';
const WRITE_PARAMETERS = [DRY_RUN, 'fieldManager', 'fieldValidation'];
const LIST_PARAMETERS = ['labelSelector', 'fieldSelector', 'limit', 'continue', 'resourceVersion', 'watch'];
const INTEGERS = new Set(['limit']);
const BOOLEANS = new Set(['watch', 'force']);

function parameter(name: string, version: 2 | 3): JsonObject {
  const type = INTEGERS.has(name) ? 'integer' : BOOLEANS.has(name) ? 'boolean' : 'string';
  const base: JsonObject = { name, in: 'query', description: `See the Kubernetes API conventions for ${name}.` };
  return version === 2 ? { ...base, type } : { ...base, schema: { type } };
}

function operation(resource: Resource, action: string, parameters: readonly string[], version: 2 | 3): JsonObject {
  return {
    operationId: `${action}${resource.namespaced ? 'Namespaced' : ''}${resource.kind}`,
    description: `${action} ${resource.kind}`,
    parameters: parameters.map((name) => parameter(name, version)),
    responses: { '200': { description: 'OK' } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk(resource),
  };
}

function paths(resource: Resource, version: 2 | 3): JsonObject {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.apiVersion}`;
  const base = `${root}/${resource.namespaced ? 'namespaces/{namespace}/' : ''}${resource.plural}`;
  const op = (action: string, parameters: readonly string[]): JsonObject =>
    operation(resource, action, parameters, version);
  const out: JsonObject = {
    [base]: {
      get: op('list', LIST_PARAMETERS),
      post: op('create', WRITE_PARAMETERS),
      delete: op('deletecollection', LIST_PARAMETERS),
    },
    [`${base}/{name}`]: {
      get: op('get', ['resourceVersion']),
      put: op('replace', WRITE_PARAMETERS),
      patch: op('patch', [...WRITE_PARAMETERS, 'force']),
      delete: op('delete', [DRY_RUN, 'propagationPolicy']),
    },
  };
  if (resource.statusSubresource) {
    out[`${base}/{name}/status`] = {
      get: op('get', []),
      put: op('replace', WRITE_PARAMETERS),
      patch: op('patch', [...WRITE_PARAMETERS, 'force']),
    };
  }
  return out;
}

const INFO = { title: 'Holdfast', version: 'v1alpha1' };

/** GET /openapi/v2 as JSON. */
export function openApiV2(table: ResourceTable): JsonObject {
  const definitions: JsonObject = sharedDefinitions();
  let all: JsonObject = {};
  for (const resource of table.all) {
    definitions[definitionName(resource)] = definition(resource, '#/definitions/');
    definitions[`${definitionName(resource)}List`] = listDefinition(resource, '#/definitions/');
    all = { ...all, ...paths(resource, 2) };
  }
  return { swagger: '2.0', info: INFO, paths: all, definitions };
}

/** GET /openapi/v3: where the document of each group version is. */
export function openApiV3Index(table: ResourceTable, hashOf: (apiVersion: string) => string): JsonObject {
  const out: JsonObject = {};
  for (const version of new Set(table.all.map((resource) => resource.apiVersion))) {
    const path = version.includes('/') ? `apis/${version}` : `api/${version}`;
    out[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(version)}` };
  }
  return { paths: out };
}

/** GET /openapi/v3/apis/GROUP/VERSION; undefined when it is not served. */
export function openApiV3(table: ResourceTable, apiVersion: string): JsonObject | undefined {
  const resources = table.all.filter((resource) => resource.apiVersion === apiVersion);
  if (resources.length === 0) return undefined;
  const schemas: JsonObject = sharedDefinitions();
  let all: JsonObject = {};
  for (const resource of resources) {
    schemas[definitionName(resource)] = definition(resource, '#/components/schemas/');
    schemas[`${definitionName(resource)}List`] = listDefinition(resource, '#/components/schemas/');
    all = { ...all, ...paths(resource, 3) };
  }
  return { openapi: '3.0.0', info: INFO, paths: all, components: { schemas } };
}
