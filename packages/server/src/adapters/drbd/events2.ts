import {
  CONNECTION_STATES,
  type ConnectionState,
  DISK_STATES,
  type DiskState,
  DRBD_ROLES,
  type DrbdRole,
  type ReplicaDrbdStatus,
} from '@holdfast/api/schema/replica.ts';

/**
 * `drbdsetup events2` and its fold into state, pure. The lines of 8.4 and 9 have one grammar:
 * `exists|create|change|destroy|call|response|rename <object> key:value ...`, and `exists -` ends a dump.
 */
export type Suspension = ReplicaDrbdStatus['suspended'][number];

export interface KernelDevice {
  readonly volume: number;
  readonly minor: number;
  readonly disk: DiskState;
  readonly sizeBytes: number;
}

export interface KernelPeer {
  /** Node id of the peer; 8.4 always says 0. */
  readonly nodeId: number;
  /** Name of the connection: the peer's host name with DRBD 9, `peer` with 8.4, empty while 8.4 has no connection configured. */
  readonly name: string;
  readonly connection: ConnectionState;
  readonly role: DrbdRole;
  /** Of volume 0, the only one that Holdfast uses. */
  readonly disk: DiskState;
  readonly replication: string;
  readonly outOfSyncBytes: number | undefined;
  /** Percent of a running resync or verify. */
  readonly donePercent: number | undefined;
}

export interface KernelResource {
  readonly name: string;
  readonly role: DrbdRole;
  readonly suspended: readonly Suspension[];
  readonly devices: ReadonlyMap<number, KernelDevice>;
  readonly peers: ReadonlyMap<number, KernelPeer>;
  /** Usermode helpers that run now, e.g. `fence-peer`. */
  readonly helpers: readonly string[];
}

export type KernelState = ReadonlyMap<string, KernelResource>;

const ACTIONS = ['exists', 'create', 'change', 'destroy', 'call', 'response', 'rename'] as const;
const OBJECTS = ['resource', 'device', 'connection', 'peer-device', 'path', 'helper'] as const;

export interface Event {
  readonly action: (typeof ACTIONS)[number];
  /** `-` ends the dump of existing objects. */
  readonly object: (typeof OBJECTS)[number] | '-';
  readonly fields: ReadonlyMap<string, string>;
}

/** An `Event`, or why the line is none. The resource is named when it can be told, so that it can be read again. */
export type ParsedLine =
  | { readonly ok: true; readonly event: Event }
  | { readonly ok: false; readonly why: string; readonly resource: string | undefined };

function oneOf<T extends string>(list: readonly T[], value: string | undefined): T | undefined {
  return list.find((entry) => entry === value);
}

/** Parses one line. Values that we do not know make it unparsable: an unknown state is never taken for a known one. */
export function parseLine(line: string): ParsedLine {
  // `--timestamps` puts an ISO date first; we never ask for it, but recorded transcripts may carry it.
  const words = line
    .trim()
    .replace(/^\d{4}-\d\d-\d\dT\S+ /, '')
    .split(/\s+/);
  const fields = new Map<string, string>();
  for (const word of words.slice(2)) {
    const colon = word.indexOf(':');
    if (colon > 0) fields.set(word.slice(0, colon), word.slice(colon + 1));
  }
  const resource = fields.get('name');
  const bad = (why: string): ParsedLine => ({ ok: false, why: `${why}: ${line.trim()}`, resource });
  const action = oneOf(ACTIONS, words[0]);
  if (action === undefined) return bad('unknown action');
  if (words[1] === '-') return { ok: true, event: { action, object: '-', fields } };
  const object = oneOf(OBJECTS, words[1]);
  if (object === undefined) return bad('unknown object');
  if (resource === undefined) return bad('no resource name');
  const known = (key: string, list: readonly string[]): boolean => {
    const value = fields.get(key);
    return value === undefined || list.includes(value);
  };
  if (!known('role', DRBD_ROLES)) return bad('unknown role');
  if (!known('disk', DISK_STATES)) return bad('unknown disk state');
  if (!known('peer-disk', DISK_STATES)) return bad('unknown disk state');
  if (!known('connection', CONNECTION_STATES)) return bad('unknown connection state');
  for (const key of ['minor', 'volume', 'peer-node-id', 'size', 'out-of-sync']) {
    const value = fields.get(key);
    if (value !== undefined && !/^\d+$/.test(value)) return bad(`${key} is not a number`);
  }
  const suspended = fields.get('suspended');
  if (suspended !== undefined && parseSuspended(suspended) === undefined) return bad('unknown suspension');
  return { ok: true, event: { action, object, fields } };
}

/** `no`, or a list such as `user,fencing`. */
function parseSuspended(text: string): Suspension[] | undefined {
  if (text === 'no') return [];
  const found: Suspension[] = [];
  for (const word of text.split(',')) {
    const suspension = oneOf<Suspension>(['user', 'no-data', 'fencing', 'quorum'], word);
    if (suspension === undefined) return undefined;
    found.push(suspension);
  }
  return found;
}

function emptyResource(name: string): KernelResource {
  return { name, role: 'Unknown', suspended: [], devices: new Map(), peers: new Map(), helpers: [] };
}

const EMPTY_PEER: Omit<KernelPeer, 'nodeId'> = {
  name: '',
  connection: 'StandAlone',
  role: 'Unknown',
  disk: 'DUnknown',
  replication: 'Off',
  outOfSyncBytes: undefined,
  donePercent: undefined,
};

