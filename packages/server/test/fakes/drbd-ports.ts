import { AppError } from '@holdfast/api/errors.ts';
import { externalMetadataBytes } from '../../src/adapters/drbd/dialect.ts';
import type { Drbd, DrbdConfig, DrbdState, PromoteOutcome } from '../../src/ports/drbd.ts';
import type { FakeDrbdCluster } from './drbd.ts';
import { FakeResource } from './drbd-kernel.ts';
import { createdMetadata, forgetBitmap, JUST_CREATED, printIds } from './drbd-metadata.ts';
import type { FakeDrbdNode } from './drbd-node.ts';

const precondition = (message: string): AppError => new AppError('failed_precondition', message);

/** The port Drbd over one fake node. Like a new agent's: it keeps nothing of its own. */
export function fakeDriver(cluster: FakeDrbdCluster, node: FakeDrbdNode): Drbd {
  function alive(): void {
    if (!node.on) throw new AppError('unavailable', `fake: node ${node.name} is off`);
  }

  function configOf(resource: string): DrbdConfig {
    const config = node.configs.get(resource);
    if (config === undefined) throw precondition(`DRBD resource ${resource} has no resource file`);
    return config;
  }

  /** The kernel runs one state change of a resource at a time. */
  async function kernel(resource: string): Promise<FakeResource | undefined> {
    alive();
    for (;;) {
      const found = node.resources.get(resource);
      if (found?.mutex === undefined) return found;
      await found.mutex.catch(() => undefined);
      alive();
    }
  }

  function state(found: FakeResource, ids: boolean): DrbdState {
    const peer = found.config.peers[0];
    return {
      resource: found.name,
      minor: found.config.minor,
      sizeBytes: found.attached || found.connected ? found.sizeBytes : 0,
      role: found.role,
      disk: found.disk,
      suspended: [...found.suspended].sort(),
      peers:
        peer === undefined
          ? []
          : [
              {
                replica: peer.replica,
                node: peer.node,
                connection: found.connection,
                role: found.peerRole,
                disk: found.peerDisk,
                replication: found.replication,
                outOfSyncBytes: found.outOfSyncBytes(),
              },
            ],
      generationIds: ids && found.attached ? printIds(found.metadata) : '',
    };
  }

  async function adjust(resource: string): Promise<void> {
    const config = configOf(resource);
    let found = await kernel(resource);
    if (found === undefined) {
      found = new FakeResource(node, config);
      node.resources.set(resource, found);
    }
    const old = found.config.peers[0];
    const wanted = config.peers[0];
    if (found.connection !== 'StandAlone' && (old?.address !== wanted?.address || old?.port !== wanted?.port))
      disconnectGracefully(found, false);
    found.config = config;
    if (!found.attached && config.disk !== undefined) {
      if (node.disk(config.disk) === undefined || node.disk(config.metaDisk) === undefined)
        throw new AppError('internal', `adjust of ${resource} failed: no such device`);
      if (!node.metadata.has(config.metaDisk ?? ''))
        throw new AppError('internal', `adjust of ${resource} failed: (119) No valid meta-data signature found`);
      found.attach();
    }
    if (wanted !== undefined) connect(found);
  }

  function connect(found: FakeResource): void {
    if (found.connection !== 'StandAlone') return;
    found.connection = 'Connecting';
    found.changed();
    cluster.tryConnect(found);
  }

  /** conn_try_disconnect: while somebody is primary the other side is outdated first, without anybody asking. */
  function disconnectGracefully(found: FakeResource, force: boolean): void {
    const { peer } = found;
    if (found.connected && peer !== undefined && !force && cluster.linkIsUp(node, peer.node)) {
      const pair = [found, peer] as const;
      const primary = pair.find((side) => side.role === 'Primary');
      const secondary = pair.find((side) => side.role !== 'Primary');
      if (primary !== undefined && secondary !== undefined) {
        if (secondary.disk === 'UpToDate' || secondary.disk === 'Consistent') secondary.setDisk('Outdated');
        if (secondary.disk === 'Outdated') primary.peerDisk = 'Outdated';
        if (primary.attached) primary.metadata.peerOutdated = true;
      }
    }
    if (found.connected) cluster.lost(found, 'StandAlone');
    else found.connectionLost('StandAlone');
  }

  async function down(resource: string): Promise<void> {
    const found = await kernel(resource);
    if (found === undefined) return;
    if (found.role === 'Primary') {
      if (found.busy || found.suspended.size > 0)
        throw precondition(`${resource} is in use: (-12) Device is held open by someone`);
      found.demote();
    }
    disconnectGracefully(found, false);
    found.dead = true;
    found.cancelResync();
    if (found.attached) found.metadata.activityLog.clear();
    node.resources.delete(resource);
    node.changed(resource);
  }

  async function skipInitialSync(resource: string): Promise<void> {
    const found = await kernel(resource);
    const { peer } = found ?? {};
    if (found === undefined || peer === undefined || !found.connected || found.replication !== 'Established')
      throw precondition(`${resource} cannot skip its first sync: not every peer is connected with an unused disk`);
    if (found.disk === 'UpToDate' && found.peerDisk === 'UpToDate' && found.outOfSyncBytes() === 0) return;
    if (found.disk !== 'Inconsistent' || peer.disk !== 'Inconsistent' || found.metadata.current !== JUST_CREATED)
      throw precondition(`${resource} cannot skip its first sync: its disk is ${found.disk}, not just created`);
    const current = node.newId(false);
    for (const [side, other] of [
      [found, peer],
      [peer, found],
    ] as const) {
      side.metadata.current = current;
      forgetBitmap(side.metadata);
      side.setDisk('UpToDate');
      other.peerDisk = 'UpToDate';
    }
    found.changed();
    peer.changed();
  }

  async function promote(resource: string, timeoutMs: number): Promise<PromoteOutcome> {
    configOf(resource);
    const found = await kernel(resource);
    if (found === undefined) return { ok: false, reason: 'other', message: '(127) Device minor not allocated' };
    const attempt = found.promote();
    found.mutex = attempt;
    void attempt.then(() => {
      if (found.mutex === attempt) found.mutex = undefined;
    });
    return new Promise((resolve, reject) => {
      // Giving up on the command does not stop the kernel.
      const cancel = cluster.clock.timer(timeoutMs, () => {
        reject(new AppError('deadline_exceeded', `drbdadm primary ${resource}: no answer within ${timeoutMs} ms`));
      });
      void attempt.then((outcome) => {
        cancel();
        resolve(outcome);
      });
    });
  }

  return {
    flavour: cluster.flavour,
    versions: async () => ({ utils: '9.22.0', kernel: cluster.flavour === '8.4' ? '8.4.11' : '9.2.0' }),
    metadataBytes: (sizeBytes, maxPeers) => externalMetadataBytes(sizeBytes, Math.max(1, maxPeers)),
    async writeConfig(config) {
      alive();
      if (cluster.flavour === '8.4' && config.peers.length > 1) throw precondition('DRBD 8.4 keeps two copies at most');
      const same = JSON.stringify(node.configs.get(config.resource)) === JSON.stringify(config);
      node.configs.set(config.resource, config);
      return !same;
    },
    async configState(config) {
      alive();
      const old = node.configs.get(config.resource);
      if (old === undefined) return 'absent';
      return JSON.stringify(old) === JSON.stringify(config) ? 'current' : 'stale';
    },
    async removeConfig(resource) {
      alive();
      node.configs.delete(resource);
    },
    async listConfigs() {
      alive();
      return [...node.configs.keys()].sort();
    },
    async metadataState({ metaDisk }) {
      alive();
      if (metaDisk === undefined || node.disk(metaDisk) === undefined) return 'unknown';
      return node.metadata.has(metaDisk) ? 'valid' : 'blank';
    },
    async createMetadata({ resource, metaDisk }) {
      alive();
      if (metaDisk === undefined || node.disk(metaDisk) === undefined || node.metadata.has(metaDisk))
        throw precondition(`metadata of ${resource} was not created`);
      node.metadata.set(metaDisk, createdMetadata());
    },
    async markSource({ resource, metaDisk }) {
      if ((await kernel(resource)) !== undefined) throw precondition(`${resource} is up`);
      const metadata = node.metadata.get(metaDisk ?? '');
      if (metadata === undefined) throw new AppError('internal', `get-gi of ${resource} failed`);
      if (metadata.current !== JUST_CREATED && metadata.consistent && metadata.upToDate) return;
      if (metadata.current !== JUST_CREATED) throw precondition(`metadata of ${resource} is in use`);
      Object.assign(metadata, { current: node.newId(false), consistent: true, upToDate: true, peerOutdated: true });
    },
    adjust,
    skipInitialSync,
    promote,
    async demote(resource) {
      configOf(resource);
      const found = await kernel(resource);
      if (found === undefined || found.role !== 'Primary') return { ok: true };
      if (found.busy) return { ok: false, busy: true, message: '(-12) Device is held open by someone' };
      found.demote();
      return { ok: true };
    },
    async connect(resource) {
      const found = await kernel(resource);
      if (found === undefined) throw precondition(`${resource} is not up`);
      if (configOf(resource).peers.length > 0) connect(found);
    },
    async disconnect(resource, force) {
      const found = await kernel(resource);
      if (found !== undefined && found.connection !== 'StandAlone') disconnectGracefully(found, force);
    },
    down,
    async askFenceAgain(resource) {
      const found = await kernel(resource);
      if (found === undefined || found.role !== 'Primary' || found.connected || !found.suspended.has('fencing')) return;
      found.connection = 'StandAlone';
      connect(found);
      void found.askFencePeer();
    },
    async failPausedIo(resource) {
      const found = await kernel(resource);
      if (found === undefined) return;
      found.detach();
      found.resumeIo();
    },
    async resize(resource) {
      const found = await kernel(resource);
      configOf(resource);
      if (found === undefined) throw new AppError('internal', `resize of ${resource} failed`);
      if (found.role !== 'Primary' && found.peerRole !== 'Primary')
        throw precondition(`${resource} cannot grow while no replica is Primary`);
      if (found.replication !== 'Established' && found.connected)
        throw new AppError('unavailable', `${resource} cannot grow during a resync`);
      const sides = [found, ...(found.peer === undefined ? [] : [found.peer])];
      const size = Math.min(...sides.map((side) => side.node.disk(side.config.disk)?.sizeBytes ?? 0));
      for (const side of sides) {
        side.sizeBytes = Math.max(side.sizeBytes, size);
        side.changed();
      }
    },
    async states() {
      alive();
      return new Map([...node.resources.values()].map((found) => [found.name, state(found, false)]));
    },
    async look(resource) {
      alive();
      // Reading takes no mutex.
      const found = node.resources.get(resource);
      return found === undefined ? undefined : state(found, true);
    },
    async observe(resource) {
      alive();
      const found = node.resources.get(resource);
      return found === undefined ? undefined : state(found, false);
    },
    async *changes(signal) {
      const names = new Set(['*']);
      let wake = (): void => {};
      const listener = (name: string): void => {
        names.add(name);
        wake();
      };
      node.listeners.add(listener);
      const onAbort = (): void => wake();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        while (!signal.aborted) {
          for (const name of names) {
            names.delete(name);
            yield name;
            if (signal.aborted) return;
          }
          await new Promise<void>((resolve) => {
            wake = resolve;
            if (names.size > 0 || signal.aborted) resolve();
          });
        }
      } finally {
        node.listeners.delete(listener);
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}
