import { formatBytes } from '@holdfast/api/bytes.ts';

/** One field in which two objects differ. */
export interface Difference {
  readonly field: string;
  readonly existing: unknown;
  readonly wanted: unknown;
}

/**
 * Fields of `wanted` whose value in `existing` is another one. Keys that only `existing` has are defaults and count as
 * equal; a key that `wanted` has as undefined must be absent.
 */
export function differences(existing: unknown, wanted: unknown, path = 'spec'): Difference[] {
  if (isObject(existing) && isObject(wanted)) {
    return Object.entries(wanted).flatMap(([key, value]) => differences(existing[key], value, `${path}.${key}`));
  }
  return JSON.stringify(existing) === JSON.stringify(wanted) ? [] : [{ field: path, existing, wanted }];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `spec.replicas: is 2, asked for 3`. */
export function describeDifference({ field, existing, wanted }: Difference): string {
  const show = (value: unknown): string => {
    if (value === undefined) return 'not set';
    return field.endsWith('Bytes') && typeof value === 'number' ? formatBytes(value) : JSON.stringify(value);
  };
  return `${field}: is ${show(existing)}, asked for ${show(wanted)}`;
}
