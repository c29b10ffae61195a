import { AppError } from '@holdfast/api/errors.ts';
import * as z from 'zod';
import type { LogicalVolume, LvmInventory, PhysicalVolume, ThinUsage, VolumeGroup } from '../../ports/lvm.ts';
import { decodeLvAttr, type LvAttr } from './attr.ts';

/** Whole bytes, which LVM 2.03.16 writes as a string. */
const bytes = z
  .string()
  .regex(/^\d+$/, 'must be a whole number of bytes')
  .transform(Number)
  .refine(Number.isSafeInteger, 'is larger than this program can count');
const count = bytes;
/** '' where it does not apply or the device is not active. */
const percent = z
  .string()
  .regex(/^(\d+(\.\d+)?)?$/, 'must be a percentage')
  .transform((text) => (text === '' ? undefined : Number(text)));
const tags = z.string().transform((text) => (text === '' ? [] : text.split(',')));

const vgRow = z.object({
  vg_name: z.string().min(1),
  vg_uuid: z.string().min(1),
  vg_size: bytes,
  vg_free: bytes,
  vg_extent_size: bytes,
  vg_tags: tags,
  vg_missing_pv_count: count,
  vg_mda_free: bytes,
});
const pvRow = z.object({
  pv_name: z.string(),
  pv_uuid: z.string().min(1),
  vg_name: z.string(),
  pv_size: bytes,
  pv_missing: z.enum(['', 'missing']),
  pv_in_use: z.enum(['', 'used']),
});
const lvRow = z.object({
  lv_uuid: z.string().min(1),
  lv_name: z.string().min(1),
  vg_name: z.string().min(1),
  lv_size: bytes,
  lv_tags: tags,
  lv_attr: z.string(),
  pool_lv: z.string(),
  data_percent: percent,
  metadata_percent: percent,
  lv_health_status: z.string(),
  lv_metadata_size: bytes.or(z.literal('').transform(() => undefined)),
});
const segRow = z.object({ lv_uuid: z.string().min(1), chunk_size: bytes });
const fullReport = z.object({
  report: z.array(
    z.object({
      vg: z.array(vgRow).optional(),
      pv: z.array(pvRow).optional(),
      lv: z.array(lvRow).optional(),
      seg: z.array(segRow).optional(),
    }),
  ),
});

/** @throws AppError `internal` when anything is not as expected: a half-understood inventory is no inventory. */
export function parseFullReport(stdout: string): LvmInventory {
  return understood('lvm fullreport', stdout, () => {
    const { report } = fullReport.parse(JSON.parse(stdout));
    const pvs = report.flatMap((group) => (group.pv ?? []).map(physicalVolume));
    const chunks = new Map(report.flatMap((group) => (group.seg ?? []).map((row) => [row.lv_uuid, row.chunk_size])));
    const visible = report.flatMap((group) => (group.lv ?? []).filter((row) => !row.lv_name.startsWith('[')));
    return {
      vgs: report.flatMap((group) => (group.vg ?? []).map((row) => volumeGroup(row, pvs))),
      // Hidden LVs (a pool's own data and metadata) are bracketed.
      lvs: visible.map((row) => logicalVolume(row, chunks)),
      pvs,
    };
  });
}

function volumeGroup(row: z.infer<typeof vgRow>, pvs: readonly PhysicalVolume[]): VolumeGroup {
  return {
    name: row.vg_name,
    uuid: row.vg_uuid,
    sizeBytes: row.vg_size,
    freeBytes: row.vg_free,
    extentBytes: row.vg_extent_size,
    tags: row.vg_tags,
    pvs: pvs.flatMap((pv) => (pv.vg === row.vg_name && pv.path !== undefined ? [pv.path] : [])),
    missingPvs: row.vg_missing_pv_count,
    metadataFreeBytes: row.vg_mda_free,
  };
}

function physicalVolume(row: z.infer<typeof pvRow>): PhysicalVolume {
  const present = row.pv_missing === '' && row.pv_name.startsWith('/');
  return {
    path: present ? row.pv_name : undefined,
    uuid: row.pv_uuid,
    vg: row.vg_name === '' ? undefined : row.vg_name,
    sizeBytes: row.pv_size,
    inUse: row.pv_in_use === 'used',
  };
}

