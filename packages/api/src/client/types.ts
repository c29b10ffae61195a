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
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

export interface ListResult<T extends ApiObject> {
  readonly items: Stored<T>[];
  /** Start a watch here. */
  readonly resourceVersion: string;
}

export type WatchEvent<T extends ApiObject> = EventLike<Stored<T>>;

/**
 * Typed access to one kind. All methods throw AppError: `not_found`, `already_exists`, `aborted` (conflict of
 * resourceVersion), `invalid_argument` (422, details.field is the path), `unavailable` (no answer), `unauthenticated`.
 */
export interface ResourceApi<T extends ApiObject> {
  readonly type: ResourceType<T>;
  get(name: string, namespace?: string): Promise<Stored<T>>;
  /** `undefined` instead of `not_found`. */
  find(name: string, namespace?: string): Promise<Stored<T> | undefined>;
  /** Follows `continue` until complete. */
  list(options?: ListOptions, namespace?: string): Promise<ListResult<T>>;
  create(object: T): Promise<Stored<T>>;
  /** PUT of the whole object; `metadata.resourceVersion` must be set: a compare-and-swap (409 -> `aborted`). */
  update(object: Stored<T>): Promise<Stored<T>>;
  /** PUT on the status subresource; compare-and-swap likewise. */
  updateStatus(object: Stored<T>): Promise<Stored<T>>;
  /** JSON merge patch. Put `metadata.resourceVersion` into the patch to make it a compare-and-swap. */
  patch(name: string, patch: object, namespace?: string): Promise<Stored<T>>;
  patchStatus(name: string, patch: object, namespace?: string): Promise<Stored<T>>;
  /** Deletes, or marks for deletion while finalizers remain. `not_found` is not an error. */
  delete(
    name: string,
    options?: { namespace?: string; preconditions?: { uid?: string; resourceVersion?: string } },
  ): Promise<void>;
  /** One watch stream from `resourceVersion`; ends or throws (`aborted` with reason Expired = 410). Informers wrap it. */
  watch(options: ListOptions & { resourceVersion: string }, namespace?: string): AsyncIterable<WatchEvent<T>>;
}

/** The API of one cluster, whoever serves it. */
export interface ClusterClient {
  resource<T extends ApiObject>(type: ResourceType<T>): ResourceApi<T>;
}
