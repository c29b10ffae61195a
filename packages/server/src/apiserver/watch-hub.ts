import type { Resource } from './resources.ts';
import { type FieldTerm, matchesFields, matchesLabels, type Requirement } from './selectors.ts';
import type { KubeObject } from './types.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** A committed change, parsed once and shared by every watcher. */
export interface Change {
  readonly resourceVersion: number;
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  readonly type: EventType;
  readonly object: KubeObject;
  /** JSON text of `object`. */
  readonly text: string;
  readonly previous: KubeObject | undefined;
  /** Encodings that a watcher has already paid for, by format and type. */
  readonly encoded: Map<string, Buffer>;
}

/** What a list or watch is about. */
export interface Selection {
  readonly resource: Resource;
  /** undefined: every namespace. */
  readonly namespace: string | undefined;
  readonly labels: readonly Requirement[];
  readonly fields: readonly FieldTerm[];
}

export function selects(selection: Selection, object: KubeObject): boolean {
  return (
    matchesLabels(selection.labels, object.metadata.labels) &&
    matchesFields(selection.fields, (path) => selection.resource.fieldOf(object, path))
  );
}

/** What a watcher with this selection sees of a change; undefined: nothing. */
export function visibleAs(selection: Selection, change: Change): EventType | undefined {
  if (selection.namespace !== undefined && selection.namespace !== change.namespace) return undefined;
  if (selection.labels.length === 0 && selection.fields.length === 0) return change.type;
  const now = change.type !== 'DELETED' && selects(selection, change.object);
  const before = change.previous !== undefined && selects(selection, change.previous);
  if (now) return before ? 'MODIFIED' : 'ADDED';
  return before ? 'DELETED' : undefined;
}

export interface Watcher {
  readonly selection: Selection;
  deliver(change: Change, type: EventType): void;
  /** The server goes away: say goodbye. */
  stop(): void;
}

/** Hands every committed change to the watchers of its kind. Without watchers it costs one map look-up. */
export class WatchHub {
  readonly #watchers = new Map<string, Set<Watcher>>();

  get size(): number {
    let total = 0;
    for (const set of this.#watchers.values()) total += set.size;
    return total;
  }

  add(watcher: Watcher): () => void {
    const id = watcher.selection.resource.id;
    const set = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, set);
    set.add(watcher);
    return () => {
      set.delete(watcher);
      if (set.size === 0) this.#watchers.delete(id);
    };
  }

  publish(changes: readonly Change[]): void {
    for (const change of changes) {
      for (const watcher of this.#watchers.get(change.resource.id) ?? []) {
        const type = visibleAs(watcher.selection, change);
        if (type !== undefined) watcher.deliver(change, type);
      }
    }
  }

  stopAll(): void {
    for (const set of [...this.#watchers.values()]) for (const watcher of [...set]) watcher.stop();
  }
}
