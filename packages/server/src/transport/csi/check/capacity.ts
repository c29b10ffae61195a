import { EXTENT_BYTES, formatBytes, roundUpToExtent } from '@holdfast/api/bytes.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { FsType } from '@holdfast/api/schema/volume.ts';
import type { CapacityRange } from '../gen/csi.ts';

/** Size of a volume for which nobody named one, bytes. */
export const DEFAULT_BYTES = 2 ** 30;
/** As the schema of Volume says, bytes. */
const LARGEST_BYTES = 2 ** 50;
/** Below this the tools refuse to make the file system (tried with Debian 12's), bytes; whole extents. */
const SMALLEST: Readonly<Record<FsType | 'Block', number>> = {
  Block: EXTENT_BYTES,
  ext4: EXTENT_BYTES,
  xfs: 300 * 2 ** 20,
  btrfs: 128 * 2 ** 20,
};

/** What was asked for, checked. 0 means that nothing was said, as in the specification. Bytes. */
export interface Wanted {
  readonly requiredBytes: number;
  readonly limitBytes: number;
}

/** @throws AppError `invalid_argument` for a negative number, `out_of_range` for a contradiction. */
export function rangeOf(range: CapacityRange | null): Wanted {
  const requiredBytes = bytesOf(range?.requiredBytes ?? '0', 'capacity_range.required_bytes');
  const limitBytes = bytesOf(range?.limitBytes ?? '0', 'capacity_range.limit_bytes');
  if (limitBytes > 0 && requiredBytes > limitBytes) {
    throw outOfRange(
      `required ${formatBytes(requiredBytes)} is more than the limit ${formatBytes(limitBytes)}`,
      'raise the limit',
    );
  }
  return { requiredBytes, limitBytes };
}

/** int64 of the wire. Numbers that JavaScript cannot hold exactly are beyond any volume. */
function bytesOf(text: string, field: string): number {
  const value = BigInt(text);
  if (value < 0n) {
    throw new AppError('invalid_argument', `${field}: ${text} is negative`, { details: { field, value: text } });
  }
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    // A limit that high is none.
    if (field.endsWith('limit_bytes')) return 0;
    throw outOfRange(`${text} bytes is more than any volume`, `at most ${formatBytes(LARGEST_BYTES)}`);
  }
  return Number(value);
}

/**
 * Size of a new volume: the smallest that serves, in whole extents of 4 MiB; the limit holds after all rounding.
 * @throws AppError `out_of_range`.
 */
export function newSize(wanted: Wanted, kind: FsType | 'Block'): number {
  const smallest = SMALLEST[kind];
  const asked = wanted.requiredBytes === 0 ? preferred(wanted.limitBytes) : wanted.requiredBytes;
  const size = Math.max(roundUpToExtent(asked), smallest);
  checkSize(
    size,
    wanted,
    kind === 'Block' || smallest === EXTENT_BYTES ? '' : `${kind} needs ${formatBytes(smallest)}; `,
  );
  return size;
}

/** Nothing required: the default, or what the limit leaves of it. */
function preferred(limitBytes: number): number {
  if (limitBytes === 0 || limitBytes >= DEFAULT_BYTES) return DEFAULT_BYTES;
  return Math.max(EXTENT_BYTES, Math.floor(limitBytes / EXTENT_BYTES) * EXTENT_BYTES);
}

/**
 * Size that a volume is to grow to; its present size when that serves already. It never shrinks.
 * @throws AppError `out_of_range`.
 */
export function grownSize(wanted: Wanted, currentBytes: number): number {
  const size = Math.max(currentBytes, roundUpToExtent(wanted.requiredBytes));
  checkSize(size, wanted, size === currentBytes ? 'a volume cannot shrink; ' : '');
  return size;
}

function checkSize(size: number, wanted: Wanted, why: string): void {
  if (size > LARGEST_BYTES)
    throw outOfRange(`${formatBytes(size)} is too large`, `at most ${formatBytes(LARGEST_BYTES)}`);
  if (wanted.limitBytes > 0 && size > wanted.limitBytes) {
    const detail = `${why}the size would be ${formatBytes(size)} (${size} bytes, whole extents of 4 MiB)`;
    throw outOfRange(`${detail}, the limit is ${wanted.limitBytes} bytes`, 'raise the limit');
  }
}

/** Does an existing volume satisfy the same request again? */
export function isWithin(sizeBytes: number, wanted: Wanted): boolean {
  return sizeBytes >= wanted.requiredBytes && (wanted.limitBytes === 0 || sizeBytes <= wanted.limitBytes);
}

function outOfRange(message: string, remedy: string): AppError {
  return new AppError('out_of_range', `capacity_range: ${message}`, { details: { field: 'capacity_range', remedy } });
}
