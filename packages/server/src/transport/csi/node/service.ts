/** csi.v1.Node: checks what the kubelet sends and hands it to the agent, which does the work. */
import { AppError } from '@holdfast/api/errors.ts';
import type { NodeVolumes, Trouble, VolumeUsage } from '../../../ports/node-volumes.ts';
import { type Access, accessOf } from '../check/capability.ts';
import { rangeOf } from '../check/capacity.ts';
import { checkPath, required, requireVolumeId, volumeOfId, volumePath } from '../check/fields.ts';
import { topologyOf } from '../check/topology.ts';
import type { Exclusive } from '../exclusive.ts';
import type {
  NodeGetVolumeStatsResponse,
  NodeMethods,
  NodeServiceCapability_RPC_Type,
  VolumeCapability,
} from '../gen/csi.ts';
import type { Reply } from '../method.ts';

export interface NodeServiceDeps {
  /** Name of the Node object, which is the node id. */
  readonly node: string;
  readonly volumes: NodeVolumes;
  readonly exclusive: Exclusive;
}

/** VOLUME_CONDITION is 1.12's, the two of health are 1.13's: each client reads what it knows. */
export const NODE_CAPABILITIES: readonly NodeServiceCapability_RPC_Type[] = [
  'STAGE_UNSTAGE_VOLUME',
  'GET_VOLUME_STATS',
  'EXPAND_VOLUME',
  'VOLUME_CONDITION',
  'SINGLE_NODE_MULTI_WRITER',
  'GET_VOLUME_HEALTH',
  'GET_STORAGE_HEALTH',
];

export function nodeMethods(deps: NodeServiceDeps): NodeMethods {
  const { volumes, exclusive } = deps;
  return {
    async nodeStageVolume(request, call) {
      required(request.volumeId, 'volume_id');
      const path = checkPath(request.stagingTargetPath, 'staging_target_path');
      const { volumeMode, fsType, mountOptions, readOnly } = access(request.volumeCapability);
      const volume = requireVolumeId(request.volumeId);
      const args = { volume, path, volumeMode, fsType, mountOptions, readOnly };
      // The signal ends the waiting, never a running mkfs or fsck: that goes on, and the volume stays taken meanwhile.
      await exclusive.run(volume, 'NodeStageVolume', call, () => volumes.stage(args, call.signal));
      return {};
    },

    async nodeUnstageVolume(request, call) {
      required(request.volumeId, 'volume_id');
      const path = checkPath(request.stagingTargetPath, 'staging_target_path');
      const volume = volumeOfId(request.volumeId);
      if (volume === undefined) return {};
      await exclusive.run(volume, 'NodeUnstageVolume', call, () => volumes.unstage({ volume, path }));
      return {};
    },

    async nodePublishVolume(request, call) {
      required(request.volumeId, 'volume_id');
      const target = checkPath(request.targetPath, 'target_path');
      const { volumeMode, readOnly, exclusive: alone } = access(request.volumeCapability);
      if (request.stagingTargetPath === '') {
        throw new AppError('failed_precondition', 'staging_target_path is missing: the volume is staged first', {
          details: { field: 'staging_target_path', remedy: 'call NodeStageVolume first' },
        });
      }
      const stagingPath = checkPath(request.stagingTargetPath, 'staging_target_path');
      const volume = requireVolumeId(request.volumeId);
      const args = {
        volume,
        stagingPath,
        target,
        volumeMode,
        readOnly: readOnly || request.readonly,
        exclusive: alone,
      };
      await exclusive.run(volume, 'NodePublishVolume', call, () => volumes.publish(args));
      return {};
    },

    async nodeUnpublishVolume(request, call) {
      required(request.volumeId, 'volume_id');
      const target = checkPath(request.targetPath, 'target_path');
      // Also for an id that cannot be: what is at the path of a pod has to go, or the pod never ends.
      const volume = volumeOfId(request.volumeId) ?? request.volumeId;
      await exclusive.run(volume, 'NodeUnpublishVolume', call, () => volumes.unpublish({ volume, target }));
      return {};
    },

    // Asked of every volume every minute: no lock, or a slow stage would make the kubelet's numbers disappear.
    async nodeGetVolumeStats(request) {
      required(request.volumeId, 'volume_id');
      const path = volumePath(request.volumePath);
      const volume = requireVolumeId(request.volumeId);
      return {
        ...stats(await volumes.usage({ volume, path })),
        volumeCondition: condition(volumes.volumeTroubles(volume)),
      };
    },

    async nodeExpandVolume(request, call) {
      required(request.volumeId, 'volume_id');
      const path = volumePath(request.volumePath);
      const block = request.volumeCapability !== null && accessOf(request.volumeCapability).volumeMode === 'Block';
      const { requiredBytes, limitBytes } = rangeOf(request.capacityRange);
      const volume = requireVolumeId(request.volumeId);
      const size = await exclusive.run(volume, 'NodeExpandVolume', call, () =>
        volumes.expand({ volume, path, requiredBytes, block }, call.signal),
      );
      if (limitBytes > 0 && size > limitBytes) {
        throw new AppError('out_of_range', `volume '${volume}' has ${size} bytes, the limit is ${limitBytes}`);
      }
      return { capacityBytes: String(size) };
    },

    async nodeGetCapabilities() {
      return { capabilities: NODE_CAPABILITIES.map((type) => ({ rpc: { type } })) };
    },

    /** No limit of volumes: what is limited is copies per node, and placement knows about these. */
    async nodeGetInfo() {
      return { nodeId: deps.node, maxVolumesPerNode: '0', accessibleTopology: topologyOf(deps.node) };
    },

    async nodeGetVolumeHealth(request) {
      const volume = requireVolumeId(request.volumeId);
      const healthStatuses = volumes.volumeTroubles(volume).map(({ severity, reason, message }) => ({
        status: severity === 'degraded' ? ('DEGRADED' as const) : ('INACCESSIBLE' as const),
        reason,
        message,
      }));
      return { volumeHealth: { volumeId: volume, healthStatuses } };
    },

    async nodeGetStorageHealth() {
      const backendHealth = volumes.poolTroubles().map(({ severity, reason, message }) => ({
        status: severity === 'degraded' ? ('STORAGE_DEGRADED' as const) : ('STORAGE_UNREACHABLE' as const),
        reason,
        message,
      }));
      return { backendHealth };
    },
  };
}

function access(capability: VolumeCapability | null): Access {
  if (capability !== null) return accessOf(capability);
  throw new AppError('invalid_argument', 'volume_capability is missing', {
    details: { field: 'volume_capability', remedy: 'send volume_capability' },
  });
}

function condition(troubles: readonly Trouble[]): { abnormal: boolean; message: string } {
  return { abnormal: troubles.length > 0, message: troubles.map((trouble) => trouble.message).join('; ') || 'healthy' };
}

function stats(usage: VolumeUsage): Reply<NodeGetVolumeStatsResponse> {
  if (usage.kind === 'block') return { usage: [{ unit: 'BYTES', total: String(usage.totalBytes) }] };
  const { totalBytes, usedBytes, availableBytes, inodes } = usage;
  const line = (unit: 'BYTES' | 'INODES', total: number, used: number, available: number) => ({
    unit,
    total: String(total),
    used: String(used),
    available: String(available),
  });
  const bytes = line('BYTES', totalBytes, usedBytes, availableBytes);
  return {
    usage: inodes === undefined ? [bytes] : [bytes, line('INODES', inodes.total, inodes.used, inodes.available)],
  };
}
