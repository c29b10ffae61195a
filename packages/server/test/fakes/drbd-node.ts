import type { DrbdConfig } from '../../src/ports/drbd.ts';
import type { FenceNotification, FenceRequest } from '../../src/ports/fence.ts';
import type { FakeDrbdCluster } from './drbd.ts';
import type { FakeResource } from './drbd-kernel.ts';
import type { Metadata } from './drbd-metadata.ts';

export interface FakeDisk {
  sizeBytes: number;
  readonly blocks: Map<number, string>;
}

interface OpenQuestion {
  readonly request: FenceRequest;
  readonly verdict: (code: number) => void;
}

/** How long the helper of a secondary waits for the agent, as in the real script. */
const SECONDARY_PATIENCE_MS = 8_000;
/** How often a helper looks whether its question is moot. */
const HELPER_TICK_MS = 2_000;

/** The kernel and the disks of one node. */
export class FakeDrbdNode {
  readonly cluster: FakeDrbdCluster;
  readonly name: string;
  readonly address: string;
  /** Survive power loss. */
  readonly disks = new Map<string, FakeDisk>();
  readonly metadata = new Map<string, Metadata>();
  readonly configs = new Map<string, DrbdConfig>();
  /** Lost with the power. */
  readonly resources = new Map<string, FakeResource>();
  readonly questions = new Map<string, OpenQuestion>();
  readonly notifications: FenceNotification[] = [];
  readonly listeners = new Set<(resource: string) => void>();
  readonly questionListeners = new Set<() => void>();
  helperInstalled = false;
  on = true;
  /** Bytes this node has sent as the source of resyncs, ever. */
  resyncedBytes = 0;
  #count = 0;

  constructor(cluster: FakeDrbdCluster, name: string, address: string) {
    this.cluster = cluster;
    this.name = name;
    this.address = address;
  }

  addDisk(path: string, sizeBytes: number): void {
    this.disks.set(path, { sizeBytes, blocks: new Map() });
  }

  removeDisk(path: string): void {
    this.disks.delete(path);
    this.metadata.delete(path);
  }

  /** The disk at a path. Where the cluster was told how to find backing volumes (a fake LVM), that decides. */
  disk(path: string | undefined): FakeDisk | undefined {
    if (path === undefined) return undefined;
    const { backing } = this.cluster;
    if (backing === undefined) return this.disks.get(path);
    const sizeBytes = backing(this.name, path);
    if (sizeBytes === undefined) {
      this.removeDisk(path);
      return undefined;
    }
    if (!this.disks.has(path)) this.addDisk(path, sizeBytes);
    const found = this.disks.get(path);
    if (found !== undefined) found.sizeBytes = sizeBytes;
    return found;
  }

  changed(resource: string): void {
    for (const listener of this.listeners) listener(resource);
  }

  notify(event: string, resource: string): void {
    if (!this.helperInstalled) return;
    this.notifications.push({ event, resource });
    for (const listener of this.questionListeners) listener();
  }

  /** A new generation id; the lowest bit says that a primary made it. */
  newId(primary: boolean): string {
    return `${this.cluster.random.hex(8).slice(0, 15).toUpperCase()}${primary ? '1' : '0'}`;
  }

  /** The usermode helper's exit code: 4, 1, or 127 when there is none. */
  async callHelper(resource: FakeResource): Promise<number> {
    if (!this.helperInstalled) return 127;
    this.#count += 1;
    const request: FenceRequest = { id: `${resource.name}.${this.name}.${this.#count}`, resource: resource.name };
    const { clock } = this.cluster;
    const asSecondary = resource.role !== 'Primary';
    const since = clock.monotonic();
    return new Promise((resolve) => {
      let cancel = (): void => {};
      const finish = (code: number): void => {
        if (!this.questions.delete(request.id)) return;
        cancel();
        resolve(code);
      };
      const tick = (): void => {
        const moot = resource.dead || resource.connected;
        if (moot || (asSecondary && clock.monotonic() - since >= SECONDARY_PATIENCE_MS)) finish(1);
        else cancel = clock.timer(HELPER_TICK_MS, tick);
      };
      this.questions.set(request.id, { request, verdict: finish });
      cancel = clock.timer(HELPER_TICK_MS, tick);
      for (const listener of this.questionListeners) listener();
    });
  }

  /** Everything in memory is gone; nobody who waits gets an answer, writers count as failed. */
  powerOff(): void {
    this.on = false;
    this.helperInstalled = false;
    const resources = [...this.resources.values()];
    this.resources.clear();
    this.questions.clear();
    this.notifications.length = 0;
    for (const resource of resources) {
      resource.dead = true;
      resource.cancelResync();
      for (const write of [...resource.writes]) resource.finish(write, 'failed');
    }
    this.cluster.linksChanged();
  }

  powerOn(): void {
    this.on = true;
    this.cluster.linksChanged();
  }
}
