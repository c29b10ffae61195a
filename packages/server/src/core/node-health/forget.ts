import type { Lease } from '@holdfast/api/schema/core.ts';
import type { Node } from '@holdfast/api/schema/node.ts';
import type { NodeHealth } from './types.ts';

/** Reason of the verdict on a node that an operator gave up. */
export const NODE_FORGOTTEN = 'NodeForgotten';

/**
 * An operator gave this machine up, and it has not shown itself since. The mark names the last heartbeat that the
 * operator saw: one more, and it means nothing. So a mark that was left behind never falls on a machine that lives.
 */
export function isGivenUp(node: Node | undefined, lease: Lease | undefined): boolean {
  const mark = node?.spec?.forget?.renewTime;
  return mark !== undefined && mark === lease?.spec?.renewTime;
}

/** The verdict on a node, with the operator's word. It counts only for a node that is lost already. */
export function withOperatorsWord(health: NodeHealth, node: Node, lease: Lease | undefined): NodeHealth {
  if (health.state !== 'Lost' || !isGivenUp(node, lease)) return health;
  return {
    state: 'Lost',
    reason: NODE_FORGOTTEN,
    message: 'an operator gave it up (hf node forget), and its agent has not renewed its lease since',
  };
}

/** Its copies are given up: nobody waits for them, and its objects need no agent to go. */
export function isForgotten(health: NodeHealth): boolean {
  return health.state === 'Lost' && health.reason === NODE_FORGOTTEN;
}
