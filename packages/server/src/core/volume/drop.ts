import { decideRemoval } from '../arbiter/decide.ts';
import type { DecisionContext } from '../arbiter/record.ts';
import type { VolumeDraft } from './draft.ts';
import { isReady, list, type ReplicaFact, whyHeld } from './facts.ts';

/**
 * Why this replica must not go yet, in words, or null. `kept` are the replicas that remain. It never is the one in use,
 * never the last member of the in-sync set, and (unless the operator accepted `reducing`) never before those that remain
 * are all in sync (INV-1).
 */
export function whyNotDrop(
  replica: ReplicaFact,
  kept: readonly ReplicaFact[],
  draft: VolumeDraft,
  options: { readonly reducing?: boolean } = {},
): string | null {
  const { facts } = draft;
  const held = whyHeld(replica, facts);
  if (held !== null && (replica.health.state !== 'Lost' || facts.record.primary === replica.name)) {
    return `${held}; move the workload to another node first`;
  }
  if (facts.wanted?.node === replica.spec.node)
    return `the volume is wanted on ${replica.spec.node}; move the workload first`;
  if (!facts.bootstrapped) {
    return kept.length === 0 ? 'no other replica exists' : null;
  }
  const members = kept.filter((one) => one.inSync && draft.record.inSync.includes(one.name));
  if (!members.some(isReady)) {
    return `no other replica is in sync on a Ready node (in-sync set: ${list(facts.record.inSync)})`;
  }
  if (!replica.inSync || options.reducing === true) return null;
  const behind = kept.filter((one) => !members.includes(one));
  return behind.length === 0 ? null : `waiting until ${list(behind.map((one) => one.name))} is in sync`;
}

/** Rule 5: out of the set, out of the peers' lists, then the object. The draft puts the steps in that order. */
export function drop(draft: VolumeDraft, replica: ReplicaFact, reason: string): void {
  leaveSet(draft, replica.name, reason);
  draft.delete(replica, reason);
}

/** Takes a name out of the in-sync set, when that is allowed. Never the primary, never the last member. */
export function leaveSet(draft: VolumeDraft, member: string, reason: string): boolean {
  const { facts } = draft;
  const context: DecisionContext = { by: 'controller', at: facts.observation.now, evidence: reason };
  const decision = decideRemoval(draft.record, member, context);
  if (!decision.ok) return false;
  draft.removeMember(member, decision.next, `${decision.message}: ${reason}`);
  return true;
}

/**
 * Members whose object is gone or going leave the set, so that nobody waits for them and the agent may take the disk down.
 * Deleting a Replica by hand is a wish to have it gone now: one other complete copy is enough. `crowded`: no further
 * replica can be added before one goes; then, of several that are being deleted, one stays until it has an heir.
 */
export function planDepartures(draft: VolumeDraft, crowded: boolean): void {
  const { facts } = draft;
  if (!facts.bootstrapped) return;
  const alive = facts.present.filter((replica) => replica.inSync && isReady(replica));
  const heirs = alive.filter((replica) => !replica.deleting);
  if (alive.length === 0) return;
  for (const ghost of facts.ghosts) leaveSet(draft, ghost, 'its Replica object no longer exists');
  if (heirs.length === 0 && !crowded) return;
  const keeper = alive.find((replica) => replica.name === facts.record.primary) ?? alive[0];
  for (const replica of facts.present) {
    if (!replica.deleting || !replica.inSync || (heirs.length === 0 && replica === keeper)) continue;
    leaveSet(draft, replica.name, 'its Replica object is being deleted');
  }
}
