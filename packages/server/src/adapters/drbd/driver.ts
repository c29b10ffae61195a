import { AppError } from '@holdfast/api/errors.ts';
import type { Clock, Random } from '../../ports/clock.ts';
import type { Drbd, DrbdConfig, DrbdState, PromoteOutcome } from '../../ports/drbd.ts';
import type { Exec } from '../../ports/exec.ts';
import type { Log } from '../../ports/log.ts';
import { drbdChanges } from './changes.ts';
import { type ConfigStore, PREFIX } from './config-store.ts';
import { type Argv, type Dialect, drbdadm } from './dialect.ts';
import { foldDump, type KernelResource, type KernelState } from './events2.ts';
import { parseUtilsVersion } from './flavour.ts';
import { FAILURE, isBusy, isGone, promoteRefusal, readRefusal, refusalText } from './refusals.ts';
import { toDrbdState } from './state.ts';
import { GAVE_UP, type ToolResult, type Tools, toolFailure } from './tools.ts';

/** Current generation id of metadata that `create-md` has just written and nothing has used since. */
export const JUST_CREATED = '0000000000000004';

const BUSY_TRIES = 5;
const BUSY_WAIT_MS = 200;
const DETACH_WAIT_MS = 10_000;
const PERSIST_MS = 60_000;

export interface DriverOptions {
  readonly dialect: Dialect;
  readonly tools: Tools;
  readonly configs: ConfigStore;
  readonly exec: Exec;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly kernelVersion: string;
}

