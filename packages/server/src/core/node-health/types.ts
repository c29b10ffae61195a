/**
 * What the controller knows about a node's life. `Unknown` is the honest middle: nothing is placed there, and nothing is
 * taken away from it. `Lost` allows others to *ask* for its volumes; what is true is decided by the arbiter record and
 * the kernels (design 3.1 rule 7).
 */
export const NODE_HEALTH_STATES = ['Ready', 'Unknown', 'Lost'] as const;
export type NodeHealthState = (typeof NODE_HEALTH_STATES)[number];

export interface NodeHealth {
  readonly state: NodeHealthState;
  /** CamelCase, for the condition. */
  readonly reason: string;
  /** In words, stable while nothing changes (no running numbers). */
  readonly message: string;
}

export const HEALTH_NEVER_SEEN: NodeHealth = {
  state: 'Unknown',
  reason: 'NeverSeen',
  message: 'its agent has not reported yet',
};
