import { type ProtoField, readProto } from './protobuf.ts';
import { badRequest } from './status-error.ts';
import { type Json, type JsonObject, setOwn } from './types.ts';

/** kubectl creates the built-in kinds in this encoding and does not fall back to JSON. */
export const KUBE_PROTO = 'application/vnd.kubernetes.protobuf';
const MAGIC = Buffer.from('6b387300', 'hex');

type Shape =
  | { readonly is: 'text' | 'int' | 'bool' | 'base64' | 'time' | 'microTime' }
  | { readonly is: 'message'; readonly fields: Fields }
  | { readonly is: 'list' | 'map'; readonly of: Shape };
/** Field number to name and shape. */
type Fields = Readonly<Record<number, readonly [string, Shape]>>;

const text: Shape = { is: 'text' };
const int: Shape = { is: 'int' };
const bool: Shape = { is: 'bool' };
const time: Shape = { is: 'time' };
const list = (of: Shape): Shape => ({ is: 'list', of });
const map = (of: Shape): Shape => ({ is: 'map', of });
const message = (fields: Fields): Shape => ({ is: 'message', fields });

const OWNER: Fields = {
  1: ['kind', text],
  3: ['name', text],
  4: ['uid', text],
  5: ['apiVersion', text],
  6: ['controller', bool],
  7: ['blockOwnerDeletion', bool],
};
const METADATA = message({
  1: ['name', text],
  2: ['generateName', text],
  3: ['namespace', text],
  5: ['uid', text],
  6: ['resourceVersion', text],
  7: ['generation', int],
  8: ['creationTimestamp', time],
  9: ['deletionTimestamp', time],
  11: ['labels', map(text)],
  12: ['annotations', map(text)],
  13: ['ownerReferences', list(message(OWNER))],
  14: ['finalizers', list(text)],
});
const REFERENCE = message({
  1: ['kind', text],
  2: ['namespace', text],
  3: ['name', text],
  4: ['uid', text],
  5: ['apiVersion', text],
  6: ['resourceVersion', text],
  7: ['fieldPath', text],
});

/** Field numbers of the published .proto files of Kubernetes (core/v1, coordination/v1, meta/v1). */
const KINDS: Readonly<Record<string, Fields>> = {
  'v1/Secret': {
    1: ['metadata', METADATA],
    2: ['data', map({ is: 'base64' })],
    3: ['type', text],
    4: ['stringData', map(text)],
    5: ['immutable', bool],
  },
  'v1/Namespace': {
    1: ['metadata', METADATA],
    2: ['spec', message({ 1: ['finalizers', list(text)] })],
    3: ['status', message({ 1: ['phase', text] })],
  },
  'v1/Event': {
    1: ['metadata', METADATA],
    2: ['involvedObject', REFERENCE],
    3: ['reason', text],
    4: ['message', text],
    5: ['source', message({ 1: ['component', text], 2: ['host', text] })],
    6: ['firstTimestamp', time],
    7: ['lastTimestamp', time],
    8: ['count', int],
    9: ['type', text],
    10: ['eventTime', { is: 'microTime' }],
    11: ['series', message({ 1: ['count', int], 2: ['lastObservedTime', { is: 'microTime' }] })],
    12: ['action', text],
    13: ['related', REFERENCE],
    14: ['reportingComponent', text],
    15: ['reportingInstance', text],
  },
  'coordination.k8s.io/v1/Lease': {
    1: ['metadata', METADATA],
    2: [
      'spec',
      message({
        1: ['holderIdentity', text],
        2: ['leaseDurationSeconds', int],
        3: ['acquireTime', { is: 'microTime' }],
        4: ['renewTime', { is: 'microTime' }],
        5: ['leaseTransitions', int],
        6: ['strategy', text],
        7: ['preferredHolder', text],
      }),
    ],
  },
  'v1/DeleteOptions': {
    1: ['gracePeriodSeconds', int],
    2: ['preconditions', message({ 1: ['uid', text], 2: ['resourceVersion', text] })],
    3: ['orphanDependents', bool],
    4: ['propagationPolicy', text],
    5: ['dryRun', list(text)],
  },
};

function bytesOf(field: ProtoField): Buffer {
  if (typeof field.value === 'bigint') throw badRequest('the request body does not have the fields of its kind');
  return field.value;
}

