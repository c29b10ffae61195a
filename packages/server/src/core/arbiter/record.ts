import type { ArbiterCause, ArbiterDecision, ArbiterRecord } from '@holdfast/api/schema/volume.ts';

/** Decisions kept in the record; older ones live on in Events. */
const HISTORY_LIMIT = 16;

/** A record before its first decision. */
export const BLANK_RECORD: ArbiterRecord = { epoch: 0, inSync: [], history: [] };

/** Who decides, when, and what was seen. */
export interface DecisionContext {
  /** `agent/<node>` or `controller`. */
  readonly by: string;
  /** RFC 3339, UTC. */
  readonly at: string;
  /** What the kernel showed, generation ids included. Never a secret. */
  readonly evidence: string;
}

/**
 * The only way a record changes: the epoch grows by exactly one with every grant, also when the set stays the same
 * (design 3.1 rule 1). The caller then swaps it in by compare-and-swap on the Volume it read.
 */
export function nextRecord(
  record: ArbiterRecord,
  change: { readonly inSync: readonly string[]; readonly primary: string | undefined; readonly cause: ArbiterCause },
  context: DecisionContext,
): ArbiterRecord {
  const epoch = record.epoch + 1;
  const inSync = [...change.inSync];
  const primary = change.primary === undefined ? {} : { primary: change.primary };
  const decision: ArbiterDecision = { epoch, inSync, ...primary, cause: change.cause, ...context };
  return { epoch, inSync, ...primary, history: [decision, ...record.history].slice(0, HISTORY_LIMIT) };
}
