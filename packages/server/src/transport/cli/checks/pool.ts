import { formatBytes } from '@holdfast/api/bytes.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Node, NodeDisk } from '@holdfast/api/schema/node.ts';
import type { Pool, PoolNode, PoolType } from '@holdfast/api/schema/pool.ts';
import { suggest } from '../suggest.ts';
import { diskUse } from '../views/node.ts';
import { notFound } from './lookup.ts';
import { checkSize } from './size.ts';

/** `NODE=A,B` as typed. */
function splitAssignment(text: string, field: string, example: string): [string, string] {
  const at = text.indexOf('=');
  const left = text.slice(0, at).trim();
  const right = text.slice(at + 1).trim();
  if (at <= 0 || left === '' || right === '') {
    throw new AppError('invalid_argument', `${field}: '${text}' must be NODE=${example}`, {
      details: { field, value: text, remedy: `write it as ${field} n1=${example}` },
    });
  }
  return [left, right];
}

/** What the options say, before anything is looked up. */
export interface PoolRequest {
  readonly type: PoolType;
  readonly disks: ReadonlyMap<string, readonly string[]>;
  readonly files: ReadonlyMap<string, number>;
  readonly notes: readonly string[];
}

/** Reads `--type`, `--disk` and `--file`. `--file` alone means type file. */
export function parsePoolRequest(args: {
  type: PoolType | undefined;
  disk: readonly string[];
  file: readonly string[];
}): PoolRequest {
  const disks = new Map<string, string[]>();
  const files = new Map<string, number>();
  const notes: string[] = [];
  for (const text of args.disk) {
    const [node, ids] = splitAssignment(text, '--disk', 'DISK-ID');
    const list = disks.get(node) ?? [];
    list.push(
      ...ids
        .split(',')
        .map((id) => id.trim())
        .filter((id) => id !== ''),
    );
    disks.set(node, list);
  }
  for (const text of args.file) {
    const [node, sizeText] = splitAssignment(text, '--file', '20GiB');
    if (files.has(node)) {
      throw new AppError('invalid_argument', `--file: node '${node}' is named twice`, {
        details: { field: '--file', value: text, remedy: 'give each node one file' },
      });
    }
    const size = checkSize(sizeText, '--file');
    if (size.note !== undefined) notes.push(size.note);
    files.set(node, size.bytes);
  }
  const type = args.type ?? (files.size > 0 && disks.size === 0 ? 'file' : 'lvm-thin');
  if (type === 'file' ? disks.size > 0 || files.size === 0 : files.size > 0 || disks.size === 0) {
    const field = type === 'file' ? '--file' : '--disk';
    throw new AppError(
      'invalid_argument',
      type === 'file'
        ? 'a pool of type file takes --file NODE=SIZE for each node, and no --disk'
        : `a pool of type ${type} takes --disk NODE=ID for each node, and no --file`,
      {
        details: {
          field,
          value: type,
          remedy: type === 'file' ? 'add --file n1=20GiB' : "name disks by their id from 'hf disk list'",
        },
      },
    );
  }
  return { type, disks, files, notes };
}

const MIN_FILE_BYTES = 256 * 1024 * 1024;

/**
 * Resolves every disk that was named and refuses those that must not be touched, showing what is on them.
 * @throws AppError `not_found` (node or disk) or `failed_precondition` (in use, unknown, read-only).
 */
export function resolvePoolNodes(
  request: PoolRequest,
  nodes: readonly Stored<Node>[],
  poolName: string,
): { nodes: PoolNode[]; notes: string[] } {
  const known = nodes.map((node) => node.metadata.name);
  const notes: string[] = [...request.notes];
  const resolved: PoolNode[] = [];
  for (const [nodeName, wanted] of request.disks) {
    const node = nodes.find((candidate) => candidate.metadata.name === nodeName);
    if (node === undefined) throw notFound('node', nodeName, known, '--disk');
    const ids: string[] = [];
    for (const text of wanted) {
      const disk = findDisk(node, text);
      if (disk.id !== text)
        notes.push(`--disk ${nodeName}=${text} is ${disk.id} (the stable id is what the pool keeps)`);
      if (ids.includes(disk.id)) {
        throw new AppError('invalid_argument', `--disk: '${disk.id}' of node '${nodeName}' is named twice`, {
          details: { field: '--disk', value: text, remedy: 'name each disk once' },
        });
      }
      checkDiskFree(disk, nodeName, poolName);
      ids.push(disk.id);
    }
    resolved.push({ name: nodeName, disks: ids });
  }
  for (const [nodeName, bytes] of request.files) {
    if (!known.includes(nodeName)) throw notFound('node', nodeName, known, '--file');
    if (bytes < MIN_FILE_BYTES) {
      throw new AppError(
        'out_of_range',
        `--file: ${formatBytes(bytes)} is below the smallest file pool of ${formatBytes(MIN_FILE_BYTES)}`,
        {
          details: {
            field: '--file',
            value: `${nodeName}=${formatBytes(bytes)}`,
            remedy: `give at least ${formatBytes(MIN_FILE_BYTES)}`,
          },
        },
      );
    }
    resolved.push({ name: nodeName, disks: [], fileSizeBytes: bytes });
  }
  return { nodes: resolved, notes };
}

