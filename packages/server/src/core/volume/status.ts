import type { Condition } from '@holdfast/api/schema/meta.ts';
import type { VolumePhase } from '@holdfast/api/schema/volume.ts';
import { deepEqual } from '../merge-diff.ts';
import { attachedNode, whyNotDetached } from './attach.ts';
import type { ConditionDraft, VolumeDraft } from './draft.ts';
import { list, mayLive, type ReplicaFact, type VolumeFacts } from './facts.ts';
import { usableBytes } from './grow.ts';
import type { VolumeAction, VolumeStatusPatch } from './types.ts';
import { replicaInWords } from './words.ts';

/** Order in which conditions are kept. */
const ORDER = ['Ready', 'Placed', 'Redundant', 'Attached', 'Resizing'];

/**
 * Phase, sizes and conditions, as one patch of what changed, or undefined. It follows the arbiter record and the health
 * of nodes, not connections that come and go: a write at the moment of an outage would only race with the agent's swap.
 */
export function planStatus(draft: VolumeDraft): VolumeAction | undefined {
  const { facts } = draft;
  const current = facts.observation.volume.status;
  describeRedundancy(draft);
  describeReadiness(draft);
  const patch: { -readonly [K in keyof VolumeStatusPatch]: VolumeStatusPatch[K] } = {};

  const phase = phaseOf(draft);
  if (phase !== current?.phase) patch.phase = phase;
  // It never shrinks; a copy that reports less is one that has not caught up.
  const usable = usableBytes(facts);
  const sizeBytes = usable === undefined ? undefined : Math.min(facts.spec.sizeBytes, usable);
  if (sizeBytes !== undefined && sizeBytes > (current?.sizeBytes ?? 0)) patch.sizeBytes = sizeBytes;
  const allocated = facts.replicas.reduce((total, replica) => total + (replica.object.status?.lvSizeBytes ?? 0), 0);
  if (allocated !== (current?.allocatedBytes ?? 0)) patch.allocatedBytes = allocated;
  const attachedTo = attachedNode(facts);
  if (attachedTo !== current?.attachedTo) patch.attachedTo = attachedTo ?? null;
  const conditions = mergeConditions(current?.conditions ?? [], draft.conditions, facts.observation.now);
  if (conditions !== undefined) patch.conditions = conditions;

  if (Object.keys(patch).length === 0) return undefined;
  return { type: 'update-status', status: patch, reason: statusReason(patch, current?.conditions ?? []) };
}

function phaseOf({ facts, created }: VolumeDraft): VolumePhase {
  if (facts.deleting) return 'Deleting';
  if (facts.active.length + created.length === 0 && !facts.bootstrapped) return 'Pending';
  if (!facts.bootstrapped) return 'Creating';
  if (!facts.present.some((replica) => replica.inSync && mayLive(replica))) return 'Unavailable';
  return soundCopies(facts).length >= facts.spec.replicas ? 'Ready' : 'Degraded';
}

/** Copies that count: in sync, not on a lost node, not on their way out. */
function soundCopies(facts: VolumeFacts): ReplicaFact[] {
  return facts.active.filter((replica) => replica.inSync && mayLive(replica));
}

function describeRedundancy(draft: VolumeDraft): void {
  const { facts } = draft;
  const want = facts.spec.replicas;
  const sound = soundCopies(facts);
  if (facts.bootstrapped && sound.length >= want) {
    const copies =
      want === 1
        ? 'one copy, as asked for'
        : `${sound.length} copies in sync on ${list(sound.map((one) => one.spec.node))}`;
    draft.condition('Redundant', true, 'InSync', copies);
    return;
  }
  if (!facts.bootstrapped) {
    draft.condition('Redundant', false, 'Creating', creationInWords(draft));
    return;
  }
  const missing = facts.active.filter((replica) => !sound.includes(replica));
  const parts = missing.map((replica) => inWords(replica, facts));
  const absent = want - facts.active.length;
  if (absent > 0) parts.push(`${absent} ${absent === 1 ? 'replica does' : 'replicas do'} not exist yet`);
  draft.condition('Redundant', false, 'Degraded', `${sound.length} of ${want} copies in sync. ${parts.join('; ')}`);
}

