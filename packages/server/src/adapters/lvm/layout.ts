import { EXTENT_BYTES } from '@holdfast/api/bytes.ts';
import { AppError } from '@holdfast/api/errors.ts';

/** Metadata for one mapped chunk, generously (thin_metadata_size counts 48 to 64 bytes). */
const BYTES_PER_MAPPING = 64;
const MIN_CHUNK_BYTES = 64 * 1024;
const MIN_METADATA_BYTES = 4 * EXTENT_BYTES;
/** Above this a pool takes larger chunks: metadata has a hard limit of 15.8 GiB, and is read at every activation. */
const COMFORTABLE_METADATA_BYTES = 8 * 2 ** 30;
const MAX_RESERVE_BYTES = 2 ** 30;

export interface ThinPoolLayout {
  readonly chunkBytes: number;
  readonly metadataBytes: number;
  readonly dataBytes: number;
  /** Left unallocated in the volume group, so that metadata can still be extended or repaired when everything is full. */
  readonly reserveBytes: number;
}

/**
 * How a thin pool divides a volume group of this size.
 *
 * Chunks are as small as LVM allows (64 KiB) up to 4 TiB, then double with the size. Small, because (a) the first write to a chunk
 * zeroes the rest of it, and zeroing is not optional: new replicas of a blank volume skip the initial sync because unwritten
 * blocks read as zeros on every node, and a tenant must not read what another one left; (b) after a snapshot the first write to a chunk
 * copies all of it. The price, more metadata, is paid once: twice what mapping every chunk takes (the second half is for
 * snapshots), plus a spare of the same size that `lvconvert --repair` writes to.
 * @throws AppError `invalid_argument` when nothing useful remains.
 */
export function thinPoolLayout(vgBytes: number): ThinPoolLayout {
  const reserveBytes = poolReserveBytes(vgBytes);
  const usable = vgBytes - reserveBytes;
  let chunkBytes = MIN_CHUNK_BYTES;
  while (metadataFor(usable, chunkBytes) > COMFORTABLE_METADATA_BYTES) chunkBytes *= 2;
  const metadataBytes = metadataFor(usable, chunkBytes);
  const dataBytes = wholeExtents(usable - 2 * metadataBytes);
  if (dataBytes < 16 * EXTENT_BYTES) {
    throw new AppError(
      'invalid_argument',
      `a volume group of ${vgBytes} bytes is too small for a thin pool; use disks of at least 256 MiB`,
      {
        details: { field: 'disks', value: vgBytes, remedy: 'use disks of at least 256 MiB', reason: 'PoolTooSmall' },
      },
    );
  }
  return { chunkBytes, metadataBytes, dataBytes, reserveBytes };
}

/** One percent, at least one extent, at most 1 GiB. */
export function poolReserveBytes(vgBytes: number): number {
  return Math.min(MAX_RESERVE_BYTES, Math.max(EXTENT_BYTES, wholeExtents(vgBytes / 100)));
}

/** Metadata that a pool of `dataBytes` should have, in whole extents. */
export function metadataFor(dataBytes: number, chunkBytes: number): number {
  const mappings = Math.ceil(dataBytes / chunkBytes);
  return Math.max(MIN_METADATA_BYTES, Math.ceil((2 * BYTES_PER_MAPPING * mappings) / EXTENT_BYTES) * EXTENT_BYTES);
}

function wholeExtents(bytes: number): number {
  return Math.floor(bytes / EXTENT_BYTES) * EXTENT_BYTES;
}
