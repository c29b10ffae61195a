import type { ConnectionState } from '@holdfast/api/schema/replica.ts';
import type { DrbdState } from '../../ports/drbd.ts';
import type { ConfigHeader } from './config-file.ts';
import type { Dialect } from './dialect.ts';
import type { KernelPeer, KernelResource } from './events2.ts';

/**
 * drbdsetup of 8.4 prints `connection:Connected` also while the handshake has only begun (WFReportParams); nothing is
 * known of the peer then, not even its role. That is not a connection for anybody who decides by it.
 */
function connectionOf(peer: KernelPeer): ConnectionState {
  return peer.connection === 'Connected' && peer.role === 'Unknown' ? 'Connecting' : peer.connection;
}

/** The kernel's resource in the words of the port: peers named by replica. Pure. */
export function toDrbdState(
  kernel: KernelResource,
  header: ConfigHeader | undefined,
  dialect: Dialect,
  generationIds = '',
): DrbdState {
  const device = kernel.devices.get(0);
  const peers: DrbdState['peers'] = [];
  for (const peer of kernel.peers.values()) {
    const configured = dialect.matchPeer(peer, header?.peers ?? []);
    // 8.4 always shows one connection, also when none was ever made.
    if (configured === undefined && peer.connection === 'StandAlone') continue;
    peers.push({
      replica: configured?.replica ?? '',
      node: configured?.node ?? peer.name,
      connection: connectionOf(peer),
      role: peer.role,
      disk: peer.disk,
      replication: peer.replication,
      ...(peer.outOfSyncBytes === undefined ? {} : { outOfSyncBytes: peer.outOfSyncBytes }),
      ...(peer.donePercent === undefined ? {} : { syncPercent: peer.donePercent }),
    });
  }
  return {
    resource: kernel.name,
    minor: device?.minor ?? header?.minor ?? -1,
    sizeBytes: device?.sizeBytes ?? 0,
    role: kernel.role,
    disk: device?.disk ?? 'Diskless',
    suspended: [...kernel.suspended],
    peers,
    generationIds,
  };
}
