import type { Condition, Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import type { ArbiterDecision, Volume } from '@holdfast/api/schema/volume.ts';
import { type Column, renderFields, renderSection, renderTable } from '../table.ts';
import { formatAge, formatSize } from '../units.ts';
import { age, byName, conditionOf, isDeleting, nameOf, renderConditions, type ViewOptions } from './common.ts';
import { renderReplicas, type SyncRates, syncOf, syncText } from './replica.ts';

export function replicasOf(volume: Stored<Volume>, replicas: readonly Stored<Replica>[]): Stored<Replica>[] {
  return byName(replicas.filter((replica) => replica.spec?.volume === volume.metadata.name));
}

export function volumePhase(volume: Stored<Volume>): string {
  if (isDeleting(volume)) return 'Deleting';
  return volume.status?.phase ?? 'Pending';
}

function paintPhase(volume: Stored<Volume>, { paint }: ViewOptions): string {
  const phase = volumePhase(volume);
  if (phase === 'Ready') return paint.good(phase);
  return phase === 'Unavailable' ? paint.bad(phase) : paint.warn(phase);
}

/** `2/2`: members of the in-sync set out of the copies asked for. */
export function inSyncText(volume: Stored<Volume>): string {
  return `${volume.status?.arbiter?.inSync.length ?? 0}/${volume.spec?.replicas ?? '?'}`;
}

/** Is this condition something a person waits for or worries about? */
function isOpen({ type, status, reason }: Condition): boolean {
  switch (type) {
    case 'Attached':
      return reason !== 'Attached' && reason !== 'Detached';
    case 'Resizing':
      return status === 'True';
    default:
      return status !== 'True';
  }
}

/**
 * Why it is not simply fine, in one line: the first open condition in the order of what hurts most, or of `order`. Empty
 * when there is none.
 */
export function volumeReason(
  volume: Stored<Volume>,
  order: readonly string[] = ['Ready', 'Placed', 'Redundant', 'Attached', 'Resizing'],
): string {
  for (const type of order) {
    const condition = conditionOf(volume.status?.conditions, type);
    if (condition !== undefined && condition.message !== '' && isOpen(condition)) return condition.message;
  }
  return '';
}

function attachedText(volume: Stored<Volume>, { paint }: ViewOptions): string {
  const at = volume.status?.attachedTo;
  const wanted = volume.spec?.attachments[0]?.node;
  if (wanted === at) return at ?? '';
  if (wanted === undefined) return paint.warn(`${at} (detaching)`);
  return paint.warn(at === undefined ? `${wanted} (attaching)` : `${at} -> ${wanted}`);
}

export function renderVolumes(
  volumes: readonly Stored<Volume>[],
  replicas: readonly Stored<Replica>[],
  options: ViewOptions & { rates?: SyncRates },
): string {
  const sync = (volume: Stored<Volume>): string => {
    const [first] = syncOf(replicasOf(volume, replicas));
    return first === undefined ? '' : syncText(first, options.rates);
  };
  const columns: Column<Stored<Volume>>[] = [
    { head: 'NAME', cell: nameOf },
    { head: 'STATUS', cell: (volume) => paintPhase(volume, options) },
    { head: 'SIZE', align: 'right', cell: (volume) => formatSize(volume.status?.sizeBytes ?? volume.spec?.sizeBytes) },
    {
      head: 'IN-SYNC',
      cell: (volume) => {
        const text = inSyncText(volume);
        return (volume.status?.arbiter?.inSync.length ?? 0) >= (volume.spec?.replicas ?? 0)
          ? text
          : options.paint.warn(text);
      },
    },
    { head: 'ATTACHED', cell: (volume) => attachedText(volume, options) },
    { head: 'SYNC', optional: true, cell: sync },
    { head: 'AGE', align: 'right', cell: (volume) => age(volume, options) },
    { head: 'CLASS', wide: true, cell: (volume) => volume.spec?.poolClass ?? '' },
    {
      head: 'NODES',
      wide: true,
      cell: (volume) =>
        replicasOf(volume, replicas)
          .map((replica) => replica.spec?.node ?? '?')
          .join(','),
    },
    {
      head: 'FS',
      wide: true,
      cell: (volume) => (volume.spec?.volumeMode === 'Block' ? 'block' : (volume.spec?.fsType ?? '')),
    },
    { head: 'ALLOCATED', wide: true, align: 'right', cell: (volume) => formatSize(volume.status?.allocatedBytes) },
    { head: 'PRIMARY', wide: true, cell: (volume) => volume.status?.arbiter?.primary ?? '' },
    { head: 'EPOCH', wide: true, align: 'right', cell: (volume) => String(volume.status?.arbiter?.epoch ?? '') },
    { head: 'WHY', optional: true, cell: volumeReason },
  ];
  return renderTable(columns, byName(volumes), options);
}

export function describeVolume(
  volume: Stored<Volume>,
  allReplicas: readonly Stored<Replica>[],
  options: ViewOptions & { rates?: SyncRates },
): string {
  const { paint } = options;
  const { spec, status } = volume;
  const replicas = replicasOf(volume, allReplicas);
  const growing = status?.sizeBytes !== undefined && spec !== undefined && status.sizeBytes !== spec.sizeBytes;
  let text = renderFields(
    [
      ['Volume', paint.bold(volume.metadata.name)],
      ['Status', `${paintPhase(volume, options)}${volumeReason(volume) === '' ? '' : `: ${volumeReason(volume)}`}`],
      [
        'Size',
        `${formatSize(status?.sizeBytes ?? spec?.sizeBytes)}${growing ? ` (growing to ${formatSize(spec.sizeBytes)})` : ''}`,
      ],
      ['Allocated', status?.allocatedBytes === undefined ? '' : `${formatSize(status.allocatedBytes)} in all copies`],
      ['Copies', `${spec?.replicas ?? '?'}, in sync ${inSyncText(volume)}`],
      ['Pool class', spec?.poolClass === '' ? 'any' : (spec?.poolClass ?? '')],
      ['Content', contentText(volume)],
      ['Attached', attachedText(volume, options) || 'no'],
      [
        'Mounted at',
        replicas
          .map((replica) => replica.status?.attached?.mountPath ?? '')
          .filter((path) => path !== '')
          .join(', '),
      ],
      [
        'Device',
        replicas
          .map((replica) => replica.status?.attached?.device ?? '')
          .filter((path) => path !== '')
          .join(', '),
      ],
      ['Age', age(volume, options)],
    ],
    paint,
  );
  if (replicas.length > 0) {
    text += renderSection(
      'Replicas',
      renderReplicas(replicas, { ...options, inSync: status?.arbiter?.inSync ?? [] }),
      paint,
    );
  }
  const arbiter = status?.arbiter;
  if (arbiter !== undefined) {
    text += renderSection(
      'Who may write',
      renderFields(
        [
          ['In-sync set', arbiter.inSync.length === 0 ? 'empty (not bootstrapped yet)' : arbiter.inSync.join(', ')],
          ['Primary', arbiter.primary ?? 'none'],
          ['Epoch', String(arbiter.epoch)],
        ],
        paint,
      ) + (arbiter.history.length > 0 ? renderHistory(arbiter.history, options) : ''),
      paint,
    );
  }
  if ((status?.conditions?.length ?? 0) > 0) {
    text += renderSection('Conditions', renderConditions(status?.conditions ?? [], options), paint);
  }
  return text;
}

function contentText(volume: Stored<Volume>): string {
  if (volume.spec?.volumeMode === 'Block') return 'raw block device';
  const state = volume.status?.format?.state ?? 'never';
  const text = { never: 'not formatted yet', formatting: 'being formatted', done: 'formatted' }[state];
  return `${volume.spec?.fsType ?? '?'}, ${text}`;
}

function renderHistory(history: readonly ArbiterDecision[], options: ViewOptions): string {
  return renderTable<ArbiterDecision>(
    [
      { head: 'EPOCH', align: 'right', cell: (row) => String(row.epoch) },
      { head: 'AGO', align: 'right', cell: (row) => formatAge(row.at, options.nowMs) },
      { head: 'CAUSE', cell: (row) => row.cause },
      { head: 'IN-SYNC', cell: (row) => row.inSync.join(',') },
      { head: 'PRIMARY', cell: (row) => row.primary ?? '' },
      { head: 'BY', cell: (row) => row.by },
      { head: 'EVIDENCE', wide: true, cell: (row) => row.evidence },
    ],
    options.wide ? history : history.slice(0, 5),
    options,
  );
}
