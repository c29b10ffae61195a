import { AppError } from '../errors.ts';
import { createHttpClient, type HttpClient, type HttpClientOptions } from './http-client.ts';
import type { ApiObject, Stored } from './object.ts';
import { isExpired } from './status.ts';
import type { ClusterClient, ListOptions, ListResult, RequestOptions, ResourceApi, ResourceType } from './types.ts';
import { decodeWatch } from './watch.ts';

const PAGE_SIZE = 500;
const MERGE_PATCH = 'application/merge-patch+json';

export type ClusterClientOptions = HttpClientOptions;

/** The API of one cluster over a {@link Transport}. Holds no connection and no state of its own. */
export function createClusterClient(options: ClusterClientOptions): ClusterClient {
  const http = createHttpClient(options);
  const fieldManager = options.userAgent ?? 'holdfast';
  return { resource: (type) => createResourceApi(http, type, fieldManager) };
}

function createResourceApi<T extends ApiObject>(
  http: HttpClient,
  type: ResourceType<T>,
  fieldManager: string,
): ResourceApi<T> {
  const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`;
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;

  function collection(namespace: string | undefined): string {
    const scope = type.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
    return `${root}${scope}/${type.plural}`;
  }

  function item(name: string, namespace: string | undefined): string {
    if (name === '') {
      throw new AppError('invalid_argument', `${type.kind}: the name is empty; name an object`, {
        details: { field: 'metadata.name', value: name, remedy: 'name an object' },
      });
    }
    if (type.namespaced && (namespace === undefined || namespace === '')) {
      throw new AppError('invalid_argument', `${type.kind} '${name}': kind ${type.kind} needs a namespace; give one`, {
        details: { field: 'metadata.namespace', remedy: 'give a namespace' },
      });
    }
    return `${collection(namespace)}/${encodeURIComponent(name)}`;
  }

  const named = (verb: string, name: string): string => `${verb} ${type.plural}/${name}`;

  /** Objects inside lists of built-in kinds come without apiVersion and kind. */
  function stored(value: unknown, what: string): Stored<T> {
    const meta = (value as { metadata?: { name?: unknown; resourceVersion?: unknown } } | undefined)?.metadata;
    if (typeof meta?.name !== 'string' || typeof meta.resourceVersion !== 'string') {
      throw new AppError('unavailable', `cannot ${what}: the API server's answer is not a ${type.kind}`, {
        details: { reason: 'BadAnswer' },
      });
    }
    return { ...(value as Stored<T>), apiVersion, kind: type.kind };
  }

  async function get(name: string, namespace?: string, options?: RequestOptions): Promise<Stored<T>> {
    const what = named('get', name);
    return stored(await http.json({ method: 'GET', path: item(name, namespace), what, ...options }), what);
  }

  async function listPages(options: ListOptions, namespace: string | undefined, limit: number): Promise<ListResult<T>> {
    const what = `list ${type.plural}`;
    const items: Stored<T>[] = [];
    let resourceVersion: string | undefined;
    let next: string | undefined;
    do {
      const page = (await http.json({
        method: 'GET',
        path: collection(namespace),
        query: {
          labelSelector: options.labelSelector,
          fieldSelector: options.fieldSelector,
          limit: limit === 0 ? undefined : String(limit),
          continue: next,
        },
        what,
        signal: options.signal,
      })) as { metadata?: { resourceVersion?: string; continue?: string }; items?: unknown } | undefined;
      if (!Array.isArray(page?.items) || typeof page.metadata?.resourceVersion !== 'string') {
        // Unknown is never empty: an odd answer must not look like "there is nothing".
        throw new AppError('unavailable', `cannot ${what}: the API server's answer is not a list`, {
          details: { reason: 'BadAnswer' },
        });
      }
      // The first page's version is the oldest: a watch from there can miss nothing.
      resourceVersion ??= page.metadata.resourceVersion;
      for (const entry of page.items) items.push(stored(entry, what));
      next = page.metadata.continue;
    } while (next !== undefined && next !== '');
    return { items, resourceVersion };
  }

  async function list(options: ListOptions = {}, namespace?: string): Promise<ListResult<T>> {
    try {
      return await listPages(options, namespace, options.limit ?? PAGE_SIZE);
    } catch (error) {
      // The snapshot behind the continue token was compacted while we paged: take everything in one answer.
      if (isExpired(error)) return listPages(options, namespace, 0);
      throw error;
    }
  }

  async function put(object: Stored<T>, subresource: string, options?: RequestOptions): Promise<Stored<T>> {
    const { name, namespace, resourceVersion } = object.metadata;
    const what = named(subresource === '' ? 'update' : 'update status of', name);
    if (resourceVersion === '') {
      throw new AppError(
        'invalid_argument',
        `cannot ${what}: metadata.resourceVersion is empty; read the object first`,
        {
          details: { field: 'metadata.resourceVersion', remedy: 'read the object first' },
        },
      );
    }
    const path = item(name, namespace) + subresource;
    return stored(
      await http.json({ method: 'PUT', path, query: { fieldManager }, body: object, what, ...options }),
      what,
    );
  }

  async function mergePatch(
    name: string,
    patch: object,
    namespace: string | undefined,
    subresource: string,
    options?: RequestOptions,
  ): Promise<Stored<T>> {
    const what = named(subresource === '' ? 'patch' : 'patch status of', name);
    const path = item(name, namespace) + subresource;
    return stored(
      await http.json({
        method: 'PATCH',
        path,
        query: { fieldManager },
        body: patch,
        contentType: MERGE_PATCH,
        what,
        ...options,
      }),
      what,
    );
  }

  return {
    type,
    get,
    list,
    async find(name, namespace, options) {
      try {
        return await get(name, namespace, options);
      } catch (error) {
        if (error instanceof AppError && error.code === 'not_found') return undefined;
        throw error;
      }
    },
    async create(object, options) {
      const { name, generateName, namespace } = object.metadata;
      const what = named('create', name || `${generateName ?? ''}...`);
      if (type.namespaced && (namespace === undefined || namespace === '')) {
        throw new AppError('invalid_argument', `cannot ${what}: kind ${type.kind} needs metadata.namespace; give one`, {
          details: { field: 'metadata.namespace', remedy: 'give a namespace' },
        });
      }
      const body = { ...object, apiVersion, kind: type.kind };
      return stored(
        await http.json({
          method: 'POST',
          path: collection(namespace),
          query: { fieldManager },
          body,
          what,
          ...options,
        }),
        what,
      );
    },
    update: (object, options) => put(object, '', options),
    updateStatus: (object, options) => put(object, '/status', options),
    patch: (name, patch, namespace, options) => mergePatch(name, patch, namespace, '', options),
    patchStatus: (name, patch, namespace, options) => mergePatch(name, patch, namespace, '/status', options),
    async delete(name, options = {}) {
      const { namespace, preconditions, ...request } = options;
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        ...(preconditions === undefined ? {} : { preconditions }),
      };
      try {
        await http.json({
          method: 'DELETE',
          path: item(name, namespace),
          body,
          what: named('delete', name),
          ...request,
        });
      } catch (error) {
        if (!(error instanceof AppError && error.code === 'not_found')) throw error;
      }
    },
    async *watch(options, namespace) {
      const what = `watch ${type.plural}`;
      const { body, release } = await http.stream({
        method: 'GET',
        path: collection(namespace),
        query: {
          watch: '1',
          allowWatchBookmarks: 'true',
          resourceVersion: options.resourceVersion,
          labelSelector: options.labelSelector,
          fieldSelector: options.fieldSelector,
          timeoutSeconds: options.timeoutSeconds === undefined ? undefined : String(options.timeoutSeconds),
        },
        what,
        signal: options.signal,
      });
      try {
        yield* decodeWatch<T>(body, what, options.signal);
      } finally {
        release();
      }
    },
  };
}
