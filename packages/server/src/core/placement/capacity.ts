import { EXTENT_BYTES, formatBytes } from '@holdfast/api/bytes.ts';
import type { NodePool } from '@holdfast/api/schema/node.ts';
import type { PoolSpec } from '@holdfast/api/schema/pool.ts';
import { metadataEstimate, type PoolUsage } from './usage.ts';

export function isThin(pool: PoolSpec): boolean {
  return pool.type !== 'lvm';
}

/** Room for new replicas in one pool on one node. */
export type Room =
  | {
      readonly ok: true;
      /** Bytes that may still be promised, metadata included for thick pools. */
      readonly bytes: number;
      /** Bytes that may be promised in total. */
      readonly budgetBytes: number;
      /** No single replica may be larger than this. */
      readonly limitBytes: number;
    }
  | { readonly ok: false; readonly code: 'PoolNotReady' | 'PoolTooFull'; readonly reason: string };

/**
 * - Thin: `size * overProvision * (1 - reserve) - sum of placed sizes`, nothing above `stopAtDataPercent`, and no single
 *   volume larger than the pool (it could never be filled).
 * - Thick: real free space minus reserve minus what is promised and does not exist yet; never more than
 *   `size * (1 - reserve) - sum of placed sizes`, because a report of free space may be older than the last placement.
 * What the node does not report is unknown, and nothing is placed on unknown.
 */
export function roomOf(spec: PoolSpec, name: string, reported: NodePool | undefined, usage: PoolUsage): Room {
  if (reported === undefined) {
    return { ok: false, code: 'PoolNotReady', reason: `pool ${name} is not reported by its agent yet` };
  }
  if (reported.state !== 'Ready' || reported.sizeBytes === undefined) {
    const why = reported.message ?? reported.reason ?? 'no size reported';
    return { ok: false, code: 'PoolNotReady', reason: `pool ${name} is ${reported.state}: ${why}` };
  }
  const share = 1 - spec.reservePercent / 100;
  if (!isThin(spec)) {
    if (reported.freeBytes === undefined) {
      return { ok: false, code: 'PoolNotReady', reason: `pool ${name} does not report its free space` };
    }
    const budgetBytes = Math.floor(reported.sizeBytes * share);
    const real = reported.freeBytes - reported.sizeBytes * (1 - share) - usage.pendingBytes;
    const promised = budgetBytes - usage.placedBytes - usage.metadataBytes;
    return { ok: true, bytes: extents(Math.min(real, promised)), budgetBytes, limitBytes: reported.sizeBytes };
  }
  const { dataPercent, metadataPercent } = reported;
  if (dataPercent === undefined || metadataPercent === undefined) {
    return { ok: false, code: 'PoolNotReady', reason: `pool ${name} does not report how full it is` };
  }
  const fullest = Math.max(dataPercent, metadataPercent);
  if (fullest >= spec.stopAtDataPercent) {
    const what = dataPercent >= spec.stopAtDataPercent ? 'data' : 'metadata';
    return {
      ok: false,
      code: 'PoolTooFull',
      reason: `pool ${name} has its ${what} ${Math.floor(fullest)} % full; new replicas stop at ${spec.stopAtDataPercent} % (add a disk, or delete or trim volumes)`,
    };
  }
  const budgetBytes = Math.floor(reported.sizeBytes * spec.overProvision * share);
  const bytes = extents(budgetBytes - usage.placedBytes);
  return { ok: true, bytes, budgetBytes, limitBytes: extents(reported.sizeBytes) };
}

/** Bytes that a replica of this size takes from {@link Room}. */
export function demandOf(spec: PoolSpec, sizeBytes: number, replicated: boolean): number {
  return isThin(spec) || !replicated ? sizeBytes : sizeBytes + metadataEstimate(sizeBytes);
}

/** Largest replica for which {@link demandOf} fits into the room, in whole extents. */
export function largestFit(spec: PoolSpec, room: Room, replicated: boolean): number {
  if (!room.ok) return 0;
  let size = extents(Math.min(room.bytes, room.limitBytes));
  if (!isThin(spec) && replicated) {
    size = extents(Math.min(size, room.bytes - metadataEstimate(size)));
    while (size + EXTENT_BYTES <= room.limitBytes && demandOf(spec, size + EXTENT_BYTES, true) <= room.bytes) {
      size += EXTENT_BYTES;
    }
  }
  return Math.max(0, size);
}

/** Why a replica of this size does not fit, or null when it does. */
export function whyNoSpace(
  spec: PoolSpec,
  name: string,
  room: Room,
  sizeBytes: number,
  replicated: boolean,
): string | null {
  if (!room.ok) return room.reason;
  if (sizeBytes > room.limitBytes) {
    return `pool ${name} is only ${formatBytes(room.limitBytes)} large, the replica needs ${formatBytes(sizeBytes)}`;
  }
  const demand = demandOf(spec, sizeBytes, replicated);
  if (demand <= room.bytes) return null;
  const kind = isThin(spec)
    ? `${formatBytes(room.budgetBytes)} may be promised with over-provisioning ${spec.overProvision} and a reserve of ${spec.reservePercent} %`
    : `with a reserve of ${spec.reservePercent} %`;
  return `pool ${name} has room for ${formatBytes(room.bytes)} (${kind}), the replica needs ${formatBytes(demand)}`;
}

function extents(bytes: number): number {
  return Math.max(0, Math.floor(bytes / EXTENT_BYTES) * EXTENT_BYTES);
}