function logicalVolume(row: z.infer<typeof lvRow>, chunks: ReadonlyMap<string, number>): LogicalVolume {
  const attr = decodeLvAttr(row.lv_attr);
  const isPool = attr.type === 'thin-pool';
  return {
    name: row.lv_name,
    vg: row.vg_name,
    uuid: row.lv_uuid,
    path: `/dev/${row.vg_name}/${row.lv_name}`,
    sizeBytes: row.lv_size,
    tags: row.lv_tags,
    kind: attr.type === 'linear' || attr.type === 'thin' || attr.type === 'thin-pool' ? attr.type : 'other',
    pool: row.pool_lv === '' ? undefined : row.pool_lv,
    active: attr.state !== 'inactive' && attr.state !== 'historical',
    // Unknown counts as open: nothing is removed or deactivated on a guess.
    open: attr.open !== 'closed',
    dataPercent: row.data_percent,
    metadataPercent: row.metadata_percent,
    chunkBytes: isPool ? chunks.get(row.lv_uuid) : undefined,
    metadataBytes: isPool ? row.lv_metadata_size : undefined,
    trouble: troubleOf(attr, row.lv_health_status),
  };
}

function troubleOf(attr: LvAttr, healthStatus: string): string {
  const found = new Set<string>();
  if (attr.health !== 'ok') found.add(attr.health);
  if (healthStatus !== '') found.add(healthStatus.replaceAll('_', '-').replaceAll(' ', '-'));
  if (attr.state !== 'active' && attr.state !== 'inactive' && attr.state !== 'historical') found.add(attr.state);
  // lvs says both 'D' and 'out_of_data' for the same thing.
  if (found.has('out-of-data-space')) found.delete('out-of-data');
  return [...found].join(', ');
}

/** `  LVM version:     2.03.16(2) (2022-05-18)` -> `2.03.16(2)`. */
export function parseVersion(stdout: string): string {
  return understood('lvm version', stdout, () => {
    const match = /LVM version:\s+(\S+)/.exec(stdout);
    if (match?.[1] === undefined) throw new Error('no line "LVM version:"');
    return match[1];
  });
}

/**
 * `hf--tank-pool-tpool: 0 4104192 thin-pool 1 420/4096 0/32064 - rw discard_passdown error_if_no_space - 1024`,
 * or `... thin-pool Fail` (metadata broken) or `Error` (status could not be read).
 */
export function parseThinPoolStatus(stdout: string): ThinUsage[] {
  return understood('dmsetup status', stdout, () => {
    const lines = stdout.split('\n').filter((line) => line.trim() !== '' && line.trim() !== 'No devices found');
    return lines.map(thinPoolLine);
  });
}

function thinPoolLine(line: string): ThinUsage {
  const match = /^(\S+): \d+ \d+ thin-pool (.*)$/.exec(line.trim());
  const name = splitDmName(match?.[1] ?? '');
  if (match?.[2] === undefined || name === undefined) throw new Error(`cannot read the line '${line}'`);
  const words = match[2].trim().split(/\s+/);
  if (words[0] === 'Fail' || words[0] === 'Error') {
    return { ...name, dataPercent: 100, metadataPercent: 100, trouble: 'failed' };
  }
  const metadata = fraction(words[1]);
  const data = fraction(words[2]);
  const trouble: string[] = [];
  const mode = words[4];
  if (mode === 'out_of_data_space') trouble.push('out-of-data-space');
  else if (mode === 'ro') trouble.push('metadata-read-only');
  else if (mode !== 'rw') throw new Error(`mode '${mode}' in the line '${line}' is not known`);
  if (words.includes('needs_check')) trouble.push('check-needed');
  return { ...name, dataPercent: data, metadataPercent: metadata, trouble: trouble.join(', ') };
}

function fraction(word: string | undefined): number {
  const match = /^(\d+)\/(\d+)$/.exec(word ?? '');
  const total = Number(match?.[2]);
  if (match === null || total === 0) throw new Error(`'${word}' is not used/total`);
  return Math.round((Number(match[1]) / total) * 10_000) / 100;
}

/** `<vg>-<pool>-tpool`, dashes inside names doubled. */
function splitDmName(dmName: string): { vg: string; pool: string } | undefined {
  const parts = dmName.split(/(?<!-)-(?!-)/);
  if (parts.length < 2) return undefined;
  const [vg = '', pool = ''] = parts.map((part) => part.replaceAll('--', '-'));
  return { vg, pool };
}

function understood<T>(program: string, stdout: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new AppError('internal', `the output of ${program} was not understood: ${why}`, {
      cause: error,
      details: { reason: 'LvmOutputNotUnderstood', stdout: stdout.slice(0, 2_000) },
    });
  }
}
