import { AppError } from '../errors.ts';
import type { Lease, LeaseSpec } from '../schema/core.ts';
import { createLeaseAges } from './lease-age.ts';
import { microTime } from './micro-time.ts';
import type { Stored } from './object.ts';
import type { ClockPort, RandomPort } from './ports.ts';
import { isConflict } from './status.ts';
import type { ResourceApi } from './types.ts';

export interface LeaderElectionOptions {
  readonly leases: ResourceApi<Lease>;
  readonly name: string;
  readonly namespace: string;
  /** Unique per process, not per host: two processes with one identity would both lead. */
  readonly identity: string;
  readonly clock: ClockPort;
  readonly random: RandomPort;
  /** A candidate takes over after it saw no renewal for this long. Whole seconds. Default 15 s. */
  readonly leaseDurationMs?: number;
  /** A leader that could not renew for this long stops leading. Below leaseDurationMs. Default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Time between two attempts; jittered. Default 2 s. */
  readonly retryMs?: number;
  /**
   * Leads. The signal aborts when leadership is lost or given up; the work must then end. When the promise settles
   * while leading, the lease is released and the election starts over.
   */
  readonly onStarted: (signal: AbortSignal) => Promise<void>;
  /** After the work has ended; `lost` is false when it was given up. */
  readonly onStopped?: (lost: boolean) => void;
  /** Failures of the election and of the work. Must not throw. */
  readonly onError: (error: AppError) => void;
}

/**
 * Takes part in the election until the signal aborts; releases the lease on the way out, once the work has ended.
 *
 * Clocks: a candidate measures the lease's silence on its own monotonic clock, a leader counts its renewal from before
 * the request was sent. So a leader has stopped (renewDeadlineMs) before any candidate may start (leaseDurationMs),
 * whatever wall clocks say. A paused process can still wake up late: leadership avoids double work, it protects nothing
 * (design 3.1 rule 7); data is protected by compare-and-swap on the arbiter record.
 */