function timeOf(bytes: Buffer, micro: boolean): Json {
  let seconds = 0n;
  let nanos = 0n;
  for (const { field, value } of readProto(bytes)) {
    if (typeof value !== 'bigint') continue;
    if (field === 1) seconds = BigInt.asIntN(64, value);
    if (field === 2) nanos = value;
  }
  const date = new Date(Number(seconds) * 1000);
  if (bytes.length === 0 || Number.isNaN(date.getTime())) return null;
  const whole = date.toISOString().slice(0, 19);
  return micro ? `${whole}.${String(nanos / 1000n).padStart(6, '0')}Z` : `${whole}Z`;
}

function decodeValue(field: ProtoField, shape: Shape): Json {
  switch (shape.is) {
    case 'text':
      return bytesOf(field).toString('utf8');
    case 'base64':
      return bytesOf(field).toString('base64');
    case 'int':
      return typeof field.value === 'bigint' ? Number(BigInt.asIntN(64, field.value)) : null;
    case 'bool':
      return field.value !== 0n;
    case 'time':
    case 'microTime':
      return timeOf(bytesOf(field), shape.is === 'microTime');
    case 'message':
      return decodeMessage(bytesOf(field), shape.fields);
    case 'list':
    case 'map':
      return null;
    default:
      return shape satisfies never;
  }
}

function decodeMessage(bytes: Buffer, fields: Fields): JsonObject {
  const out: JsonObject = {};
  for (const item of readProto(bytes)) {
    const known = fields[item.field];
    if (known === undefined) continue;
    const [name, shape] = known;
    if (shape.is === 'list') {
      const items = out[name];
      out[name] = [...(Array.isArray(items) ? items : []), decodeValue(item, shape.of)];
    } else if (shape.is === 'map') {
      const current = out[name];
      const target: JsonObject =
        typeof current === 'object' && current !== null && !Array.isArray(current) ? current : {};
      const entry = readProto(bytesOf(item));
      const key = entry.find((part) => part.field === 1);
      const value = entry.find((part) => part.field === 2) ?? { field: 2, value: Buffer.alloc(0) };
      setOwn(target, key === undefined ? '' : bytesOf(key).toString('utf8'), decodeValue(value, shape.of));
      out[name] = target;
    } else out[name] = decodeValue(item, shape);
  }
  return out;
}

/**
 * Decodes a body of the media type above into the JSON it stands for. Empty texts are absent, as in JSON of Kubernetes.
 * @throws StatusError 400 for what is no such message or a kind not served in it.
 */
export function decodeKubeProto(bytes: Buffer): JsonObject {
  if (!bytes.subarray(0, 4).equals(MAGIC))
    throw badRequest('the request body is not a Kubernetes protocol buffers message');
  const envelope = readProto(bytes.subarray(4));
  const type = envelope.find((part) => part.field === 1);
  const raw = envelope.find((part) => part.field === 2);
  const names = type === undefined ? [] : readProto(bytesOf(type));
  const nameOf = (field: number): string => {
    const found = names.find((part) => part.field === field);
    return found === undefined ? '' : bytesOf(found).toString('utf8');
  };
  const apiVersion = nameOf(1);
  const kind = nameOf(2);
  const fields = KINDS[kind === 'DeleteOptions' ? 'v1/DeleteOptions' : `${apiVersion}/${kind}`];
  if (fields === undefined) throw badRequest(`${apiVersion} ${kind} is not served as protocol buffers; send JSON`);
  const body = raw === undefined ? {} : decodeMessage(bytesOf(raw), fields);
  return { apiVersion, kind, ...withoutEmpty(body) };
}

/** Go writes '' for what was not set; JSON leaves it out. Values of maps stay as they are. */
function withoutEmpty(value: JsonObject): JsonObject {
  const out: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === '' || item === undefined || item === null) continue;
    const isPlain = [
      'metadata',
      'spec',
      'source',
      'involvedObject',
      'related',
      'preconditions',
      'series',
      'status',
    ].includes(key);
    out[key] = isPlain && typeof item === 'object' && !Array.isArray(item) ? withoutEmpty(item) : item;
  }
  return out;
}