/** The verbs of the port over DRBD's tools; everything that differs between 8.4 and 9 is in the dialect. */
export function createDriver(options: DriverOptions): Drbd {
  const { dialect, tools, configs, clock } = options;

  async function readKernel(resource?: string): Promise<KernelState> {
    const argv: Argv = ['drbdsetup', 'events2', '--now', '--statistics', ...(resource === undefined ? [] : [resource])];
    const result = await tools.read(argv);
    const folded = result.code === 0 ? foldDump(result.stdout) : undefined;
    if (folded?.ok === true) return folded.state;
    const why = folded === undefined ? refusalText(readRefusal(result.output)) : folded.why;
    throw new AppError('unavailable', `the state of DRBD could not be read: ${why || `exit code ${result.code}`}`, {
      details: { reason: 'DrbdStateUnknown', ...(resource === undefined ? {} : { resource }) },
    });
  }

  /** What the event stream has told; undefined while it does not run. */
  let streamed: KernelState | undefined;

  const readOne = async (resource: string): Promise<KernelResource | undefined> =>
    (await readKernel(resource)).get(resource);

  const onlyPeer = (kernel: KernelResource) => [...kernel.peers.values()];
  const diskOf = (kernel: KernelResource) => kernel.devices.get(0)?.disk ?? 'Diskless';

  async function generationIds(resource: string): Promise<string | undefined> {
    const header = await configs.header(resource);
    const argv = header === undefined ? undefined : dialect.generationIds(header);
    if (argv === undefined) return undefined;
    const result = await tools.read(argv);
    return result.code === 0 ? result.stdout.trim() : undefined;
  }

  /**
   * drbdadm waits 5 s for each step, which a loaded node can exceed. The step goes on in the kernel; doing an idempotent
   * verb again finds it done.
   */
  async function persist(step: () => Promise<void>): Promise<void> {
    const deadline = clock.monotonic() + PERSIST_MS;
    for (;;) {
      try {
        await step();
        return;
      } catch (thrown) {
        const error = AppError.from(thrown);
        if (error.details.reason !== GAVE_UP || clock.monotonic() >= deadline) throw error;
        await clock.sleep(BUSY_WAIT_MS);
      }
    }
  }

  /** Runs a `drbdadm` verb; exit code 0 or an outcome that `accept` takes, anything else throws. */
  async function verb(
    op: string,
    resource: string,
    words: readonly string[],
    accept: (result: ToolResult) => boolean = () => false,
  ): Promise<void> {
    await configs.require(resource);
    const argv = drbdadm(configs.file(resource), ...words);
    const result = await tools.act(argv);
    if (result.code === 0 || accept(result)) return;
    throw toolFailure(op, resource, argv, result);
  }

  const gone = (result: ToolResult): boolean => isGone(readRefusal(result.output));
  const refuse = (message: string, reason: string, remedy: string): AppError =>
    new AppError('failed_precondition', message, { details: { reason, remedy } });

  async function adjust(resource: string): Promise<void> {
    const header = await configs.require(resource);
    if (!dialect.adjustNeedsPeer || header.peers.length > 0) return verb('adjust', resource, ['adjust', resource]);
    // 8.4 without a peer: the device alone, its connection not configured (StandAlone).
    const kernel = await readOne(resource);
    if (kernel === undefined) await verb('new-resource', resource, ['new-resource', resource]);
    if (kernel?.devices.get(0) === undefined) await verb('new-minor', resource, ['new-minor', resource]);
    if (kernel === undefined || diskOf(kernel) === 'Diskless') await verb('attach', resource, ['attach', resource]);
    if (kernel !== undefined) await disconnectAll(resource, kernel, false);
  }

  /**
   * Through drbdsetup with the addresses that the kernel uses: the file may already name another peer, or none.
   * @throws AppError `failed_precondition` when the kernel refuses.
   */
  async function disconnectAll(resource: string, kernel: KernelResource, force: boolean): Promise<void> {
    if (onlyPeer(kernel).every((peer) => peer.connection === 'StandAlone')) return;
    if (dialect.flavour === '9') {
      for (const peer of onlyPeer(kernel)) {
        const argv: Argv = ['drbdsetup', 'disconnect', resource, String(peer.nodeId), ...(force ? ['--force'] : [])];
        const result = await tools.act(argv);
        if (result.code !== 0 && !gone(result)) throw toolFailure('disconnect', resource, argv, result);
      }
      return;
    }
    const shown = await tools.read(['drbdsetup', 'show', resource]);
    const local = /_this_host\s*\{[^}]*?address\s+(?:ipv[46]\s+)?([^;\s]+);/s.exec(withoutVolumes(shown.stdout))?.[1];
    const remote = /_remote_host\s*\{[^}]*?address\s+(?:ipv[46]\s+)?([^;\s]+);/s.exec(
      withoutVolumes(shown.stdout),
    )?.[1];
    if (shown.code !== 0 || local === undefined || remote === undefined) {
      await verb('disconnect', resource, ['disconnect', resource, ...(force ? ['--force'] : [])], gone);
      return;
    }
    const family = (address: string): string => (address.startsWith('[') ? `ipv6:${address}` : `ipv4:${address}`);
    const argv: Argv = ['drbdsetup', 'disconnect', family(local), family(remote), ...(force ? ['--force'] : [])];
    const result = await tools.act(argv);
    if (result.code !== 0 && !gone(result)) throw toolFailure('disconnect', resource, argv, result);
  }

  async function metadataState(config: DrbdConfig): Promise<'valid' | 'blank' | 'unknown'> {
    const { resource } = config;
    const kernel = await readOne(resource);
    if (kernel !== undefined && diskOf(kernel) !== 'Diskless') return 'valid';
    let said = '';
    for (const argv of dialect.readMetadata(configs.file(resource), resource)) {
      const result = await tools.read(argv);
      if (result.code === 0) return 'valid';
      said = result.output;
    }
    if (/please apply-al first|need apply-al/i.test(said)) return 'valid';
    return /No valid meta ?data found/i.test(said) ? 'blank' : 'unknown';
  }

  async function skipInitialSync(resource: string): Promise<void> {
    const header = await configs.require(resource);
    const kernel = await readOne(resource);
    const peers = kernel === undefined ? [] : onlyPeer(kernel);
    const connected = (disk: string): boolean =>
      header.peers.length > 0 &&
      header.peers.every((wanted) =>
        peers.some(
          (peer) =>
            dialect.matchPeer(peer, header.peers)?.replica === wanted.replica &&
            peer.connection === 'Connected' &&
            peer.replication === 'Established' &&
            peer.disk === disk,
        ),
      );
    if (kernel === undefined || !(connected('Inconsistent') || connected('UpToDate')))
      throw refuse(
        `${resource} cannot skip its first sync: not every peer is connected with an unused disk`,
        'PeersNotReady',
        'wait until all replicas are connected and Inconsistent',
      );
    if (diskOf(kernel) === 'UpToDate' && peers.every((peer) => peer.disk === 'UpToDate' && peer.outOfSyncBytes === 0))
      return;
    const current = (await generationIds(resource))?.split(':')[0];
    if (diskOf(kernel) !== 'Inconsistent' || !connected('Inconsistent') || current !== JUST_CREATED)
      throw refuse(
        `${resource} cannot skip its first sync: its disk is ${diskOf(kernel)} with generation ${current ?? 'unknown'}, not just created`,
        'NotJustCreated',
        'let the replicas sync, or recreate the metadata of blank replicas',
      );
    await verb('new-current-uuid', resource, ['new-current-uuid', '--clear-bitmap', `${resource}/0`]);
  }

  async function markSource(config: DrbdConfig): Promise<void> {
    const { resource, metaDisk } = config;
    const header = await configs.require(resource);
    if (metaDisk === undefined)
      throw refuse(`${resource} is diskless here and cannot be a source`, 'Diskless', 'choose a diskful replica');
    if ((await readOne(resource)) !== undefined)
      throw refuse(
        `${resource} is up; metadata can only be marked while it is down`,
        'ResourceUp',
        'take the resource down first',
      );
    const argv = drbdadm(configs.file(resource), 'get-gi', resource);
    const before = await tools.read(argv);
    if (before.code !== 0) throw toolFailure('get-gi', resource, argv, before);
    const [current, , , , consistent, upToDate] = before.stdout.trim().split(':');
    // A crash after set-gi and before the bootstrap was recorded: nothing left to do.
    if (current !== JUST_CREATED && consistent === '1' && upToDate === '1') return;
    if (current !== JUST_CREATED)
      throw refuse(
        `metadata of ${resource} is in use (generation ${current ?? 'unknown'}) and not marked as source`,
        'NotJustCreated',
        'create the metadata of this replica anew, if the record allows it',
      );
    // The lowest bit of a current id says "was primary when it was written".
    const id = `${options.random.hex(8).slice(0, 15)}0`.toUpperCase();
    const mark = dialect.setGenerationIds({ ...config, peers: header.peers }, metaDisk, id);
    const result = await tools.act(mark);
    if (result.code !== 0) throw toolFailure('set-gi', resource, mark, result);
    const after = await tools.read(argv);
    // Without --force and a terminal drbdmeta says "canceled" and exits 0: only reading back proves it.
    if (!after.stdout.toUpperCase().startsWith(id))
      throw new AppError('internal', `drbdmeta did not mark ${resource} as the source`, {
        details: { reason: 'SetGiFailed' },
      });
  }

  async function promote(resource: string, timeoutMs: number): Promise<PromoteOutcome> {
    await configs.require(resource);
    const deadline = clock.monotonic() + timeoutMs;
    for (let attempt = 1; ; attempt += 1) {
      const argv = drbdadm(configs.file(resource), 'primary', resource);
      const result = await tools.act(argv, Math.max(1, deadline - clock.monotonic()));
      if (result.code === 0) return { ok: true };
      const refusal = readRefusal(result.output);
      if (!isBusy(refusal) || attempt >= BUSY_TRIES || clock.monotonic() + BUSY_WAIT_MS >= deadline)
        return promoteRefusal(refusal);
      await clock.sleep(BUSY_WAIT_MS);
    }
  }

  async function demote(resource: string): ReturnType<Drbd['demote']> {
    await configs.require(resource);
    for (let attempt = 1; ; attempt += 1) {
      const result = await tools.act(drbdadm(configs.file(resource), 'secondary', resource));
      if (result.code === 0) return { ok: true };
      const refusal = readRefusal(result.output);
      if (isGone(refusal)) return { ok: true };
      // udev and blkid open the device for a moment after umount and mkfs.
      if (!isBusy(refusal) || attempt >= BUSY_TRIES)
        return { ok: false, busy: isBusy(refusal), message: refusalText(refusal) };
      await clock.sleep(BUSY_WAIT_MS);
    }
  }

  async function failPausedIo(resource: string): Promise<void> {
    const kernel = await readOne(resource);
    if (kernel === undefined) return;
    if (diskOf(kernel) !== 'Diskless') await verb('detach', resource, ['detach', '--force', resource], gone);
    // resume-io with a disk would mint a new generation, acknowledge the paused writes and split the brain: be sure it is gone.
    const deadline = clock.monotonic() + DETACH_WAIT_MS;
    for (;;) {
      const now = await readOne(resource);
      if (now === undefined) return;
      const disk = diskOf(now);
      if (disk === 'Diskless') break;
      if (clock.monotonic() >= deadline)
        throw new AppError(
          'unavailable',
          `${resource} still has a disk (${disk}) after a forced detach; its paused I/O stays paused`,
          {
            details: { reason: 'DetachPending', remedy: 'wait for the backing device, or reboot the node' },
          },
        );
      await clock.sleep(50);
    }
    await verb('resume-io', resource, ['resume-io', resource], gone);
  }

  async function resize(resource: string, assumeClean: boolean): Promise<void> {
    const argv = drbdadm(configs.file(resource), ...(assumeClean ? ['--', '--assume-clean'] : []), 'resize', resource);
    await configs.require(resource);
    const result = await tools.act(argv);
    if (result.code === 0) return;
    const refusal = readRefusal(result.output);
    const code = refusal.kind === 'failure' ? refusal.code : 0;
    if (code === FAILURE.resizeNeedsPrimary)
      throw refuse(
        `${resource} cannot grow while no replica is Primary`,
        'NoPrimary',
        'grow it after the next promotion',
      );
    if (code === FAILURE.resizeDuringResync)
      throw new AppError('unavailable', `${resource} cannot grow during a resync`, {
        details: { reason: 'ResyncRunning', remedy: 'wait for the resync to end' },
      });
    throw toolFailure('resize', resource, argv, result);
  }

  async function states(): Promise<Map<string, DrbdState>> {
    const kernel = await readKernel();
    const found = new Map<string, DrbdState>();
    for (const resource of kernel.values()) {
      if (!resource.name.startsWith(PREFIX)) continue;
      found.set(resource.name, toDrbdState(resource, await configs.header(resource.name), dialect));
    }
    return found;
  }

  return {
    flavour: dialect.flavour,
    async versions() {
      const result = await tools.read(['drbdadm', '--version']);
      return { utils: parseUtilsVersion(result.stdout) ?? 'unknown', kernel: options.kernelVersion };
    },
    metadataBytes: (sizeBytes, maxPeers) => dialect.metadataBytes(sizeBytes, maxPeers),
    writeConfig: (config) => configs.write(config, dialect.render(config)),
    configState: (config) => configs.compare(config, dialect.render(config)),
    removeConfig: (resource) => configs.remove(resource),
    listConfigs: () => configs.names(),
    metadataState,
    async createMetadata(config) {
      const argv = dialect.createMetadata(configs.file(config.resource), config.resource);
      const result = await tools.act(argv);
      if (result.code === 0) return;
      // Never --force: it would overwrite metadata or a file system that is still there.
      throw refuse(
        `metadata of ${config.resource} was not created: ${refusalText(readRefusal(result.output))}`,
        'MetadataNotBlank',
        'make sure that the metadata volume is blank',
      );
    },
    markSource,
    adjust: (resource) => persist(() => adjust(resource)),
    skipInitialSync,
    promote,
    demote,
    async connect(resource) {
      const kernel = await readOne(resource);
      if (kernel === undefined) throw refuse(`${resource} is not up`, 'ResourceDown', 'adjust it first');
      const header = await configs.require(resource);
      if (header.peers.length === 0 || onlyPeer(kernel).every((peer) => peer.connection !== 'StandAlone')) return;
      await verb('connect', resource, ['connect', resource], (result) => {
        const refusal = readRefusal(result.output);
        return refusal.kind === 'failure' && refusal.code === FAILURE.localAddressInUse;
      });
    },
    async disconnect(resource, force) {
      const kernel = await readOne(resource);
      if (kernel !== undefined) await disconnectAll(resource, kernel, force);
    },
    async down(resource) {
      if ((await readOne(resource)) === undefined) return;
      const argv: Argv = ['drbdsetup', 'down', resource];
      const result = await tools.act(argv);
      if (result.code === 0 || gone(result)) return;
      const refusal = readRefusal(result.output);
      if (isBusy(refusal))
        throw refuse(
          `${resource} is in use: ${refusalText(refusal)}`,
          'DeviceInUse',
          'unmount it and close what holds the device',
        );
      throw toolFailure('down', resource, argv, result);
    },
    async askFenceAgain(resource) {
      const kernel = await readOne(resource);
      if (kernel?.suspended.includes('fencing') !== true || kernel.role !== 'Primary') return;
      if (onlyPeer(kernel).some((peer) => peer.connection === 'Connected')) return;
      await disconnectAll(resource, kernel, false);
      await verb('connect', resource, ['connect', resource]);
    },
    failPausedIo,
    resize,
    states,
    async look(resource) {
      const kernel = await readOne(resource);
      if (kernel === undefined) return undefined;
      return toDrbdState(kernel, await configs.header(resource), dialect, (await generationIds(resource)) ?? '');
    },
    async observe(resource, fresh = false) {
      const told = streamed?.get(resource);
      const stale = fresh || streamed === undefined || (told !== undefined && isSyncing(told));
      const kernel = stale ? await readOne(resource) : told;
      return kernel === undefined ? undefined : toDrbdState(kernel, await configs.header(resource), dialect);
    },
    changes: (signal) =>
      drbdChanges(options, signal, (state) => {
        streamed = state;
      }),
  };
}

function isSyncing(kernel: KernelResource): boolean {
  return [...kernel.peers.values()].some((peer) => peer.replication !== 'Established' && peer.replication !== 'Off');
}

/** `drbdsetup show` nests volume sections in the host sections; without them each host is one flat block. */
function withoutVolumes(text: string): string {
  return text.replace(/volume\s+\d+\s*\{[^}]*\}/gs, '');
}
