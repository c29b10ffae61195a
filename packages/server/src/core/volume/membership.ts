import { FINALIZER_REPLICA, LABEL_NODE, LABEL_VOLUME } from '@holdfast/api/labels.ts';
import { API_VERSION } from '@holdfast/api/schema/meta.ts';
import type { Replica, ReplicaSpec } from '@holdfast/api/schema/replica.ts';
import { nodeLabelValue, replicaName } from '../names/names.ts';
import { isForgotten } from '../node-health/forget.ts';
import { allocateNumbers } from '../placement/allocate.ts';
import { MAX_REPLICAS_84 } from '../placement/filter.ts';
import { place } from '../placement/place.ts';
import type { ChosenNode, PlacementRequest, PlacementResult } from '../placement/types.ts';
import type { VolumeDraft } from './draft.ts';
import { drop, whyNotDrop } from './drop.ts';
import { isReady, list, type ReplicaFact, type VolumeFacts, whyHeld } from './facts.ts';

/** DRBD 9: the schema's own limit. */
const MAX_REPLICAS_9 = 16;

/** Which replicas the volume has: create, raise, lower, replace, move. Condition `Placed`. */
export function planMembership(draft: VolumeDraft): void {
  const { facts } = draft;
  const leaving = facts.active.filter((replica) => whyLeaving(replica, facts) !== null);
  const staying = facts.active.filter((replica) => !leaving.includes(replica));
  const want = facts.spec.replicas;

  if (facts.present.length > 1 && facts.present.some((replica) => replica.spec.layout === 'local')) {
    // Died between creating the second replica and putting DRBD under the first.
    const why = whyNotReplicated(facts);
    if (why === null) convertLocals(draft, numberer(facts));
    else draft.condition('Placed', false, why.reason, why.message);
    return;
  }
  if (staying.length > want) {
    lower(draft, staying, leaving);
    return;
  }
  if (staying.length < want && facts.active.length > want) {
    // More copies than asked for: one that leaves goes now, so that its node is free for others.
    const victim = leaving.find(
      (one) =>
        whyNotDrop(
          one,
          facts.active.filter((other) => other !== one),
          draft,
        ) === null,
    );
    if (victim !== undefined) {
      drop(draft, victim, `${whyLeaving(victim, facts) ?? 'leaving'}; there are more copies than asked for`);
      draft.condition('Placed', false, 'Moving', `${victim.name} leaves ${victim.spec.node}`);
      return;
    }
  }
  const need = want - staying.length;
  if (need > 0) {
    const room = maxReplicas(facts) - facts.present.length;
    if (room < 1 && leaving.length > 0) replaceInPlace(draft, leaving);
    else if (room < 1 && facts.present.length > facts.active.length) waitForRemoval(draft);
    else add(draft, room < 1 ? need : Math.min(need, room), leaving);
    return;
  }
  for (const replica of leaving) {
    const why = whyNotDrop(replica, staying, draft);
    if (why === null) {
      drop(draft, replica, `${whyLeaving(replica, facts) ?? 'leaving'}; ${list(staying.map((one) => one.name))} stay`);
    } else {
      draft.condition(
        'Placed',
        false,
        'Moving',
        `${replica.name} leaves ${replica.spec.node} as soon as possible: ${why}`,
      );
      return;
    }
  }
  const on = facts.active.filter((replica) => !draft.isDropped(replica)).map((replica) => replica.spec.node);
  draft.condition('Placed', true, 'Placed', `${on.length === 1 ? 'replica' : 'replicas'} on ${list(on)}`);
}

/** There is no room for the next copy while one that is being removed still holds the data. */
function waitForRemoval(draft: VolumeDraft): void {
  const going = draft.facts.present.filter((replica) => replica.deleting).map((replica) => replica.name);
  const message = `${list(going)} is being removed but holds the data until another copy is in sync; the next replica follows`;
  draft.condition('Placed', false, 'Moving', message);
}

function whyLeaving(replica: ReplicaFact, facts: VolumeFacts): string | null {
  if (replica.spec.evict !== undefined) {
    const to = replica.spec.evict.to === undefined ? '' : ` to ${replica.spec.evict.to}`;
    return `an operator moves ${replica.name} away${to}`;
  }
  if (isForgotten(replica.health)) return `node ${replica.spec.node} was given up`;
  const node = facts.observation.cluster.nodes.get(replica.spec.node);
  return node?.spec?.evict === true ? `node ${replica.spec.node} is being evicted` : null;
}

/** No replica can be added before one goes. */
export function isCrowded(facts: VolumeFacts): boolean {
  return facts.present.length >= maxReplicas(facts);
}

function maxReplicas(facts: VolumeFacts): number {
  const eight = facts.present.some(
    (replica) => facts.observation.cluster.nodes.get(replica.spec.node)?.status?.drbd === '8.4',
  );
  return eight ? MAX_REPLICAS_84 : MAX_REPLICAS_9;
}

