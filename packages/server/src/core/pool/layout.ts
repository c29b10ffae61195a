import { EXTENT_BYTES } from '@holdfast/api/bytes.ts';

/** Metadata for one mapped chunk, generously (thin_metadata_size counts 48 to 64 bytes). */
const BYTES_PER_MAPPING = 64;
const MIN_CHUNK_BYTES = 64 * 1024;
const MIN_METADATA_BYTES = 4 * EXTENT_BYTES;
/** Above this a pool takes larger chunks: metadata has a hard limit of 15.8 GiB, and is read at every activation. */
const COMFORTABLE_METADATA_BYTES = 8 * 2 ** 30;
/** LVM's own limit is 15.81 GiB. */
const MAX_METADATA_BYTES = 15.75 * 2 ** 30;
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
 * undefined when nothing useful remains: below some 100 MiB.
 */
export function thinPoolLayout(vgBytes: number): ThinPoolLayout | undefined {
  const reserveBytes = poolReserveBytes(vgBytes);
  const usable = vgBytes - reserveBytes;
  let chunkBytes = MIN_CHUNK_BYTES;
  while (metadataFor(usable, chunkBytes) > COMFORTABLE_METADATA_BYTES) chunkBytes *= 2;
  const metadataBytes = metadataFor(usable, chunkBytes);
  const dataBytes = wholeExtents(usable - 2 * metadataBytes);
  if (dataBytes < 16 * EXTENT_BYTES) return undefined;
  return { chunkBytes, metadataBytes, dataBytes, reserveBytes };
}

/** One percent, at least one extent, at most 1 GiB. */
export function poolReserveBytes(vgBytes: number): number {
  return Math.min(MAX_RESERVE_BYTES, Math.max(EXTENT_BYTES, wholeExtents(vgBytes / 100)));
}

/**
 * Sizes of a thin pool after it has taken the space that its volume group gained (a disk was added), or undefined when
 * there is nothing worth a change: rounding always leaves a few extents.
 */
export function grownLayout(args: {
  readonly vgBytes: number;
  readonly vgFreeBytes: number;
  readonly dataBytes: number;
  readonly metadataBytes: number;
  readonly chunkBytes: number;
}): { readonly dataBytes: number; readonly metadataBytes: number } | undefined {
  const gainBytes = args.vgFreeBytes - poolReserveBytes(args.vgBytes);
  if (gainBytes < Math.max(8 * EXTENT_BYTES, args.vgBytes / 100)) return undefined;
  const metadataBytes = Math.max(args.metadataBytes, metadataFor(args.dataBytes + gainBytes, args.chunkBytes));
  // The spare for repairs grows with the metadata.
  const dataBytes = args.dataBytes + wholeExtents(gainBytes - 2 * (metadataBytes - args.metadataBytes));
  return dataBytes > args.dataBytes ? { dataBytes, metadataBytes } : undefined;
}

/** Metadata that a pool of `dataBytes` should have, in whole extents. */
function metadataFor(dataBytes: number, chunkBytes: number): number {
  const mappings = Math.ceil(dataBytes / chunkBytes);
  const wanted = Math.ceil((2 * BYTES_PER_MAPPING * mappings) / EXTENT_BYTES) * EXTENT_BYTES;
  return Math.min(MAX_METADATA_BYTES, Math.max(MIN_METADATA_BYTES, wanted));
}

function wholeExtents(bytes: number): number {
  return Math.floor(bytes / EXTENT_BYTES) * EXTENT_BYTES;
}
