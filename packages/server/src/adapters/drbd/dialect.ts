import type { DrbdConfig, DrbdEndpoint } from '../../ports/drbd.ts';
import type { ConfigHeader } from './config-file.ts';
import type { KernelPeer } from './events2.ts';

export type Argv = readonly [string, ...string[]];

/** What differs between DRBD 8.4 and 9: the resource file, some command lines, how a peer is named. Pure. */
export interface Dialect {
  readonly flavour: '8.4' | '9';
  /** Most peers a resource can have. */
  readonly maxPeers: number;
  render(config: DrbdConfig): string;
  metadataBytes(sizeBytes: number, maxPeers: number): number;
  /** Command lines; `file` is the resource file. */
  createMetadata(file: string, resource: string): Argv;
  setGenerationIds(config: DrbdConfig, metaDisk: string, current: string): Argv;
  /**
   * Commands that read the metadata of a device that is not attached, cheapest first; it is valid when one succeeds. Only
   * the last says why it is not.
   */
  readMetadata(file: string, resource: string): readonly Argv[];
  /** Generation ids of an attached device, from the kernel; undefined when the dialect has none without a peer. */
  generationIds(header: ConfigHeader): Argv | undefined;
  /** Which configured peer a peer of the kernel is. */
  matchPeer(peer: KernelPeer, configured: readonly DrbdEndpoint[]): DrbdEndpoint | undefined;
  /** `drbdadm adjust` cannot express "no connection" (8.4): the driver then brings the device up step by step. */
  readonly adjustNeedsPeer: boolean;
}

export const drbdadm = (file: string, ...words: string[]): Argv => ['drbdadm', '-c', file, ...words];

const MIB = 1024 * 1024;
const EXTENT = 4 * MIB;

/**
 * External flexible metadata: superblock 4 KiB + activity log 32 KiB + one bit per 4 KiB of data for each peer, each
 * bitmap rounded to 4 KiB. One MiB of margin, then whole extents.
 */
export function externalMetadataBytes(sizeBytes: number, bitmaps: number): number {
  const bitmapBytes = Math.ceil(sizeBytes / 32768 / 4096) * 4096;
  return Math.ceil((36 * 1024 + bitmapBytes * bitmaps + MIB) / EXTENT) * EXTENT;
}
