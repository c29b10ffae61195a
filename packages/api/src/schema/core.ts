import type { ApiObject, ObjectMeta } from './meta.ts';

/** coordination.k8s.io/v1 Lease: heartbeats and leader election. Namespaced. */
export interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  /** RFC 3339 with microseconds (MicroTime). */
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}
export type Lease = ApiObject<LeaseSpec, never>;

/** v1 Secret. `data` values are base64. */
export interface Secret extends ApiObject<never, never> {
  type?: string;
  data?: Record<string, string>;
}

/** events.k8s.io/v1 or v1 Event, the fields Holdfast uses (v1). */
export interface EventObject extends ApiObject<never, never> {
  involvedObject: { apiVersion: string; kind: string; name: string; uid?: string; namespace?: string };
  reason: string;
  message: string;
  type: 'Normal' | 'Warning';
  count?: number;
  firstTimestamp?: string;
  lastTimestamp?: string;
  source?: { component: string; host?: string };
  reportingComponent?: string;
  reportingInstance?: string;
  metadata: ObjectMeta;
}

/** Namespace that holds Holdfast's Leases and Secrets. Events about cluster-scoped objects must be in `default`. */
export const SYSTEM_NAMESPACE = 'holdfast-system';
