import { list, mayLive, type ReplicaFact, type VolumeFacts } from '../volume/facts.ts';

/** What would happen to the volume if the node of this replica lost its power now, in words. */
export function ifNodeDied(replica: ReplicaFact, facts: VolumeFacts): string {
  const { node } = replica.spec;
  if (!facts.bootstrapped) return 'its creation would wait for the node, or for another place';
  if (!mayLive(replica)) return `it is lost already: ${replica.health.message}`;
  const survivors = facts.present.filter((one) => one !== replica && one.inSync && mayLive(one));
  const holds = facts.record.primary === replica.name;
  if (!replica.inSync) {
    return 'nothing would change for the data: this copy is not in the in-sync set; its resync would start over when it is back';
  }
  if (survivors.length === 0) {
    const use = holds ? 'its user would stop, and ' : '';
    return `${use}the volume would be unavailable until ${node} is back: it has the only complete copy. No acknowledged write would be lost unless its disk is`;
  }
  const on = list(survivors.map((one) => one.spec.node));
  if (holds) {
    const ready = survivors.filter((one) => sees(replica, one));
    if (ready.length === 0) {
      return `the volume could be attached on ${on} after the kernel there has settled; every acknowledged write is on it`;
    }
    return `its user would stop; the volume can be attached on ${list(ready.map((one) => one.spec.node))} within seconds, with every acknowledged write`;
  }
  const user = facts.replicas.find((one) => one.name === facts.record.primary);
  if (user !== undefined) {
    return `writes on ${user.spec.node} would pause for a moment, until the in-sync set is recorded as {${list(facts.record.inSync.filter((name) => name !== replica.name))}}, and go on without this copy`;
  }
  return `it can still be attached on ${on}; one copy less until ${node} is back`;
}

/** The kernel of `replica` shows this peer with all the data. */
function sees(replica: ReplicaFact, peer: ReplicaFact): boolean {
  const seen = replica.object.status?.drbd?.peers.find((one) => one.replica === peer.name);
  return seen?.connection === 'Connected' && seen.disk === 'UpToDate';
}
