import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica, ReplicaSpec } from '@holdfast/api/schema/replica.ts';
import type { ArbiterRecord, Attachment, VolumeSpec } from '@holdfast/api/schema/volume.ts';
import { BLANK_RECORD } from '../arbiter/record.ts';
import { HEALTH_NEVER_SEEN, type NodeHealth } from '../node-health/types.ts';
import type { VolumeObservation } from './types.ts';

/** A replica with its spec at hand. */
export interface ReplicaFact {
  readonly name: string;
  readonly object: Stored<Replica>;
  readonly spec: ReplicaSpec;
  readonly ordinal: number;
  readonly deleting: boolean;
  readonly inSync: boolean;
  readonly health: NodeHealth;
}

/** An observation, sorted out once for all parts of the plan. */
export interface VolumeFacts {
  readonly name: string;
  readonly uid: string;
  readonly spec: VolumeSpec;
  readonly deleting: boolean;
  readonly record: ArbiterRecord;
  /** The first in-sync set has been recorded. */
  readonly bootstrapped: boolean;
  readonly wanted: Attachment | undefined;
  /** All replicas of this very volume, by ordinal. */
  readonly replicas: readonly ReplicaFact[];
  /** Diskful and not being deleted. */
  readonly active: readonly ReplicaFact[];
  /** Those, and those being deleted that the data still depends on: they stay connected until they left the set. */
  readonly present: readonly ReplicaFact[];
  /** Members of the in-sync set that have no object any more. */
  readonly ghosts: readonly string[];
  readonly nextOrdinal: number;
  readonly observation: VolumeObservation;
}

export function factsOf(observation: VolumeObservation): VolumeFacts | undefined {
  const { volume, cluster } = observation;
  const spec = volume.spec;
  if (spec === undefined) return undefined;
  const record = volume.status?.arbiter ?? BLANK_RECORD;
  const replicas: ReplicaFact[] = [];
  let nextOrdinal = volume.status?.nextReplica ?? 0;
  for (const object of observation.replicas) {
    const ordinal = ordinalOf(object.metadata.name);
    nextOrdinal = Math.max(nextOrdinal, ordinal + 1);
    if (object.spec === undefined || object.spec.volumeUid !== volume.metadata.uid) continue;
    replicas.push({
      name: object.metadata.name,
      object,
      spec: object.spec,
      ordinal,
      deleting: object.metadata.deletionTimestamp !== undefined,
      inSync: record.inSync.includes(object.metadata.name),
      health: cluster.health.get(object.spec.node) ?? HEALTH_NEVER_SEEN,
    });
  }
  replicas.sort((a, b) => a.ordinal - b.ordinal || (a.name < b.name ? -1 : 1));
  const names = new Set(replicas.map((replica) => replica.name));
  return {
    name: volume.metadata.name,
    uid: volume.metadata.uid,
    spec,
    deleting: volume.metadata.deletionTimestamp !== undefined,
    record,
    bootstrapped: record.epoch > 0,
    wanted: spec.attachments[0],
    replicas,
    active: replicas.filter((replica) => !replica.deleting && replica.spec.type === 'Diskful'),
    present: replicas.filter((replica) => replica.spec.type === 'Diskful' && (!replica.deleting || replica.inSync)),
    ghosts: record.inSync.filter((member) => !names.has(member)),
    nextOrdinal,
    observation,
  };
}

function ordinalOf(name: string): number {
  const digits = /-r([0-9]+)$/.exec(name)?.[1];
  return digits === undefined ? -1 : Number(digits);
}

export function isReady(replica: ReplicaFact): boolean {
  return replica.health.state === 'Ready';
}

/**
 * Not known to be dead. A silent agent (a restart, an upgrade, a controller that has only just started) says nothing
 * about the copy under it, which the kernel keeps up to date.
 */
export function mayLive(replica: ReplicaFact): boolean {
  return replica.health.state !== 'Lost';
}

/**
 * Why this replica may still be written to or hold the device, in words; null when it has certainly let go. From the
 * caches: good enough to *ask* another node; the arbiter record and the kernels decide (design 3.1 rule 7).
 */
export function whyHeld(replica: ReplicaFact, facts: VolumeFacts): string | null {
  const { status, metadata } = replica.object;
  const where = `${replica.name} on ${replica.spec.node}`;
  if (facts.record.primary === replica.name) return `${where} is the recorded primary`;
  if (status?.attached !== undefined) return `${where} reports it attached`;
  if (status?.drbd?.role === 'Primary') return `${where} is Primary`;
  if (replica.spec.attach !== undefined) return `${where} was asked to attach it`;
  const behind = status?.observedGeneration !== undefined && status.observedGeneration < (metadata.generation ?? 0);
  // A dead agent cannot catch up, and its last word was "not mine"; a living one will say so in a moment.
  if (behind && isReady(replica)) return `${where} has not confirmed its last change yet`;
  return null;
}

/**
 * Why a replica on a silent node must not be passed over yet, or null when it may (failover). Leases alone are not
 * enough: as long as the kernel of `survivor` sees the peer Connected, its node lives. What was not reported is unknown.
 */
export function whyNotLost(replica: ReplicaFact, survivor: ReplicaFact): string | null {
  const node = replica.spec.node;
  if (replica.health.state === 'Ready') return `node ${node} is Ready and must release it first`;
  if (replica.health.state === 'Unknown') return `node ${node} is not known to be lost: ${replica.health.message}`;
  if (survivor.spec.layout === 'local') return null;
  const drbd = survivor.object.status?.drbd;
  if (drbd === undefined) return `the kernel on ${survivor.spec.node} has not said whether it still sees ${node}`;
  const connection = drbd.peers.find((peer) => peer.replica === replica.name)?.connection;
  return connection === 'Connected'
    ? `the agent of ${node} is silent, but the kernel of ${survivor.spec.node} is still connected to it: the node lives. Restart its agent, or power it off`
    : null;
}

export function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
