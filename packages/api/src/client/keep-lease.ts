import { AppError } from '../errors.ts';
import type { Lease } from '../schema/core.ts';
import { microTime } from './micro-time.ts';
import type { ClockPort, RandomPort } from './ports.ts';
import type { ResourceApi } from './types.ts';

export interface KeepLeaseOptions {
  readonly leases: ResourceApi<Lease>;
  readonly name: string;
  readonly namespace: string;
  /** Who is alive. */
  readonly identity: string;
  readonly clock: ClockPort;
  readonly random: RandomPort;
  /** Time between two heartbeats. Default 1 s. */
  readonly intervalMs?: number;
  /** Written into the lease for readers. Default 10 s. */
  readonly leaseDurationSeconds?: number;
  /** Deadline of one heartbeat. Default 3 s: the next may take another connection. */
  readonly timeoutMs?: number;
  /** Every heartbeat that failed, with the number of failures in a row. Must not throw. */
  readonly onError: (error: AppError, failuresInARow: number) => void;
  /** The first heartbeat that succeeded, and the first after failures. */
  readonly onAlive?: () => void;
}

/**
 * Heartbeat: one small merge patch per interval, until the signal aborts. Creates the lease when it is missing, and goes
 * on through any absence of the API. The lease is left behind: its silence is the message.
 * Readers judge it by {@link LeaseAges}, never by the time written in it.
 */
export async function keepLease(options: KeepLeaseOptions, signal: AbortSignal): Promise<void> {
  const { leases, name, namespace, clock } = options;
  const intervalMs = options.intervalMs ?? 1_000;
  const request = { timeoutMs: options.timeoutMs ?? 3_000, signal };
  let failures = 0;
  let alive = false;

  async function beat(): Promise<void> {
    const spec = {
      holderIdentity: options.identity,
      leaseDurationSeconds: options.leaseDurationSeconds ?? 10,
      renewTime: microTime(clock.now()),
    };
    try {
      await leases.patch(name, { spec }, namespace, request);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'not_found')) throw error;
      const metadata = { name, namespace };
      await leases.create(
        {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata,
          spec: { ...spec, acquireTime: spec.renewTime },
        },
        request,
      );
    }
  }

  while (!signal.aborted) {
    const startedMs = clock.monotonic();
    try {
      await beat();
      failures = 0;
      if (!alive) options.onAlive?.();
      alive = true;
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      alive = false;
      options.onError(AppError.from(error), failures);
    }
    // On a fixed beat; after failures with jitter, so that a thousand agents do not greet a returning server together.
    const restMs = Math.max(0, intervalMs - (clock.monotonic() - startedMs));
    const jitterMs = failures === 0 ? 0 : options.random.next() * intervalMs;
    try {
      await clock.sleep(Math.max(restMs, failures === 0 ? 0 : intervalMs / 2) + jitterMs, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
