import type { ClockPort } from './ports.ts';

/** Rate limits by key. Full buckets are forgotten, so that memory follows the keys in use. */
export interface TokenBuckets {
  /** Takes one token of the key; false when none is left. */
  take(key: string): boolean;
}

export function createTokenBuckets(
  clock: Pick<ClockPort, 'monotonic'>,
  limits: { readonly burst: number; readonly perMinute: number },
): TokenBuckets {
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  const filled = (bucket: { tokens: number; atMs: number }, nowMs: number): number =>
    Math.min(limits.burst, bucket.tokens + ((nowMs - bucket.atMs) / 60_000) * limits.perMinute);
  return {
    take(key) {
      const nowMs = clock.monotonic();
      // Oldest first: stop at the first that is still filling up.
      for (const [old, bucket] of buckets) {
        if (filled(bucket, nowMs) < limits.burst) break;
        buckets.delete(old);
      }
      const bucket = buckets.get(key) ?? { tokens: limits.burst, atMs: nowMs };
      const tokens = filled(bucket, nowMs);
      buckets.delete(key);
      buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs });
      return tokens >= 1;
    },
  };
}
