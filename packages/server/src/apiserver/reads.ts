import type { Engine, Key } from './engine.ts';
import type { Format } from './negotiate.ts';
import type { Resource } from './resources.ts';
import { matchesFields, matchesLabels, parseFieldSelector, parseLabelSelector } from './selectors.ts';
import { badRequest, expired, notFound, StatusError } from './status-error.ts';
import type { StoredRow } from './store.ts';
import { partial, toTable } from './table.ts';
import { isObject, type Json, type JsonObject, type KubeObject } from './types.ts';
import type { Selection } from './watch-hub.ts';

export interface ListRequest {
  readonly selection: Selection;
  /** As sent: '' (latest), '0' (any), or a number. */
  readonly resourceVersion: string;
  readonly exact: boolean;
  readonly limit: number;
  readonly continueToken: string;
  readonly format: Format;
}

export function makeSelection(
  resource: Resource,
  namespace: string | undefined,
  labelSelector: string,
  fieldSelector: string,
): Selection {
  return {
    resource,
    namespace,
    labels: parseLabelSelector(labelSelector),
    fields: parseFieldSelector(fieldSelector, resource.selectable),
  };
}

/** @throws StatusError 400 */
export function parseVersion(text: string): number {
  if (text === '') return 0;
  if (!/^\d{1,15}$/.test(text))
    throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(text)}: must be a number given by this server`);
  return Number(text);
}

/** Refuses to answer from a past that the client has already seen beyond. */
export function checkNotFuture(engine: Engine, wanted: number): void {
  const current = engine.store.resourceVersion;
  if (wanted <= current) return;
  throw new StatusError(504, 'Timeout', `Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** One object in the representation that was asked for. @throws StatusError 404 */
export function getText(engine: Engine, key: Key, resourceVersion: string, format: Format): string {
  checkNotFuture(engine, parseVersion(resourceVersion));
  const row = engine.store.get(key.resource.id, key.namespace, key.name);
  if (row === undefined) throw notFound(key.resource, key.name);
  if (format.kind === 'json') return row.text;
  return objectText(engine, key.resource, JSON.parse(row.text) as KubeObject, format);
}

export function objectText(engine: Engine, resource: Resource, object: KubeObject, format: Format): string {
  switch (format.kind) {
    case 'json':
      return JSON.stringify(object);
    case 'partial':
      return JSON.stringify(partial(object));
    case 'table': {
      const meta: JsonObject = { resourceVersion: object.metadata.resourceVersion ?? '' };
      return JSON.stringify(toTable(resource, [object], format, engine.clock.now(), meta));
    }
    default:
      return format satisfies never;
  }
}

interface Token {
  readonly rv: number;
  readonly namespace: string;
  readonly name: string;
}

function encodeToken(token: Token): string {
  return Buffer.from(JSON.stringify([token.rv, token.namespace, token.name])).toString('base64url');
}

function decodeToken(text: string): Token {
  try {
    const value = JSON.parse(Buffer.from(text, 'base64url').toString()) as Json;
    if (Array.isArray(value)) {
      const [rv, namespace, name] = value;
      if (typeof rv === 'number' && typeof namespace === 'string' && typeof name === 'string')
        return { rv, namespace, name };
    }
  } catch {
    // Falls through to the refusal: a broken token is the client's.
  }
  throw badRequest('continue key is not valid: start the list again without it');
}

const PAGE = 500;

