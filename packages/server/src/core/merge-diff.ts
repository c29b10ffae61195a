/** RFC 7386: the smallest JSON merge patch that turns `from` into `to`, or undefined when they are equal. Arrays are replaced whole. */
export function mergeDiff(from: unknown, to: unknown): unknown {
  if (isRecord(from) && isRecord(to)) {
    const patch: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(to)) {
      if (value === undefined) continue;
      const change = mergeDiff(from[key], value);
      if (change !== undefined) patch[key] = change;
    }
    for (const [key, value] of Object.entries(from)) {
      if (value !== undefined && to[key] === undefined) patch[key] = null;
    }
    return Object.keys(patch).length === 0 ? undefined : patch;
  }
  return deepEqual(from, to) ? undefined : to;
}

/** Structural equality of JSON values; a key with value undefined equals a missing key. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => deepEqual(item, b[index]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => deepEqual(a[key], b[key]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