/** One text for the whole creation, unless something stands in its way: a write per step would help nobody. */
function creationInWords({ facts, created }: VolumeDraft): string {
  const nodes = [...facts.active.map((one) => one.spec.node), ...created.flatMap((one) => one.spec?.node ?? [])];
  if (nodes.length === 0) return 'no replica exists yet';
  const troubled = facts.active.filter((one) => !mayLive(one) || one.object.status?.phase === 'Failed');
  const trouble = troubled.map((one) => `. ${inWords(one, facts)}`).join('');
  return `the first copies are being made on ${list(nodes)}${trouble}`;
}

function inWords(replica: ReplicaFact, facts: VolumeFacts): string {
  return `${replica.name} on ${replica.spec.node}: ${replicaInWords(replica, facts, { progress: false })}`;
}

function describeReadiness(draft: VolumeDraft): void {
  const { facts } = draft;
  if (facts.deleting) {
    const why = whyNotDetached(facts);
    const left = facts.replicas.map(
      (replica) => `${replica.name}: ${replicaInWords(replica, facts, { progress: false })}`,
    );
    draft.condition(
      'Ready',
      false,
      'Deleting',
      why === null ? `removing replicas: ${list(left)}` : `deletion waits: ${why}`,
    );
    return;
  }
  const phase = phaseOf(draft);
  switch (phase) {
    case 'Ready':
    case 'Degraded':
      draft.condition('Ready', true, 'Usable', 'can be attached');
      return;
    case 'Unavailable': {
      const members = facts.record.inSync.map((name) => {
        const replica = facts.replicas.find((candidate) => candidate.name === name);
        return replica === undefined
          ? `${name} (gone)`
          : `${name} (${replicaInWords(replica, facts, { progress: false })})`;
      });
      draft.condition(
        'Ready',
        false,
        'Unavailable',
        `no copy that holds every acknowledged write is reachable; it waits for one of: ${members.join('; ')}`,
      );
      return;
    }
    case 'Pending':
    case 'Creating': {
      const placed = draft.conditions.get('Placed');
      const text =
        placed !== undefined && placed.status === 'False' ? placed.message : 'the first copies are being made';
      draft.condition('Ready', false, placed?.status === 'False' ? placed.reason : 'Creating', text);
      return;
    }
    case 'Deleting':
      return;
    default:
      phase satisfies never;
  }
}

/** The new list, or undefined when nothing changed. The time moves only when the status does. */
export function mergeConditions(
  current: readonly Condition[],
  drafts: ReadonlyMap<string, ConditionDraft>,
  now: string,
): Condition[] | undefined {
  const merged = new Map(current.map((condition) => [condition.type, condition]));
  for (const draft of drafts.values()) {
    const old = merged.get(draft.type);
    const same = old?.status === draft.status;
    merged.set(draft.type, { ...draft, lastTransitionTime: same ? old.lastTransitionTime : now });
  }
  const next = [...merged.values()].toSorted((a, b) => rank(a.type) - rank(b.type) || (a.type < b.type ? -1 : 1));
  return deepEqual(next, current) ? undefined : next;
}

function rank(type: string): number {
  const index = ORDER.indexOf(type);
  return index < 0 ? ORDER.length : index;
}

function statusReason(patch: VolumeStatusPatch, current: readonly Condition[]): string {
  const parts: string[] = [];
  if (patch.phase !== undefined) parts.push(`phase ${patch.phase}`);
  if (patch.attachedTo !== undefined)
    parts.push(patch.attachedTo === null ? 'attached nowhere' : `attached to ${patch.attachedTo}`);
  if (patch.sizeBytes !== undefined) parts.push(`size ${patch.sizeBytes}`);
  for (const condition of patch.conditions ?? []) {
    const old = current.find((candidate) => candidate.type === condition.type);
    if (!deepEqual(old, condition))
      parts.push(`${condition.type}=${condition.status} ${condition.reason}: ${condition.message}`);
  }
  return parts.length === 0 ? 'allocated bytes changed' : parts.join('; ');
}
