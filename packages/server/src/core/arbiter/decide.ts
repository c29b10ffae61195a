/**
 * The arbiter's decisions (design 3.1), as pure functions over the record as it was just read and the kernel as it was
 * looked at *after* that read. Each returns the record to swap in, or why not. Nothing here does I/O.
 */
import type { ReplicaDrbdStatus } from '@holdfast/api/schema/replica.ts';
import type { ArbiterRecord } from '@holdfast/api/schema/volume.ts';
import { type DecisionContext, nextRecord } from './record.ts';

/** What the kernel of the deciding node shows. `undefined`: the resource is not configured there. */
export type KernelLook = ReplicaDrbdStatus;

export type Refusal =
  | 'NotInSync'
  | 'NotBootstrapped'
  | 'PeerIsPrimary'
  | 'DiskNotUsable'
  | 'ClaimLost'
  | 'NothingLost'
  | 'NothingToDo'
  | 'StillPrimary'
  | 'LastMember'
  | 'NotSource'
  | 'NoCopyLeft';

export type Decision =
  | { readonly ok: true; readonly next: ArbiterRecord; readonly message: string }
  | { readonly ok: false; readonly reason: Refusal; readonly message: string };

function refuse(reason: Refusal, message: string): Decision {
  return { ok: false, reason, message };
}

/** Peers that certainly hold every acknowledged write: Connected, UpToDate, and no resync running in either direction. */
export function steadyPeers(look: KernelLook): string[] {
  return look.peers
    .filter(
      (peer) =>
        peer.connection === 'Connected' &&
        peer.disk === 'UpToDate' &&
        (peer.replication === undefined || peer.replication === 'Established'),
    )
    .map((peer) => peer.replica);
}

/** Disk states that prove that a copy lacks acknowledged writes, or will. `Attaching` and `DUnknown` prove nothing. */
const LOST_DISKS: ReadonlySet<string> = new Set(['Diskless', 'Failed', 'Inconsistent', 'Outdated']);

/** Rule 5: the set of a new volume stays empty until all its first replicas are UpToDate (INV-1). */
export function decideBootstrap(record: ArbiterRecord, members: readonly string[], context: DecisionContext): Decision {
  if (record.epoch !== 0) return refuse('NothingToDo', 'the volume has its first in-sync set already');
  return {
    ok: true,
    next: nextRecord(record, { inSync: members, primary: undefined, cause: 'bootstrap' }, context),
    message: `first in-sync set: ${members.join(', ')}`,
  };
}

/**
 * Rule 3. `look` is undefined for layout `local`, where there is no other copy.
 * INV-2, INV-3: only a member; members that the kernel does not see Connected and UpToDate leave the set *before* `drbdadm primary`.
 */
export function decidePromotion(
  record: ArbiterRecord,
  self: string,
  look: KernelLook | undefined,
  context: DecisionContext,
): Decision {
  if (record.epoch === 0) return refuse('NotBootstrapped', 'the first copies are not complete yet');
  if (!record.inSync.includes(self)) {
    return refuse(
      'NotInSync',
      `${self} is not in the in-sync set {${record.inSync.join(', ')}} of epoch ${record.epoch}: it may lack acknowledged writes (INV-3)`,
    );
  }
  if (look === undefined) {
    if (record.inSync.some((member) => member !== self)) {
      return refuse('DiskNotUsable', 'other copies are in the in-sync set but DRBD is not configured here');
    }
    return grant([self]);
  }
  if (look.disk !== 'UpToDate' && look.disk !== 'Consistent') {
    return refuse(
      'DiskNotUsable',
      `the local disk is ${look.disk}; it must be UpToDate (or Consistent with the arbiter's word)`,
    );
  }
  const active = look.peers.find((peer) => peer.connection === 'Connected' && peer.role === 'Primary');
  if (active !== undefined) {
    return refuse(
      'PeerIsPrimary',
      `${active.replica} on ${active.node} is connected and Primary; detach it there first (INV-2)`,
    );
  }
  const steady = new Set(steadyPeers(look));
  return grant(record.inSync.filter((member) => member === self || steady.has(member)));

  function grant(inSync: readonly string[]): Decision {
    return {
      ok: true,
      next: nextRecord(record, { inSync, primary: self, cause: 'promote' }, context),
      message: `${self} may write; in-sync set {${inSync.join(', ')}}`,
    };
  }
}

/**
 * Rule 4, and rule 1 for the question that `drbdadm primary` itself asks: the caller must be the recorded primary and a
 * member. Every grant is a new epoch, even when the peer is out of the set already. `look` is undefined when the kernel
 * cannot be asked meanwhile (a promotion holds its state lock): then no peer is taken for connected.
 */
