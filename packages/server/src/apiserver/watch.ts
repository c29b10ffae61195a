import type { Engine } from './engine.ts';
import type { Format } from './negotiate.ts';
import { parseVersion } from './reads.ts';
import { expired, type StatusError } from './status-error.ts';
import { partial, toTable } from './table.ts';
import type { JsonObject, KubeObject } from './types.ts';
import { type Change, type EventType, type Selection, selects, visibleAs, type Watcher } from './watch-hub.ts';

/** Where the events of one watch go. */
export interface Sink {
  write(chunk: Buffer): void;
  /** Bytes that the client has not taken yet. */
  buffered(): number;
  /** The stream is complete; the client will watch again. */
  end(): void;
  /** The client is too slow or gone: drop everything. */
  abort(): void;
}

export interface WatchRequest {
  readonly selection: Selection;
  readonly resourceVersion: string;
  readonly bookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  readonly timeoutMs: number;
  readonly format: Format;
}

/** What a watcher may leave unread before it is disconnected; it comes back with its last resourceVersion. */
export const MAX_UNREAD_BYTES = 16 * 1024 * 1024;
const BOOKMARK_MS = 60_000;

function line(type: string, object: string): Buffer {
  return Buffer.from(`{"type":"${type}","object":${object}}\n`);
}

class Session implements Watcher {
  readonly selection: Selection;
  readonly #engine: Engine;
  readonly #request: WatchRequest;
  readonly #sink: Sink;
  readonly #onClose: () => void;
  #first = true;
  #allowance = MAX_UNREAD_BYTES;

  constructor(engine: Engine, request: WatchRequest, sink: Sink, onClose: () => void) {
    this.selection = request.selection;
    this.#engine = engine;
    this.#request = request;
    this.#sink = sink;
    this.#onClose = onClose;
  }