function requestFor(
  facts: VolumeFacts,
  count: number,
  remaining: readonly ReplicaFact[],
  only: string | undefined,
): PlacementRequest {
  return {
    volume: {
      name: facts.name,
      uid: facts.uid,
      sizeBytes: facts.spec.sizeBytes,
      poolClass: facts.spec.poolClass,
      placement: facts.spec.placement,
    },
    count,
    total: count + remaining.length,
    taken: facts.replicas.map((replica) => replica.spec.node),
    staying: remaining.map((replica) => replica.spec.node),
    prefer: facts.wanted === undefined ? [] : [facts.wanted.node],
    ...(facts.bootstrapped || facts.spec.placement?.first === undefined ? {} : { first: facts.spec.placement.first }),
    ...(only === undefined ? {} : { only }),
  };
}

/** Add first, drop later: create, raise, move with DRBD 9, move of a single copy. */
function add(draft: VolumeDraft, need: number, leaving: readonly ReplicaFact[]): void {
  const { facts } = draft;
  const why = whyNotReplicated(facts);
  if (facts.present.some((replica) => replica.spec.layout === 'local') && why !== null) {
    draft.condition('Placed', false, why.reason, why.message);
    return;
  }
  // An operator's target is served by itself; the others follow in the next round.
  const only = leaving.find((replica) => replica.spec.evict?.to !== undefined)?.spec.evict?.to;
  let count = only === undefined ? need : 1;
  const first = placeNow(draft, requestFor(facts, count, facts.present, only));
  let result = first;
  // A new volume gets all its copies or none; an existing one takes what it can get.
  while (!result.ok && facts.present.length > 0 && count > 1) {
    count -= 1;
    result = placeNow(draft, requestFor(facts, count, facts.present, only));
  }
  if (!first.ok) {
    draft.waitsForPlace = true;
    draft.condition('Placed', false, 'NoPlace', first.message);
  }
  if (!result.ok) return;
  createReplicas(draft, result.chosen);
  if (first.ok) {
    const nodes = [...facts.active.map((replica) => replica.spec.node), ...result.chosen.map((one) => one.node)];
    draft.condition('Placed', true, 'Placed', `${nodes.length === 1 ? 'replica' : 'replicas'} on ${list(nodes)}`);
  }
}

/** Why DRBD cannot come under a single copy now, or null. */
function whyNotReplicated(facts: VolumeFacts): { reason: string; message: string } | null {
  const attached = whyAttached(facts);
  if (attached !== null) {
    const message = `a second replica needs DRBD under the volume, which is put there only while it is detached (${attached})`;
    return { reason: 'WaitingForDetach', message };
  }
  return facts.bootstrapped ? null : { reason: 'Creating', message: 'the first copy is not complete yet' };
}

function placeNow(draft: VolumeDraft, request: PlacementRequest): PlacementResult {
  const result = place(request, draft.facts.observation.cluster);
  draft.verdicts = result.verdicts;
  return result;
}

/** Somebody has it or wants it: the stack under the device must not change now. */
function whyAttached(facts: VolumeFacts): string | null {
  if (facts.wanted !== undefined) return `wanted on ${facts.wanted.node}`;
  for (const replica of facts.replicas) {
    const held = whyHeld(replica, facts);
    if (held !== null) return held;
  }
  return null;
}

function createReplicas(draft: VolumeDraft, chosen: readonly ChosenNode[]): void {
  const { facts } = draft;
  const replicated = facts.present.length + chosen.length > 1;
  const numbersFor = numberer(facts);
  if (replicated) convertLocals(draft, numbersFor);
  const bootstrap = bootstrapOf(facts, chosen);
  chosen.forEach((one, index) => {
    const name = replicaName(facts.name, facts.nextOrdinal + index);
    const spec: ReplicaSpec = {
      volume: facts.name,
      volumeUid: facts.uid,
      node: one.node,
      pool: one.pool,
      type: 'Diskful',
      sizeBytes: facts.spec.sizeBytes,
      layout: replicated ? 'drbd' : 'local',
      ...(replicated ? { drbd: numbersFor(one.node) } : {}),
      peers: [],
      bootstrap: replicated ? bootstrap(index) : 'none',
    };
    const replica: Replica = {
      apiVersion: API_VERSION,
      kind: 'Replica',
      metadata: {
        name,
        labels: { [LABEL_VOLUME]: facts.name, [LABEL_NODE]: nodeLabelValue(one.node) },
        finalizers: [FINALIZER_REPLICA],
      },
      spec,
    };
    draft.create(replica, `${one.node}: ${one.reason}`);
  });
}

/** The only copy so far holds the data; external metadata goes beside it and every byte stays where it is. */
function convertLocals(draft: VolumeDraft, numbersFor: (node: string) => NonNullable<ReplicaSpec['drbd']>): void {
  for (const replica of draft.facts.present) {
    if (replica.spec.layout !== 'local') continue;
    const drbd = numbersFor(replica.spec.node);
    const reason = 'more than one replica: DRBD comes under the volume';
    draft.change(replica, { layout: 'drbd', drbd, bootstrap: 'source' }, reason);
  }
}