export function decideFencePeer(
  record: ArbiterRecord,
  self: string,
  look: KernelLook | undefined,
  context: DecisionContext,
): Decision {
  if (record.primary !== self || !record.inSync.includes(self)) {
    return refuse(
      'ClaimLost',
      `${self} has no claim in epoch ${record.epoch} (primary: ${record.primary ?? 'none'}); its paused writes will fail (INV-5)`,
    );
  }
  // A copy that the kernel itself does not trust must not become the only member (INV-1).
  if (look !== undefined && LOST_DISKS.has(look.disk)) {
    return refuse('DiskNotUsable', `the local disk is ${look.disk}; the lost peer may hold writes that it lacks`);
  }
  const peers = look?.peers ?? [];
  const connected = new Set(peers.filter((peer) => peer.connection === 'Connected').map((peer) => peer.replica));
  // A reconnect since the question makes the kernel ignore the verdict (rule 8): nothing to grant.
  if (look?.role === 'Primary' && peers.length > 0 && connected.size === peers.length) {
    return refuse('NothingLost', 'every peer is connected again; the question is moot');
  }
  const inSync = record.inSync.filter((member) => member === self || connected.has(member));
  return {
    ok: true,
    next: nextRecord(record, { inSync, primary: self, cause: 'fence-peer' }, context),
    message: `${self} goes on with the in-sync set {${inSync.join(', ')}}`,
  };
}

/**
 * INV-4 for disks: a copy whose disk failed under a live connection is not asked about by the kernel, which goes on
 * acknowledging without it. The primary takes it out of the set: its peer's copy, or its own (it then writes through the
 * network, and stays the primary without being a member). Never the last complete copy.
 */
export function decideDiskLost(
  record: ArbiterRecord,
  self: string,
  look: KernelLook,
  context: DecisionContext,
): Decision {
  if (record.primary !== self || look.role !== 'Primary') return refuse('NothingToDo', `${self} is not the primary`);
  const lost = new Set(
    look.peers
      .filter((peer) => peer.connection === 'Connected' && LOST_DISKS.has(peer.disk))
      .map((peer) => peer.replica),
  );
  if (LOST_DISKS.has(look.disk)) lost.add(self);
  const inSync = record.inSync.filter((member) => !lost.has(member));
  if (inSync.length === record.inSync.length) return refuse('NothingLost', 'no member of the set has lost its disk');
  const steady = new Set(steadyPeers(look));
  if (!inSync.some((member) => (member === self ? look.disk === 'UpToDate' : steady.has(member)))) {
    return refuse('NoCopyLeft', `no other member of {${record.inSync.join(', ')}} is seen to hold every write`);
  }
  return {
    ok: true,
    next: nextRecord(record, { inSync, primary: self, cause: 'disk-lost' }, context),
    message: `${[...lost].join(', ')} lost its disk; ${self} goes on with the in-sync set {${inSync.join(', ')}}`,
  };
}

/**
 * Rule 2: the primary's own agent (or, with no primary, a member's) read this record first and looked afterwards.
 * One copy at a time; `candidates` are replicas that the Volume still has.
 */
export function decideReadmit(
  record: ArbiterRecord,
  self: string,
  look: KernelLook,
  candidates: readonly string[],
  context: DecisionContext,
): Decision {
  const isSource = record.primary === undefined ? record.inSync.includes(self) : record.primary === self;
  if (!isSource) return refuse('NotSource', 'only the primary, or without one a member of the set, re-admits');
  if (record.primary === self && look.role !== 'Primary') return refuse('NotSource', 'the promotion is not complete');
  if (look.disk !== 'UpToDate') return refuse('NotSource', `the local disk is ${look.disk}`);
  const steady = steadyPeers(look);
  // A primary whose disk failed and was resynced is its own source of evidence: its kernel sees both sides.
  const selfReturns = !record.inSync.includes(self) && record.inSync.every((member) => steady.includes(member));
  const peer = selfReturns
    ? self
    : steady.find((name) => !record.inSync.includes(name) && candidates.includes(name) && record.inSync.includes(self));
  if (peer === undefined) return refuse('NothingToDo', 'no peer to re-admit');
  return {
    ok: true,
    next: nextRecord(record, { inSync: [...record.inSync, peer], primary: record.primary, cause: 'readmit' }, context),
    message: `${peer} is in sync again`,
  };
}

/** After a detach, or a promotion that did not succeed: nobody may write. The kernel must show that self is not Primary. */
export function decideDemote(
  record: ArbiterRecord,
  self: string,
  look: KernelLook | undefined,
  context: DecisionContext,
): Decision {
  if (record.primary !== self) return refuse('NothingToDo', `${self} has no claim`);
  if (look?.role === 'Primary') return refuse('StillPrimary', `${self} is still Primary in the kernel`);
  return {
    ok: true,
    next: nextRecord(record, { inSync: record.inSync, primary: undefined, cause: 'demote' }, context),
    message: `${self} no longer writes`,
  };
}

/** Rule 5, second half: a replica leaves the set before its disk is touched. Never the primary, never the last member. */
export function decideRemoval(record: ArbiterRecord, member: string, context: DecisionContext): Decision {
  if (!record.inSync.includes(member)) return refuse('NothingToDo', `${member} is not in the set`);
  if (record.primary === member)
    return refuse('StillPrimary', `${member} is the primary; detach or move the workload first`);
  if (record.inSync.length === 1) {
    return refuse(
      'LastMember',
      `${member} holds the only complete copy; wait until another replica is in sync (INV-1)`,
    );
  }
  return {
    ok: true,
    next: nextRecord(
      record,
      { inSync: record.inSync.filter((name) => name !== member), primary: record.primary, cause: 'remove-replica' },
      context,
    ),
    message: `${member} left the in-sync set`,
  };
}
