import type { ConnectionState, DiskState, DrbdRole } from '@holdfast/api/schema/replica.ts';
import type { DrbdConfig, PromoteOutcome } from '../../src/ports/drbd.ts';
import { forgetBitmap, type Metadata, newGeneration } from './drbd-metadata.ts';
import type { FakeDrbdNode } from './drbd-node.ts';

export const BLOCK = 4096;

export interface FakeWrite {
  readonly block: number;
  readonly text: string;
  /** Already on the local disk. */
  local: boolean;
  readonly settle: (outcome: 'acked' | 'failed') => void;
}

type Suspension = 'user' | 'no-data' | 'fencing';

/**
 * One configured resource in the kernel of one node, with the rules of DRBD 8.4 that matter to whoever drives it
 * (docs in drbd_state.c, drbd_nl.c). Volatile: power loss removes it, only metadata and disks stay.
 */
export class FakeResource {
  readonly node: FakeDrbdNode;
  readonly name: string;
  config: DrbdConfig;
  role: DrbdRole = 'Secondary';
  disk: DiskState = 'Diskless';
  connection: ConnectionState = 'StandAlone';
  peerRole: DrbdRole = 'Unknown';
  peerDisk: DiskState = 'DUnknown';
  replication = 'Off';
  readonly suspended = new Set<Suspension>();
  /** Counts connections; a verdict from before a change is ignored. */
  connects = 0;
  /** A state change that waits for its verdict: no handshake, no other command. */
  mutex: Promise<unknown> | undefined;
  holders = 0;
  readonly writes: FakeWrite[] = [];
  /** Whoever is connected to it now. */
  peer: FakeResource | undefined;
  cancelResync: () => void = () => {};
  sizeBytes = 0;
  dead = false;

  constructor(node: FakeDrbdNode, config: DrbdConfig) {
    this.node = node;
    this.config = config;
    this.name = config.resource;
  }

  get metadata(): Metadata {
    const { metaDisk } = this.config;
    const found = metaDisk === undefined ? undefined : this.node.metadata.get(metaDisk);
    if (found === undefined) throw new Error(`fake: ${this.name} on ${this.node.name} has no metadata`);
    return found;
  }

  get blocks(): Map<number, string> {
    const found = this.node.disk(this.config.disk);
    if (found === undefined) throw new Error(`fake: ${this.name} on ${this.node.name} has no disk`);
    return found.blocks;
  }

  get attached(): boolean {
    return this.disk !== 'Diskless';
  }

  get connected(): boolean {
    return this.connection === 'Connected';
  }

  changed(): void {
    this.node.changed(this.name);
  }

  setDisk(disk: DiskState): void {
    this.disk = disk;
    if (disk === 'Diskless') return;
    this.metadata.consistent = disk !== 'Inconsistent';
    // Consistent keeps what was known: nothing new was learnt.
    if (disk !== 'Consistent') this.metadata.upToDate = disk === 'UpToDate';
  }

  attach(): void {
    const backing = this.node.disk(this.config.disk);
    if (backing === undefined) throw new Error(`fake: no disk ${this.config.disk ?? ''}`);
    this.sizeBytes = backing.sizeBytes;
    const { metadata } = this;
    if (metadata.primary && this.role !== 'Primary') {
      // The activity log is applied: all of it may differ.
      metadata.crashedPrimary = true;
      metadata.primary = false;
      for (const block of metadata.activityLog) metadata.dirty.add(block);
      metadata.activityLog.clear();
    }
    if (metadata.peerOutdated) this.peerDisk = 'Outdated';
    if (!metadata.consistent) this.disk = 'Inconsistent';
    else if (!metadata.upToDate) this.disk = 'Outdated';
    // Fencing is on: without a peer known to be outdated nobody may call himself UpToDate.
    else this.disk = metadata.peerOutdated ? 'UpToDate' : 'Consistent';
    this.changed();
  }

  outOfSyncBytes(): number {
    if (!this.attached) return 0;
    return this.metadata.allDirty ? this.sizeBytes : this.metadata.dirty.size * BLOCK;
  }

  /** I/O error or an operator's detach. The peer serves on, when there is one with data. */
  detach(): void {
    if (!this.attached) return;
    const { peer } = this;
    this.disk = 'Diskless';
    if (peer !== undefined) {
      peer.peerDisk = 'Diskless';
      peer.changed();
    }
    this.cancelResync();
    if (this.role === 'Primary' && this.peerDisk !== 'UpToDate' && this.suspended.size === 0)
      this.suspended.add('no-data');
    this.changed();
  }

  /** The connection is gone, for whatever reason. `to`: where it goes from here. */
  connectionLost(to: 'Connecting' | 'StandAlone'): void {
    const { connected } = this;
    this.connection = to;
    if (!connected) {
      this.changed();
      return;
    }
    this.cancelResync();
    this.peer = undefined;
    this.connects += 1;
    this.peerRole = 'Unknown';
    this.replication = 'Off';
    // sanitize_state: what was better than Outdated is unknown now; Outdated and Inconsistent stay known.
    if (this.peerDisk !== 'Outdated' && this.peerDisk !== 'Inconsistent') this.peerDisk = 'DUnknown';
    if (this.role === 'Primary') {
      if (this.peerDisk === 'DUnknown' && this.attached) {
        // In one step with the loss: nothing is acknowledged alone before the verdict.
        this.suspended.add('fencing');
        void this.askFencePeer();
      } else if (!this.attached) {
        this.suspended.add('no-data');
      } else {
        this.goOnAlone();
      }
    }
    this.changed();
  }

