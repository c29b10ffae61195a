import { AppError } from '@holdfast/api/errors.ts';
import { type Dialect, drbdadm, externalMetadataBytes } from '../dialect.ts';
import { renderV9 } from './render.ts';

/** Bitmap slots are fixed when the metadata is created; seven is what the other DRBD managers choose too. */
export const PEER_SLOTS = 7;

/** DRBD 9.x, out of tree. */
export const V9: Dialect = {
  flavour: '9',
  maxPeers: 31,
  render(config) {
    if (config.peers.filter((peer) => !peer.diskless).length > PEER_SLOTS)
      throw new AppError(
        'failed_precondition',
        `${config.resource} has more diskful peers than bitmap slots (${PEER_SLOTS})`,
        {
          details: { field: 'peers', value: config.peers.length, remedy: `lower replicas to ${PEER_SLOTS + 1}` },
        },
      );
    return renderV9(config);
  },
  metadataBytes: (sizeBytes, maxPeers) => externalMetadataBytes(sizeBytes, Math.max(PEER_SLOTS, maxPeers)),
  createMetadata: (file, resource) => drbdadm(file, `--max-peers=${PEER_SLOTS}`, 'create-md', resource),
  /** v09 flags: consistent:uptodate of the local disk; per-peer flags follow. */
  setGenerationIds: (config, metaDisk, current) => [
    'drbdmeta',
    '--force',
    '--node-id',
    String(config.peers[0]?.nodeId ?? (config.self.nodeId === 0 ? 1 : 0)),
    String(config.minor),
    'v09',
    metaDisk,
    'flex-external',
    'set-gi',
    `${current}:0:0:0:1:1`,
  ],
  readMetadata: (file, resource) => [drbdadm(file, 'dump-md', resource)],
  generationIds: (header) => {
    const peer = header.peers.find((it) => !it.diskless);
    return peer === undefined ? undefined : ['drbdsetup', 'get-gi', header.resource, String(peer.nodeId), '0'];
  },
  matchPeer: (peer, configured) => configured.find((it) => it.nodeId === peer.nodeId),
  adjustNeedsPeer: false,
};
