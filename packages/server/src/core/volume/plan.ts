/**
 * What the controller does next for one volume: a pure function of what was observed. Called again after its actions
 * were executed, until it has nothing more to say; every step may be the last one before a crash, and the next plan
 * goes on from what exists (INV-8). What is unknown changes nothing.
 */
import { AppError } from '@holdfast/api/errors.ts';
import { FINALIZER_VOLUME } from '@holdfast/api/labels.ts';
import { planAttach, whyNotDetached } from './attach.ts';
import { VolumeDraft } from './draft.ts';
import { planDepartures } from './drop.ts';
import { factsOf, type VolumeFacts } from './facts.ts';
import { planForgotten, releaseForgotten } from './forget.ts';
import { planGrow } from './grow.ts';
import { isCrowded, planMembership } from './membership.ts';
import { planPeers } from './peers.ts';
import { planStatus } from './status.ts';
import type { VolumeAction, VolumeObservation, VolumePlan } from './types.ts';

export function planVolume(observation: VolumeObservation): VolumePlan {
  const facts = factsOf(observation);
  if (facts === undefined) return { actions: [], waitsForPlace: false, verdicts: undefined };
  const finalizers = observation.volume.metadata.finalizers ?? [];
  if (facts.deleting) return planDelete(facts, finalizers);
  const first: VolumeAction[] = finalizers.includes(FINALIZER_VOLUME)
    ? []
    : [
        {
          type: 'add-finalizer',
          finalizers: [...finalizers, FINALIZER_VOLUME],
          reason: 'replicas are removed before the volume goes',
        },
      ];

  const draft = new VolumeDraft(facts);
  planDepartures(draft, isCrowded(facts));
  if (!planForgotten(draft)) planMembershipOrSayWhy(draft);
  const created = planPeers(draft);
  planGrow(draft);
  planAttach(draft);
  const actions = draft.actions().map((action) =>
    action.type === 'create-replica'
      ? {
          ...action,
          replica: created.find((one) => one.metadata.name === action.replica.metadata.name) ?? action.replica,
        }
      : action,
  );
  const status = planStatus(draft);
  return {
    actions: [...first, ...actions, ...(status === undefined ? [] : [status])],
    waitsForPlace: draft.waitsForPlace,
    verdicts: draft.verdicts,
  };
}

/** A node without a free port is an answer for people, not a failure of the loop. */
function planMembershipOrSayWhy(draft: VolumeDraft): void {
  try {
    planMembership(draft);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'resource_exhausted')) throw error;
    draft.waitsForPlace = true;
    draft.condition('Placed', false, 'NoPlace', error.message);
  }
}

/** INV-7: only when nobody has it; the agents remove what is tagged, then the objects go, then the volume. */
function planDelete(facts: VolumeFacts, finalizers: readonly string[]): VolumePlan {
  const draft = new VolumeDraft(facts);
  const actions: VolumeAction[] = [];
  if (facts.wanted === undefined) {
    for (const replica of facts.replicas) draft.clearAttach(replica, 'the volume is being deleted');
  }
  if (whyNotDetached(facts) === null) {
    for (const replica of facts.replicas) draft.delete(replica, 'the volume is being deleted');
    releaseForgotten(draft);
    if (facts.replicas.length === 0 && finalizers.includes(FINALIZER_VOLUME)) {
      actions.push({
        type: 'remove-finalizer',
        finalizers: finalizers.filter((one) => one !== FINALIZER_VOLUME),
        reason: 'all replicas are gone',
      });
      return { actions, waitsForPlace: false, verdicts: undefined };
    }
  }
  actions.push(...draft.actions());
  const status = planStatus(draft);
  if (status !== undefined) actions.push(status);
  return { actions, waitsForPlace: false, verdicts: undefined };
}
