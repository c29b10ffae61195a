import { createHash } from 'node:crypto';
import { AppError, HTTP_STATUS } from '@holdfast/api/errors.ts';
import type { Authenticator, User } from './authn.ts';
import { type Attributes, authorize, type Verb } from './authz.ts';
import { coreVersions, group, groupList, resourceList, versionInfo } from './discovery.ts';
import type { Engine } from './engine.ts';
import { JSON_FORMAT, negotiate } from './negotiate.ts';
import { openApiV2, openApiV3, openApiV3Index } from './openapi.ts';
import { OPENAPI_V2_PROTO, openApiV2Proto } from './openapi-proto.ts';
import { getText, listText, makeSelection, objectText, parseVersion } from './reads.ts';
import { parsePath, type Target } from './request-path.ts';
import type { Resource } from './resources.ts';
import { forbidden, StatusError } from './status-error.ts';
import type { JsonObject } from './types.ts';
import type { Sink, WatchService } from './watch.ts';
import { type ResourceRequest, runDelete, runDeleteCollection, runWrite } from './write-requests.ts';

/** A request, free of HTTP libraries. Header names are lower case. */
export interface ApiRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string | Buffer;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  /** Present for a watch: events follow on the sink until the returned function is called. */
  readonly stream?: (sink: Sink) => () => void;
}

export interface HandlerOptions {
  readonly engine: Engine;
  readonly watches: WatchService;
  readonly authenticator: Authenticator;
  /** Version of Holdfast, for /version. */
  readonly version: string;
  readonly platform: string;
}

const JSON_HEADERS = { 'content-type': 'application/json' };
const REMEDY =
  'send "Authorization: Bearer TOKEN" with a token of the server\'s token file (hf: --token or HOLDFAST_TOKEN)';
const WATCH_MIN_MS = 30 * 60_000;

function json(status: number, body: JsonObject, headers: Record<string, string> = {}): ApiResponse {
  return { status, headers: { ...JSON_HEADERS, ...headers }, body: JSON.stringify(body) };
}

/** Any failure as a Kubernetes Status. A bug shows its kind and nothing else. */
export function failure(error: unknown): ApiResponse {
  if (error instanceof StatusError) {
    const retry = error.statusDetails?.retryAfterSeconds;
    return json(error.httpStatus, error.toBody(), {
      ...(error.httpStatus === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(retry === undefined ? {} : { 'retry-after': String(retry) }),
    });
  }
  if (error instanceof AppError && error.code !== 'internal') {
    return failure(new StatusError(HTTP_STATUS[error.code], 'Invalid', error.message));
  }
  if (error instanceof RangeError && error.message.includes('call stack')) {
    return failure(new StatusError(400, 'BadRequest', 'the request body is nested too deeply'));
  }
  return failure(new StatusError(500, 'InternalError', 'Internal error occurred: see the log of the API server'));
}

function verbOf(method: string, target: { name: string | undefined }, isWatch: boolean): Verb {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (target.name !== undefined) return 'get';
      return isWatch ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return target.name === undefined ? 'deletecollection' : 'delete';
    default:
      throw new StatusError(405, 'MethodNotAllowed', `the server does not allow the method ${method}`);
  }
}

/** The whole API without sockets: the HTTP edge, tests and simulations call it alike. */
export class ApiHandler {
  readonly #options: HandlerOptions;
  readonly #cache = new Map<string, JsonObject>();
  #proto: Buffer | undefined;

  constructor(options: HandlerOptions) {
    this.#options = options;
  }

