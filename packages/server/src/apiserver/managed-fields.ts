import { mergeApplied, removeFields } from './apply-merge.ts';
import {
  compareFields,
  describePath,
  type FieldSet,
  fieldsOf,
  fromFieldsV1,
  SEPARATOR,
  toFieldsV1,
} from './field-set.ts';
import type { Resource } from './resources.ts';
import { conflict, type StatusCause } from './status-error.ts';
import { isObject, type JsonObject, jsonEqual, type KubeObject, type ManagedFieldsEntry } from './types.ts';

const SERVER_METADATA = [
  'name',
  'namespace',
  'generateName',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
  'selfLink',
];
/** Writers of an object that was last written before anything was recorded. */
const BEFORE = 'before-first-apply';

interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource: string;
  readonly apiVersion: string;
  readonly time: string;
  fields: Set<string>;
}

/** The part of an object that managers can own through this endpoint. */
function ownable(resource: Resource, object: KubeObject, subresource: string): JsonObject {
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = object;
  if (subresource === 'status') return { status: rest['status'] };
  const meta: JsonObject = { ...metadata };
  for (const key of SERVER_METADATA) delete meta[key];
  if (resource.statusSubresource) delete rest['status'];
  return Object.keys(meta).length === 0 ? rest : { ...rest, metadata: meta };
}

function decode(entries: readonly ManagedFieldsEntry[] | undefined): Manager[] {
  return (entries ?? []).flatMap((entry) =>
    typeof entry.manager === 'string' && isObject(entry.fieldsV1)
      ? [
          {
            name: entry.manager,
            operation: entry.operation === 'Apply' ? 'Apply' : 'Update',
            subresource: entry.subresource ?? '',
            apiVersion: entry.apiVersion,
            time: entry.time ?? '',
            fields: fromFieldsV1(entry.fieldsV1),
          },
        ]
      : [],
  );
}

function encode(
  managers: readonly Manager[],
  previous: readonly ManagedFieldsEntry[] | undefined,
): ManagedFieldsEntry[] {
  const entries = managers
    .filter((manager) => manager.fields.size > 0)
    .map((manager): ManagedFieldsEntry => {
      const entry: ManagedFieldsEntry = {
        manager: manager.name,
        operation: manager.operation,
        apiVersion: manager.apiVersion,
        time: manager.time,
        fieldsType: 'FieldsV1',
        fieldsV1: toFieldsV1(manager.fields),
        ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
      };
      // A write that changes nothing this manager owns must not look like a change because of its time.
      const same = previous?.find(
        (old) =>
          old.manager === entry.manager &&
          old.operation === entry.operation &&
          (old.subresource ?? '') === (entry.subresource ?? '') &&
          jsonEqual(old.fieldsV1, entry.fieldsV1),
      );
      return same ?? entry;
    });
  return entries.sort((a, b) => rank(a) - rank(b));
}

/** Appliers first, as Kubernetes orders them; otherwise the order stays. */
function rank(entry: ManagedFieldsEntry): number {
  return entry.operation === 'Apply' ? 0 : 1;
}

function withEntries(object: KubeObject, entries: ManagedFieldsEntry[]): KubeObject {
  const metadata = { ...object.metadata };
  if (entries.length === 0) delete metadata.managedFields;
  else metadata.managedFields = entries;
  return { ...object, metadata };
}

/**
 * Records who wrote what after a create, update or patch: the fields that differ from `old` now belong to `manager` alone.
 * `object.metadata.managedFields` is the starting point (a client may have edited it).
 */
export function trackUpdate(
  resource: Resource,
  object: KubeObject,
  old: KubeObject | undefined,
  manager: string,
  subresource: string,
  now: string,
): KubeObject {
  const known = object.metadata.managedFields;
  if (!resource.trackUpdates && !(known ?? []).some((entry) => entry.operation === 'Apply')) {
    return withEntries(object, []);
  }
  const managers = decode(known);
  const before = old === undefined ? undefined : ownable(resource, old, subresource);
  const { changed, removed } = compareFields(before, ownable(resource, object, subresource), resource.schema);
  if (changed.size === 0 && removed.size === 0) return withEntries(object, encode(managers, known));
  let own = managers.find(
    (item) => item.name === manager && item.operation === 'Update' && item.subresource === subresource,
  );
  if (own === undefined) {
    own = {
      name: manager,
      operation: 'Update',
      subresource,
      apiVersion: resource.apiVersion,
      time: now,
      fields: new Set(),
    };
    managers.push(own);
  }
  for (const item of managers) {
    item.fields = new Set(
      [...item.fields].filter((field) => !removed.has(field) && (item === own || !changed.has(field))),
    );
  }
  for (const field of changed) own.fields.add(field);
  const stamped = managers.map((item) => (item === own ? { ...item, time: now } : item));
  return withEntries(object, encode(stamped, known));
}

