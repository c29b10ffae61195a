import { AppError, type ErrorCode } from '@holdfast/api/errors.ts';
import { execFailure, lastWords } from '../exec/failure.ts';

interface Rule {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly reason: string;
  readonly remedy: string;
}

/** What the messages of mkfs, mount and friends (LC_ALL=C) mean to us; the only place that knows their texts. */
const RULES: readonly Rule[] = [
  {
    pattern: /must be larger than 300MB|too small|not enough space to (?:make|create)|minimum size for each btrfs/i,
    code: 'failed_precondition',
    reason: 'DeviceTooSmall',
    remedy: 'use a larger volume (xfs needs 300 MiB, btrfs 128 MiB) or ext4',
  },
  {
    pattern: /appears to contain|already contains|existing filesystem/i,
    code: 'failed_precondition',
    reason: 'NotBlank',
    remedy: 'empty the device yourself if nothing on it is needed',
  },
  {
    pattern: /unknown filesystem type/i,
    code: 'failed_precondition',
    reason: 'FileSystemNotSupported',
    remedy: 'load the kernel module of the file system, or use another fsType',
  },
  {
    pattern: /wrong fs type, bad option, bad superblock|structure needs cleaning|can't read superblock/i,
    code: 'failed_precondition',
    reason: 'FileSystemDamaged',
    remedy: 'look at dmesg and run fsck or xfs_repair by hand on the detached volume',
  },
  {
    pattern: /busy|already mounted|is mounted|in use/i,
    code: 'failed_precondition',
    reason: 'InUse',
    remedy: 'stop what uses it',
  },
  {
    pattern: /no medium found|wrong medium type/i,
    code: 'failed_precondition',
    reason: 'NotPromoted',
    remedy: 'the DRBD device is not primary here; attach the volume first',
  },
  {
    pattern: /no such file or directory|does not exist|no such device/i,
    code: 'not_found',
    reason: 'NotFound',
    remedy: 'check that the device and the mount point exist',
  },
  { pattern: /directory not empty/i, code: 'failed_precondition', reason: 'NotEmpty', remedy: 'move the files away' },
];

/** Turns the failure of a program into our error about `subject`. */
export function fsError(error: unknown, subject: string, verb: string): AppError {
  const failure = execFailure(error);
  if (failure === undefined) return AppError.from(error);
  const message = `cannot ${verb} ${subject}: ${lastWords(failure)}`;
  const known = RULES.find((rule) => rule.pattern.test(failure.stderr));
  if (known === undefined) {
    return new AppError('internal', message, {
      cause: error,
      details: { argv: failure.argv, exitCode: failure.exitCode, stderr: failure.stderr, reason: 'CommandFailed' },
    });
  }
  return new AppError(known.code, `${message}; ${known.remedy}`, {
    cause: error,
    details: { argv: failure.argv, reason: known.reason, remedy: known.remedy, stderr: failure.stderr },
  });
}
