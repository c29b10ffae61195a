import { formatBytes, parseBytes, roundUpToExtent } from '@holdfast/api/bytes.ts';
import { AppError } from '@holdfast/api/errors.ts';

/** The largest size of a volume: what its schema allows. */
const MAX_BYTES = 2 ** 50;

export interface CheckedSize {
  readonly bytes: number;
  /** Set when the size was rounded up to whole extents. */
  readonly note: string | undefined;
}

/**
 * A size as typed, in whole extents of 4 MiB: rounded up, and said so.
 * @throws AppError `invalid_argument` (not a size, 0, negative) or `out_of_range` (above 1 PiB).
 */
export function checkSize(text: string, field: string): CheckedSize {
  if (/^\s*-/.test(text)) {
    throw new AppError('invalid_argument', `${field}: '${text}' is negative`, {
      details: { field, value: text, remedy: 'give a size above 0, such as 10GiB' },
    });
  }
  const asked = parseBytes(text, field);
  const bytes = roundUpToExtent(asked);
  if (bytes > MAX_BYTES) {
    throw new AppError(
      'out_of_range',
      `${field}: ${formatBytes(bytes)} is above the largest volume of ${formatBytes(MAX_BYTES)}`,
      {
        details: { field, value: text, remedy: `give at most ${formatBytes(MAX_BYTES)}` },
      },
    );
  }
  return {
    bytes,
    note:
      bytes === asked
        ? undefined
        : `${field} ${text} is rounded up to ${formatBytes(bytes)} (${bytes} bytes, whole extents of 4 MiB)`,
  };
}
