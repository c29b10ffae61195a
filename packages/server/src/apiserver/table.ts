import { selectPath } from './json-path.ts';
import type { Format } from './negotiate.ts';
import type { Resource } from './resources.ts';
import { isObject, type Json, type JsonObject, type KubeObject } from './types.ts';

/** `90` -> `90s`, `3700` -> `61m`, `90000` -> `25h`: like kubectl prints ages. */
export function humanAge(seconds: number): string {
  if (seconds < 0) return '0s';
  const s = Math.floor(seconds);
  const m = Math.floor(s / 60);
  const h = Math.floor(m / 60);
  const d = Math.floor(h / 24);
  if (s < 120) return `${s}s`;
  if (m < 10) return s % 60 === 0 ? `${m}m` : `${m}m${s % 60}s`;
  if (h < 3) return `${m}m`;
  if (h < 8) return m % 60 === 0 ? `${h}h` : `${h}h${m % 60}m`;
  if (h < 48) return `${h}h`;
  if (d < 8) return h % 24 === 0 ? `${d}d` : `${d}d${h % 24}h`;
  if (d < 730) return `${d}d`;
  return `${Math.floor(d / 365)}y${d % 365 === 0 ? '' : `${d % 365}d`}`;
}

function cell(values: Json[], type: string, now: number): Json {
  const [value] = values;
  if (value === undefined || value === null) return type === 'date' ? '<unknown>' : null;
  switch (type) {
    case 'date': {
      const at = Date.parse(String(value));
      return Number.isNaN(at) ? '<invalid>' : humanAge((now - at) / 1000);
    }
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    default:
      if (values.length > 1)
        return values.map((item) => (typeof item === 'object' ? JSON.stringify(item) : String(item))).join(',');
      return typeof value === 'object' ? JSON.stringify(value) : String(value);
  }
}

/** Cells that a JSONPath cannot express, for the built-in kinds. */
function special(resource: Resource, object: KubeObject, column: string, now: number): Json | undefined {
  if (resource.group !== '') return undefined;
  if (resource.kind === 'Secret' && column === 'Data') {
    return isObject(object['data']) ? Object.keys(object['data']).length : 0;
  }
  if (resource.kind !== 'Event') return undefined;
  const target = isObject(object['involvedObject']) ? object['involvedObject'] : {};
  if (column === 'Object') return `${String(target['kind'] ?? '').toLowerCase()}/${String(target['name'] ?? '')}`;
  if (column === 'Last Seen') {
    const series = isObject(object['series']) ? object['series']['lastObservedTime'] : undefined;
    const seen = series ?? object['lastTimestamp'] ?? object['eventTime'] ?? object['firstTimestamp'];
    return typeof seen === 'string' ? humanAge((now - Date.parse(seen)) / 1000) : '<unknown>';
  }
  if (column === 'Source') {
    const source = isObject(object['source']) ? object['source'] : {};
    return [source['component'] ?? object['reportingComponent'], source['host']]
      .filter((part) => typeof part === 'string')
      .join(', ');
  }
  return undefined;
}

export function columnDefinitions(resource: Resource): JsonObject[] {
  const name: JsonObject = {
    name: 'Name',
    type: 'string',
    format: 'name',
    description: 'Name must be unique within a namespace.',
    priority: 0,
  };
  const columns = resource.columns.map(
    (column): JsonObject => ({
      name: column.name,
      type: column.type === 'date' ? 'string' : column.type,
      format: '',
      description: column.description ?? '',
      priority: column.priority ?? 0,
    }),
  );
  return resource.kind === 'Event' && resource.group === ''
    ? [...columns, { ...name, priority: 1 }]
    : [name, ...columns];
}

function row(resource: Resource, object: KubeObject, format: Format, now: number): JsonObject {
  const cells = resource.columns.map(
    (column) => special(resource, object, column.name, now) ?? cell(selectPath(object, column.path), column.type, now),
  );
  const name = object.metadata.name ?? '';
  const out: JsonObject = {
    cells: resource.kind === 'Event' && resource.group === '' ? [...cells, name] : [name, ...cells],
  };
  const include = format.kind === 'table' ? format.includeObject : 'None';
  if (include === 'Metadata') out['object'] = partial(object);
  if (include === 'Object') out['object'] = object;
  return out;
}

/** The Table that `kubectl get` prints. `first` false leaves out the column definitions (later events of a watch). */
export function toTable(
  resource: Resource,
  objects: readonly KubeObject[],
  format: Format,
  now: number,
  listMeta: JsonObject,
  first = true,
): JsonObject {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: listMeta,
    columnDefinitions: first ? columnDefinitions(resource) : [],
    rows: objects.map((object) => row(resource, object, format, now)),
  };
}

export function partial(object: KubeObject): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}
