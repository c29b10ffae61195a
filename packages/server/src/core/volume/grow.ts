import { formatBytes } from '@holdfast/api/bytes.ts';
import { demandOf, roomOf } from '../placement/capacity.ts';
import type { ClusterView } from '../placement/types.ts';
import type { VolumeDraft } from './draft.ts';
import { list, type ReplicaFact, type VolumeFacts } from './facts.ts';

/** `Volume.spec.sizeBytes` to every replica, all or none: it has to fit everywhere first. Condition `Resizing`. */
export function planGrow(draft: VolumeDraft): void {
  const { facts } = draft;
  const size = facts.spec.sizeBytes;
  const staying = facts.present.filter((replica) => !draft.isDropped(replica));
  const small = staying.filter((replica) => draft.specOf(replica).sizeBytes < size);
  const refusals = whyNoRoomToGrow(small, size, facts.observation.cluster);
  if (refusals.length > 0) {
    draft.condition('Resizing', true, 'NoSpace', `cannot grow to ${formatBytes(size)}: ${refusals.join('; ')}`);
    return;
  }
  for (const replica of small) draft.change(replica, { sizeBytes: size }, `the volume grows to ${formatBytes(size)}`);

  const usable = usableBytes(facts);
  const known = facts.observation.volume.status?.sizeBytes;
  if (small.length > 0 || (known !== undefined && Math.max(known, usable ?? 0) < size)) {
    const behind = staying.filter((replica) => (replica.object.status?.lvSizeBytes ?? 0) < size);
    const message =
      behind.length > 0 || small.length > 0
        ? `growing to ${formatBytes(size)}: waiting for ${list((behind.length > 0 ? behind : small).map((replica) => `${replica.name} on ${replica.spec.node}`))}`
        : `growing to ${formatBytes(size)}: the logical volumes have grown, the device follows ${facts.wanted === undefined ? 'when the volume is attached next' : 'when all copies are connected and in sync'}`;
    draft.condition('Resizing', true, 'Growing', message);
  } else if (facts.observation.volume.status?.conditions?.some((condition) => condition.type === 'Resizing') === true) {
    draft.condition('Resizing', false, 'Done', `${formatBytes(known ?? size)} usable`);
  }
}

/** Bytes that every in-sync copy offers; undefined until all of them reported. */
export function usableBytes(facts: VolumeFacts): number | undefined {
  const members = facts.present.filter((replica) => replica.inSync);
  const sizes = members.flatMap((replica) => replica.object.status?.deviceSizeBytes ?? []);
  return members.length === 0 || sizes.length < members.length ? undefined : Math.min(...sizes);
}

/** Why these replicas cannot grow to that size, one sentence for each that cannot; empty when all can. */
export function whyNoRoomToGrow(
  replicas: readonly Pick<ReplicaFact, 'name' | 'spec'>[],
  sizeBytes: number,
  cluster: ClusterView,
): string[] {
  return replicas.flatMap((replica) =>
    replica.spec.sizeBytes >= sizeBytes ? [] : (whyNotGrow(replica, sizeBytes, cluster) ?? []),
  );
}

function whyNotGrow(
  replica: Pick<ReplicaFact, 'name' | 'spec'>,
  sizeBytes: number,
  cluster: ClusterView,
): string | undefined {
  const { node, pool: name, layout } = replica.spec;
  const pool = cluster.pools.get(name)?.spec;
  if (pool === undefined) return `${replica.name}: pool ${name} does not exist`;
  const reported = cluster.nodes.get(node)?.status?.pools?.find((candidate) => candidate.name === name);
  const room = roomOf(pool, name, reported, cluster.usage.pool(node, name));
  if (!room.ok) return `${node}: ${room.reason}`;
  const replicated = layout === 'drbd';
  const more = demandOf(pool, sizeBytes, replicated) - demandOf(pool, replica.spec.sizeBytes, replicated);
  if (sizeBytes > room.limitBytes) return `${node}: pool ${name} is only ${formatBytes(room.limitBytes)} large`;
  return more > room.bytes
    ? `${node}: pool ${name} has room for ${formatBytes(room.bytes)} more, ${formatBytes(more)} needed`
    : undefined;
}