export interface ApplyRequest {
  readonly resource: Resource;
  /** What the applier wants, pruned, without defaults. */
  readonly wanted: KubeObject;
  /** What is stored; undefined: apply creates. */
  readonly live: KubeObject | undefined;
  readonly manager: string;
  readonly force: boolean;
  readonly subresource: string;
  readonly now: string;
}

/**
 * Server-side apply: merges what the applier wants, removes what it wanted before and nobody else owns, and records the new
 * ownership.
 * @throws StatusError 409 with one cause per field that somebody else owns and that would change.
 */
export function apply(request: ApplyRequest): KubeObject {
  const { resource, wanted, live, manager, subresource, now } = request;
  const schema = resource.schema;
  const known = live?.metadata.managedFields;
  const managers = decode(known);
  if (live !== undefined && managers.length === 0) {
    managers.push({
      name: BEFORE,
      operation: 'Update',
      subresource: '',
      apiVersion: resource.apiVersion,
      time: now,
      fields: fieldsOf(ownable(resource, live, ''), schema),
    });
  }
  const desired = ownable(resource, wanted, subresource);
  const fields = fieldsOf(desired, schema);
  const current = live === undefined ? undefined : ownable(resource, live, subresource);
  let merged = mergeApplied(current, desired, schema) as JsonObject;
  const own = managers.find(
    (item) => item.name === manager && item.operation === 'Apply' && item.subresource === subresource,
  );
  const others = managers.filter((item) => item !== own);
  const dropped = [...(own?.fields ?? [])].filter(
    (field) => !fields.has(field) && !others.some((item) => item.fields.has(field)),
  );
  merged = removeFields(merged, schema, new Set(dropped), fields) as JsonObject;
  const { changed } = compareFields(current, merged, schema);
  const contested = others.map((item) => ({
    item,
    fields: [...item.fields].filter((field) => changed.has(field) && overlaps(fields, field)),
  }));
  const conflicts = contested.filter((entry) => entry.fields.length > 0);
  if (conflicts.length > 0 && !request.force) throw applyConflict(request, conflicts);
  for (const { item, fields: lost } of conflicts) {
    const gone = new Set(lost);
    item.fields = new Set([...item.fields].filter((field) => !gone.has(field)));
  }
  const present = fieldsOf(merged, schema);
  for (const item of others) {
    if (item.subresource === subresource) {
      item.fields = new Set([...item.fields].filter((field) => present.has(field) || isParent(field, present)));
    }
  }
  const mine: Manager = {
    name: manager,
    operation: 'Apply',
    subresource,
    apiVersion: resource.apiVersion,
    time: now,
    fields,
  };
  return withEntries(rebuild(request, merged), encode([...others, mine], known));
}

function overlaps(set: FieldSet, field: string): boolean {
  return set.has(field) || isParent(field, set);
}

function isParent(field: string, set: FieldSet): boolean {
  const prefix = `${field}${SEPARATOR}`;
  for (const other of set) if (other.startsWith(prefix)) return true;
  return false;
}

/** The whole object again, with the parts that the applier cannot reach. */
function rebuild(request: ApplyRequest, merged: JsonObject): KubeObject {
  const { resource, wanted, live, subresource } = request;
  if (subresource === 'status') {
    const base = live ?? wanted;
    return { ...base, status: merged['status'] };
  }
  const meta: JsonObject = isObject(merged['metadata']) ? { ...merged['metadata'] } : {};
  for (const key of SERVER_METADATA) {
    const value = live?.metadata[key] ?? (key === 'managedFields' ? undefined : wanted.metadata[key]);
    if (value !== undefined) meta[key] = value;
  }
  // A resourceVersion or uid in the applied configuration is a precondition.
  for (const key of ['resourceVersion', 'uid'])
    if (wanted.metadata[key] !== undefined) meta[key] = wanted.metadata[key];
  const { metadata: _metadata, ...rest } = merged;
  const object: KubeObject = { ...rest, apiVersion: resource.apiVersion, kind: resource.kind, metadata: meta };
  if (live?.['status'] !== undefined && resource.statusSubresource) object['status'] = live['status'];
  return object;
}

function applyConflict(request: ApplyRequest, conflicts: readonly { item: Manager; fields: string[] }[]): Error {
  const causes: StatusCause[] = conflicts.flatMap(({ item, fields }) =>
    fields.map((field) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${JSON.stringify(item.name)}${item.subresource === '' ? '' : ` with subresource ${JSON.stringify(item.subresource)}`} using ${item.apiVersion}`,
      field: describePath(field),
    })),
  );
  const error = conflict(request.resource, request.wanted.metadata.name ?? '', '', causes);
  const list = causes.map((cause) => `${cause.message}: ${cause.field ?? ''}`).join('\n');
  error.message = `Apply failed with ${causes.length} conflict${causes.length === 1 ? '' : 's'}: ${list}`;
  return error;
}
