/** Checks and defaults of {@link LabOptions}. Pure. */
import { AppError } from '@holdfast/api/errors.ts';
import type { LabOptions, NodeInfo } from './types.ts';

const GIB = 2 ** 30;
const MAX_NODES = 16;
const MAX_DISKS = 12;

export interface CheckedOptions {
  readonly name: string;
  readonly nodes: readonly NodeInfo[];
  readonly diskBytes: readonly number[];
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly stateDiskMiB: number;
  readonly seed: number;
}

function refuse(field: string, value: unknown, remedy: string): never {
  throw new AppError('invalid_argument', `${field}: '${String(value)}' is not possible; ${remedy}`, {
    details: { field, value, remedy },
  });
}

function whole(field: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most)
    refuse(field, value, `give a whole number from ${least} to ${most}`);
  return value;
}

/** @throws AppError `invalid_argument` naming field and value. */
export function checkOptions(options: LabOptions): CheckedOptions {
  const name = options.name ?? 'lab';
  if (!/^[a-zA-Z0-9][a-zA-Z0-9-]{0,23}$/.test(name)) refuse('name', name, 'use at most 24 letters, digits and dashes');
  const wanted = options.nodes ?? 3;
  const names =
    typeof wanted === 'number'
      ? Array.from({ length: whole('nodes', wanted, 1, MAX_NODES) }, (_, i) => `n${i + 1}`)
      : [...wanted];
  if (names.length === 0 || names.length > MAX_NODES) refuse('nodes', names.length, `give 1 to ${MAX_NODES} nodes`);
  for (const node of names) {
    if (!/^[a-z][a-z0-9-]{0,14}$/.test(node) || node === 'host') {
      refuse('nodes', node, "name nodes with at most 15 lower-case letters, digits and dashes, not 'host'");
    }
  }
  if (new Set(names).size !== names.length) refuse('nodes', names.join(','), 'give every node another name');
  const diskBytes = options.disks ?? [4 * GIB];
  if (diskBytes.length > MAX_DISKS) refuse('disks', diskBytes.length, `give at most ${MAX_DISKS} disks`);
  // Whole MiB: LVM's and the kernel's alignment never cuts anything off then.
  for (const bytes of diskBytes)
    if (bytes % 2 ** 20 !== 0 || bytes < 16 * 2 ** 20) refuse('disks', bytes, 'give whole MiB, at least 16 MiB');
  return {
    name,
    nodes: names.map((node, i) => nodeInfo(node, i + 1, diskBytes.length)),
    diskBytes,
    memoryMiB: whole('memoryMiB', options.memoryMiB ?? 640, 256, 65_536),
    cpus: whole('cpus', options.cpus ?? 1, 1, 16),
    stateDiskMiB: whole('stateDiskMiB', options.stateDiskMiB ?? 512, 32, 65_536),
    seed: options.seed ?? 1,
  };
}

function nodeInfo(name: string, index: number, disks: number): NodeInfo {
  return {
    name,
    index,
    mgmtAddress: `10.77.0.${10 + index}`,
    replAddress: `10.78.0.${10 + index}`,
    disks: Array.from({ length: disks }, (_, i) => `virtio-hf-${name}-d${i}`),
  };
}
