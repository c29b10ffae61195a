import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import { type Column, renderFields, renderSection, renderTable } from '../table.ts';
import { bar, formatDuration, formatPercent, formatRate, formatSize } from '../units.ts';
import { age, byName, isDeleting, nameOf, renderConditions, type ViewOptions } from './common.ts';

/** A resync that is going on, as the receiving or sending side reports it. */
export interface Sync {
  /** The replica that reports. */
  readonly replica: string;
  readonly peer: string;
  readonly percent: number | undefined;
  readonly leftBytes: number | undefined;
  /** The replica whose copy is behind, when known. */
  readonly target: string;
}

/** Bytes per second by reporting replica and peer, measured between two looks. */
export type SyncRates = ReadonlyMap<string, number>;

export function syncKey(sync: Sync): string {
  return `${sync.replica}/${sync.peer}`;
}

/** Resyncs of these replicas, one per pair (the sending side's word, which knows best, first). */
export function syncOf(replicas: readonly Stored<Replica>[]): Sync[] {
  const found = new Map<string, Sync & { source: boolean }>();
  for (const replica of replicas) {
    for (const peer of replica.status?.drbd?.peers ?? []) {
      const replication = peer.replication ?? '';
      const source = replication.endsWith('SyncSource') || replication === 'PausedSyncS';
      const target = replication.endsWith('SyncTarget') || replication === 'PausedSyncT';
      if (!source && !target) continue;
      const name = replica.metadata.name;
      const pair = [name, peer.replica].sort().join('/');
      const known = found.get(pair);
      if (known !== undefined && (known.source || !source)) continue;
      found.set(pair, {
        replica: name,
        peer: peer.replica,
        percent: peer.syncPercent,
        leftBytes: peer.outOfSyncBytes,
        target: source ? peer.replica : name,
        source,
      });
    }
  }
  return [...found.values()];
}

/** `████░░░░░░ 42% 61.0MiB left at 41.3 MiB/s, 1s to go`. */
export function syncText(sync: Sync, rates?: SyncRates): string {
  const parts: string[] = [];
  if (sync.percent !== undefined) parts.push(`${bar(sync.percent / 100)} ${formatPercent(sync.percent)}`);
  else parts.push('syncing');
  if (sync.leftBytes !== undefined) parts.push(`${formatSize(sync.leftBytes)} left`);
  const rate = rates?.get(syncKey(sync));
  if (rate !== undefined && rate > 0) {
    parts.push(`at ${formatRate(rate)}`);
    if (sync.leftBytes !== undefined) parts.push(`${formatDuration((sync.leftBytes / rate) * 1000)} to go`);
  }
  return parts.join(' ');
}

/** Rates from two looks at the same resyncs, `elapsedMs` apart. */
export function measureRates(before: readonly Sync[], after: readonly Sync[], elapsedMs: number): Map<string, number> {
  const rates = new Map<string, number>();
  if (elapsedMs <= 0) return rates;
  for (const sync of after) {
    const earlier = before.find((candidate) => syncKey(candidate) === syncKey(sync));
    if (earlier?.leftBytes === undefined || sync.leftBytes === undefined) continue;
    const done = earlier.leftBytes - sync.leftBytes;
    if (done > 0) rates.set(syncKey(sync), (done * 1000) / elapsedMs);
  }
  return rates;
}

export function replicaPhase(replica: Stored<Replica>): string {
  return isDeleting(replica) ? 'Deleting' : (replica.status?.phase ?? 'Pending');
}

function paintPhase(replica: Stored<Replica>, { paint }: ViewOptions): string {
  const phase = replicaPhase(replica);
  if (phase === 'Ready') return paint.good(phase);
  return phase === 'Failed' ? paint.bad(phase) : paint.warn(phase);
}

/** Role and disk as DRBD says; a local replica has none. */
function roleText(replica: Stored<Replica>): string {
  if (replica.spec?.layout === 'local') return 'local';
  return replica.status?.drbd?.role ?? '';
}

function diskText(replica: Stored<Replica>, { paint }: ViewOptions): string {
  const disk = replica.status?.drbd?.disk;
  if (disk === undefined) return '';
  return disk === 'UpToDate' ? paint.good(disk) : paint.warn(disk);
}

function peersText(replica: Stored<Replica>, { paint }: ViewOptions): string {
  return (replica.status?.drbd?.peers ?? [])
    .map((peer) => {
      const text = `${peer.node} ${peer.connection}`;
      return peer.connection === 'Connected' ? text : paint.warn(text);
    })
    .join(', ');
}

