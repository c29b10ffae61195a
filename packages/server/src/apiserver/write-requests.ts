import type { User } from './authn.ts';
import type { Verb } from './authz.ts';
import { START_NAMESPACES } from './core-kinds.ts';
import type { DeleteOptions, Engine, Key, WriteContext } from './engine.ts';
import { decodeKubeProto, KUBE_PROTO } from './kube-proto.ts';
import { checkNotFuture, parseVersion } from './reads.ts';
import type { Resource } from './resources.ts';
import { badRequest, forbidden, StatusError } from './status-error.ts';
import type { Subresource } from './strategy.ts';
import { isObject, type Json, type JsonObject, type KubeObject } from './types.ts';
import {
  applyObject,
  createObject,
  type FieldValidation,
  PATCH_TYPES,
  type PatchType,
  parseBody,
  patchObject,
  replaceObject,
  type WriteResult,
} from './verbs.ts';
import { type Selection, selects } from './watch-hub.ts';

/** A request for one kind, parsed from its URL. */
export interface ResourceRequest {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string | undefined;
  readonly subresource: Subresource;
  readonly verb: Verb;
  readonly user: User;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string | Buffer;
}

function mediaType(request: ResourceRequest): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** The manager that a write counts for: as named, else the program of the user agent, as Kubernetes does. */
function managerOf(request: ResourceRequest): string {
  const named = request.query.get('fieldManager') ?? '';
  if (named.length > 128) throw badRequest('fieldManager: Too long: may not be more than 128 bytes');
  if (named !== '') return named;
  return (request.headers['user-agent'] ?? '').split('/')[0]?.slice(0, 128) || 'unknown';
}

function contextOf(request: ResourceRequest): WriteContext {
  const dryRun = request.query.getAll('dryRun');
  if (dryRun.some((value) => value !== 'All')) {
    throw badRequest(`dryRun: Unsupported value: ${JSON.stringify(dryRun)}: supported values: "All"`);
  }
  return { user: request.user, verb: request.verb, manager: managerOf(request), dryRun: dryRun.length > 0 };
}

function validationOf(request: ResourceRequest): FieldValidation {
  const value = request.query.get('fieldValidation') ?? '';
  switch (value) {
    case '':
    case 'Warn':
      return 'Warn';
    case 'Ignore':
    case 'Strict':
      return value;
    default:
      throw badRequest(
        `fieldValidation: Unsupported value: ${JSON.stringify(value)}: supported values: "Ignore", "Warn", "Strict"`,
      );
  }
}

/** The body of anything but a patch, in whatever encoding it came. */
async function bodyOf(request: ResourceRequest): Promise<Json> {
  const type = mediaType(request);
  if (type === KUBE_PROTO) return decodeKubeProto(Buffer.from(request.body));
  if (!['', 'application/json', 'application/yaml', 'text/yaml'].includes(type)) {
    throw unsupported(['application/json', 'application/yaml', KUBE_PROTO]);
  }
  return await parseBody(textOf(request), type.endsWith('yaml'));
}

function textOf(request: ResourceRequest): string {
  return typeof request.body === 'string' ? request.body : request.body.toString('utf8');
}

function unsupported(accepted: readonly string[]): StatusError {
  return new StatusError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
}

/** POST, PUT and PATCH. */
export async function runWrite(engine: Engine, request: ResourceRequest): Promise<WriteResult> {
  const { resource, namespace, subresource } = request;
  const context = contextOf(request);
  const validation = validationOf(request);
  if (request.verb === 'create')
    return await createObject(engine, { resource, namespace }, await bodyOf(request), validation, context);
  const key: Key = { resource, namespace, name: request.name ?? '' };
  if (request.verb === 'update')
    return await replaceObject(engine, key, subresource, await bodyOf(request), validation, context);
  const type = mediaType(request);
  const patchType = (Object.keys(PATCH_TYPES) as PatchType[]).find((item) => PATCH_TYPES[item] === type);
  if (patchType === undefined) throw unsupported(Object.values(PATCH_TYPES));
  const patch = await parseBody(textOf(request), patchType === 'apply');
  if (patchType === 'apply') {
    if ((request.query.get('fieldManager') ?? '') === '') {
      throw badRequest('PatchOptions is invalid: fieldManager: Required value: is required for apply patch');
    }
    const force = request.query.get('force') === 'true';
    return await applyObject(engine, key, subresource, patch, { force, validation }, context);
  }
  return await patchObject(engine, key, subresource, patchType, patch, validation, context);
}

