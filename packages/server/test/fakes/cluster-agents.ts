/**
 * Agents and kernels of a fake cluster: what the nodes would do, on virtual time, with the real arbiter decisions. A tick
 * is everything that can be done now on the nodes that are up; a node without power does nothing, and its peers see it.
 */
import { LEASES, NODES, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { FINALIZER_REPLICA } from '@holdfast/api/labels.ts';
import { SYSTEM_NAMESPACE } from '@holdfast/api/schema/core.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { DrbdPeerStatus, Replica, ReplicaDrbdStatus, ReplicaStatus } from '@holdfast/api/schema/replica.ts';
import type { ArbiterRecord, Volume } from '@holdfast/api/schema/volume.ts';
import {
  type Decision,
  decideBootstrap,
  decideDemote,
  decideFencePeer,
  decidePromotion,
  decideReadmit,
} from '../../src/core/arbiter/decide.ts';
import { BLANK_RECORD, type DecisionContext } from '../../src/core/arbiter/record.ts';
import { deepEqual } from '../../src/core/merge-diff.ts';
import { nodeLeaseName } from '../../src/core/names/names.ts';
import type { FakeCluster } from './cluster.ts';

/** One replica in the "kernel" of its node. Survives everything but the removal of the replica. */
interface Disk {
  sizeBytes: number;
  deviceBytes: number;
  /** Number of the last write that it has. */
  version: number;
  upToDate: boolean;
  primary: boolean;
  mounted: boolean;
  /** Ticks until a resync that could run is complete. */
  syncLeft: number;
}

const SYNC_TICKS = 3;

export class FakeAgents {
  readonly #cluster: FakeCluster;
  readonly #now: () => number;
  readonly #disks = new Map<string, Disk>();
  /** Volume uid -> number of the last acknowledged write. */
  readonly #acknowledged = new Map<string, number>();
  readonly #down = new Set<string>();
  readonly #silent = new Set<string>();
  #beat = 0;
  #settledAt = '';
  #syncing = false;

  constructor(cluster: FakeCluster, now: () => number) {
    this.#cluster = cluster;
    this.#now = now;
  }

  /** No power: no lease, no connection, no reaction. */
  powerOff(node: string): void {
    this.#down.add(node);
    for (const replica of this.#cluster.list(REPLICAS)) {
      if (replica.spec?.node !== node) continue;
      const disk = this.#disks.get(replica.metadata.name);
      if (disk !== undefined) Object.assign(disk, { primary: false, mounted: false });
    }
  }

  powerOn(node: string): void {
    this.#down.delete(node);
  }

  /** The agent dies, the kernel lives. */
  silence(node: string): void {
    this.#silent.add(node);
  }

  speak(node: string): void {
    this.#silent.delete(node);
  }

  heartbeat(): void {
    this.#beat += 1;
    for (const { metadata } of this.#cluster.list(NODES)) {
      if (!this.#acts(metadata.name)) continue;
      const name = nodeLeaseName(metadata.name);
      const renewTime = new Date(this.#now()).toISOString();
      const spec = { holderIdentity: metadata.name, renewTime, leaseTransitions: this.#beat };
      if (this.#cluster.get(LEASES, name, SYSTEM_NAMESPACE) === undefined) {
        this.#cluster.create(LEASES, {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { name, namespace: SYSTEM_NAMESPACE },
          spec,
        });
      } else {
        this.#cluster.patch(LEASES, name, { spec }, { namespace: SYSTEM_NAMESPACE });
      }
    }
  }

  /** Everything the living agents do now. False when there was nothing to do. */
  tick(): boolean {
    const now = `${this.#cluster.changes} ${[...this.#down]} ${[...this.#silent]}`;
    if (now === this.#settledAt) return false;
    this.#resync();
    for (const replica of this.#cluster.list(REPLICAS)) {
      if (replica.spec !== undefined && this.#acts(replica.spec.node)) this.#act(replica);
    }
    this.#settledAt = this.#syncing ? '' : now;
    return true;
  }

  /** Replicas whose node could take a write right now. INV-2 asks for at most one per volume. */
  writers(volume: string): string[] {
    return this.#cluster
      .list(REPLICAS)
      .filter((replica) => replica.spec?.volume === volume && this.#disks.get(replica.metadata.name)?.primary === true)
      .map((replica) => replica.metadata.name);
  }

  #acts(node: string): boolean {
    return !this.#down.has(node) && !this.#silent.has(node);
  }

  #act(replica: Stored<Replica>): void {
    const spec = replica.spec;
    if (spec === undefined) return;
    const name = replica.metadata.name;
    const volume = this.#volume(replica);
    const depended =
      volume !== undefined && volume.metadata.deletionTimestamp === undefined && recordOf(volume).inSync.includes(name);
    if (replica.metadata.deletionTimestamp !== undefined && !depended) {
      this.#remove(replica);
      return;
    }
    const disk = this.#provision(name, spec.sizeBytes, spec.layout);
    if (
      spec.layout === 'drbd' &&
      spec.bootstrap === 'source' &&
      volume?.status?.arbiter?.inSync.includes(name) === true
    ) {
      disk.upToDate = true;
    }
    if (volume !== undefined) {
      this.#bootstrap(replica, volume, disk);
      if (spec.attach === undefined) this.#release(replica, disk);
      else this.#attach(replica, disk);
      this.#fence(replica, disk);
      if (disk.primary) this.#write(replica, disk);
      this.#readmit(replica);
    }
    this.#report(replica, disk);
  }

  #provision(name: string, sizeBytes: number, layout: 'local' | 'drbd'): Disk {
    const disk = this.#disks.get(name) ?? {
      sizeBytes,
      deviceBytes: sizeBytes,
      version: 0,
      upToDate: false,
      primary: false,
      mounted: false,
      syncLeft: SYNC_TICKS,
    };
    this.#disks.set(name, disk);
    disk.sizeBytes = Math.max(disk.sizeBytes, sizeBytes);
    if (layout === 'local' || disk.primary) disk.deviceBytes = disk.sizeBytes;
    return disk;
  }

  #remove(replica: Stored<Replica>): void {
    const name = replica.metadata.name;
    const disk = this.#disks.get(name);
    if (disk !== undefined) this.#release(replica, disk);
    this.#disks.delete(name);
    const finalizers = (replica.metadata.finalizers ?? []).filter((one) => one !== FINALIZER_REPLICA);
    this.#cluster.patch(REPLICAS, name, { metadata: { finalizers } });
  }

  #bootstrap(replica: Stored<Replica>, volume: Stored<Volume>, disk: Disk): void {
    const spec = replica.spec;
    const name = replica.metadata.name;
    if (spec === undefined || recordOf(volume).epoch !== 0) return;
    if (spec.layout === 'local' || spec.bootstrap === 'source') {
      disk.upToDate = true;
      this.#swap(replica, (record, context) => decideBootstrap(record, [name], context));
      return;
    }
    if (spec.bootstrap !== 'skip-sync') return;
    if (spec.peers.some((peer) => peer.nodeId < (spec.drbd?.nodeId ?? 0))) return;
    const look = this.#look(replica);
    if (look.peers.some((peer) => peer.connection !== 'Connected')) return;
    const members = [name, ...spec.peers.map((peer) => peer.replica)];
    for (const member of members) Object.assign(this.#disks.get(member) ?? {}, { upToDate: true });
    this.#swap(replica, (record, context) => decideBootstrap(record, members, context));
  }

  #attach(replica: Stored<Replica>, disk: Disk): void {
    const name = replica.metadata.name;
    if (!disk.primary) {
      const look = replica.spec?.layout === 'local' ? undefined : this.#look(replica);
      if (!this.#swap(replica, (record, context) => decidePromotion(record, name, look, context))) return;
      const acknowledged = this.#acknowledged.get(replica.spec?.volumeUid ?? '') ?? 0;
      if (disk.version < acknowledged) {
        throw new Error(`INV-1: ${name} is promoted with write ${disk.version}, acknowledged is ${acknowledged}`);
      }
      disk.primary = true;
      disk.deviceBytes = disk.sizeBytes;
    }
    disk.mounted = true;
  }

  #release(replica: Stored<Replica>, disk: Disk): void {
    disk.mounted = false;
    disk.primary = false;
    const look = replica.spec?.layout === 'local' ? undefined : this.#look(replica);
    this.#swap(replica, (record, context) => decideDemote(record, replica.metadata.name, look, context));
  }

  /** The kernel asks while it is Primary and a member of the set is away. */
  #fence(replica: Stored<Replica>, disk: Disk): void {
    const name = replica.metadata.name;
    if (!disk.primary || replica.spec?.layout === 'local') return;
    const look = this.#look(replica);
    const record = recordOf(this.#volume(replica));
    const away = record.inSync.filter(
      (member) => member !== name && look.peers.find((peer) => peer.replica === member)?.connection !== 'Connected',
    );
    if (away.length > 0) this.#swap(replica, (now, context) => decideFencePeer(now, name, look, context));
  }

  #readmit(replica: Stored<Replica>): void {
    if (replica.spec?.layout === 'local') return;
    const candidates = replica.spec?.peers.map((peer) => peer.replica) ?? [];
    const look = this.#look(replica);
    this.#swap(replica, (record, context) => decideReadmit(record, replica.metadata.name, look, candidates, context));
  }

  /** Who has less than a connected peer catches up, a few ticks later; bitmap or full makes no difference here. */
  #resync(): void {
    this.#syncing = false;
    for (const replica of this.#cluster.list(REPLICAS)) {
      const disk = this.#disks.get(replica.metadata.name);
      if (disk === undefined || disk.primary || replica.spec === undefined || this.#down.has(replica.spec.node))
        continue;
      const sources = this.#look(replica)
        .peers.filter((peer) => peer.connection === 'Connected' && peer.disk === 'UpToDate')
        .map((peer) => this.#disks.get(peer.replica)?.version ?? 0);
      const newest = Math.max(-1, ...sources);
      if (disk.upToDate && newest > disk.version) Object.assign(disk, { upToDate: false, syncLeft: SYNC_TICKS });
      if (disk.upToDate || newest < 0) continue;
      this.#syncing = true;
      disk.syncLeft -= 1;
      if (disk.syncLeft <= 0) Object.assign(disk, { upToDate: true, version: newest, syncLeft: SYNC_TICKS });
    }
  }

  /** INV-4: acknowledged only when every member of the set has it; connected copies get it too. */
  #write(replica: Stored<Replica>, disk: Disk): void {
    const uid = replica.spec?.volumeUid ?? '';
    const steady = this.#look(replica).peers.filter(
      (peer) => peer.connection === 'Connected' && peer.disk === 'UpToDate',
    );
    const members = recordOf(this.#volume(replica)).inSync.filter((member) => member !== replica.metadata.name);
    if (members.some((member) => !steady.some((peer) => peer.replica === member))) return;
    disk.version += 1;
    for (const peer of steady) Object.assign(this.#disks.get(peer.replica) ?? {}, { version: disk.version });
    this.#acknowledged.set(uid, disk.version);
  }

  /** What the kernel shows. Connected: both powered, both provisioned, each in the other's list. */
  #look(replica: Stored<Replica>): ReplicaDrbdStatus {
    const disk = this.#disks.get(replica.metadata.name);
    const peers = (replica.spec?.peers ?? []).map((peer): DrbdPeerStatus => {
      const other = this.#disks.get(peer.replica);
      const object = this.#cluster.get(REPLICAS, peer.replica);
      const mutual = object?.spec?.peers.some((one) => one.replica === replica.metadata.name) === true;
      const up = other !== undefined && mutual && !this.#down.has(peer.node);
      return {
        replica: peer.replica,
        node: peer.node,
        connection: up ? 'Connected' : 'Connecting',
        role: up ? (other.primary ? 'Primary' : 'Secondary') : 'Unknown',
        disk: up ? (other.upToDate ? 'UpToDate' : 'Inconsistent') : 'DUnknown',
      };
    });
    const own = disk?.upToDate === true ? 'UpToDate' : 'Inconsistent';
    return { role: disk?.primary === true ? 'Primary' : 'Secondary', disk: own, suspended: [], peers };
  }

  #report(before: Stored<Replica>, disk: Disk): void {
    const replica = this.#cluster.get(REPLICAS, before.metadata.name);
    if (replica?.spec === undefined) return;
    const bootstrapped = recordOf(this.#volume(replica)).epoch > 0;
    const device = `/dev/holdfast/${replica.spec.volume}`;
    const drbd = replica.spec.layout === 'drbd' ? this.#look(replica) : undefined;
    const status: ReplicaStatus = {
      phase: bootstrapped ? 'Ready' : 'Creating',
      observedGeneration: before.metadata.generation ?? 1,
      lvSizeBytes: disk.sizeBytes,
      deviceSizeBytes: disk.deviceBytes,
      thin: true,
      ...(drbd === undefined ? {} : { drbd }),
      ...(disk.mounted
        ? { device, attached: { device, mountPath: `/mnt/${replica.spec.volume}`, readOnly: false } }
        : {}),
    };
    if (deepEqual(status, replica.status)) return;
    this.#cluster.update(REPLICAS, { ...replica, status }, true);
  }

  #volume(replica: Stored<Replica>): Stored<Volume> | undefined {
    const volume = this.#cluster.get(VOLUMES, replica.spec?.volume ?? '');
    return volume?.metadata.uid === replica.spec?.volumeUid ? volume : undefined;
  }

  #swap(replica: Stored<Replica>, decide: (record: ArbiterRecord, context: DecisionContext) => Decision): boolean {
    const volume = this.#volume(replica);
    if (volume === undefined) return false;
    const context = { by: `agent/${replica.spec?.node}`, at: new Date(this.#now()).toISOString(), evidence: 'fake' };
    const decision = decide(recordOf(volume), context);
    if (!decision.ok) return false;
    const arbiter = { ...decision.next, primary: decision.next.primary ?? null };
    this.#cluster.patch(VOLUMES, volume.metadata.name, { status: { arbiter } }, { status: true });
    return true;
  }
}

function recordOf(volume: Stored<Volume> | undefined): ArbiterRecord {
  return volume?.status?.arbiter ?? BLANK_RECORD;
}
