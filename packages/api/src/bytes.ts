import { AppError } from './errors.ts';

/** One LVM extent and the granularity of every volume, so that LV size, DRBD size and capacity are the same number. */
export const EXTENT_BYTES = 4 * 1024 * 1024;

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  ki: 2 ** 10,
  kib: 2 ** 10,
  m: 2 ** 20,
  mi: 2 ** 20,
  mib: 2 ** 20,
  g: 2 ** 30,
  gi: 2 ** 30,
  gib: 2 ** 30,
  t: 2 ** 40,
  ti: 2 ** 40,
  tib: 2 ** 40,
  p: 2 ** 50,
  pi: 2 ** 50,
  pib: 2 ** 50,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  pb: 1e15,
};

/**
 * Parses a size such as `10GiB`, `10G`, `1.5Ti` or `4096` into bytes. `K`, `M`, `G`... without a suffix are IEC
 * (as LVM and DRBD read them); `kB`, `MB`, `GB` are decimal.
 * @throws AppError `invalid_argument` when the text is not a positive whole number of bytes, naming `field`.
 */
export function parseBytes(text: string, field = 'size'): number {
  const match = /^\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*$/.exec(text);
  const factor = match === null ? undefined : UNITS[(match[2] ?? '').toLowerCase()];
  if (match === null || factor === undefined) {
    throw new AppError(
      'invalid_argument',
      `${field}: '${text}' is not a size; write a positive number with a unit, such as 10GiB`,
      {
        details: { field, value: text, remedy: 'write a positive number with a unit, such as 10GiB' },
      },
    );
  }
  const bytes = Math.round(Number(match[1]) * factor);
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new AppError('invalid_argument', `${field}: '${text}' must be more than 0 and less than 8 PiB`, {
      details: { field, value: text, remedy: 'give a size above 0 and below 8PiB' },
    });
  }
  return bytes;
}

/** Rounds up to whole extents of 4 MiB. */
export function roundUpToExtent(bytes: number): number {
  return Math.ceil(bytes / EXTENT_BYTES) * EXTENT_BYTES;
}

/** `1610612736` -> `1.5 GiB`. At most two decimals, no trailing zeros. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toFixed(2))} ${units[unit]}`;
}
