/** One node: the real agent over the fakes of LVM, DRBD and file systems, with the CSI node service in front of it. */
import { createEventRecorder } from '@holdfast/api/client/events.ts';
import { EVENTS } from '@holdfast/api/client/kinds.ts';
import type { ClusterClient } from '@holdfast/api/client/types.ts';
import type { Clock, Random } from '../../src/ports/clock.ts';
import type { Drbd } from '../../src/ports/drbd.ts';
import type { Log } from '../../src/ports/log.ts';
import type { NodeVolumes } from '../../src/ports/node-volumes.ts';
import { runAgent } from '../../src/reconcile/agent/agent.ts';
import { createNodeReporter } from '../../src/reconcile/agent/node-status.ts';
import { createPoolManager } from '../../src/reconcile/agent/pools.ts';
import { FakeBindMounts } from '../fakes/bind-mounts.ts';
import type { FakeDrbdCluster } from '../fakes/drbd.ts';
import { fakeGate } from '../fakes/drbd-fence.ts';
import { fakeDriver } from '../fakes/drbd-ports.ts';
import { FakeFiles } from '../fakes/files.ts';
import { FakeFileSystems } from '../fakes/filesystem.ts';
import { FakeHost } from '../fakes/host.ts';
import type { FakeDevices } from '../fakes/host-devices.ts';
import { FakeLvm } from '../fakes/lvm.ts';

const STATE_DIR = '/var/lib/holdfast';

export interface FakeNode {
  readonly name: string;
  readonly fs: FakeFileSystems;
  readonly binds: FakeBindMounts;
  readonly files: FakeFiles;
  readonly lvm: FakeLvm;
  /** Of the agent that runs now; rejects when the agent ends. */
  start(signal: AbortSignal): { readonly volumes: Promise<NodeVolumes>; readonly ended: Promise<void> };
}

export interface FakeNodeOptions {
  readonly name: string;
  readonly address: string;
  readonly diskBytes: number;
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly drbd: FakeDrbdCluster;
  readonly devices: FakeDevices;
}

export function createFakeNode(options: FakeNodeOptions): FakeNode {
  const { name, address, client, clock, random, log, devices } = options;
  const files = new FakeFiles();
  const host = new FakeHost({ name, devices, files });
  host.addressList = [{ interface: 'eth0', address, prefix: 24 }];
  host.addDisk(`disk-${name}`, '/dev/vdb', options.diskBytes);
  const lvm = new FakeLvm(devices);
  const fs = new FakeFileSystems(devices);
  const binds = new FakeBindMounts(fs, files);
  const kernel = options.drbd.addNode(name, address);
  return {
    name,
    fs,
    binds,
    files,
    lvm,
    start(signal) {
      const ready = Promise.withResolvers<NodeVolumes>();
      const drbd = withDevices(fakeDriver(options.drbd, kernel), devices);
      const recorder = createEventRecorder({
        events: client.resource(EVENTS),
        clock,
        random,
        component: 'holdfast-agent',
        host: name,
        onError: () => undefined,
      });
      const ended = runAgent(
        {
          node: name,
          stateDir: STATE_DIR,
          client,
          clock,
          random,
          log,
          lvm,
          drbd,
          fence: fakeGate(kernel),
          fs,
          binds,
          host,
          files,
          secrets: { sharedSecret: async (uid) => `secret-${uid}` },
          recorder,
          poolKeeper: createPoolManager({ lvm, host, files, log, node: name, stateDir: STATE_DIR }),
          reporter: createNodeReporter({
            host,
            lvm,
            drbd,
            clock,
            agentVersion: 'test',
            addresses: { management: address, replication: address },
          }),
          serve: async (volumes) => ready.resolve(volumes),
        },
        signal,
      );
      ended.catch((error: unknown) => ready.reject(error));
      return { volumes: ready.promise, ended };
    },
  };
}

/** The fakes of DRBD and of file systems meet here: a Primary resource is a device that can be read and written. */
function withDevices(drbd: Drbd, devices: FakeDevices): Drbd {
  async function show(resource: string): Promise<void> {
    const state = await drbd.look(resource);
    if (state === undefined) return;
    const path = `/dev/drbd${state.minor}`;
    const device = devices.get(path) ?? devices.add(path, state.sizeBytes);
    device.sizeBytes = state.sizeBytes;
    device.unreadable = state.role === 'Primary' ? undefined : 'Wrong medium type';
  }
  return {
    ...drbd,
    async promote(resource, timeoutMs) {
      const outcome = await drbd.promote(resource, timeoutMs);
      await show(resource);
      return outcome;
    },
    async demote(resource) {
      const state = await drbd.look(resource);
      const device = state === undefined ? undefined : devices.get(`/dev/drbd${state.minor}`);
      if ((device?.holders.size ?? 0) > 0) return { ok: false, busy: true, message: 'Device is held open by someone' };
      const outcome = await drbd.demote(resource);
      await show(resource);
      return outcome;
    },
    async resize(resource, assumeClean) {
      await drbd.resize(resource, assumeClean);
      await show(resource);
    },
    async down(resource) {
      const state = await drbd.look(resource);
      await drbd.down(resource);
      // The number is given to another volume one day, which must not find this one's file system.
      if (state !== undefined) devices.remove(`/dev/drbd${state.minor}`);
    },
  };
}