function withEntry<K, V>(map: ReadonlyMap<K, V>, key: K, value: V | undefined): ReadonlyMap<K, V> {
  const copy = new Map(map);
  if (value === undefined) copy.delete(key);
  else copy.set(key, value);
  return copy;
}

function foldDevice(resource: KernelResource, event: Event): KernelResource {
  const { fields } = event;
  const volume = Number(fields.get('volume') ?? 0);
  if (event.action === 'destroy') return { ...resource, devices: withEntry(resource.devices, volume, undefined) };
  const old = resource.devices.get(volume);
  const size = fields.get('size');
  const device: KernelDevice = {
    volume,
    minor: Number(fields.get('minor') ?? old?.minor ?? -1),
    disk: oneOf(DISK_STATES, fields.get('disk')) ?? old?.disk ?? 'DUnknown',
    // The tools count KiB.
    sizeBytes: size === undefined ? (old?.sizeBytes ?? 0) : Number(size) * 1024,
  };
  return { ...resource, devices: withEntry(resource.devices, volume, device) };
}

function foldConnection(resource: KernelResource, event: Event): KernelResource {
  const { fields } = event;
  const nodeId = Number(fields.get('peer-node-id') ?? 0);
  if (event.action === 'destroy') return { ...resource, peers: withEntry(resource.peers, nodeId, undefined) };
  const old = resource.peers.get(nodeId) ?? { nodeId, ...EMPTY_PEER };
  const peer: KernelPeer = {
    ...old,
    name: fields.get('conn-name') ?? old.name,
    connection: oneOf(CONNECTION_STATES, fields.get('connection')) ?? old.connection,
    role: oneOf(DRBD_ROLES, fields.get('role')) ?? old.role,
  };
  return { ...resource, peers: withEntry(resource.peers, nodeId, peer) };
}

function foldPeerDevice(resource: KernelResource, event: Event): KernelResource {
  const { fields } = event;
  const nodeId = Number(fields.get('peer-node-id') ?? 0);
  const old = resource.peers.get(nodeId);
  if (Number(fields.get('volume') ?? 0) !== 0) return resource;
  if (event.action === 'destroy') {
    if (old === undefined) return resource;
    const { name, connection, role } = old;
    return { ...resource, peers: withEntry(resource.peers, nodeId, { ...EMPTY_PEER, nodeId, name, connection, role }) };
  }
  const base = old ?? { nodeId, ...EMPTY_PEER };
  const outOfSync = fields.get('out-of-sync');
  const done = fields.get('done');
  const replication = fields.get('replication') ?? base.replication;
  const peer: KernelPeer = {
    ...base,
    disk: oneOf(DISK_STATES, fields.get('peer-disk')) ?? base.disk,
    replication,
    outOfSyncBytes: outOfSync === undefined ? base.outOfSyncBytes : Number(outOfSync) * 1024,
    donePercent: done === undefined ? (replication === base.replication ? base.donePercent : undefined) : Number(done),
  };
  return { ...resource, peers: withEntry(resource.peers, nodeId, peer) };
}

function foldResource(resource: KernelResource, event: Event): KernelResource {
  const suspended = event.fields.get('suspended');
  return {
    ...resource,
    role: oneOf(DRBD_ROLES, event.fields.get('role')) ?? resource.role,
    suspended: suspended === undefined ? resource.suspended : (parseSuspended(suspended) ?? resource.suspended),
  };
}

/** State after one more event. */
export function fold(state: KernelState, event: Event): KernelState {
  const name = event.fields.get('name');
  if (event.object === '-' || name === undefined) return state;
  const resource = state.get(name) ?? emptyResource(name);
  switch (event.object) {
    case 'resource':
      if (event.action === 'destroy') return withEntry(state, name, undefined);
      if (event.action === 'rename') {
        const to = event.fields.get('new_name');
        if (to === undefined) return state;
        return withEntry(withEntry(state, name, undefined), to, { ...resource, name: to });
      }
      return withEntry(state, name, foldResource(resource, event));
    case 'device':
      return withEntry(state, name, foldDevice(resource, event));
    case 'connection':
      return withEntry(state, name, foldConnection(resource, event));
    case 'peer-device':
      return withEntry(state, name, foldPeerDevice(resource, event));
    case 'helper': {
      const helper = event.fields.get('helper') ?? '';
      const rest = resource.helpers.filter((entry) => entry !== helper);
      return withEntry(state, name, { ...resource, helpers: event.action === 'call' ? [...rest, helper] : rest });
    }
    case 'path':
      return state;
    default:
      return event.object satisfies never;
  }
}

/**
 * The state that a whole `events2 --now` dump describes.
 * @returns `undefined` with the reason when a line is unparsable or the dump has no end mark: the state is unknown then, not empty.
 */
export function foldDump(text: string): { ok: true; state: KernelState } | { ok: false; why: string } {
  let state: KernelState = new Map();
  let ended = false;
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const parsed = parseLine(line);
    if (!parsed.ok) return parsed;
    if (parsed.event.object === '-') ended = true;
    state = fold(state, parsed.event);
  }
  return ended ? { ok: true, state } : { ok: false, why: 'the dump of drbdsetup events2 has no end' };
}
