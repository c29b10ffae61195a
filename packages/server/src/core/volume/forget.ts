import { FINALIZER_REPLICA } from '@holdfast/api/labels.ts';
import { isForgotten } from '../node-health/forget.ts';
import type { VolumeDraft } from './draft.ts';
import { drop, whyNotDrop } from './drop.ts';
import { list, type ReplicaFact } from './facts.ts';

/**
 * Copies on a node that an operator gave up. They go at once, whether or not there is a place for the next one: they are
 * of no use. The last member of the in-sync set and the recorded primary stay all the same (INV-1, INV-3): who wants them gone
 * deletes the volume, or attaches it elsewhere first. True when something went: the rest of the plan waits for that.
 */
export function planForgotten(draft: VolumeDraft): boolean {
  const { facts } = draft;
  const given = facts.replicas.filter((replica) => isForgotten(replica.health));
  const kept = facts.active.filter((replica) => !given.includes(replica));
  const going = given.filter(
    (replica) => !replica.deleting && whyNotDrop(replica, kept, draft, { reducing: true }) === null,
  );
  for (const replica of going) drop(draft, replica, `node ${replica.spec.node} was given up (hf node forget)`);
  for (const replica of given) {
    const dependedOn = draft.record.inSync.includes(replica.name) || draft.record.primary === replica.name;
    if (!dependedOn) release(draft, replica);
  }
  if (going.length === 0) return false;
  const names = list(going.map((replica) => replica.name));
  draft.condition('Placed', false, 'Moving', `${names} is given up; the next replica follows`);
  return true;
}

/** A volume that is being deleted depends on no copy. */
export function releaseForgotten(draft: VolumeDraft): void {
  for (const replica of draft.facts.replicas) if (isForgotten(replica.health)) release(draft, replica);
}

/**
 * In place of the agent that never comes: only the object goes. The logical volume, should its disk turn up again,
 * belongs to no Replica then and is reported as an orphan (INV-7).
 */
function release(draft: VolumeDraft, replica: ReplicaFact): void {
  const finalizers = replica.object.metadata.finalizers ?? [];
  if (!replica.deleting || !finalizers.includes(FINALIZER_REPLICA)) return;
  draft.forget(
    replica,
    finalizers.filter((one) => one !== FINALIZER_REPLICA),
  );
}
