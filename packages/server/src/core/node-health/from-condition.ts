import type { Node } from '@holdfast/api/schema/node.ts';
import { HEALTH_NEVER_SEEN, type NodeHealth } from './types.ts';

/** The controller's verdict as it wrote it into the Node: for readers that do not watch leases themselves (`hf`). */
export function healthFromCondition(node: Node): NodeHealth {
  const condition = node.status?.conditions?.find((candidate) => candidate.type === 'Ready');
  if (condition === undefined) return HEALTH_NEVER_SEEN;
  const state = condition.status === 'True' ? 'Ready' : condition.status === 'False' ? 'Lost' : 'Unknown';
  return { state, reason: condition.reason, message: condition.message };
}
