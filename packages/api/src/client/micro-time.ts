/** Kubernetes MicroTime (RFC 3339 with six decimals, UTC) of a wall-clock time in milliseconds. */
export function microTime(nowMs: number): string {
  return new Date(nowMs).toISOString().replace('Z', '000Z');
}

/** RFC 3339 in UTC with whole seconds, as metav1.Time is written. */
export function secondTime(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
