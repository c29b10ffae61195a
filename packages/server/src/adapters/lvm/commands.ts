import type { NewThinPool } from '../../ports/lvm.ts';
import { LVM_CONFIG } from './config.ts';

/** Typed arguments -> argv. Pure. Every command carries {@link LVM_CONFIG}; names are checked before they get here. */
export type Argv = readonly [string, ...string[]];

function lvm(command: string, ...args: readonly string[]): Argv {
  return ['lvm', command, '--config', LVM_CONFIG, ...args];
}

function addTags(tags: readonly string[]): string[] {
  return tags.flatMap((tag) => ['--addtag', tag]);
}

export const VG_FIELDS = [
  'vg_name',
  'vg_uuid',
  'vg_size',
  'vg_free',
  'vg_extent_size',
  'vg_tags',
  'vg_missing_pv_count',
  'vg_mda_free',
] as const;
export const PV_FIELDS = ['pv_name', 'pv_uuid', 'vg_name', 'pv_size', 'pv_missing', 'pv_in_use'] as const;
export const LV_FIELDS = [
  'lv_uuid',
  'lv_name',
  'vg_name',
  'lv_size',
  'lv_tags',
  'lv_attr',
  'pool_lv',
  'data_percent',
  'metadata_percent',
  'lv_health_status',
  'lv_metadata_size',
] as const;
/** The chunk size belongs to the segment; a thin pool has exactly one. */
export const SEG_FIELDS = ['lv_uuid', 'chunk_size'] as const;

/** Everything that LVM knows, or about one group (`not found` when it does not exist). */
export function fullReport(vg?: string): Argv {
  return lvm(
    'fullreport',
    ...(vg === undefined ? [] : [vg]),
    '--reportformat',
    'json',
    '--units',
    'b',
    '--nosuffix',
    ...subReport('vg', VG_FIELDS),
    ...subReport('pv', PV_FIELDS),
    ...subReport('lv', LV_FIELDS),
    ...subReport('seg', SEG_FIELDS),
    // No columns of this one; LVM wants that written as a lone comma.
    ...subReport('pvseg', ['', '']),
  );
}

function subReport(name: string, fields: readonly string[]): string[] {
  return ['--configreport', name, '-o', fields.join(',')];
}

export function version(): Argv {
  return ['lvm', 'version'];
}

/** No -y, no -f: stdin is closed, so a signature makes LVM refuse. The UUID makes a repetition harmless. */
export function createPv(args: { device: string; uuid: string; metadataBytes: number }): Argv {
  return lvm(
    'pvcreate',
    '--uuid',
    args.uuid,
    '--norestorefile',
    '--metadatasize',
    `${args.metadataBytes}b`,
    '--dataalignment',
    '1m',
    args.device,
  );
}

/**
 * Auto-activation is off: after a boot the agent activates the group, once it has seen the tags, and no distribution's
 * boot script does it half-way.
 */
export function createVg(args: { vg: string; devices: readonly string[]; tags: readonly string[] }): Argv {
  return lvm(
    'vgcreate',
    '--physicalextentsize',
    '4m',
    '--setautoactivation',
    'n',
    ...addTags(args.tags),
    args.vg,
    ...args.devices,
  );
}

export function extendVg(args: { vg: string; devices: readonly string[] }): Argv {
  return lvm('vgextend', args.vg, ...args.devices);
}

export function createThinPool(args: NewThinPool): Argv {
  return lvm(
    'lvcreate',
    '--type',
    'thin-pool',
    '--name',
    args.pool,
    '--size',
    `${args.dataBytes}b`,
    '--poolmetadatasize',
    `${args.metadataBytes}b`,
    '--poolmetadataspare',
    'y',
    '--chunksize',
    `${args.chunkBytes}b`,
    '--zero',
    'y',
    '--discards',
    'passdown',
    ...addTags(args.tags),
    args.vg,
  );
}

export function growPoolMetadata(args: { vg: string; pool: string; metadataBytes: number }): Argv {
  return lvm('lvextend', '--poolmetadatasize', `${args.metadataBytes}b`, `${args.vg}/${args.pool}`);
}

export function createThinLv(args: {
  vg: string;
  lv: string;
  sizeBytes: number;
  tags: readonly string[];
  thinPool: string;
}): Argv {
  return lvm(
    'lvcreate',
    '--type',
    'thin',
    '--name',
    args.lv,
    '--virtualsize',
    `${args.sizeBytes}b`,
    '--thinpool',
    args.thinPool,
    '--wipesignatures',
    'y',
    '--yes',
    ...addTags(args.tags),
    args.vg,
  );
}

export function createThickLv(args: { vg: string; lv: string; sizeBytes: number; tags: readonly string[] }): Argv {
  return lvm(
    'lvcreate',
    '--type',
    'linear',
    '--name',
    args.lv,
    '--size',
    `${args.sizeBytes}b`,
    '--wipesignatures',
    'y',
    '--zero',
    'y',
    '--yes',
    ...addTags(args.tags),
    args.vg,
  );
}

/** Works for data LVs and for the data part of a thin pool. */
export function extendLv(args: { vg: string; lv: string; sizeBytes: number }): Argv {
  return lvm('lvextend', '--size', `${args.sizeBytes}b`, `${args.vg}/${args.lv}`);
}

/** LVM itself compares the tag, under its own lock, in the moment of removal (INV-7). */
export function removeLv(args: { vg: string; lv: string; requiredTag: string }): Argv {
  return lvm('lvremove', '--force', '--select', `lv_tags={"${args.requiredTag}"}`, `${args.vg}/${args.lv}`);
}

export function activateVg(vg: string): Argv {
  return lvm('vgchange', '--activate', 'y', vg);
}

export function setLvActive(args: { vg: string; lv: string; active: boolean }): Argv {
  return lvm('lvchange', '--activate', args.active ? 'y' : 'n', `${args.vg}/${args.lv}`);
}

export function removeTag(args: { vg: string; lv: string; tag: string }): Argv {
  return lvm('lvchange', '--deltag', args.tag, `${args.vg}/${args.lv}`);
}

/** By the kernel (BLKZEROOUT), whatever the disk can do about it. */
export function zero(path: string): Argv {
  return ['blkdiscard', '--zeroout', path];
}

/** Without force: LVM asks, and gets no answer, when the group still holds a volume. */
export function removeVg(vg: string): Argv {
  return lvm('vgremove', vg);
}

export function removePvs(devices: readonly string[]): Argv {
  return lvm('pvremove', ...devices);
}

/** --noflush: status must not commit pool metadata, which would be a write, and would hang on a dead disk. */
export function thinPoolStatus(): Argv {
  return ['dmsetup', 'status', '--noflush', '--target', 'thin-pool'];
}
