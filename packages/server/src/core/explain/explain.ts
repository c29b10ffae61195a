/** Answers to: why is it where it is, why is it not ready, what does it wait for, what if this node died now. */
import { formatBytes } from '@holdfast/api/bytes.ts';
import { HEALTH_NEVER_SEEN } from '../node-health/types.ts';
import { place } from '../placement/place.ts';
import type { NodeVerdict } from '../placement/types.ts';
import { factsOf, list, type ReplicaFact, type VolumeFacts } from '../volume/facts.ts';
import { planVolume } from '../volume/plan.ts';
import type { VolumeAction, VolumeObservation } from '../volume/types.ts';
import { replicaInWords } from '../volume/words.ts';
import { ifNodeDied } from './what-if.ts';

export interface ExplainedNode {
  readonly node: string;
  /** Holds a replica of the volume, could take one, or could not. */
  readonly role: 'holds' | 'could' | 'cannot';
  readonly reason: string;
  readonly largestBytes: number;
}

export interface ExplainedReplica {
  readonly replica: string;
  readonly node: string;
  readonly pool: string;
  readonly inSync: boolean;
  readonly primary: boolean;
  readonly state: string;
}

export interface VolumeExplanation {
  readonly volume: string;
  readonly summary: string;
  /** One per node of the cluster. */
  readonly nodes: readonly ExplainedNode[];
  readonly replicas: readonly ExplainedReplica[];
  readonly arbiter: { readonly epoch: number; readonly inSync: readonly string[]; readonly primary?: string };
  /** Empty when nothing is amiss. */
  readonly waitsFor: readonly string[];
  /** One per node that holds a replica. */
  readonly ifNodeDied: readonly { readonly node: string; readonly outcome: string }[];
  /** What the controller would do now. */
  readonly plan: readonly ExplainedStep[];
}

export interface ExplainedStep {
  readonly type: VolumeAction['type'];
  readonly what: string;
  readonly reason: string;
}

/** Undefined only for a volume without a spec. */
export function explainVolume(observation: VolumeObservation): VolumeExplanation | undefined {
  const facts = factsOf(observation);
  if (facts === undefined) return undefined;
  const plan = planVolume(observation);
  const { primary } = facts.record;
  return {
    volume: facts.name,
    summary: summaryOf(facts),
    nodes: explainNodes(facts, plan.verdicts),
    replicas: facts.replicas.map((replica) => ({
      replica: replica.name,
      node: replica.spec.node,
      pool: replica.spec.pool,
      inSync: replica.inSync,
      primary: primary === replica.name,
      state: replicaInWords(replica, facts, { progress: true }),
    })),
    arbiter: {
      epoch: facts.record.epoch,
      inSync: facts.record.inSync,
      ...(primary === undefined ? {} : { primary }),
    },
    waitsFor: waitsOf(facts, plan.actions),
    ifNodeDied: facts.present.map((replica) => ({ node: replica.spec.node, outcome: ifNodeDied(replica, facts) })),
    plan: plan.actions.map(stepOf),
  };
}

/** `hf plan`: what the controller would do now, as data. */
export function stepOf(action: VolumeAction): ExplainedStep {
  return { type: action.type, what: whatOf(action), reason: action.reason };
}

function whatOf(action: VolumeAction): string {
  switch (action.type) {
    case 'create-replica': {
      const spec = action.replica.spec;
      return `${action.replica.metadata.name} on ${spec?.node} in pool ${spec?.pool}, ${formatBytes(spec?.sizeBytes ?? 0)}, ${spec?.layout}, ${spec?.bootstrap}`;
    }
    case 'update-replica':
      return `${action.replica}: ${Object.keys(action.patch).toSorted().join(', ')}`;
    case 'delete-replica':
    case 'forget-replica':
      return action.replica;
    case 'arbiter-remove':
      return `${action.replica}; in-sync set {${list(action.next.inSync)}} in epoch ${action.next.epoch}`;
    case 'reserve-ordinals':
      return `next ordinal ${action.nextReplica}`;
    case 'update-status':
      return Object.keys(action.status).toSorted().join(', ');
    case 'add-finalizer':
    case 'remove-finalizer':
      return `finalizers [${action.finalizers.join(', ')}]`;
    default:
      return action satisfies never;
  }
}

/** The plan as text, for golden files. */
export function planText(observation: VolumeObservation): string {
  const { actions } = planVolume(observation);
  return actions.length === 0
    ? 'nothing to do'
    : actions.map((action) => `${action.type} ${whatOf(action)}\n    because ${action.reason}`).join('\n');
}

function summaryOf(facts: VolumeFacts): string {
  const { status } = facts.observation.volume;
  const attached = status?.attachedTo === undefined ? 'attached nowhere' : `attached on ${status.attachedTo}`;
  const copies = facts.spec.replicas === 1 ? '1 replica' : `${facts.spec.replicas} replicas`;
  return `Volume ${facts.name}: ${status?.phase ?? 'new'}, ${formatBytes(facts.spec.sizeBytes)}, ${copies} wanted on ${list(facts.active.map((one) => one.spec.node))}, ${attached}`;
}

function waitsOf(facts: VolumeFacts, actions: readonly VolumeAction[]): string[] {
  const planned = actions.find((action) => action.type === 'update-status');
  const conditions = planned?.status.conditions ?? facts.observation.volume.status?.conditions ?? [];
  return conditions.flatMap((condition) => {
    const amiss =
      condition.type === 'Resizing'
        ? condition.status === 'True'
        : condition.status === 'False' && (condition.type !== 'Attached' || facts.wanted !== undefined);
    return amiss ? [`${condition.type} (${condition.reason}): ${condition.message}`] : [];
  });
}

/** For a volume that is placed: where else one of its replicas could live now. */
function explainNodes(facts: VolumeFacts, planned: readonly NodeVerdict[] | undefined): ExplainedNode[] {
  const { cluster } = facts.observation;
  const verdicts = planned ?? hypothetical(facts);
  return [...cluster.nodes.keys()].toSorted().map((node) => {
    const holder = facts.replicas.find((replica) => replica.spec.node === node);
    if (holder !== undefined) {
      const health = cluster.health.get(node) ?? HEALTH_NEVER_SEEN;
      const note = health.state === 'Ready' ? '' : `; not Ready: ${health.message}`;
      return {
        node,
        role: 'holds',
        reason: `holds ${holder.name} in pool ${holder.spec.pool}${note}`,
        largestBytes: 0,
      };
    }
    const verdict = verdicts.find((one) => one.node === node);
    const reason = verdict?.reason ?? 'not examined';
    const text = planned === undefined && verdict?.fits === true ? `could take a replica: ${reason}` : reason;
    return {
      node,
      role: verdict?.fits === true ? 'could' : 'cannot',
      reason: text,
      largestBytes: verdict?.largestBytes ?? 0,
    };
  });
}

function hypothetical(facts: VolumeFacts): readonly NodeVerdict[] {
  const { cluster } = facts.observation;
  const nodes = facts.active.map((replica) => replica.spec.node);
  const replacing = facts.active.length >= facts.spec.replicas;
  const staying: ReplicaFact[] = replacing ? facts.active.slice(1) : [...facts.active];
  const request = {
    volume: {
      name: facts.name,
      uid: facts.uid,
      sizeBytes: facts.spec.sizeBytes,
      poolClass: facts.spec.poolClass,
      placement: facts.spec.placement,
    },
    count: 1,
    total: staying.length + 1,
    taken: nodes,
    staying: staying.map((replica) => replica.spec.node),
    prefer: [],
  };
  return place(request, cluster).verdicts;
}
