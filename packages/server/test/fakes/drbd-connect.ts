import { BLOCK, type FakeResource } from './drbd-kernel.ts';
import { compareGenerations, forgetBitmap } from './drbd-metadata.ts';

/** What happens between two nodes: handshake, resync. */
const RESYNC_BYTES_PER_MS = 200 * 1024;
const RESYNC_LEAST_MS = 50;

/** drbd_sync_handshake. Both sides are Connecting and the link is whole. */
export function handshake(left: FakeResource, right: FakeResource): void {
  const result =
    left.attached && right.attached ? compareGenerations(left.metadata, right.metadata) : ({ kind: 'equal' } as const);
  const refused =
    left.config.sharedSecret !== right.config.sharedSecret ||
    (left.role === 'Primary' && right.role === 'Primary') ||
    result.kind === 'split-brain' ||
    result.kind === 'unrelated' ||
    // "I shall become SyncTarget, but I am primary!"
    (result.kind === 'source' && right.role === 'Primary') ||
    (result.kind === 'target' && left.role === 'Primary');
  if (refused) {
    for (const side of [left, right]) side.connectionLost('StandAlone');
    return;
  }
  for (const [self, peer] of [
    [left, right],
    [right, left],
  ] as const) {
    self.connection = 'Connected';
    self.connects += 1;
    self.peer = peer;
    self.peerRole = peer.role;
    self.replication = 'Established';
    self.suspended.delete('fencing');
    if (self.attached) self.metadata.peerOutdated = false;
  }
  if (result.kind === 'equal') {
    // One generation: together they know that it is the newest, and a frozen primary sends what was paused again.
    for (const side of [left, right]) {
      if (side.disk === 'Consistent' || side.disk === 'Outdated') side.setDisk('UpToDate');
      if (side.disk === 'UpToDate') forgetBitmap(side.metadata);
    }
  }
  for (const [self, peer] of [
    [left, right],
    [right, left],
  ] as const)
    self.peerDisk = peer.disk;
  if (result.kind === 'source') startResync(left, right, result.full);
  if (result.kind === 'target') startResync(right, left, result.full);
  for (const side of [left, right]) {
    side.flushWrites();
    side.changed();
  }
}

function startResync(source: FakeResource, target: FakeResource, full: boolean): void {
  const blocks = new Set([...source.metadata.dirty, ...target.metadata.dirty, ...target.metadata.activityLog]);
  const everything = full || source.metadata.allDirty;
  source.setDisk('UpToDate');
  target.setDisk('Inconsistent');
  for (const block of blocks) {
    source.metadata.dirty.add(block);
    target.metadata.dirty.add(block);
  }
  source.metadata.allDirty = everything;
  target.metadata.allDirty = everything;
  source.replication = 'SyncSource';
  target.replication = 'SyncTarget';
  source.peerDisk = 'Inconsistent';
  target.peerDisk = 'UpToDate';
  const bytes = everything ? source.sizeBytes : blocks.size * BLOCK;
  source.node.resyncedBytes += bytes;
  const stop = source.node.cluster.clock.timer(Math.max(RESYNC_LEAST_MS, bytes / RESYNC_BYTES_PER_MS), () => {
    if (source.peer !== target || target.peer !== source) return;
    if (!source.node.cluster.linkIsUp(source.node, target.node)) return;
    if (everything) {
      target.blocks.clear();
      for (const [block, text] of source.blocks) target.blocks.set(block, text);
    } else {
      for (const block of blocks) {
        const text = source.blocks.get(block);
        if (text === undefined) target.blocks.delete(block);
        else target.blocks.set(block, text);
      }
    }
    target.metadata.current = source.metadata.current;
    target.metadata.history = [...source.metadata.history];
    target.metadata.activityLog.clear();
    target.setDisk('UpToDate');
    source.peerDisk = 'UpToDate';
    source.resyncDone();
    target.resyncDone();
    // The kernel tells the former lone primary.
    source.node.notify('unfence-peer', source.name);
  });
  source.cancelResync = stop;
  target.cancelResync = stop;
}
