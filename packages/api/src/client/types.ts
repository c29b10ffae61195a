import type { ApiObject, EventLike, Stored } from './object.ts';

/** Identifies a kind to the client. `namespaced` kinds take a namespace in every call. */
export interface ResourceType<T extends ApiObject> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Phantom: carries the object type. Never set. */
  readonly __type?: T;
}

export interface ListOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Objects per page of a list (default 500). The result is complete all the same. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** Options of one request. */
export interface RequestOptions {
  readonly signal?: AbortSignal;
  /** Overrides the client's deadline, milliseconds. */
  readonly timeoutMs?: number;
}

export interface WatchOptions extends ListOptions {
  readonly resourceVersion: string;
  /** Asks the server to end the stream after this many seconds. */
  readonly timeoutSeconds?: number;
}

export interface ListResult<T extends ApiObject> {
  readonly items: Stored<T>[];
  /** Start a watch here. */
  readonly resourceVersion: string;
}

export type WatchEvent<T extends ApiObject> = EventLike<Stored<T>>;

/**
 * Typed access to one kind. All methods throw AppError: `not_found`, `already_exists`, `aborted` (conflict of
 * resourceVersion), `invalid_argument` (422, details.field is the path), `unavailable` (no answer, or the server asked for
 * a pause: details.retryAfterMs), `deadline_exceeded` (no answer in time: a write may still have happened),
 * `unauthenticated`, `permission_denied`. An aborted `signal` throws its reason.
 * Nothing is retried in here: who repeats must know whether that is right.
 */
export interface ResourceApi<T extends ApiObject> {
  readonly type: ResourceType<T>;
  get(name: string, namespace?: string, options?: RequestOptions): Promise<Stored<T>>;
  /** `undefined` instead of `not_found`. */
  find(name: string, namespace?: string, options?: RequestOptions): Promise<Stored<T> | undefined>;
  /** Follows `continue` until complete. */
  list(options?: ListOptions, namespace?: string): Promise<ListResult<T>>;
  create(object: T, options?: RequestOptions): Promise<Stored<T>>;
  /** PUT of the whole object; `metadata.resourceVersion` must be set: a compare-and-swap (409 -> `aborted`). */
  update(object: Stored<T>, options?: RequestOptions): Promise<Stored<T>>;
  /** PUT on the status subresource; compare-and-swap likewise. */
  updateStatus(object: Stored<T>, options?: RequestOptions): Promise<Stored<T>>;
  /** JSON merge patch. Put `metadata.resourceVersion` into the patch to make it a compare-and-swap. */
  patch(name: string, patch: object, namespace?: string, options?: RequestOptions): Promise<Stored<T>>;
  patchStatus(name: string, patch: object, namespace?: string, options?: RequestOptions): Promise<Stored<T>>;
  /** Deletes, or marks for deletion while finalizers remain. `not_found` is not an error. */
  delete(
    name: string,
    options?: RequestOptions & { namespace?: string; preconditions?: { uid?: string; resourceVersion?: string } },
  ): Promise<void>;
  /** One watch stream from `resourceVersion`; ends or throws (`aborted` with reason Expired = 410). Informers wrap it. */
  watch(options: WatchOptions, namespace?: string): AsyncIterable<WatchEvent<T>>;
}

/** The API of one cluster, whoever serves it. */
export interface ClusterClient {
  resource<T extends ApiObject>(type: ResourceType<T>): ResourceApi<T>;
}