  /** Never rejects: every failure is an answer. */
  async handle(request: ApiRequest): Promise<ApiResponse> {
    try {
      return await this.#route(request);
    } catch (error) {
      const answer = failure(error);
      if (answer.status >= 500) {
        this.#options.engine.log.error('request failed', {
          method: request.method,
          path: request.url.split('?')[0],
          err: error,
        });
      }
      return answer;
    }
  }

  #user(request: ApiRequest): User {
    const match = /^Bearer\s+(\S+)$/i.exec(request.headers['authorization'] ?? '');
    const user = match === null ? undefined : this.#options.authenticator.authenticate(match[1] ?? '');
    if (user === undefined) {
      throw new StatusError(
        401,
        'Unauthorized',
        `Unauthorized: ${match === null ? 'no token was sent' : 'the token is not known'}; ${REMEDY}`,
      );
    }
    return user;
  }

  async #route(request: ApiRequest): Promise<ApiResponse> {
    const url = new URL(request.url, 'http://localhost');
    const target = parsePath(url.pathname);
    if (target?.kind === 'health') return this.#health(target.check);
    if (target?.kind === 'version') return json(200, versionInfo(this.#options.version, this.#options.platform));
    const user = this.#user(request);
    if (target === undefined) throw unknownPath();
    if (target.kind !== 'resource') {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        throw new StatusError(
          405,
          'MethodNotAllowed',
          `the server does not allow the method ${request.method} on ${url.pathname}`,
        );
      }
      return this.#document(target, request);
    }
    const resource = this.#options.engine.table.find(target.apiVersion, target.plural);
    if (resource === undefined) throw unknownPath();
    return await this.#resource(request, url.searchParams, target, resource, user);
  }

  #health(check: string): ApiResponse {
    const sick = check === 'livez' ? undefined : this.#options.engine.store.health();
    const headers = { 'content-type': 'text/plain; charset=utf-8' };
    return sick === undefined ? { status: 200, headers, body: 'ok' } : { status: 500, headers, body: sick };
  }

  #document(target: Exclude<Target, { kind: 'resource' }>, request: ApiRequest): ApiResponse {
    const { table } = this.#options.engine;
    const found = (body: JsonObject | undefined): ApiResponse => {
      if (body === undefined) throw unknownPath();
      return json(200, body);
    };
    switch (target.kind) {
      case 'discovery':
        return json(200, target.what === 'core' ? coreVersions() : groupList(table));
      case 'discovery-group':
        return found(group(table, target.group));
      case 'discovery-version':
        return found(resourceList(table, target.apiVersion));
      case 'openapi-v2':
        if (request.headers['accept']?.includes('openapi.spec.v2@v1.0+protobuf') === true) {
          this.#proto ??= openApiV2Proto(openApiV2(table));
          return { status: 200, headers: { 'content-type': OPENAPI_V2_PROTO }, body: this.#proto };
        }
        return json(
          200,
          this.#cached('v2', () => openApiV2(table)),
        );
      case 'openapi-v3': {
        const { apiVersion } = target;
        if (apiVersion !== undefined) return found(this.#v3(apiVersion));
        const hash = (version: string): string =>
          createHash('sha256')
            .update(JSON.stringify(this.#v3(version)))
            .digest('hex')
            .slice(0, 32)
            .toUpperCase();
        return json(
          200,
          this.#cached('v3', () => openApiV3Index(table, hash)),
        );
      }
      case 'index': {
        const versions = [...new Set(table.all.map((item) => item.apiVersion))];
        const paths = versions.map((version) => (version.includes('/') ? `/apis/${version}` : `/api/${version}`));
        return json(200, {
          paths: ['/api', '/apis', ...paths, '/healthz', '/livez', '/openapi/v2', '/openapi/v3', '/readyz', '/version'],
        });
      }
      case 'health':
      case 'version':
        throw unknownPath();
      default:
        return target satisfies never;
    }
  }

  #v3(apiVersion: string): JsonObject | undefined {
    const { table } = this.#options.engine;
    if (!table.all.some((item) => item.apiVersion === apiVersion)) return undefined;
    return this.#cached(`v3/${apiVersion}`, () => openApiV3(table, apiVersion) ?? {});
  }

  #cached(key: string, make: () => JsonObject): JsonObject {
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#cache.set(key, made);
    return made;
  }

  async #resource(
    request: ApiRequest,
    query: URLSearchParams,
    target: Extract<Target, { kind: 'resource' }>,
    resource: Resource,
    user: User,
  ): Promise<ApiResponse> {
    const { subresource, name } = target;
    const isWatch = ['true', '1', ''].includes(query.get('watch') ?? 'false');
    const verb = verbOf(request.method, target, isWatch);
    if (subresource !== '' && !(subresource === 'status' && resource.statusSubresource)) throw unknownPath();
    if (target.namespace !== undefined && !resource.namespaced) throw unknownPath();
    const isCollection = name === undefined;
    if (resource.namespaced && target.namespace === undefined && !['list', 'watch'].includes(verb)) throw unknownPath();
    if (
      (verb === 'create' && !isCollection) ||
      (isCollection && ['update', 'patch'].includes(verb)) ||
      (subresource !== '' && verb === 'delete')
    ) {
      throw new StatusError(
        405,
        'MethodNotAllowed',
        `the server does not allow this method (${request.method}) on the requested resource`,
      );
    }
    const attributes: Attributes = {
      verb,
      group: resource.group,
      plural: resource.plural,
      subresource,
      namespace: target.namespace ?? '',
      name: name ?? '',
    };
    const why = authorize(user, attributes);
    if (why !== undefined) throw forbidden(resource, name ?? '', why);
    const format = negotiate(request.headers['accept'], query.get('includeObject'));
    const work: ResourceRequest = {
      resource,
      namespace: target.namespace ?? '',
      name,
      subresource: subresource === 'status' ? 'status' : '',
      verb,
      user,
      query,
      headers: request.headers,
      body: request.body,
    };
    const { engine } = this.#options;
    switch (verb) {
      case 'get': {
        const key = { resource, namespace: target.namespace ?? '', name: name ?? '' };
        return {
          status: 200,
          headers: JSON_HEADERS,
          body: getText(engine, key, query.get('resourceVersion') ?? '', format),
        };
      }
      case 'list': {
        const body = listText(engine, {
          selection: this.#selection(resource, target, query),
          resourceVersion: query.get('resourceVersion') ?? '',
          exact: query.get('resourceVersionMatch') === 'Exact',
          limit: Math.max(0, Number.parseInt(query.get('limit') ?? '0', 10) || 0),
          continueToken: query.get('continue') ?? '',
          format,
        });
        return { status: 200, headers: JSON_HEADERS, body };
      }
      case 'watch':
        return this.#watch(resource, target, query, request);
      case 'delete':
        return json(200, await runDelete(engine, work));
      case 'deletecollection':
        return json(200, await runDeleteCollection(engine, work, this.#selection(resource, target, query)));
      case 'create':
      case 'update':
      case 'patch': {
        const result = await runWrite(engine, work);
        const body =
          format === JSON_FORMAT ? JSON.stringify(result.object) : objectText(engine, resource, result.object, format);
        const warnings = result.warnings.map(
          (text) => `299 - "${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`,
        );
        return {
          status: result.created ? 201 : 200,
          headers: { ...JSON_HEADERS, ...(warnings.length === 0 ? {} : { warning: warnings.join(', ') }) },
          body,
        };
      }
      default:
        return verb satisfies never;
    }
  }

  #selection(resource: Resource, target: Extract<Target, { kind: 'resource' }>, query: URLSearchParams) {
    return makeSelection(
      resource,
      target.namespace,
      query.get('labelSelector') ?? '',
      query.get('fieldSelector') ?? '',
    );
  }

  #watch(
    resource: Resource,
    target: Extract<Target, { kind: 'resource' }>,
    query: URLSearchParams,
    request: ApiRequest,
  ): ApiResponse {
    const { engine, watches } = this.#options;
    const seconds = Number.parseInt(query.get('timeoutSeconds') ?? '0', 10) || 0;
    const initial = query.get('sendInitialEvents');
    parseVersion(query.get('resourceVersion') ?? '');
    const watch = {
      selection: this.#selection(resource, target, query),
      resourceVersion: query.get('resourceVersion') ?? '',
      bookmarks: query.get('allowWatchBookmarks') === 'true',
      sendInitialEvents: initial === null ? undefined : initial === 'true',
      // Spread, so that watches that began together do not come back together.
      timeoutMs: seconds > 0 ? seconds * 1000 : WATCH_MIN_MS * (1 + engine.random.next()),
      format: negotiate(request.headers['accept']?.replaceAll(';stream=watch', ''), query.get('includeObject')),
    };
    return {
      status: 200,
      headers: JSON_HEADERS,
      body: '',
      stream: (sink) => {
        try {
          return watches.open(watch, sink);
        } catch (error) {
          const status =
            error instanceof StatusError ? error : new StatusError(500, 'InternalError', 'the watch failed');
          sink.write(Buffer.from(`{"type":"ERROR","object":${JSON.stringify(status.toBody())}}\n`));
          sink.end();
          return () => undefined;
        }
      },
    };
  }
}

function unknownPath(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', { causes: [] });
}
