import type { Lease } from '../schema/core.ts';
import type { ApiObject, Stored } from './object.ts';
import type { ClockPort } from './ports.ts';

/**
 * How long ago leases were renewed, without believing anybody's wall clock: an observer notes on its own monotonic
 * clock when it saw a lease change. Skewed or jumping clocks of the holders do not matter. A lease that is seen for the
 * first time counts as just renewed: the observer may only err on the side of waiting.
 */
export interface LeaseAges {
  /** Call with every lease read or watched. */
  observe(lease: Stored<Lease>): void;
  /** Milliseconds since the last change that was observed; undefined for a lease never observed. */
  ageMs(name: string, namespace: string): number | undefined;
  forget(name: string, namespace: string): void;
}

export function createLeaseAges(clock: Pick<ClockPort, 'monotonic'>): LeaseAges {
  const seen = new Map<string, { readonly mark: string; readonly atMs: number }>();
  const key = (name: string, namespace: string | undefined): string => `${namespace ?? ''}/${name}`;
  return {
    observe(lease) {
      const id = key(lease.metadata.name, lease.metadata.namespace);
      const mark = renewalMark(lease);
      if (seen.get(id)?.mark !== mark) seen.set(id, { mark, atMs: clock.monotonic() });
    },
    ageMs(name, namespace) {
      const entry = seen.get(key(name, namespace));
      return entry === undefined ? undefined : clock.monotonic() - entry.atMs;
    },
    forget(name, namespace) {
      seen.delete(key(name, namespace));
    },
  };
}

/** What a renewal changes. Labels and annotations that somebody else sets are no sign of life. */
function renewalMark(lease: Stored<ApiObject<Lease['spec'] & object, never>>): string {
  const spec = lease.spec ?? {};
  return JSON.stringify([lease.metadata.uid, spec.holderIdentity, spec.renewTime, spec.leaseTransitions]);
}