export async function runLeaderElection(options: LeaderElectionOptions, signal: AbortSignal): Promise<void> {
  const { leases, name, namespace, identity, clock, random } = options;
  const leaseDurationMs = options.leaseDurationMs ?? 15_000;
  const renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
  const retryMs = options.retryMs ?? 2_000;
  if (!(retryMs < renewDeadlineMs && renewDeadlineMs < leaseDurationMs)) {
    throw new AppError(
      'invalid_argument',
      `leader election: retry ${retryMs} ms < renew deadline ${renewDeadlineMs} ms < lease duration ${leaseDurationMs} ms must hold`,
      {
        details: {
          field: 'renewDeadlineMs',
          value: renewDeadlineMs,
          remedy: 'set retry < renew deadline < lease duration',
        },
      },
    );
  }
  const ages = createLeaseAges(clock);
  const timeoutMs = Math.max(1, Math.min(retryMs * 2, renewDeadlineMs - retryMs));

  const pause = (): Promise<void> => clock.sleep(retryMs * (0.8 + random.next() * 0.4), signal);

  function claim(old: LeaseSpec | undefined): LeaseSpec {
    const now = microTime(clock.now());
    const ours = old?.holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
      renewTime: now,
      acquireTime: ours ? (old.acquireTime ?? now) : now,
      leaseTransitions: (old?.leaseTransitions ?? 0) + (ours || old === undefined ? 0 : 1),
    };
  }

  /** One attempt to become the holder. Undefined: somebody else is, or won the race. */
  async function tryAcquire(): Promise<Stored<Lease> | undefined> {
    const request = { signal, timeoutMs };
    const lease = await leases.find(name, namespace, request);
    if (lease === undefined) {
      const metadata = { name, namespace };
      return leases.create(
        { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: claim(undefined) },
        request,
      );
    }
    ages.observe(lease);
    const holder = lease.spec?.holderIdentity ?? '';
    // The holder's own promise counts too: it may have been configured with a longer duration than we are.
    const waitMs = Math.max(leaseDurationMs, (lease.spec?.leaseDurationSeconds ?? 0) * 1000);
    if (holder !== '' && holder !== identity && (ages.ageMs(name, namespace) ?? 0) < waitMs) return undefined;
    return leases.update({ ...lease, spec: claim(lease.spec) }, request);
  }

  async function acquire(): Promise<{ lease: Stored<Lease>; sinceMs: number }> {
    for (;;) {
      signal.throwIfAborted();
      const sinceMs = clock.monotonic();
      try {
        const lease = await tryAcquire();
        if (lease !== undefined) return { lease, sinceMs };
      } catch (thrown) {
        signal.throwIfAborted();
        const error = AppError.from(thrown);
        // Losing the race for a free lease is how elections end.
        if (!isConflict(error) && error.code !== 'already_exists') options.onError(error);
      }
      await pause();
    }
  }

  /** Renews until leadership is lost ('lost') or `until` aborts ('stopped'). `lease` is kept current through `keep`. */
  async function renew(
    first: { lease: Stored<Lease>; sinceMs: number },
    until: AbortSignal,
    keep: (lease: Stored<Lease>) => void,
  ): Promise<'lost' | 'stopped'> {
    let { lease, sinceMs } = first;
    // The deadline holds even while a request hangs.
    const expired = new AbortController();
    let cancel = clock.timer(renewDeadlineMs - (clock.monotonic() - sinceMs), () => expired.abort());
    const either = AbortSignal.any([until, expired.signal]);
    try {
      while (!either.aborted) {
        await clock.sleep(retryMs * (0.8 + random.next() * 0.4), either);
        const startedMs = clock.monotonic();
        try {
          lease = await leases.update({ ...lease, spec: claim(lease.spec) }, { signal: either, timeoutMs });
        } catch (thrown) {
          if (either.aborted) break;
          const error = AppError.from(thrown);
          if (!isConflict(error)) {
            options.onError(error);
            if (error.code !== 'not_found') continue;
          }
          // Somebody wrote it: a label, or a new holder, or our own answer that got lost.
          const fresh = await reread(either);
          if (fresh === 'unknown') continue;
          if (fresh?.spec?.holderIdentity !== identity) return 'lost';
          lease = fresh;
          continue;
        }
        keep(lease);
        sinceMs = startedMs;
        cancel();
        cancel = clock.timer(renewDeadlineMs - (clock.monotonic() - sinceMs), () => expired.abort());
      }
    } catch (error) {
      if (!either.aborted) throw error;
    } finally {
      cancel();
    }
    return until.aborted ? 'stopped' : 'lost';
  }

  async function reread(until: AbortSignal): Promise<Stored<Lease> | undefined | 'unknown'> {
    try {
      return await leases.find(name, namespace, { signal: until, timeoutMs });
    } catch (error) {
      if (!until.aborted) options.onError(AppError.from(error));
      return 'unknown';
    }
  }

  async function release(lease: Stored<Lease>): Promise<void> {
    try {
      // No holder, rather than an empty one, which newer API servers refuse.
      const { holderIdentity: _, ...rest } = lease.spec ?? {};
      const spec: LeaseSpec = {
        ...rest,
        leaseDurationSeconds: 1,
        renewTime: microTime(clock.now()),
      };
      await leases.update({ ...lease, spec }, { timeoutMs });
    } catch (error) {
      // It expires by itself.
      options.onError(AppError.from(error));
    }
  }

  async function lead(first: { lease: Stored<Lease>; sinceMs: number }): Promise<void> {
    const work = new AbortController();
    const workEnded = new AbortController();
    let lease = first.lease;
    const done = (async () => {
      try {
        await options.onStarted(work.signal);
      } catch (error) {
        if (!work.signal.aborted) options.onError(AppError.from(error));
      } finally {
        workEnded.abort();
      }
    })();
    const stop = (): void => work.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    // Renewed until the work has really ended: giving the lease away while still working would make two leaders.
    let outcome: 'lost' | 'stopped' = 'lost';
    try {
      outcome = await renew(first, workEnded.signal, (renewed) => {
        lease = renewed;
      });
    } catch (error) {
      options.onError(AppError.from(error));
    }
    if (outcome === 'lost') {
      work.abort(new AppError('aborted', `lease ${namespace}/${name}: leadership was lost`));
    }
    await done;
    signal.removeEventListener('abort', stop);
    if (outcome === 'stopped') await release(lease);
    options.onStopped?.(outcome === 'lost');
  }

  try {
    while (!signal.aborted) {
      await lead(await acquire());
      if (!signal.aborted) await pause();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
