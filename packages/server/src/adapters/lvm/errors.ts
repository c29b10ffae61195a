import { AppError, type ErrorCode } from '@holdfast/api/errors.ts';
import { execFailure, lastWords } from '../exec/failure.ts';

interface Rule {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly reason: string;
  readonly remedy: string;
}

/**
 * What LVM's messages (LC_ALL=C) mean to us: the only place that knows their texts. LVM's exit status says just "failed"
 * (5), and its JSON log is refused by `lvcreate` for thin volumes. First match wins; no match is `internal`.
 * Texts were recorded from lvm2 2.03.16 (testdata).
 */
const RULES: readonly Rule[] = [
  {
    pattern:
      /metadata .*too large|too large for circular buffer|insufficient .*metadata|exceeds maximum metadata size/i,
    code: 'resource_exhausted',
    reason: 'LvmMetadataFull',
    remedy: 'delete volumes or snapshots of this pool, or use a second pool: its LVM metadata area is full',
  },
  {
    pattern:
      /insufficient free space|insufficient suitable .*extents|free space in thin pool .* reached threshold|no free space|thin pool .*is full|cannot allocate .*extents/i,
    code: 'resource_exhausted',
    reason: 'NoSpace',
    remedy: 'add a disk to the pool or delete volumes',
  },
  {
    pattern:
      /volume group "[^"]*" not found|failed to find logical volume|pool \S+ not found in volume group|logical volume\(?s?\)? not found|no device found for|no pv found on device|cannot find device|no such file or directory/i,
    code: 'not_found',
    reason: 'NotFound',
    remedy: 'check that the disk is present and the pool is Ready',
  },
  {
    pattern: /already exists in volume group|volume group called \S+ already exists/i,
    code: 'already_exists',
    reason: 'NameTaken',
    remedy: 'rename or remove the other object of that name',
  },
  {
    pattern:
      /existing signature|aborted wiping|device is partitioned|without -ff|is already in volume group|excluded by a filter|mounted filesystem|with duplicates/i,
    code: 'failed_precondition',
    reason: 'DiskNotFree',
    remedy: 'name an empty disk, or empty this one yourself (wipefs -a) if nothing on it is needed',
  },
  {
    pattern:
      /\bin use\b|is used by another device|device or resource busy|contains a filesystem|can't open .* exclusively|mounted/i,
    code: 'failed_precondition',
    reason: 'InUse',
    remedy: 'unmount it and stop what uses it',
  },
  {
    pattern: /can't get lock|failed to lock|giving up waiting for lock|lock failed/i,
    code: 'unavailable',
    reason: 'LvmLocked',
    remedy: 'wait for the other LVM command to finish',
  },
  {
    pattern: /missing|couldn't find device|cannot change .*partial|while pvs? .*missing|activation of partial/i,
    code: 'failed_precondition',
    reason: 'DiskMissing',
    remedy: 'bring the missing disk back',
  },
];

/** Rules that explain a message, for tests. */
export function classifyLvmText(text: string): { code: ErrorCode; reason: string; remedy: string } | undefined {
  for (const rule of RULES) {
    if (rule.pattern.test(text)) return { code: rule.code, reason: rule.reason, remedy: rule.remedy };
  }
  return undefined;
}

/** Turns the failure of an LVM program into our error about `subject` (e.g. `logical volume hf-fast/db-r0`). */
export function lvmError(error: unknown, subject: string, verb: string): AppError {
  const failure = execFailure(error);
  if (failure === undefined) return AppError.from(error);
  const stderr = withoutWarnings(failure.stderr);
  const said = lastWords({ stdout: failure.stdout, stderr });
  const known = classifyLvmText(stderr);
  const message = `cannot ${verb} ${subject}: ${said}`;
  if (known === undefined) {
    return new AppError('internal', message, {
      cause: error,
      details: { argv: failure.argv, exitCode: failure.exitCode, stderr: failure.stderr, reason: 'LvmFailed' },
    });
  }
  return new AppError(known.code, `${message}; ${known.remedy}`, {
    cause: error,
    details: { argv: failure.argv, reason: known.reason, remedy: known.remedy, stderr: failure.stderr },
  });
}

function withoutWarnings(stderr: string): string {
  const lines = stderr.split('\n');
  const kept = lines.filter((line) => !/^\s*(WARNING|File descriptor)\b/.test(line));
  return kept.some((line) => line.trim() !== '') ? kept.join('\n') : stderr;
}
