import { AppError } from '@holdfast/api/errors.ts';
import type { DrbdConfig } from '../../../ports/drbd.ts';
import { type Dialect, drbdadm, externalMetadataBytes } from '../dialect.ts';
import { renderV84 } from './render.ts';

/** The in-tree DRBD 8.4: two copies, one connection that always exists, no JSON, one peer named `peer`. */
export const V84: Dialect = {
  flavour: '8.4',
  maxPeers: 1,
  render(config: DrbdConfig): string {
    if (config.peers.length > 1)
      throw new AppError(
        'failed_precondition',
        `DRBD 8.4 keeps two copies at most, ${config.resource} has ${config.peers.length} peers`,
        {
          details: {
            field: 'peers',
            value: config.peers.length,
            remedy: 'lower replicas to 2, or install DRBD 9 on every node of the volume',
          },
        },
      );
    if (config.disk === undefined || config.peers.some((peer) => peer.diskless))
      throw new AppError('failed_precondition', `DRBD 8.4 has no diskless replicas (${config.resource})`, {
        details: { field: 'disk', remedy: 'attach the volume on a node that has a replica, or install DRBD 9' },
      });
    return renderV84(config);
  },
  // Room for one bitmap is enough for 8.4; more leaves the way to DRBD 9 open (create-md converts v08 to v09 in place).
  metadataBytes: (sizeBytes, maxPeers) => externalMetadataBytes(sizeBytes, Math.max(1, maxPeers)),
  createMetadata: (file, resource) => drbdadm(file, 'create-md', resource),
  /**
   * current:bitmap:history:history:consistent:uptodate:primary:connected:fullsync:peer-outdated:crashed-primary.
   * Consistent and UpToDate with a fresh current id: a just-created peer becomes sync target of a full sync. The peer
   * counts as outdated, so that this side attaches UpToDate instead of Consistent.
   */
  setGenerationIds: (config, metaDisk, current) => [
    'drbdmeta',
    '--force',
    String(config.minor),
    'v08',
    metaDisk,
    'flex-external',
    'set-gi',
    `${current}:0:0:0:1:1:0:0:0:1:0`,
  ],
  // get-gi fails without a word; dump-md says it, but would print the whole bitmap of valid metadata.
  readMetadata: (file, resource) => [drbdadm(file, 'get-gi', resource), drbdadm(file, 'dump-md', resource)],
  generationIds: (header) => ['drbdsetup', 'get-gi', String(header.minor)],
  matchPeer: (_peer, configured) => configured[0],
  adjustNeedsPeer: true,
};
