import type { Replica, ReplicaPeer, ReplicaSpec } from '@holdfast/api/schema/replica.ts';
import type { VolumeDraft } from './draft.ts';

/**
 * Peers' lists describe each other, always: whatever the objects were when a step was interrupted, the lists follow the
 * replicas that exist and stay. Addresses follow what the nodes report.
 */
export function planPeers(draft: VolumeDraft): Replica[] {
  const { facts } = draft;
  const staying = facts.present.filter(
    (replica) => !draft.isDropped(replica) && (!replica.deleting || draft.record.inSync.includes(replica.name)),
  );
  const short = !facts.bootstrapped && staying.length + draft.created.length < facts.spec.replicas;
  for (const replica of staying) {
    const spec = draft.specOf(replica);
    const reported = facts.observation.cluster.nodes.get(spec.node)?.status?.addresses?.replication;
    if (spec.drbd !== undefined && reported !== undefined && reported !== spec.drbd.address) {
      draft.change(
        replica,
        { drbd: { ...spec.drbd, address: reported } },
        `node ${spec.node} has a new replication address`,
      );
    }
  }
  const members = [
    ...staying.map((replica) => ({ name: replica.name, spec: draft.specOf(replica) })),
    ...draft.created.flatMap((replica) =>
      replica.spec === undefined ? [] : [{ name: replica.metadata.name, spec: replica.spec }],
    ),
  ];
  const peersOf = (name: string): ReplicaPeer[] =>
    members
      .filter((member) => member.name !== name)
      .flatMap((member) => peerOf(member.name, member.spec) ?? [])
      .toSorted((a, b) => a.nodeId - b.nodeId);
  // A new volume must not start with fewer copies than it was asked for because its creation was interrupted.
  if (!short) {
    for (const replica of staying) {
      if (draft.specOf(replica).layout !== 'drbd') continue;
      draft.change(replica, { peers: peersOf(replica.name) }, 'its peers changed');
    }
  }
  return draft.created.map((replica) =>
    replica.spec?.layout === 'drbd'
      ? { ...replica, spec: { ...replica.spec, peers: peersOf(replica.metadata.name) } }
      : replica,
  );
}

function peerOf(replica: string, spec: ReplicaSpec): ReplicaPeer | undefined {
  if (spec.drbd === undefined) return undefined;
  const { nodeId, address, port, minor } = spec.drbd;
  return { replica, node: spec.node, type: spec.type, nodeId, address, port, minor };
}