/** A list, paged and filtered, in the representation that was asked for. */
export function listText(engine: Engine, request: ListRequest): string {
  const { store } = engine;
  const { selection, limit } = request;
  const wanted = parseVersion(request.resourceVersion);
  checkNotFuture(engine, wanted);
  const token = request.continueToken === '' ? undefined : decodeToken(request.continueToken);
  const exact = token?.rv ?? (request.exact && wanted > 0 ? wanted : undefined);
  const version = exact ?? store.resourceVersion;
  const isPast = exact !== undefined && exact < store.resourceVersion;
  if (isPast && exact < store.compacted) {
    throw expired(
      token === undefined
        ? `The resourceVersion for the provided list is too old: ${exact} (${store.compacted})`
        : 'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.',
    );
  }
  const past =
    isPast && store.changedSince(selection.resource.id, exact)
      ? store.listAt(selection.resource.id, selection.namespace, exact)
      : undefined;
  const rows = collect(engine, selection, limit, token, past);
  const more = limit > 0 && rows.length > limit;
  const shown = more ? rows.slice(0, limit) : rows;
  const last = shown.at(-1);
  const metadata: JsonObject = { resourceVersion: String(version) };
  if (more && last !== undefined) {
    metadata['continue'] = encodeToken({ rv: version, namespace: last.namespace, name: last.name });
    if (selection.labels.length === 0 && selection.fields.length === 0) {
      const after = past === undefined ? remaining(engine, selection, last) : past.length - 1 - past.indexOf(last);
      metadata['remainingItemCount'] = after;
    }
  }
  return render(engine, selection.resource, shown, metadata, request.format);
}

function remaining(engine: Engine, selection: Selection, last: StoredRow): number {
  return engine.store.count(selection.resource.id, selection.namespace, last);
}

/** At most one row more than the limit, so that the caller knows whether there is more. */
function collect(
  engine: Engine,
  selection: Selection,
  limit: number,
  token: Token | undefined,
  past: readonly StoredRow[] | undefined,
): StoredRow[] {
  const matches = matcher(selection);
  const enough = limit > 0 ? limit + 1 : Number.POSITIVE_INFINITY;
  if (past !== undefined) {
    const rest = token === undefined ? past : past.filter((row) => isAfter(row, token));
    return rest.filter(matches).slice(0, enough === Number.POSITIVE_INFINITY ? undefined : enough);
  }
  const out: StoredRow[] = [];
  let after: { namespace: string; name: string } | undefined = token;
  const size = limit > 0 ? Math.max(Math.min(limit + 1, PAGE), 1) : -1;
  while (true) {
    const page = engine.store.list(selection.resource.id, selection.namespace, {
      limit: size,
      ...(after === undefined ? {} : { after }),
    });
    for (const row of page) {
      if (matches(row)) out.push(row);
      if (out.length >= enough) return out;
    }
    const last = page.at(-1);
    if (size < 0 || page.length < size || last === undefined) return out;
    after = last;
  }
}

function isAfter(row: StoredRow, token: Token): boolean {
  return row.namespace > token.namespace || (row.namespace === token.namespace && row.name > token.name);
}

function matcher(selection: Selection): (row: StoredRow) => boolean {
  if (selection.labels.length === 0 && selection.fields.length === 0) return () => true;
  const onlyName = selection.labels.length === 0 && selection.fields.every((term) => term.path.startsWith('metadata.'));
  if (onlyName) {
    return (row) => matchesFields(selection.fields, (path) => (path === 'metadata.name' ? row.name : row.namespace));
  }
  return (row) => {
    const object = JSON.parse(row.text) as KubeObject;
    return (
      matchesLabels(selection.labels, object.metadata.labels) &&
      matchesFields(selection.fields, (path) => selection.resource.fieldOf(object, path))
    );
  };
}

function render(
  engine: Engine,
  resource: Resource,
  rows: readonly StoredRow[],
  metadata: JsonObject,
  format: Format,
): string {
  if (format.kind === 'json') {
    // The stored text already is the answer: nothing is parsed for a plain list.
    const items = rows.map((row) => row.text).join(',');
    return `{"kind":"${resource.kind}List","apiVersion":"${resource.apiVersion}","metadata":${JSON.stringify(metadata)},"items":[${items}]}`;
  }
  const objects = rows.map((row) => JSON.parse(row.text) as KubeObject);
  if (format.kind === 'table') return JSON.stringify(toTable(resource, objects, format, engine.clock.now(), metadata));
  return JSON.stringify({
    kind: 'PartialObjectMetadataList',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    items: objects.map((object) => partial(object)).filter(isObject),
  });
}
