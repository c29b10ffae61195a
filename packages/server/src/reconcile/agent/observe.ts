/** One honest look at everything that belongs to a replica. What cannot be read is unknown. */
import { AppError } from '@holdfast/api/errors.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import { deviceLink, drbdDevice, lvName, mdLvName, mountPath, resourceName, vgName } from '../../core/names/names.ts';
import { known, type Observed, type ReplicaObservation, unknown } from '../../core/replica/observation.ts';
import type { DrbdConfig, DrbdState } from '../../ports/drbd.ts';
import type { LogicalVolume } from '../../ports/lvm.ts';
import type { AgentDeps } from './deps.ts';
import type { InventoryCache } from './inventory.ts';
import { observeVolume, specOf } from './record.ts';

export interface Look {
  readonly observation: ReplicaObservation;
  readonly volume: Stored<Volume> | undefined;
  readonly config: DrbdConfig | undefined;
}

export async function observeReplica(
  deps: AgentDeps,
  inventory: InventoryCache,
  replica: Stored<Replica>,
  options: { readonly freshDrbd: boolean; readonly metadataIsBlank: boolean },
): Promise<Look> {
  const spec = specOf(replica);
  const name = replica.metadata.name;
  const { view, volume } = await observeVolume(deps, replica);
  const pool = deps.pools.get(spec.pool);
  const vg = vgName(spec.pool);
  const dataLv = await observeLv(inventory, vg, lvName(name));
  const isDrbd = spec.layout === 'drbd';
  const metaLv = isDrbd ? await observeLv(inventory, vg, mdLvName(name)) : known(undefined);
  const config = isDrbd ? await drbdConfig(deps, replica) : undefined;
  const drbd = isDrbd ? await observeDrbd(deps, replica, options.freshDrbd) : known(undefined);
  const lvPath = dataLv.state === 'known' ? dataLv.value?.path : undefined;
  const device = isDrbd ? (config?.device ?? '') : (lvPath ?? `/dev/${vg}/${lvName(name)}`);
  const configState = config === undefined || deps.drbd === undefined ? 'absent' : await deps.drbd.configState(config);
  const path = mountPath(spec.volume);
  const observation: ReplicaObservation = {
    name,
    uid: replica.metadata.uid,
    deleting: replica.metadata.deletionTimestamp !== undefined,
    generation: replica.metadata.generation ?? 0,
    spec,
    status: replica.status ?? {},
    volume: view,
    pool:
      pool === undefined
        ? undefined
        : {
            type: pool.state.type,
            ready: pool.state.state === 'Ready',
            full: Math.max(pool.state.dataPercent ?? 0, pool.state.metadataPercent ?? 0) >= 100,
            message: pool.state.message ?? pool.state.state,
          },
    dataLv,
    metaLv,
    metadata: options.metadataIsBlank ? known('blank') : await observeMetadata(deps, config, drbd, metaLv, configState),
    drbd,
    config: configState,
    metadataBytes:
      deps.drbd === undefined ? 0 : deps.drbd.metadataBytes(spec.sizeBytes, Math.max(1, spec.peers.length)),
    mounts: await attempt(() => deps.fs.mounts()),
    device,
    mountPath: path,
    deviceSizeBytes: deviceSize(drbd, dataLv, isDrbd),
    grownToBytes: await readGrown(deps, replica.metadata.uid),
    linkCurrent: (await deps.files.readlink(deviceLink(spec.volume))) === device,
    unprotected: isDrbd ? await whyUnprotected(deps) : null,
    fencePending: await isFencePending(deps, drbd),
  };
  return { observation, volume, config };
}

