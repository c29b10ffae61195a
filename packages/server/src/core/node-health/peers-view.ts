import type { Replica } from '@holdfast/api/schema/replica.ts';

/**
 * The kernels' word on a silent node: the name of a node that reports (`isReporting`) and whose kernel shows a
 * replication connection to a replica on `node`. The report of an agent that is silent itself counts for nothing.
 */
export function connectedPeerOf(
  node: string,
  onNode: readonly Replica[],
  replicaByName: (name: string) => Replica | undefined,
  isReporting: (node: string) => boolean,
): string | undefined {
  for (const replica of onNode) {
    for (const peer of replica.spec?.peers ?? []) {
      if (peer.node === node || !isReporting(peer.node)) continue;
      const seen = replicaByName(peer.replica)?.status?.drbd?.peers.find(
        (one) => one.replica === replica.metadata.name,
      );
      if (seen?.connection === 'Connected') return peer.node;
    }
  }
  return undefined;
}