  /** New generation first, then what was paused is acknowledged and remembered as missing on the peer. */
  goOnAlone(): void {
    this.suspended.delete('fencing');
    newGeneration(this.metadata, this.node.newId(true));
    this.flushWrites();
    this.changed();
  }

  /** The kernel runs the helper and goes on when it grants; a reconnect meanwhile makes the answer worthless. */
  async askFencePeer(): Promise<boolean> {
    const before = this.connects;
    const code = await this.node.callHelper(this);
    if (this.dead || this.connects !== before || this.connected) return false;
    if (code !== 4) return false;
    this.peerDisk = 'Outdated';
    this.metadata.peerOutdated = true;
    if (this.role === 'Primary' && this.suspended.has('fencing')) this.goOnAlone();
    this.changed();
    return true;
  }

  /** drbd_set_role: never with force. */
  async promote(): Promise<PromoteOutcome> {
    const refused = (reason: Extract<PromoteOutcome, { ok: false }>['reason'], message: string): PromoteOutcome => ({
      ok: false,
      reason,
      message,
    });
    let last = refused('no-uptodate-data', '(-2) Need access to UpToDate data');
    for (let attempt = 0; attempt < 4; attempt += 1) {
      if (this.dead) return refused('other', 'the resource is gone');
      if (this.role === 'Primary') return { ok: true };
      if (this.connected && this.peerRole === 'Primary')
        return refused('peer-is-primary', '(-1) Multiple primaries not allowed by config');
      const data = this.disk === 'UpToDate' || (this.connected && this.peerDisk === 'UpToDate');
      if (!data) {
        last = refused('no-uptodate-data', '(-2) Need access to UpToDate data');
        if (this.disk !== 'Consistent' || this.peerDisk !== 'DUnknown') return last;
        if (await this.askFencePeer()) this.setDisk('UpToDate');
        continue;
      }
      if (!this.connected && this.peerDisk === 'DUnknown') {
        last = refused('fencing-refused', '(-7) Refusing to be Primary while peer is not outdated');
        await this.askFencePeer();
        continue;
      }
      this.role = 'Primary';
      if (this.attached) {
        this.metadata.primary = true;
        if (!this.connected) newGeneration(this.metadata, this.node.newId(true));
      }
      if (this.peer !== undefined) {
        this.peer.peerRole = 'Primary';
        this.peer.changed();
      }
      this.changed();
      return { ok: true };
    }
    return last;
  }

  demote(): void {
    this.role = 'Secondary';
    if (this.attached) {
      this.metadata.primary = false;
      this.metadata.activityLog.clear();
    }
    if (this.peer !== undefined) {
      this.peer.peerRole = 'Secondary';
      this.peer.changed();
    }
    this.changed();
  }

  get busy(): boolean {
    return this.holders > 0 || this.writes.length > 0;
  }

  write(block: number, text: string): Promise<'acked' | 'failed'> {
    if (this.role !== 'Primary') return Promise.resolve('failed');
    return new Promise((settle) => {
      this.writes.push({ block, text, local: false, settle });
      this.flushWrites();
    });
  }

  /** Sends what may be sent. Acknowledgements come back over the link, if it still carries them. */
  flushWrites(): void {
    if (this.suspended.size > 0) return;
    for (const write of [...this.writes]) {
      if (this.attached && !write.local) {
        this.blocks.set(write.block, write.text);
        this.metadata.activityLog.add(write.block);
        write.local = true;
      }
      if (this.connected) {
        if (this.node.cluster.linkIsUp(this.node, this.peer?.node)) this.send(write);
        // Otherwise it waits: nobody has noticed yet.
      } else if (this.attached) {
        this.metadata.dirty.add(write.block);
        this.finish(write, 'acked');
      }
    }
  }

  private send(write: FakeWrite): void {
    const { peer } = this;
    if (peer === undefined) return;
    if (peer.attached) peer.blocks.set(write.block, write.text);
    this.node.cluster.clock.timer(1, () => {
      if (this.dead || this.peer !== peer || !this.node.cluster.linkIsUp(this.node, peer.node)) return;
      this.finish(write, 'acked');
    });
  }

  finish(write: FakeWrite, outcome: 'acked' | 'failed'): void {
    const index = this.writes.indexOf(write);
    if (index < 0) return;
    this.writes.splice(index, 1);
    write.settle(outcome);
  }

  /** resume-io. With a disk it is a grant by hand; without one everything paused ends in an error. */
  resumeIo(): void {
    const wasFencing = this.suspended.delete('fencing');
    this.suspended.delete('user');
    this.suspended.delete('no-data');
    if (!this.attached && !(this.connected && this.peerDisk === 'UpToDate')) {
      for (const write of [...this.writes]) this.finish(write, 'failed');
    } else if (wasFencing && this.attached) {
      this.goOnAlone();
    } else {
      this.flushWrites();
    }
    this.changed();
  }

  /** Everything that the source has and the target lacks was sent. */
  resyncDone(): void {
    forgetBitmap(this.metadata);
    this.metadata.crashedPrimary = false;
    this.replication = 'Established';
    this.changed();
  }
}
