import { AppError } from '@holdfast/api/errors.ts';
import type { UsageView } from './usage.ts';

/** The first DRBD minor that Holdfast uses; lower ones are left to others. */
export const FIRST_MINOR = 1000;
const LAST_MINOR = 2 ** 20 - 1;
/** TCP ports for replication, per node. */
export const FIRST_PORT = 7000;
export const LAST_PORT = 7999;
/** DRBD 9 has node-ids 0 to 31. */
const LAST_NODE_ID = 31;

export interface DrbdNumbers {
  readonly minor: number;
  readonly port: number;
  readonly nodeId: number;
}

/**
 * Numbers for a new DRBD replica on `node`: the lowest ones that no replica of the node, reserved ones included, has.
 * They are written into the Replica and never change. `nodeIds` are those of the volume's other replicas.
 * @throws AppError `resource_exhausted` when the node has no free port or minor, or the volume no free node-id.
 */
export function allocateNumbers(node: string, usage: UsageView, nodeIds: ReadonlySet<number>): DrbdNumbers {
  const minor = lowestFree(FIRST_MINOR, LAST_MINOR, usage.minorsOn(node));
  const port = lowestFree(FIRST_PORT, LAST_PORT, usage.portsOn(node));
  const nodeId = lowestFree(0, LAST_NODE_ID, nodeIds);
  if (minor === undefined || port === undefined) {
    throw new AppError(
      'resource_exhausted',
      `node ${node}: all ${LAST_PORT - FIRST_PORT + 1} replication ports (${FIRST_PORT}-${LAST_PORT}) are in use; delete replicas there or place on another node`,
      { details: { field: 'spec.drbd.port', value: node, reason: 'NoFreePort' } },
    );
  }
  if (nodeId === undefined) {
    throw new AppError('resource_exhausted', 'the volume has used all 32 DRBD node-ids; delete replicas first', {
      details: { field: 'spec.drbd.nodeId', reason: 'NoFreeNodeId' },
    });
  }
  return { minor, port, nodeId };
}

/** True when the node has a free port for one more DRBD replica. */
export function hasFreePort(node: string, usage: UsageView): boolean {
  return usage.portsOn(node).size <= LAST_PORT - FIRST_PORT;
}

function lowestFree(first: number, last: number, used: ReadonlySet<number>): number | undefined {
  for (let value = first; value <= last; value += 1) {
    if (!used.has(value)) return value;
  }
  return undefined;
}