function numberer(facts: VolumeFacts): (node: string) => NonNullable<ReplicaSpec['drbd']> {
  const { cluster } = facts.observation;
  const nodeIds = new Set(facts.replicas.flatMap((replica) => replica.spec.drbd?.nodeId ?? []));
  return (node) => {
    const numbers = allocateNumbers(node, cluster.usage, nodeIds);
    nodeIds.add(numbers.nodeId);
    return { ...numbers, address: cluster.nodes.get(node)?.status?.addresses?.replication ?? '' };
  };
}

/**
 * How new disks enter. Before the first in-sync set, on thin pools only, all copies read as zeros and start equal. On
 * thick pools old bytes differ, so the first one is the source. Afterwards a new disk always joins by full sync.
 */
function bootstrapOf(facts: VolumeFacts, chosen: readonly ChosenNode[]): (index: number) => ReplicaSpec['bootstrap'] {
  if (facts.bootstrapped) return () => 'join';
  const { pools } = facts.observation.cluster;
  const thin =
    chosen.every((one) => one.thin) &&
    facts.active.every((replica) => isThinPool(pools.get(replica.spec.pool)?.spec?.type));
  if (facts.active.length === 0) return (index) => (thin ? 'skip-sync' : index === 0 ? 'source' : 'join');
  const skips = thin && facts.active.every((replica) => ['skip-sync', 'none'].includes(replica.spec.bootstrap));
  const hasSource = facts.active.some((replica) => replica.spec.bootstrap === 'source');
  return (index) => (skips ? 'skip-sync' : index === 0 && !hasSource ? 'source' : 'join');
}

function isThinPool(type: string | undefined): boolean {
  return type === 'lvm-thin' || type === 'file';
}

/** Fewer copies are wanted: the ones that are worth least go, never the one in use. */
function lower(draft: VolumeDraft, staying: readonly ReplicaFact[], leaving: readonly ReplicaFact[]): void {
  const { facts } = draft;
  const surplus = staying.length - facts.spec.replicas;
  const victims = staying
    .toSorted((a, b) => worth(a, facts) - worth(b, facts) || b.ordinal - a.ordinal)
    .slice(0, surplus);
  const kept = staying.filter((replica) => !victims.includes(replica));
  for (const victim of [...victims, ...leaving]) {
    const why = whyNotDrop(victim, kept, draft);
    if (why !== null) {
      draft.condition('Placed', false, 'Lowering', `${victim.name} on ${victim.spec.node} is to go: ${why}`);
      return;
    }
    drop(draft, victim, `${facts.spec.replicas} of ${facts.active.length} replicas are wanted`);
  }
  draft.condition('Placed', true, 'Placed', `replicas on ${list(kept.map((replica) => replica.spec.node))}`);
}

function worth(replica: ReplicaFact, facts: VolumeFacts): number {
  const inUse =
    facts.wanted?.node === replica.spec.node ||
    facts.record.primary === replica.name ||
    replica.object.status?.attached !== undefined;
  return (
    (inUse ? 8 : 0) +
    (replica.inSync ? 4 : 0) +
    (isReady(replica) ? 2 : 0) +
    (replica.object.status?.phase === 'Failed' ? 0 : 1)
  );
}

/** DRBD 8.4 has two copies at most: the old one has to go before the new one can come. */
function replaceInPlace(draft: VolumeDraft, leaving: readonly ReplicaFact[]): void {
  const { facts } = draft;
  const victim = leaving.toSorted((a, b) => worth(a, facts) - worth(b, facts) || b.ordinal - a.ordinal)[0];
  if (victim === undefined) return;
  const kept = facts.active.filter((replica) => replica !== victim);
  const why = whyLeaving(victim, facts) ?? '';
  const next = placeNow(draft, requestFor(facts, 1, kept, victim.spec.evict?.to));
  if (!next.ok) {
    draft.waitsForPlace = true;
    draft.condition(
      'Placed',
      false,
      'NoPlace',
      `${why}, but nothing is removed before there is a place for the next: ${next.message}`,
    );
    return;
  }
  const useless = isForgotten(victim.health) || (!victim.inSync && victim.health.state === 'Lost');
  if (!useless && victim.spec.evict?.acceptReducedRedundancy !== true) {
    const remedy = `hf volume move ${facts.name} --from ${victim.spec.node} --accept-reduced-redundancy`;
    const message = `${why}. DRBD 8.4 keeps at most ${MAX_REPLICAS_84} replicas, so ${victim.name} has to go before the new one is synced: accept one copy less meanwhile with ${remedy}`;
    draft.condition('Placed', false, 'NeedsReducedRedundancy', message);
    return;
  }
  const whyNot = whyNotDrop(victim, kept, draft, { reducing: true });
  if (whyNot !== null) {
    draft.condition(
      'Placed',
      false,
      'Moving',
      `${victim.name} leaves ${victim.spec.node} as soon as possible: ${whyNot}`,
    );
    return;
  }
  drop(draft, victim, `${why}; DRBD 8.4: removed before the new replica is added`);
  draft.condition(
    'Placed',
    false,
    'Moving',
    `${victim.name} leaves ${victim.spec.node}; the next replica goes to ${next.chosen[0]?.node ?? '?'}`,
  );
}
