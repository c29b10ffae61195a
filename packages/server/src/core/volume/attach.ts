import type { VolumeDraft } from './draft.ts';
import { isReady, list, mayLive, type ReplicaFact, type VolumeFacts, whyHeld, whyNotLost } from './facts.ts';

/**
 * INV-2: `spec.attach` is set on one replica, and only when every other one has certainly let go or its node is lost in
 * the eyes of the leases *and* of the survivor's kernel. Returns nothing; the answer for people is condition `Attached`.
 */
export function planAttach(draft: VolumeDraft): void {
  const { facts } = draft;
  const wanted = facts.wanted;
  if (wanted === undefined) {
    for (const replica of facts.replicas) draft.clearAttach(replica, 'the volume is not wanted anywhere');
    reportDetach(draft);
    return;
  }
  // A replica that is being removed keeps what it has until the workload has moved; it gets nothing new.
  const target =
    facts.active.find((replica) => replica.spec.node === wanted.node) ??
    facts.present.find((replica) => replica.spec.node === wanted.node && replica.spec.attach !== undefined);
  for (const replica of facts.replicas) {
    if (replica !== target) draft.clearAttach(replica, `the volume is wanted on ${wanted.node}`);
  }
  if (target === undefined) {
    refuseWithoutReplica(draft, wanted.node);
    return;
  }
  const refusal = whyNotAttach(target, facts);
  if (refusal !== null && target.spec.attach === undefined) {
    draft.condition('Attached', false, refusal.reason, refusal.message);
    return;
  }
  const attach = {
    volumeMode: facts.spec.volumeMode,
    fsType: facts.spec.fsType,
    readOnly: wanted.readOnly,
    mount: wanted.mount,
  };
  draft.change(target, { attach }, attachReason(target, facts));
  reportAttach(draft, target);
}

interface Refusal {
  readonly reason: string;
  readonly message: string;
}

function whyNotAttach(target: ReplicaFact, facts: VolumeFacts): Refusal | null {
  const { node } = target.spec;
  if (facts.deleting) return { reason: 'Deleting', message: 'the volume is being deleted' };
  if (!isReady(target)) {
    return {
      reason: 'NodeNotReady',
      message: `node ${node} is not Ready: ${target.health.message}. ${elsewhere(facts, target)}`,
    };
  }
  if (!facts.bootstrapped) {
    return {
      reason: 'Creating',
      message: `the first copies are not complete yet; it will be attached on ${node} then`,
    };
  }
  if (!target.inSync) {
    return {
      reason: 'NotInSync',
      message: `${target.name} on ${node} is not in the in-sync set {${list(facts.record.inSync)}} and may lack acknowledged writes (INV-3); it waits for its resync. ${elsewhere(facts, target)}`,
    };
  }
  for (const other of facts.replicas) {
    if (other === target) continue;
    const held = whyHeld(other, facts);
    if (held === null) continue;
    const why = whyNotLost(other, target);
    if (why !== null) return { reason: 'WaitingForRelease', message: `${held}; ${why}` };
  }
  return null;
}

function attachReason(target: ReplicaFact, facts: VolumeFacts): string {
  const passedOver = facts.replicas.filter((other) => other !== target && whyHeld(other, facts) !== null);
  const wanted = `the volume is wanted on ${target.spec.node}`;
  if (passedOver.length === 0) return wanted;
  const lost = passedOver.map((other) => `${other.name} on ${other.spec.node}`);
  return `failover: ${wanted}; ${list(lost)} is lost: ${passedOver[0]?.health.message ?? ''}`;
}

/** Where else it could be attached, as a remedy. */
function elsewhere(facts: VolumeFacts, not: ReplicaFact | undefined): string {
  const others = facts.active.filter((replica) => replica !== not && replica.inSync && isReady(replica));
  return others.length === 0
    ? 'No other in-sync replica is on a Ready node'
    : `It can be attached on ${list(others.map((replica) => replica.spec.node))}`;
}

function refuseWithoutReplica(draft: VolumeDraft, node: string): void {
  const { facts } = draft;
  const on = `Replicas are on ${list(facts.active.map((replica) => replica.spec.node))}`;
  if (!facts.observation.cluster.nodes.has(node)) {
    draft.condition('Attached', false, 'NodeNotFound', `there is no node '${node}' (hf node list). ${on}`);
    return;
  }
  const going = facts.replicas.find((replica) => replica.spec.node === node);
  if (going !== undefined) {
    const message = `${going.name} on ${node} is being removed and is not attached any more. ${on}: attach it there`;
    draft.condition('Attached', false, 'ReplicaLeaving', message);
    return;
  }
  if (facts.active.length === 0) {
    draft.condition(
      'Attached',
      false,
      'Creating',
      `no replica exists yet; it will be attached on ${node} if one is placed there`,
    );
    return;
  }
  draft.condition(
    'Attached',
    false,
    'NoReplicaOnNode',
    `node ${node} has no replica of this volume. ${on}: attach it there, or move one (hf volume move ${facts.name} --to ${node})`,
  );
}

function reportAttach(draft: VolumeDraft, target: ReplicaFact): void {
  const status = target.object.status;
  const { node } = target.spec;
  if (status?.attached !== undefined && draft.facts.record.primary === target.name) {
    const at = status.attached.mountPath ?? status.attached.device;
    const note = mayLive(target) ? '' : `; but node ${node} is not Ready: ${target.health.message}`;
    draft.condition('Attached', true, 'Attached', `attached on ${node} at ${at}${note}`);
    return;
  }
  const waits = status?.message === undefined ? '' : `: ${status.message}`;
  const dead = mayLive(target)
    ? ''
    : `; node ${node} is not Ready: ${target.health.message}. ${elsewhere(draft.facts, target)}`;
  draft.condition('Attached', false, 'Attaching', `waiting for the agent of ${node}${waits}${dead}`);
}

function reportDetach(draft: VolumeDraft): void {
  const holder = draft.facts.replicas.find(
    (replica) => whyHeld({ ...replica, spec: draft.specOf(replica) }, draft.facts) !== null,
  );
  const held = holder === undefined ? null : whyHeld(holder, draft.facts);
  if (holder === undefined || held === null || holder.object.status?.attached === undefined) {
    draft.condition('Attached', false, 'Detached', 'not wanted anywhere');
    return;
  }
  const dead = mayLive(holder) ? '' : `; its node is not Ready: ${holder.health.message}`;
  draft.condition('Attached', true, 'Detaching', `${holder.name} on ${holder.spec.node} is releasing it${dead}`);
}

/** The node that has the volume now, as far as its agent said and the record agrees. */
export function attachedNode(facts: VolumeFacts): string | undefined {
  return facts.replicas.find(
    (replica) =>
      replica.object.status?.attached !== undefined &&
      (facts.record.primary === undefined || facts.record.primary === replica.name),
  )?.spec.node;
}

/** Detached for certain: nobody asks for it, and nobody who might live holds it. */
export function whyNotDetached(facts: VolumeFacts): string | null {
  if (facts.wanted !== undefined)
    return `it is wanted on ${facts.wanted.node}; detach it first (hf volume detach ${facts.name})`;
  for (const replica of facts.replicas) {
    const held = whyHeld(replica, facts);
    if (held !== null && replica.health.state !== 'Lost') return `${held}; it is being detached`;
  }
  return null;
}
