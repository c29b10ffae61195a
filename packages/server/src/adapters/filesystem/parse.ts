import { AppError } from '@holdfast/api/errors.ts';
import type { FsUsage } from '../../ports/bind-mounts.ts';
import type { MountEntry } from '../../ports/filesystem.ts';

/**
 * /proc/self/mountinfo (man 5 proc): `36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw,errors=continue`.
 * @throws AppError `internal` on a line that is not understood: a missing mount would be worse than none.
 */
export function parseMountInfo(text: string): MountEntry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const separator = line.indexOf(' - ');
      const left = line.slice(0, separator).split(' ');
      const right = line.slice(separator + 3).split(' ');
      const [id, , majorMinor, root, mountPath, options] = left;
      const [fsType, source, superOptions] = right;
      if (
        separator < 0 ||
        mountPath === undefined ||
        root === undefined ||
        majorMinor === undefined ||
        options === undefined ||
        fsType === undefined ||
        source === undefined
      ) {
        throw new AppError('internal', `a line of /proc/self/mountinfo was not understood: ${line}`, {
          details: { reason: 'MountInfoNotUnderstood' },
        });
      }
      return {
        id: Number(id),
        device: unescapeOctal(source),
        majorMinor,
        mountPath: unescapeOctal(mountPath),
        root: unescapeOctal(root),
        fsType,
        options: superOptions === undefined ? options : `${options},${superOptions}`,
      };
    });
}

/** The kernel writes blank, tab, newline and backslash as three octal digits, bytes of UTF-8 as they are. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** `KEY=value` lines of `blkid -o export`; values have shell-like backslashes. */
export function parseBlkid(stdout: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1).replace(/\\(.)/g, '$1'));
  }
  return values;
}

/** Pids that fuser wrote to stdout. */
export function parsePids(stdout: string): string[] {
  return stdout.split(/\s+/).filter((word) => /^\d+$/.test(word));
}

/** `block special file fe:10` (hexadecimal major and minor) -> `254:16`. undefined: not a block device. */
export function parseBlockNumber(stdout: string): string | undefined {
  const match = /^block special file ([0-9a-f]+):([0-9a-f]+)$/.exec(stdout.trim());
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return `${Number.parseInt(match[1], 16)}:${Number.parseInt(match[2], 16)}`;
}

/** `4096 25600 20000 18000 6400 6389` of `stat --file-system`. @throws AppError `internal` when it is anything else. */
export function parseUsage(stdout: string): FsUsage {
  const numbers = stdout.trim().split(' ').map(Number);
  const [blockBytes, blocks, freeBlocks, availableBlocks, inodes, freeInodes] = numbers;
  if (
    numbers.length !== 6 ||
    numbers.some((value) => !Number.isSafeInteger(value) || value < 0) ||
    blockBytes === undefined ||
    blocks === undefined ||
    freeBlocks === undefined ||
    availableBlocks === undefined ||
    inodes === undefined ||
    freeInodes === undefined
  ) {
    throw new AppError('internal', `stat said '${stdout.trim()}' about a file system`, {
      details: { reason: 'UsageNotUnderstood' },
    });
  }
  return { blockBytes, blocks, freeBlocks, availableBlocks, inodes, freeInodes };
}