/** By stable id, or by path or short name for convenience. */
function findDisk(node: Stored<Node>, text: string): NodeDisk {
  const disks = node.status?.disks ?? [];
  const name = node.metadata.name;
  const bare = text.replace(/^\/dev\/disk\/by-id\//, '');
  const found =
    disks.find((disk) => disk.id === bare) ?? disks.find((disk) => disk.path === text || disk.path === `/dev/${text}`);
  if (found !== undefined) return found;
  const near = suggest(
    bare,
    disks.map((disk) => disk.id),
  );
  throw new AppError(
    'not_found',
    `--disk: node '${name}' has no disk '${text}'.${near.length > 0 ? ` Did you mean '${near[0]}'?` : ''}`,
    {
      details: {
        field: '--disk',
        value: `${name}=${text}`,
        remedy:
          disks.length === 0
            ? `node '${name}' has not reported its disks yet: wait until 'hf node list' shows it Ready`
            : "name a disk by its id from 'hf disk list'",
        lines: disks.map((disk) => `${disk.id}  ${disk.path}  ${formatBytes(disk.sizeBytes)}  ${diskUse(disk)}`),
      },
    },
  );
}

function checkDiskFree(disk: NodeDisk, nodeName: string, poolName: string): void {
  if (disk.use === 'free' && !disk.readOnly) return;
  // Ours already: the same request again.
  if (disk.use === 'pool' && disk.usedBy === poolName) return;
  const what = describeUse(disk);
  throw new AppError('failed_precondition', `--disk: '${disk.id}' (${disk.path}) of node '${nodeName}' ${what}`, {
    details: {
      field: '--disk',
      value: `${nodeName}=${disk.id}`,
      remedy: remedyFor(disk),
      reason: 'DiskNotFree',
      use: disk.use,
    },
  });
}

function describeUse(disk: NodeDisk): string {
  const by = disk.usedBy === undefined ? '' : ` (${disk.usedBy})`;
  switch (disk.use) {
    case 'free':
      return 'is read-only';
    case 'pool':
      return `belongs to pool '${disk.usedBy ?? 'unknown'}'`;
    case 'partitioned':
      return `has a partition table${by}`;
    case 'filesystem':
      return `holds a file system${by}`;
    case 'lvm':
      return `belongs to LVM${by}`;
    case 'raid':
      return `is a RAID member${by}`;
    case 'crypt':
      return `holds encrypted data${by}`;
    case 'swap':
      return `is swap${by}`;
    case 'mounted':
      return `is mounted${by}`;
    case 'holder':
      return `is in use by another device${by}`;
    case 'unknown':
      return `could not be probed${by}, and what is unknown is never taken for empty`;
  }
}

function remedyFor(disk: NodeDisk): string {
  switch (disk.use) {
    case 'mounted':
      return `use another disk; if its data is not needed: umount ${disk.usedBy ?? disk.path}, then wipefs --all ${disk.path} on that node`;
    case 'pool':
      return 'use another disk, or delete that pool first';
    case 'unknown':
      return 'look at the disk on that node (dmesg, blkid -p); use another disk meanwhile';
    case 'free':
      return 'use a disk that can be written';
    case 'holder':
      return `name the device that uses it${disk.usedBy === undefined ? '' : ` (${disk.usedBy})`} if hf disk list shows it free, or use another disk`;
    case 'partitioned':
    case 'filesystem':
    case 'lvm':
    case 'raid':
    case 'crypt':
    case 'swap':
      return `use another disk; if its data is not needed: wipefs --all ${disk.path} on that node`;
  }
}

/** Two pools never name the same disk. */
export function checkDisksNotPromised(
  poolName: string,
  wanted: readonly PoolNode[],
  pools: readonly Stored<Pool>[],
): void {
  for (const pool of pools) {
    if (pool.metadata.name === poolName) continue;
    for (const entry of pool.spec?.nodes ?? []) {
      const mine = wanted.find((candidate) => candidate.name === entry.name);
      const shared = mine?.disks.find((id) => entry.disks.includes(id));
      if (shared !== undefined) {
        throw new AppError(
          'failed_precondition',
          `--disk: '${shared}' of node '${entry.name}' is already named by pool '${pool.metadata.name}'`,
          {
            details: {
              field: '--disk',
              value: `${entry.name}=${shared}`,
              remedy: 'use another disk, or delete that pool first',
              reason: 'DiskInOtherPool',
            },
          },
        );
      }
    }
  }
}