  /** Sends the state (or what happened since), before the first live event. */
  start(): boolean {
    const { store } = this.#engine;
    const { resourceVersion, sendInitialEvents } = this.#request;
    const from = parseVersion(resourceVersion);
    const current = store.resourceVersion;
    const fromState = sendInitialEvents ?? from === 0;
    if (from > current) {
      // Only a server that was restored from an older copy is behind its clients. Waiting would hide that.
      this.#fail(
        expired(
          `the resourceVersion ${from} is newer than the server's (${current}): the server was restored from an older copy; list again`,
        ),
      );
      return false;
    }
    if (fromState) this.#sendState();
    else if (from > 0 && from < store.compacted) {
      this.#fail(expired(`too old resource version: ${from} (${store.compacted})`));
      return false;
    } else if (from > 0) this.#replay(from);
    if (sendInitialEvents === true) this.#bookmark({ 'k8s.io/initial-events-end': 'true' });
    this.#allowance += this.#sink.buffered();
    return true;
  }

  #sendState(): void {
    const { resource, namespace } = this.selection;
    const plain = this.selection.labels.length === 0 && this.selection.fields.length === 0;
    for (const row of this.#engine.store.list(resource.id, namespace, {})) {
      if (plain && this.#request.format.kind === 'json') {
        this.#sink.write(line('ADDED', row.text));
        continue;
      }
      const object = JSON.parse(row.text) as KubeObject;
      if (selects(this.selection, object)) this.#send('ADDED', object);
    }
  }

  #replay(from: number): void {
    const { resource } = this.selection;
    for (const event of this.#engine.store.eventsAfter(resource.id, from)) {
      const change: Change = {
        resourceVersion: event.resourceVersion,
        resource,
        namespace: event.namespace,
        name: event.name,
        type: event.type,
        object: JSON.parse(event.text) as KubeObject,
        text: event.text,
        previous: event.previous === undefined ? undefined : (JSON.parse(event.previous) as KubeObject),
        encoded: new Map(),
      };
      const type = visibleAs(this.selection, change);
      if (type !== undefined) this.deliver(change, type);
    }
  }

  deliver(change: Change, type: EventType): void {
    if (this.#sink.buffered() > this.#allowance) {
      this.#engine.log.warn('a watcher does not read; it is disconnected', {
        resource: this.selection.resource.id,
        bytes: this.#sink.buffered(),
      });
      this.#onClose();
      this.#sink.abort();
      return;
    }
    const { format } = this.#request;
    if (format.kind === 'table') {
      this.#send(type, shown(change, type));
      return;
    }
    const key = `${format.kind}/${type}`;
    let encoded = change.encoded.get(key);
    if (encoded === undefined) {
      if (format.kind === 'partial') encoded = line(type, JSON.stringify(partial(shown(change, type))));
      else
        encoded = line(
          type,
          type === change.type || type !== 'DELETED' ? change.text : JSON.stringify(shown(change, type)),
        );
      change.encoded.set(key, encoded);
    }
    this.#sink.write(encoded);
  }

  #send(type: EventType, object: KubeObject): void {
    const { format } = this.#request;
    let body: JsonObject = object;
    if (format.kind === 'partial') body = partial(object);
    if (format.kind === 'table') {
      const meta = { resourceVersion: object.metadata.resourceVersion ?? '' };
      body = toTable(this.selection.resource, [object], format, this.#engine.clock.now(), meta, this.#first);
      this.#first = false;
    }
    this.#sink.write(line(type, JSON.stringify(body)));
  }

  /**
   * Tells the client how far it is, and that the server lives. Also when nothing happened since the last event: what was
   * skipped by a selector before may be news to this client, and a silent watch looks like a dead one.
   */
  bookmark(): void {
    if (this.#request.bookmarks) this.#bookmark(undefined);
  }

  #bookmark(annotations: JsonObject | undefined): void {
    const { resource } = this.selection;
    const metadata: JsonObject = {
      resourceVersion: String(this.#engine.store.resourceVersion),
      creationTimestamp: null,
    };
    if (annotations !== undefined) metadata['annotations'] = annotations;
    const object: JsonObject =
      this.#request.format.kind === 'json'
        ? { kind: resource.kind, apiVersion: resource.apiVersion, metadata }
        : { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
    this.#sink.write(line('BOOKMARK', JSON.stringify(object)));
  }

  #fail(error: StatusError): void {
    this.#sink.write(line('ERROR', JSON.stringify(error.toBody())));
    this.#sink.end();
  }

  stop(): void {
    this.#onClose();
    this.bookmark();
    this.#sink.end();
  }
}

/** The object as a watcher with this event sees it: what leaves a selection is shown as it last matched. */
function shown(change: Change, type: EventType): KubeObject {
  if (type !== 'DELETED' || change.type === 'DELETED' || change.previous === undefined) return change.object;
  const { previous } = change;
  return { ...previous, metadata: { ...previous.metadata, resourceVersion: String(change.resourceVersion) } };
}

/** Starts watches and wakes them for bookmarks. One timer for all, and none while nobody watches. */
export class WatchService {
  readonly #engine: Engine;
  readonly #sessions = new Set<Session>();
  #cancelTimer: (() => void) | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** State and subscription are taken in one step, so that no event falls between. @returns stops the watch. */
  open(request: WatchRequest, sink: Sink): () => void {
    let remove: () => void = () => undefined;
    let cancelTimeout: () => void = () => undefined;
    const close = (): void => {
      remove();
      cancelTimeout();
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) {
        this.#cancelTimer?.();
        this.#cancelTimer = undefined;
      }
    };
    const session = new Session(this.#engine, request, sink, close);
    if (!session.start()) return close;
    remove = this.#engine.hub.add(session);
    cancelTimeout = this.#engine.clock.timer(request.timeoutMs, () => session.stop());
    this.#sessions.add(session);
    this.#armTimer();
    return close;
  }

  #armTimer(): void {
    this.#cancelTimer ??= this.#engine.clock.timer(BOOKMARK_MS, () => {
      this.#cancelTimer = undefined;
      for (const session of this.#sessions) session.bookmark();
      if (this.#sessions.size > 0) this.#armTimer();
    });
  }
}
