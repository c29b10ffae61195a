import { shortHash, stableHash } from './hash.ts';

/**
 * Every name that Holdfast gives to something outside the API (docs/architecture.md, "Names on a node"), and the limits
 * that shape them:
 * - device-mapper names are at most 127 characters and are made of `<vg>-<lv>` with every '-' inside either doubled, so
 *   VG and LV share that budget: {@link VG_BUDGET} + 1 + {@link LV_BUDGET} = 127;
 * - LVM refuses LV names that begin with `snapshot` or `pvmove`;
 * - Replica names and label values are at most 63 characters.
 * A name that does not fit is cut and completed with a hash, joined by '.', which no object name contains: so a cut
 * name never equals the name of another object. All functions are pure and total: same input, same name, for ever.
 */
export const VG_BUDGET = 59;
/** Of the data LV and its `.md` sibling, doubled dashes included. */
export const LV_BUDGET = 67;
const REPLICA_BUDGET = 63;
/** Room for `-r` and six digits, so that all replicas of a volume are cut alike. */
const ORDINAL_ROOM = 8;

export const MD_SUFFIX = '.md';
export const THIN_POOL_LV = 'pool';
export const MOUNT_ROOT = '/var/lib/holdfast/mounts';
export const DEVICE_ROOT = '/dev/holdfast';
const RESOURCE_PREFIX = 'hf-';

/** Length of a VG or LV name inside a device-mapper name. */
export function dmLength(name: string): number {
  return name.length + name.split('-').length - 1;
}

/** Name that device-mapper gives to `vg/lv`, as under /dev/mapper. */
export function dmName(vg: string, lv: string): string {
  return `${vg.replaceAll('-', '--')}-${lv.replaceAll('-', '--')}`;
}

function cut(text: string, fits: (candidate: string) => boolean, separator: string): string {
  if (fits(text)) return text;
  const hash = `${separator}${shortHash(text)}`;
  for (let length = text.length; length > 0; length -= 1) {
    const head = text.slice(0, length);
    if (!head.endsWith('-') && fits(head + hash)) return head + hash;
  }
  return hash.slice(separator.length);
}

/** Volume group of a pool: `hf-<pool>`. */
export function vgName(pool: string): string {
  return `hf-${cut(pool, (name) => dmLength(`hf-${name}`) <= VG_BUDGET, '.')}`;
}

/** Data LV of a replica: `<replica>`, or `v.<replica>` when LVM reserves the name. */
export function lvName(replica: string): string {
  const name = /^(snapshot|pvmove)/.test(replica) ? `v.${replica}` : replica;
  return cut(name, (candidate) => dmLength(candidate + MD_SUFFIX) <= LV_BUDGET, '.');
}

/** LV with the external DRBD metadata of a replica: `<replica>.md`. */
export function mdLvName(replica: string): string {
  return lvName(replica) + MD_SUFFIX;
}

/** DRBD resource of a volume, the same on every node: `hf-<volume>`. */
export function resourceName(volume: string): string {
  return RESOURCE_PREFIX + volume;
}

/** The volume of a DRBD resource of ours; undefined for a foreign resource. */
export function volumeOfResource(resource: string): string | undefined {
  return resource.startsWith(RESOURCE_PREFIX) && resource.length > RESOURCE_PREFIX.length
    ? resource.slice(RESOURCE_PREFIX.length)
    : undefined;
}

/** Where the agent mounts a volume with `mount: true`. */
export function mountPath(volume: string): string {
  return `${MOUNT_ROOT}/${volume}`;
}

/** Stable link to the usable device of an attached volume. */
export function deviceLink(volume: string): string {
  return `${DEVICE_ROOT}/${volume}`;
}

/** Kernel device of a DRBD minor. */
export function drbdDevice(minor: number): string {
  return `/dev/drbd${minor}`;
}

/** `<volume>-r<ordinal>`, cut to 63 characters. An ordinal is never used twice. */
export function replicaName(volume: string, ordinal: number): string {
  const head = cut(volume, (name) => name.length <= REPLICA_BUDGET - ORDINAL_ROOM, '-');
  return `${head}-r${ordinal}`;
}

/** Room for `-r` and six digits in the names of its replicas. */
const VOLUME_BUDGET = 55;

/**
 * Name of the Volume for a name that somebody else chose, of any characters and length (CSI: 128 bytes of Unicode). A name that
 * can be a Volume's stays what it is; of any other, what can be kept is kept for people, and a hash makes it its own.
 */
export function volumeNameFor(requested: string): string {
  if (requested.length <= VOLUME_BUDGET && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(requested)) return requested;
  const hash = stableHash(requested).toString(16).padStart(14, '0');
  const readable = requested
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, VOLUME_BUDGET - hash.length - 1)
    .replace(/^-+|-+$/g, '');
  return readable === '' ? `v-${hash}` : `${readable}-${hash}`;
}

/** Value for a label that carries a node name, which may be longer than the 63 characters of a label value. */
export function nodeLabelValue(node: string): string {
  return cut(node, (name) => name.length <= 63, '-');
}

/** Name of the Lease by which a node's agent says that it lives, in the system namespace. */
export function nodeLeaseName(node: string): string {
  return `node-${node}`;
}

/** Every LVM object of ours carries this tag (INV-7). */
export const TAG_OURS = 'holdfast';

export function poolTag(pool: string): string {
  return `hf.pool=${pool}`;
}

export function poolUidTag(uid: string): string {
  return `hf.pool-uid=${uid}`;
}

export function volumeTag(volumeUid: string): string {
  return `hf.volume=${volumeUid}`;
}

export function replicaTag(replicaUid: string): string {
  return `hf.replica=${replicaUid}`;
}

export function roleTag(role: 'data' | 'meta'): string {
  return `hf.role=${role}`;
}

/** Tags of the volume group (and thin pool) of a pool. */
export function poolTags(pool: { readonly name: string; readonly uid: string }): string[] {
  return [TAG_OURS, poolTag(pool.name), poolUidTag(pool.uid)];
}

/** Tags of an LV of a replica. INV-7: it may be removed only by whoever can show the same UIDs. */
export function replicaTags(
  replica: { readonly uid: string; readonly volumeUid: string },
  role: 'data' | 'meta',
): string[] {
  return [TAG_OURS, volumeTag(replica.volumeUid), replicaTag(replica.uid), roleTag(role)];
}

/**
 * On a thick metadata volume from its creation until it was filled with zeros: it shows the bytes of whatever was there
 * before, and that may be the DRBD metadata of another replica.
 */
export const TAG_UNWIPED = 'hf.wipe=pending';

/** The value of a tag such as `hf.volume=`; undefined when the tag is not there. */
export function tagValue(tags: readonly string[], key: 'pool' | 'pool-uid' | 'volume' | 'replica' | 'role') {
  const prefix = `hf.${key}=`;
  return tags.find((tag) => tag.startsWith(prefix))?.slice(prefix.length);
}