/** The DRBD configuration that a replica's spec describes, or undefined for layout local or a node without DRBD. */
export async function drbdConfig(deps: AgentDeps, replica: Stored<Replica>): Promise<DrbdConfig | undefined> {
  const spec = specOf(replica);
  const own = spec.drbd;
  if (own === undefined) return undefined;
  const vg = vgName(spec.pool);
  const name = replica.metadata.name;
  const diskless = spec.type !== 'Diskful';
  const self = {
    replica: name,
    node: spec.node,
    nodeId: own.nodeId,
    address: own.address,
    port: own.port,
    minor: own.minor,
    diskless,
  };
  const peers = spec.peers.map(({ type, ...peer }) => ({ ...peer, diskless: type !== 'Diskful' }));
  return {
    resource: resourceName(spec.volume),
    minor: own.minor,
    device: drbdDevice(own.minor),
    disk: diskless ? undefined : `/dev/${vg}/${lvName(name)}`,
    metaDisk: diskless ? undefined : `/dev/${vg}/${mdLvName(name)}`,
    self,
    peers,
    sharedSecret: await deps.secrets.sharedSecret(spec.volumeUid),
    thin: deps.pools.get(spec.pool)?.state.type !== 'lvm',
  };
}

async function observeLv(cache: InventoryCache, vg: string, lv: string): Promise<Observed<LogicalVolume | undefined>> {
  return attempt(async () => (await cache.read()).lvs.find((each) => each.vg === vg && each.name === lv));
}

async function observeDrbd(
  deps: AgentDeps,
  replica: Stored<Replica>,
  fresh: boolean,
): Promise<Observed<DrbdState | undefined>> {
  const drbd = deps.drbd;
  if (drbd === undefined) return unknown('this node has no DRBD (load the drbd module)');
  const spec = specOf(replica);
  const resource = resourceName(spec.volume);
  return attempt(async () => {
    const seen = await drbd.observe(resource, fresh);
    // The primary resizes the device for everybody, and DRBD tells nobody.
    const growing = !fresh && seen !== undefined && seen.sizeBytes < spec.sizeBytes;
    return growing ? drbd.observe(resource, true) : seen;
  });
}

async function observeMetadata(
  deps: AgentDeps,
  config: DrbdConfig | undefined,
  drbd: Observed<DrbdState | undefined>,
  metaLv: Observed<LogicalVolume | undefined>,
  configState: 'current' | 'stale' | 'absent',
): Promise<Observed<'valid' | 'blank'>> {
  const lv = metaLv.state === 'known' ? metaLv.value : undefined;
  // Running DRBD holds the metadata device; there is nothing to decide then.
  if (drbd.state === 'unknown' || drbd.value !== undefined) return unknown('in use by DRBD');
  if (config === undefined || deps.drbd === undefined || lv === undefined || !lv.active)
    return unknown('no metadata device yet');
  if (configState === 'absent') return unknown('no resource file yet');
  const gate = deps.drbd;
  const state = await attempt(() => gate.metadataState(config));
  if (state.state === 'unknown') return state;
  return state.value === 'unknown' ? unknown('the metadata device could not be read') : known(state.value);
}

function deviceSize(
  drbd: Observed<DrbdState | undefined>,
  dataLv: Observed<LogicalVolume | undefined>,
  isDrbd: boolean,
): number | undefined {
  if (!isDrbd) return dataLv.state === 'known' ? dataLv.value?.sizeBytes : undefined;
  const bytes = drbd.state === 'known' ? drbd.value?.sizeBytes : undefined;
  return bytes === 0 ? undefined : bytes;
}

async function whyUnprotected(deps: AgentDeps): Promise<string | null> {
  return deps.fence === undefined ? 'this node has no DRBD' : deps.fence.whyNotProtected();
}

async function isFencePending(deps: AgentDeps, drbd: Observed<DrbdState | undefined>): Promise<boolean> {
  if (drbd.state === 'unknown' || drbd.value?.suspended.includes('fencing') !== true) return false;
  const { resource } = drbd.value;
  return (await deps.fence?.pending())?.some((request) => request.resource === resource) === true;
}

export function grownFile(deps: AgentDeps, uid: string): string {
  return `${deps.stateDir}/grown/${uid}`;
}

async function readGrown(deps: AgentDeps, uid: string): Promise<number | undefined> {
  const text = await deps.files.read(grownFile(deps, uid));
  const bytes = Number(text);
  return text === undefined || !Number.isSafeInteger(bytes) ? undefined : bytes;
}

async function attempt<T>(look: () => Promise<T>): Promise<Observed<T>> {
  try {
    return known(await look());
  } catch (error) {
    return unknown(AppError.from(error).message);
  }
}