async function deleteOptions(request: ResourceRequest): Promise<{ options: DeleteOptions; dryRun: boolean }> {
  const body = request.body.length === 0 ? {} : await bodyOf(request);
  if (!isObject(body)) throw badRequest('DeleteOptions must be a JSON object');
  const preconditions = isObject(body['preconditions']) ? body['preconditions'] : {};
  const orphan = body['orphanDependents'] === true || request.query.get('orphanDependents') === 'true';
  const policy =
    body['propagationPolicy'] ?? request.query.get('propagationPolicy') ?? (orphan ? 'Orphan' : 'Background');
  if (policy !== 'Background' && policy !== 'Foreground' && policy !== 'Orphan') {
    throw badRequest(
      `propagationPolicy: Unsupported value: ${JSON.stringify(policy)}: supported values: "Background", "Foreground", "Orphan"`,
    );
  }
  const { uid, resourceVersion } = preconditions;
  return {
    options: {
      propagation: policy,
      preconditions: {
        ...(typeof uid === 'string' ? { uid } : {}),
        ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
      },
    },
    dryRun: Array.isArray(body['dryRun']) && body['dryRun'].includes('All'),
  };
}

function refuseProtected(request: ResourceRequest, name: string): void {
  if (request.resource.id === 'namespaces' && (START_NAMESPACES as readonly string[]).includes(name)) {
    throw forbidden(request.resource, name, 'this namespace may not be deleted');
  }
}

export async function runDelete(engine: Engine, request: ResourceRequest): Promise<JsonObject> {
  const { resource, namespace } = request;
  const name = request.name ?? '';
  refuseProtected(request, name);
  const { options, dryRun } = await deleteOptions(request);
  const context = contextOf(request);
  const result = await engine.delete({ resource, namespace, name }, options, {
    ...context,
    dryRun: dryRun || context.dryRun,
  });
  if (!result.removed) return result.object;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name,
      ...(resource.group === '' ? {} : { group: resource.group }),
      kind: resource.plural,
      uid: result.object.metadata.uid ?? '',
    },
  };
}

/** DELETE of everything that a selection matches; answers the list of what was there. */
export async function runDeleteCollection(
  engine: Engine,
  request: ResourceRequest,
  selection: Selection,
): Promise<JsonObject> {
  const { resource } = request;
  const { options, dryRun } = await deleteOptions(request);
  const context = contextOf(request);
  checkNotFuture(engine, parseVersion(request.query.get('resourceVersion') ?? ''));
  const items = await engine.committer.submit((batch) => {
    const found = engine.store
      .list(resource.id, selection.namespace, {})
      .map((row) => JSON.parse(row.text) as KubeObject)
      .filter((object) => selects(selection, object));
    // Every refusal comes before the first write: all or nothing.
    for (const object of found) refuseProtected(request, object.metadata.name ?? '');
    return found.map((object) => {
      const key: Key = { resource, namespace: object.metadata.namespace ?? '', name: object.metadata.name ?? '' };
      return engine.deleteIn(batch, key, options, { ...context, dryRun: dryRun || context.dryRun }, object).object;
    });
  });
  return {
    kind: `${resource.kind}List`,
    apiVersion: resource.apiVersion,
    metadata: { resourceVersion: String(engine.store.resourceVersion) },
    items,
  };
}