export function renderReplicas(
  replicas: readonly Stored<Replica>[],
  options: ViewOptions & { inSync?: readonly string[]; rates?: SyncRates },
): string {
  const syncs = syncOf(replicas);
  const columns: Column<Stored<Replica>>[] = [
    { head: 'NAME', cell: nameOf },
    {
      head: 'VOLUME',
      optional: true,
      cell: (replica) => (options.inSync === undefined ? (replica.spec?.volume ?? '') : ''),
    },
    { head: 'NODE', cell: (replica) => replica.spec?.node ?? '' },
    { head: 'STATUS', cell: (replica) => paintPhase(replica, options) },
    {
      head: 'IN-SYNC',
      optional: true,
      cell: (replica) => {
        if (options.inSync === undefined) return '';
        return options.inSync.includes(replica.metadata.name) ? options.paint.good('yes') : options.paint.warn('no');
      },
    },
    { head: 'ROLE', cell: roleText },
    { head: 'DISK', cell: (replica) => diskText(replica, options) },
    { head: 'PEERS', cell: (replica) => peersText(replica, options) },
    {
      head: 'SYNC',
      optional: true,
      cell: (replica) => {
        const sync = syncs.find((candidate) => candidate.target === replica.metadata.name);
        return sync === undefined ? '' : syncText(sync, options.rates);
      },
    },
    { head: 'AGE', align: 'right', cell: (replica) => age(replica, options) },
    { head: 'POOL', wide: true, cell: (replica) => replica.spec?.pool ?? '' },
    {
      head: 'SIZE',
      wide: true,
      align: 'right',
      cell: (replica) => formatSize(replica.status?.lvSizeBytes ?? replica.spec?.sizeBytes),
    },
    { head: 'MINOR', wide: true, align: 'right', cell: (replica) => String(replica.spec?.drbd?.minor ?? '') },
    { head: 'PORT', wide: true, align: 'right', cell: (replica) => String(replica.spec?.drbd?.port ?? '') },
    { head: 'DEVICE', wide: true, cell: (replica) => replica.status?.attached?.device ?? '' },
    {
      head: 'WHY',
      optional: true,
      cell: (replica) => (replicaPhase(replica) === 'Ready' ? '' : (replica.status?.message ?? '')),
    },
  ];
  return renderTable(columns, byName(replicas), options);
}

export function describeReplica(replica: Stored<Replica>, options: ViewOptions): string {
  const { paint } = options;
  const { spec, status } = replica;
  let text = renderFields(
    [
      ['Replica', paint.bold(replica.metadata.name)],
      ['Volume', spec?.volume ?? ''],
      ['Node', spec?.node ?? ''],
      ['Pool', spec?.pool ?? ''],
      [
        'Status',
        `${paintPhase(replica, options)}${status?.message === undefined || replicaPhase(replica) === 'Ready' ? '' : `: ${status.message}`}`,
      ],
      ['Layout', spec?.layout === 'local' ? 'local: the logical volume alone' : (spec?.layout ?? '')],
      ['Size', `${formatSize(status?.lvSizeBytes)} of ${formatSize(spec?.sizeBytes)}`],
      [
        'DRBD',
        spec?.drbd === undefined
          ? ''
          : `minor ${spec.drbd.minor}, port ${spec.drbd.port}, node-id ${spec.drbd.nodeId}, ${spec.drbd.address}`,
      ],
      ['Role', roleText(replica)],
      ['Disk', diskText(replica, options)],
      ['Suspended', (status?.drbd?.suspended ?? []).join(', ')],
      ['Device', status?.attached?.device ?? ''],
      ['Mounted at', status?.attached?.mountPath ?? ''],
      ['Evict', spec?.evict === undefined ? '' : `moving${spec.evict.to === undefined ? '' : ` to ${spec.evict.to}`}`],
      ['Age', age(replica, options)],
    ],
    paint,
  );
  const peers = status?.drbd?.peers ?? [];
  if (peers.length > 0) {
    text += renderSection(
      'Peers',
      renderTable<(typeof peers)[number]>(
        [
          { head: 'REPLICA', cell: (peer) => peer.replica },
          { head: 'NODE', cell: (peer) => peer.node },
          { head: 'CONNECTION', cell: (peer) => peer.connection },
          { head: 'ROLE', cell: (peer) => peer.role },
          { head: 'DISK', cell: (peer) => peer.disk },
          { head: 'REPLICATION', cell: (peer) => peer.replication ?? '' },
          { head: 'OUT OF SYNC', align: 'right', cell: (peer) => formatSize(peer.outOfSyncBytes) },
        ],
        peers,
        options,
      ),
      paint,
    );
  }
  if ((status?.conditions?.length ?? 0) > 0) {
    text += renderSection('Conditions', renderConditions(status?.conditions ?? [], options), paint);
  }
  return text;
}
