export type { ApiObject, ObjectMeta, Stored, StoredMeta } from '../schema/meta.ts';

/** A watch event as decoded from the stream. Bookmarks carry only a resourceVersion. */
export type EventLike<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };
