import { formatBytes } from '@holdfast/api/bytes.ts';

/** `3d4h`, `2h5m`, `4m10s`, `7s`: the two largest units that matter, as kubectl prints ages. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor((seconds % 86_400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (days >= 10) return `${days}d`;
  if (days > 0) return hours > 0 ? `${days}d${hours}h` : `${days}d`;
  if (hours > 0) return minutes > 0 && hours < 10 ? `${hours}h${minutes}m` : `${hours}h`;
  if (minutes > 0) return seconds % 60 > 0 && minutes < 10 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  return `${seconds}s`;
}

/** Age of an RFC 3339 time; `-` when it is missing or not a time. */
export function formatAge(timestamp: string | undefined, nowMs: number): string {
  if (timestamp === undefined) return '-';
  const at = Date.parse(timestamp);
  return Number.isNaN(at) ? '-' : formatDuration(nowMs - at);
}

/** Short size for a table cell; `-` when unknown: unknown is never 0. */
export function formatSize(bytes: number | undefined): string {
  return bytes === undefined ? '-' : formatBytes(bytes).replace(' ', '');
}

/** `41.3 MiB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(Math.max(0, Math.round(bytesPerSecond)))}/s`;
}

export function formatPercent(value: number): string {
  if (value > 0 && value < 10) return `${value.toFixed(1)}%`;
  // 99.97 must not read as done.
  return `${value < 100 ? Math.min(99, Math.round(value)) : 100}%`;
}

/** A bar of `width` cells, `fraction` of them full (clamped to 0..1). Never shows full unless it is. */
export function bar(fraction: number, width = 10): string {
  const clamped = Math.min(1, Math.max(0, fraction));
  let full = Math.round(clamped * width);
  if (full === width && clamped < 1) full = width - 1;
  if (full === 0 && clamped > 0) full = 1;
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/** `1 node`, `3 nodes`. */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : plural}`;
}
