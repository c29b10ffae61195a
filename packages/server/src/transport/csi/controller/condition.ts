import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import type { VolumeHealth, VolumeHealth_VolumeHealthEntry } from '../gen/csi.ts';
import type { Reply } from '../method.ts';
import { conditionOf } from './wait.ts';

/** One sentence about a volume for the client's 1.12 field, and the same as 1.13's entries. Taken from its conditions. */
export interface Health {
  readonly abnormal: boolean;
  readonly message: string;
  readonly entries: readonly Reply<VolumeHealth_VolumeHealthEntry>[];
}

/** A volume that is only being made or deleted is not ill. */
export function healthOf(volume: Stored<Volume>): Health {
  const phase = volume.status?.phase;
  if (phase === 'Degraded') return ill(volume, 'DEGRADED', 'Redundant');
  if (phase === 'Unavailable') return ill(volume, 'INACCESSIBLE', 'Ready');
  const ready = conditionOf(volume, 'Redundant') ?? conditionOf(volume, 'Ready');
  return { abnormal: false, message: ready?.message ?? 'not reported yet', entries: [] };
}

function ill(volume: Stored<Volume>, status: 'DEGRADED' | 'INACCESSIBLE', type: string): Health {
  const condition = conditionOf(volume, type);
  const message = condition?.message ?? `the volume is ${volume.status?.phase ?? 'unknown'}`;
  return { abnormal: true, message, entries: [{ status, reason: condition?.reason ?? type, message }] };
}

export function volumeHealth(volume: Stored<Volume>): Reply<VolumeHealth> {
  return { volumeId: volume.metadata.name, healthStatuses: healthOf(volume).entries };
}

/** Nodes that have the volume or are about to get it; one at most, but for the moment of a move. */
export function publishedNodes(volume: Stored<Volume>): string[] {
  const nodes = [volume.spec?.attachments[0]?.node, volume.status?.attachedTo];
  return [...new Set(nodes.filter((node) => node !== undefined))];
}
