// Generated from csi.proto by scripts/proto-types.ts. Do not edit.
import type { Method } from '../method.ts';

/** int64: decimal digits, because a number of JavaScript would lose some of them. */
export type Int64 = string;

export type VolumeHealthErrorType =
  | 'UNKNOWN_VOLUME_HEALTH_TYPE'
  | 'DEGRADED'
  | 'INACCESSIBLE'
  | 'DATA_LOSS';

export type StorageHealthErrorType =
  | 'UNKNOWN_STORAGE_HEALTH_ERROR_TYPE'
  | 'STORAGE_DEGRADED'
  | 'STORAGE_UNREACHABLE';

export type BlockMetadataType =
  | 'UNKNOWN'
  | 'FIXED_LENGTH'
  | 'VARIABLE_LENGTH';

export interface BlockMetadata {
  byteOffset: Int64;
  sizeBytes: Int64;
}

export interface CapacityRange {
  requiredBytes: Int64;
  limitBytes: Int64;
}

export interface ControllerExpandVolumeRequest {
  volumeId: string;
  capacityRange: CapacityRange | null;
  secrets: Record<string, string>;
  volumeCapability: VolumeCapability | null;
}

export interface ControllerExpandVolumeResponse {
  capacityBytes: Int64;
  nodeExpansionRequired: boolean;
}

export type ControllerGetCapabilitiesRequest = Record<never, never>;

export interface ControllerGetCapabilitiesResponse {
  capabilities: ControllerServiceCapability[];
}

export interface ControllerGetVolumeHealthRequest {
  volumeId: string;
  secrets: Record<string, string>;
}

export interface ControllerGetVolumeHealthResponse {
  volumeHealth: VolumeHealth | null;
}

export interface ControllerGetVolumeRequest {
  volumeId: string;
}

export interface ControllerGetVolumeResponse {
  volume: Volume | null;
  status: ControllerGetVolumeResponse_VolumeStatus | null;
}

export interface ControllerGetVolumeResponse_VolumeStatus {
  publishedNodeIds: string[];
  volumeCondition: VolumeCondition | null;
}

export interface ControllerListVolumeHealthRequest {
  maxEntries: number;
  startingToken: string;
  secrets: Record<string, string>;
}

export interface ControllerListVolumeHealthResponse {
  entries: VolumeHealth[];
  nextToken: string;
}

export interface ControllerModifyVolumeRequest {
  volumeId: string;
  secrets: Record<string, string>;
  mutableParameters: Record<string, string>;
}

export type ControllerModifyVolumeResponse = Record<never, never>;

export interface ControllerPublishVolumeRequest {
  volumeId: string;
  nodeId: string;
  volumeCapability: VolumeCapability | null;
  readonly: boolean;
  secrets: Record<string, string>;
  volumeContext: Record<string, string>;
}

export interface ControllerPublishVolumeResponse {
  publishContext: Record<string, string>;
}

export interface ControllerServiceCapability {
  rpc?: ControllerServiceCapability_RPC;
  type?: 'rpc';
}

export interface ControllerServiceCapability_RPC {
  type: ControllerServiceCapability_RPC_Type;
}

export type ControllerServiceCapability_RPC_Type =
  | 'UNKNOWN'
  | 'CREATE_DELETE_VOLUME'
  | 'PUBLISH_UNPUBLISH_VOLUME'
  | 'LIST_VOLUMES'
  | 'GET_CAPACITY'
  | 'CREATE_DELETE_SNAPSHOT'
  | 'LIST_SNAPSHOTS'
  | 'CLONE_VOLUME'
  | 'PUBLISH_READONLY'
  | 'EXPAND_VOLUME'
  | 'LIST_VOLUMES_PUBLISHED_NODES'
  | 'VOLUME_CONDITION'
  | 'GET_VOLUME'
  | 'SINGLE_NODE_MULTI_WRITER'
  | 'MODIFY_VOLUME'
  | 'GET_SNAPSHOT'
  | 'GET_VOLUME_HEALTH'
  | 'LIST_VOLUME_HEALTH';

export interface ControllerUnpublishVolumeRequest {
  volumeId: string;
  nodeId: string;
  secrets: Record<string, string>;
}

export type ControllerUnpublishVolumeResponse = Record<never, never>;

export interface CreateSnapshotRequest {
  sourceVolumeId: string;
  name: string;
  secrets: Record<string, string>;
  parameters: Record<string, string>;
  accessibilityRequirements: TopologyRequirement | null;
}

export interface CreateSnapshotResponse {
  snapshot: Snapshot | null;
}

export interface CreateVolumeGroupSnapshotRequest {
  name: string;
  sourceVolumeIds: string[];
  secrets: Record<string, string>;
  parameters: Record<string, string>;
}

export interface CreateVolumeGroupSnapshotResponse {
  groupSnapshot: VolumeGroupSnapshot | null;
}

export interface CreateVolumeRequest {
  name: string;
  capacityRange: CapacityRange | null;
  volumeCapabilities: VolumeCapability[];
  parameters: Record<string, string>;
  secrets: Record<string, string>;
  volumeContentSource: VolumeContentSource | null;
  accessibilityRequirements: TopologyRequirement | null;
  mutableParameters: Record<string, string>;
}

export interface CreateVolumeResponse {
  volume: Volume | null;
}

export interface DeleteSnapshotRequest {
  snapshotId: string;
  secrets: Record<string, string>;
}

export type DeleteSnapshotResponse = Record<never, never>;

export interface DeleteVolumeGroupSnapshotRequest {
  groupSnapshotId: string;
  snapshotIds: string[];
  secrets: Record<string, string>;
}

export type DeleteVolumeGroupSnapshotResponse = Record<never, never>;

export interface DeleteVolumeRequest {
  volumeId: string;
  secrets: Record<string, string>;
}

export type DeleteVolumeResponse = Record<never, never>;

export interface GetCapacityRequest {
  volumeCapabilities: VolumeCapability[];
  parameters: Record<string, string>;
  accessibleTopology: Topology | null;
}

export interface GetCapacityResponse {
  availableCapacity: Int64;
  maximumVolumeSize: Int64Value | null;
  minimumVolumeSize: Int64Value | null;
}

export interface GetMetadataAllocatedRequest {
  snapshotId: string;
  startingOffset: Int64;
  maxResults: number;
  secrets: Record<string, string>;
}

export interface GetMetadataAllocatedResponse {
  blockMetadataType: BlockMetadataType;
  volumeCapacityBytes: Int64;
  blockMetadata: BlockMetadata[];
}

export interface GetMetadataDeltaRequest {
  baseSnapshotId: string;
  targetSnapshotId: string;
  startingOffset: Int64;
  maxResults: number;
  secrets: Record<string, string>;
}

export interface GetMetadataDeltaResponse {
  blockMetadataType: BlockMetadataType;
  volumeCapacityBytes: Int64;
  blockMetadata: BlockMetadata[];
}

export type GetPluginCapabilitiesRequest = Record<never, never>;

export interface GetPluginCapabilitiesResponse {
  capabilities: PluginCapability[];
}

export type GetPluginInfoRequest = Record<never, never>;

export interface GetPluginInfoResponse {
  name: string;
  vendorVersion: string;
  manifest: Record<string, string>;
}

export interface GetSnapshotRequest {
  snapshotId: string;
  secrets: Record<string, string>;
}

export interface GetSnapshotResponse {
  snapshot: Snapshot | null;
}

export interface GetVolumeGroupSnapshotRequest {
  groupSnapshotId: string;
  snapshotIds: string[];
  secrets: Record<string, string>;
}

export interface GetVolumeGroupSnapshotResponse {
  groupSnapshot: VolumeGroupSnapshot | null;
}

export type GroupControllerGetCapabilitiesRequest = Record<never, never>;

export interface GroupControllerGetCapabilitiesResponse {
  capabilities: GroupControllerServiceCapability[];
}

export interface GroupControllerServiceCapability {
  rpc?: GroupControllerServiceCapability_RPC;
  type?: 'rpc';
}

export interface GroupControllerServiceCapability_RPC {
  type: GroupControllerServiceCapability_RPC_Type;
}

export type GroupControllerServiceCapability_RPC_Type =
  | 'UNKNOWN'
  | 'CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT';

export interface ListSnapshotsRequest {
  maxEntries: number;
  startingToken: string;
  sourceVolumeId: string;
  snapshotId: string;
  secrets: Record<string, string>;
}

export interface ListSnapshotsResponse {
  entries: ListSnapshotsResponse_Entry[];
  nextToken: string;
}

export interface ListSnapshotsResponse_Entry {
  snapshot: Snapshot | null;
}

export interface ListVolumesRequest {
  maxEntries: number;
  startingToken: string;
}

export interface ListVolumesResponse {
  entries: ListVolumesResponse_Entry[];
  nextToken: string;
}

export interface ListVolumesResponse_VolumeStatus {
  publishedNodeIds: string[];
  volumeCondition: VolumeCondition | null;
}

export interface ListVolumesResponse_Entry {
  volume: Volume | null;
  status: ListVolumesResponse_VolumeStatus | null;
}

export interface NodeExpandVolumeRequest {
  volumeId: string;
  volumePath: string;
  capacityRange: CapacityRange | null;
  stagingTargetPath: string;
  volumeCapability: VolumeCapability | null;
  secrets: Record<string, string>;
}

export interface NodeExpandVolumeResponse {
  capacityBytes: Int64;
}

export type NodeGetCapabilitiesRequest = Record<never, never>;

export interface NodeGetCapabilitiesResponse {
  capabilities: NodeServiceCapability[];
}

export type NodeGetInfoRequest = Record<never, never>;

export interface NodeGetInfoResponse {
  nodeId: string;
  maxVolumesPerNode: Int64;
  accessibleTopology: Topology | null;
}

export interface NodeGetStorageHealthRequest {
  secrets: Record<string, string>;
}

export interface NodeGetStorageHealthResponse {
  backendHealth: NodeGetStorageHealthResponse_StorageBackendHealth[];
}

export interface NodeGetStorageHealthResponse_StorageBackendHealth {
  status: StorageHealthErrorType;
  reason: string;
  message: string;
  volumeCapability: VolumeCapability | null;
}

export interface NodeGetVolumeHealthRequest {
  volumeId: string;
  volumePublishPath: string;
  stagingTargetPath: string;
}

export interface NodeGetVolumeHealthResponse {
  volumeHealth: VolumeHealth | null;
}

export interface NodeGetVolumeStatsRequest {
  volumeId: string;
  volumePath: string;
  stagingTargetPath: string;
}

export interface NodeGetVolumeStatsResponse {
  usage: VolumeUsage[];
  volumeCondition: VolumeCondition | null;
}

export interface NodePublishVolumeRequest {
  volumeId: string;
  publishContext: Record<string, string>;
  stagingTargetPath: string;
  targetPath: string;
  volumeCapability: VolumeCapability | null;
  readonly: boolean;
  secrets: Record<string, string>;
  volumeContext: Record<string, string>;
}

export type NodePublishVolumeResponse = Record<never, never>;

export interface NodeServiceCapability {
  rpc?: NodeServiceCapability_RPC;
  type?: 'rpc';
}

export interface NodeServiceCapability_RPC {
  type: NodeServiceCapability_RPC_Type;
}

export type NodeServiceCapability_RPC_Type =
  | 'UNKNOWN'
  | 'STAGE_UNSTAGE_VOLUME'
  | 'GET_VOLUME_STATS'
  | 'EXPAND_VOLUME'
  | 'VOLUME_CONDITION'
  | 'SINGLE_NODE_MULTI_WRITER'
  | 'VOLUME_MOUNT_GROUP'
  | 'GET_VOLUME_HEALTH'
  | 'GET_STORAGE_HEALTH';

export interface NodeStageVolumeRequest {
  volumeId: string;
  publishContext: Record<string, string>;
  stagingTargetPath: string;
  volumeCapability: VolumeCapability | null;
  secrets: Record<string, string>;
  volumeContext: Record<string, string>;
}

export type NodeStageVolumeResponse = Record<never, never>;

export interface NodeUnpublishVolumeRequest {
  volumeId: string;
  targetPath: string;
}

export type NodeUnpublishVolumeResponse = Record<never, never>;

export interface NodeUnstageVolumeRequest {
  volumeId: string;
  stagingTargetPath: string;
}

export type NodeUnstageVolumeResponse = Record<never, never>;

export interface PluginCapability {
  service?: PluginCapability_Service;
  volumeExpansion?: PluginCapability_VolumeExpansion;
  type?: 'service' | 'volumeExpansion';
}

export interface PluginCapability_Service {
  type: PluginCapability_Service_Type;
}

export type PluginCapability_Service_Type =
  | 'UNKNOWN'
  | 'CONTROLLER_SERVICE'
  | 'VOLUME_ACCESSIBILITY_CONSTRAINTS'
  | 'GROUP_CONTROLLER_SERVICE'
  | 'SNAPSHOT_METADATA_SERVICE'
  | 'SNAPSHOT_ACCESSIBILITY_CONSTRAINTS';

export interface PluginCapability_VolumeExpansion {
  type: PluginCapability_VolumeExpansion_Type;
}

export type PluginCapability_VolumeExpansion_Type =
  | 'UNKNOWN'
  | 'ONLINE'
  | 'OFFLINE';

export type ProbeRequest = Record<never, never>;

export interface ProbeResponse {
  ready: BoolValue | null;
}

export interface Snapshot {
  sizeBytes: Int64;
  snapshotId: string;
  sourceVolumeId: string;
  creationTime: Timestamp | null;
  readyToUse: boolean;
  groupSnapshotId: string;
  accessibleTopology: Topology[];
}

export interface Topology {
  segments: Record<string, string>;
}

export interface TopologyRequirement {
  requisite: Topology[];
  preferred: Topology[];
}

export interface ValidateVolumeCapabilitiesRequest {
  volumeId: string;
  volumeContext: Record<string, string>;
  volumeCapabilities: VolumeCapability[];
  parameters: Record<string, string>;
  secrets: Record<string, string>;
  mutableParameters: Record<string, string>;
}

export interface ValidateVolumeCapabilitiesResponse {
  confirmed: ValidateVolumeCapabilitiesResponse_Confirmed | null;
  message: string;
}

export interface ValidateVolumeCapabilitiesResponse_Confirmed {
  volumeContext: Record<string, string>;
  volumeCapabilities: VolumeCapability[];
  parameters: Record<string, string>;
  mutableParameters: Record<string, string>;
}

export interface Volume {
  capacityBytes: Int64;
  volumeId: string;
  volumeContext: Record<string, string>;
  contentSource: VolumeContentSource | null;
  accessibleTopology: Topology[];
}

export interface VolumeCapability {
  block?: VolumeCapability_BlockVolume;
  mount?: VolumeCapability_MountVolume;
  accessMode: VolumeCapability_AccessMode | null;
  accessType?: 'block' | 'mount';
}

export type VolumeCapability_BlockVolume = Record<never, never>;

export interface VolumeCapability_MountVolume {
  fsType: string;
  mountFlags: string[];
  volumeMountGroup: string;
}

export interface VolumeCapability_AccessMode {
  mode: VolumeCapability_AccessMode_Mode;
}

export type VolumeCapability_AccessMode_Mode =
  | 'UNKNOWN'
  | 'SINGLE_NODE_WRITER'
  | 'SINGLE_NODE_READER_ONLY'
  | 'MULTI_NODE_READER_ONLY'
  | 'MULTI_NODE_SINGLE_WRITER'
  | 'MULTI_NODE_MULTI_WRITER'
  | 'SINGLE_NODE_SINGLE_WRITER'
  | 'SINGLE_NODE_MULTI_WRITER';

export interface VolumeCondition {
  abnormal: boolean;
  message: string;
}

export interface VolumeContentSource {
  snapshot?: VolumeContentSource_SnapshotSource;
  volume?: VolumeContentSource_VolumeSource;
  type?: 'snapshot' | 'volume';
}

export interface VolumeContentSource_SnapshotSource {
  snapshotId: string;
}

export interface VolumeContentSource_VolumeSource {
  volumeId: string;
}

export interface VolumeGroupSnapshot {
  groupSnapshotId: string;
  snapshots: Snapshot[];
  creationTime: Timestamp | null;
  readyToUse: boolean;
}

export interface VolumeHealth {
  volumeId: string;
  healthStatuses: VolumeHealth_VolumeHealthEntry[];
}

export interface VolumeHealth_VolumeHealthEntry {
  status: VolumeHealthErrorType;
  reason: string;
  message: string;
}

export interface VolumeUsage {
  available: Int64;
  total: Int64;
  used: Int64;
  unit: VolumeUsage_Unit;
}

export type VolumeUsage_Unit =
  | 'UNKNOWN'
  | 'BYTES'
  | 'INODES';

export interface Timestamp {
  seconds: Int64;
  nanos: number;
}

export interface Int64Value {
  value: Int64;
}

export interface BoolValue {
  value: boolean;
}

export const IdentityService = {
  getPluginInfo: {
    path: '/csi.v1.Identity/GetPluginInfo',
    request: 'csi.v1.GetPluginInfoRequest',
    response: 'csi.v1.GetPluginInfoResponse',
  },
  getPluginCapabilities: {
    path: '/csi.v1.Identity/GetPluginCapabilities',
    request: 'csi.v1.GetPluginCapabilitiesRequest',
    response: 'csi.v1.GetPluginCapabilitiesResponse',
  },
  probe: {
    path: '/csi.v1.Identity/Probe',
    request: 'csi.v1.ProbeRequest',
    response: 'csi.v1.ProbeResponse',
  },
} as const;

export interface IdentityMethods {
  getPluginInfo: Method<GetPluginInfoRequest, GetPluginInfoResponse>;
  getPluginCapabilities: Method<GetPluginCapabilitiesRequest, GetPluginCapabilitiesResponse>;
  probe: Method<ProbeRequest, ProbeResponse>;
}

export const ControllerService = {
  createVolume: {
    path: '/csi.v1.Controller/CreateVolume',
    request: 'csi.v1.CreateVolumeRequest',
    response: 'csi.v1.CreateVolumeResponse',
  },
  deleteVolume: {
    path: '/csi.v1.Controller/DeleteVolume',
    request: 'csi.v1.DeleteVolumeRequest',
    response: 'csi.v1.DeleteVolumeResponse',
  },
  controllerPublishVolume: {
    path: '/csi.v1.Controller/ControllerPublishVolume',
    request: 'csi.v1.ControllerPublishVolumeRequest',
    response: 'csi.v1.ControllerPublishVolumeResponse',
  },
  controllerUnpublishVolume: {
    path: '/csi.v1.Controller/ControllerUnpublishVolume',
    request: 'csi.v1.ControllerUnpublishVolumeRequest',
    response: 'csi.v1.ControllerUnpublishVolumeResponse',
  },
  validateVolumeCapabilities: {
    path: '/csi.v1.Controller/ValidateVolumeCapabilities',
    request: 'csi.v1.ValidateVolumeCapabilitiesRequest',
    response: 'csi.v1.ValidateVolumeCapabilitiesResponse',
  },
  listVolumes: {
    path: '/csi.v1.Controller/ListVolumes',
    request: 'csi.v1.ListVolumesRequest',
    response: 'csi.v1.ListVolumesResponse',
  },
  controllerListVolumeHealth: {
    path: '/csi.v1.Controller/ControllerListVolumeHealth',
    request: 'csi.v1.ControllerListVolumeHealthRequest',
    response: 'csi.v1.ControllerListVolumeHealthResponse',
  },
  controllerGetVolumeHealth: {
    path: '/csi.v1.Controller/ControllerGetVolumeHealth',
    request: 'csi.v1.ControllerGetVolumeHealthRequest',
    response: 'csi.v1.ControllerGetVolumeHealthResponse',
  },
  getCapacity: {
    path: '/csi.v1.Controller/GetCapacity',
    request: 'csi.v1.GetCapacityRequest',
    response: 'csi.v1.GetCapacityResponse',
  },
  controllerGetCapabilities: {
    path: '/csi.v1.Controller/ControllerGetCapabilities',
    request: 'csi.v1.ControllerGetCapabilitiesRequest',
    response: 'csi.v1.ControllerGetCapabilitiesResponse',
  },
  createSnapshot: {
    path: '/csi.v1.Controller/CreateSnapshot',
    request: 'csi.v1.CreateSnapshotRequest',
    response: 'csi.v1.CreateSnapshotResponse',
  },
  deleteSnapshot: {
    path: '/csi.v1.Controller/DeleteSnapshot',
    request: 'csi.v1.DeleteSnapshotRequest',
    response: 'csi.v1.DeleteSnapshotResponse',
  },
  listSnapshots: {
    path: '/csi.v1.Controller/ListSnapshots',
    request: 'csi.v1.ListSnapshotsRequest',
    response: 'csi.v1.ListSnapshotsResponse',
  },
  getSnapshot: {
    path: '/csi.v1.Controller/GetSnapshot',
    request: 'csi.v1.GetSnapshotRequest',
    response: 'csi.v1.GetSnapshotResponse',
  },
  controllerExpandVolume: {
    path: '/csi.v1.Controller/ControllerExpandVolume',
    request: 'csi.v1.ControllerExpandVolumeRequest',
    response: 'csi.v1.ControllerExpandVolumeResponse',
  },
  controllerGetVolume: {
    path: '/csi.v1.Controller/ControllerGetVolume',
    request: 'csi.v1.ControllerGetVolumeRequest',
    response: 'csi.v1.ControllerGetVolumeResponse',
  },
  controllerModifyVolume: {
    path: '/csi.v1.Controller/ControllerModifyVolume',
    request: 'csi.v1.ControllerModifyVolumeRequest',
    response: 'csi.v1.ControllerModifyVolumeResponse',
  },
} as const;

export interface ControllerMethods {
  createVolume: Method<CreateVolumeRequest, CreateVolumeResponse>;
  deleteVolume: Method<DeleteVolumeRequest, DeleteVolumeResponse>;
  controllerPublishVolume: Method<ControllerPublishVolumeRequest, ControllerPublishVolumeResponse>;
  controllerUnpublishVolume: Method<ControllerUnpublishVolumeRequest, ControllerUnpublishVolumeResponse>;
  validateVolumeCapabilities: Method<ValidateVolumeCapabilitiesRequest, ValidateVolumeCapabilitiesResponse>;
  listVolumes: Method<ListVolumesRequest, ListVolumesResponse>;
  controllerListVolumeHealth: Method<ControllerListVolumeHealthRequest, ControllerListVolumeHealthResponse>;
  controllerGetVolumeHealth: Method<ControllerGetVolumeHealthRequest, ControllerGetVolumeHealthResponse>;
  getCapacity: Method<GetCapacityRequest, GetCapacityResponse>;
  controllerGetCapabilities: Method<ControllerGetCapabilitiesRequest, ControllerGetCapabilitiesResponse>;
  createSnapshot: Method<CreateSnapshotRequest, CreateSnapshotResponse>;
  deleteSnapshot: Method<DeleteSnapshotRequest, DeleteSnapshotResponse>;
  listSnapshots: Method<ListSnapshotsRequest, ListSnapshotsResponse>;
  getSnapshot: Method<GetSnapshotRequest, GetSnapshotResponse>;
  controllerExpandVolume: Method<ControllerExpandVolumeRequest, ControllerExpandVolumeResponse>;
  controllerGetVolume: Method<ControllerGetVolumeRequest, ControllerGetVolumeResponse>;
  controllerModifyVolume: Method<ControllerModifyVolumeRequest, ControllerModifyVolumeResponse>;
}

export const GroupControllerService = {
  groupControllerGetCapabilities: {
    path: '/csi.v1.GroupController/GroupControllerGetCapabilities',
    request: 'csi.v1.GroupControllerGetCapabilitiesRequest',
    response: 'csi.v1.GroupControllerGetCapabilitiesResponse',
  },
  createVolumeGroupSnapshot: {
    path: '/csi.v1.GroupController/CreateVolumeGroupSnapshot',
    request: 'csi.v1.CreateVolumeGroupSnapshotRequest',
    response: 'csi.v1.CreateVolumeGroupSnapshotResponse',
  },
  deleteVolumeGroupSnapshot: {
    path: '/csi.v1.GroupController/DeleteVolumeGroupSnapshot',
    request: 'csi.v1.DeleteVolumeGroupSnapshotRequest',
    response: 'csi.v1.DeleteVolumeGroupSnapshotResponse',
  },
  getVolumeGroupSnapshot: {
    path: '/csi.v1.GroupController/GetVolumeGroupSnapshot',
    request: 'csi.v1.GetVolumeGroupSnapshotRequest',
    response: 'csi.v1.GetVolumeGroupSnapshotResponse',
  },
} as const;

export interface GroupControllerMethods {
  groupControllerGetCapabilities: Method<GroupControllerGetCapabilitiesRequest, GroupControllerGetCapabilitiesResponse>;
  createVolumeGroupSnapshot: Method<CreateVolumeGroupSnapshotRequest, CreateVolumeGroupSnapshotResponse>;
  deleteVolumeGroupSnapshot: Method<DeleteVolumeGroupSnapshotRequest, DeleteVolumeGroupSnapshotResponse>;
  getVolumeGroupSnapshot: Method<GetVolumeGroupSnapshotRequest, GetVolumeGroupSnapshotResponse>;
}

export const SnapshotMetadataService = {
} as const;

export interface SnapshotMetadataMethods {
}

export const NodeService = {
  nodeStageVolume: {
    path: '/csi.v1.Node/NodeStageVolume',
    request: 'csi.v1.NodeStageVolumeRequest',
    response: 'csi.v1.NodeStageVolumeResponse',
  },
  nodeUnstageVolume: {
    path: '/csi.v1.Node/NodeUnstageVolume',
    request: 'csi.v1.NodeUnstageVolumeRequest',
    response: 'csi.v1.NodeUnstageVolumeResponse',
  },
  nodePublishVolume: {
    path: '/csi.v1.Node/NodePublishVolume',
    request: 'csi.v1.NodePublishVolumeRequest',
    response: 'csi.v1.NodePublishVolumeResponse',
  },
  nodeUnpublishVolume: {
    path: '/csi.v1.Node/NodeUnpublishVolume',
    request: 'csi.v1.NodeUnpublishVolumeRequest',
    response: 'csi.v1.NodeUnpublishVolumeResponse',
  },
  nodeGetVolumeStats: {
    path: '/csi.v1.Node/NodeGetVolumeStats',
    request: 'csi.v1.NodeGetVolumeStatsRequest',
    response: 'csi.v1.NodeGetVolumeStatsResponse',
  },
  nodeGetVolumeHealth: {
    path: '/csi.v1.Node/NodeGetVolumeHealth',
    request: 'csi.v1.NodeGetVolumeHealthRequest',
    response: 'csi.v1.NodeGetVolumeHealthResponse',
  },
  nodeGetStorageHealth: {
    path: '/csi.v1.Node/NodeGetStorageHealth',
    request: 'csi.v1.NodeGetStorageHealthRequest',
    response: 'csi.v1.NodeGetStorageHealthResponse',
  },
  nodeExpandVolume: {
    path: '/csi.v1.Node/NodeExpandVolume',
    request: 'csi.v1.NodeExpandVolumeRequest',
    response: 'csi.v1.NodeExpandVolumeResponse',
  },
  nodeGetCapabilities: {
    path: '/csi.v1.Node/NodeGetCapabilities',
    request: 'csi.v1.NodeGetCapabilitiesRequest',
    response: 'csi.v1.NodeGetCapabilitiesResponse',
  },
  nodeGetInfo: {
    path: '/csi.v1.Node/NodeGetInfo',
    request: 'csi.v1.NodeGetInfoRequest',
    response: 'csi.v1.NodeGetInfoResponse',
  },
} as const;

export interface NodeMethods {
  nodeStageVolume: Method<NodeStageVolumeRequest, NodeStageVolumeResponse>;
  nodeUnstageVolume: Method<NodeUnstageVolumeRequest, NodeUnstageVolumeResponse>;
  nodePublishVolume: Method<NodePublishVolumeRequest, NodePublishVolumeResponse>;
  nodeUnpublishVolume: Method<NodeUnpublishVolumeRequest, NodeUnpublishVolumeResponse>;
  nodeGetVolumeStats: Method<NodeGetVolumeStatsRequest, NodeGetVolumeStatsResponse>;
  nodeGetVolumeHealth: Method<NodeGetVolumeHealthRequest, NodeGetVolumeHealthResponse>;
  nodeGetStorageHealth: Method<NodeGetStorageHealthRequest, NodeGetStorageHealthResponse>;
  nodeExpandVolume: Method<NodeExpandVolumeRequest, NodeExpandVolumeResponse>;
  nodeGetCapabilities: Method<NodeGetCapabilitiesRequest, NodeGetCapabilitiesResponse>;
  nodeGetInfo: Method<NodeGetInfoRequest, NodeGetInfoResponse>;
}

/** The definition, for protobufjs. */
export const DEFINITION: string = '{"nested":{"csi":{"nested":{"v1":{"nested":{"Identity":{"methods":{"GetPluginInfo":{"requestType":"GetPluginInfoRequest","responseType":"GetPluginInfoResponse"},"GetPluginCapabilities":{"requestType":"GetPluginCapabilitiesRequest","responseType":"GetPluginCapabilitiesResponse"},"Probe":{"requestType":"ProbeRequest","responseType":"ProbeResponse"}}},"Controller":{"methods":{"CreateVolume":{"requestType":"CreateVolumeRequest","responseType":"CreateVolumeResponse"},"DeleteVolume":{"requestType":"DeleteVolumeRequest","responseType":"DeleteVolumeResponse"},"ControllerPublishVolume":{"requestType":"ControllerPublishVolumeRequest","responseType":"ControllerPublishVolumeResponse"},"ControllerUnpublishVolume":{"requestType":"ControllerUnpublishVolumeRequest","responseType":"ControllerUnpublishVolumeResponse"},"ValidateVolumeCapabilities":{"requestType":"ValidateVolumeCapabilitiesRequest","responseType":"ValidateVolumeCapabilitiesResponse"},"ListVolumes":{"requestType":"ListVolumesRequest","responseType":"ListVolumesResponse"},"ControllerListVolumeHealth":{"requestType":"ControllerListVolumeHealthRequest","responseType":"ControllerListVolumeHealthResponse"},"ControllerGetVolumeHealth":{"requestType":"ControllerGetVolumeHealthRequest","responseType":"ControllerGetVolumeHealthResponse"},"GetCapacity":{"requestType":"GetCapacityRequest","responseType":"GetCapacityResponse"},"ControllerGetCapabilities":{"requestType":"ControllerGetCapabilitiesRequest","responseType":"ControllerGetCapabilitiesResponse"},"CreateSnapshot":{"requestType":"CreateSnapshotRequest","responseType":"CreateSnapshotResponse"},"DeleteSnapshot":{"requestType":"DeleteSnapshotRequest","responseType":"DeleteSnapshotResponse"},"ListSnapshots":{"requestType":"ListSnapshotsRequest","responseType":"ListSnapshotsResponse"},"GetSnapshot":{"requestType":"GetSnapshotRequest","responseType":"GetSnapshotResponse"},"ControllerExpandVolume":{"requestType":"ControllerExpandVolumeRequest","responseType":"ControllerExpandVolumeResponse"},"ControllerGetVolume":{"requestType":"ControllerGetVolumeRequest","responseType":"ControllerGetVolumeResponse"},"ControllerModifyVolume":{"requestType":"ControllerModifyVolumeRequest","responseType":"ControllerModifyVolumeResponse"}}},"GroupController":{"methods":{"GroupControllerGetCapabilities":{"requestType":"GroupControllerGetCapabilitiesRequest","responseType":"GroupControllerGetCapabilitiesResponse"},"CreateVolumeGroupSnapshot":{"requestType":"CreateVolumeGroupSnapshotRequest","responseType":"CreateVolumeGroupSnapshotResponse"},"DeleteVolumeGroupSnapshot":{"requestType":"DeleteVolumeGroupSnapshotRequest","responseType":"DeleteVolumeGroupSnapshotResponse"},"GetVolumeGroupSnapshot":{"requestType":"GetVolumeGroupSnapshotRequest","responseType":"GetVolumeGroupSnapshotResponse"}}},"SnapshotMetadata":{"methods":{"GetMetadataAllocated":{"requestType":"GetMetadataAllocatedRequest","responseType":"GetMetadataAllocatedResponse","responseStream":true},"GetMetadataDelta":{"requestType":"GetMetadataDeltaRequest","responseType":"GetMetadataDeltaResponse","responseStream":true}}},"Node":{"methods":{"NodeStageVolume":{"requestType":"NodeStageVolumeRequest","responseType":"NodeStageVolumeResponse"},"NodeUnstageVolume":{"requestType":"NodeUnstageVolumeRequest","responseType":"NodeUnstageVolumeResponse"},"NodePublishVolume":{"requestType":"NodePublishVolumeRequest","responseType":"NodePublishVolumeResponse"},"NodeUnpublishVolume":{"requestType":"NodeUnpublishVolumeRequest","responseType":"NodeUnpublishVolumeResponse"},"NodeGetVolumeStats":{"requestType":"NodeGetVolumeStatsRequest","responseType":"NodeGetVolumeStatsResponse"},"NodeGetVolumeHealth":{"requestType":"NodeGetVolumeHealthRequest","responseType":"NodeGetVolumeHealthResponse"},"NodeGetStorageHealth":{"requestType":"NodeGetStorageHealthRequest","responseType":"NodeGetStorageHealthResponse"},"NodeExpandVolume":{"requestType":"NodeExpandVolumeRequest","responseType":"NodeExpandVolumeResponse"},"NodeGetCapabilities":{"requestType":"NodeGetCapabilitiesRequest","responseType":"NodeGetCapabilitiesResponse"},"NodeGetInfo":{"requestType":"NodeGetInfoRequest","responseType":"NodeGetInfoResponse"}}},"VolumeHealthErrorType":{"values":{"UNKNOWN_VOLUME_HEALTH_TYPE":0,"DEGRADED":1,"INACCESSIBLE":2,"DATA_LOSS":3}},"StorageHealthErrorType":{"values":{"UNKNOWN_STORAGE_HEALTH_ERROR_TYPE":0,"STORAGE_DEGRADED":1,"STORAGE_UNREACHABLE":2}},"BlockMetadataType":{"values":{"UNKNOWN":0,"FIXED_LENGTH":1,"VARIABLE_LENGTH":2}},"BlockMetadata":{"fields":{"byteOffset":{"type":"int64","id":1},"sizeBytes":{"type":"int64","id":2}}},"CapacityRange":{"fields":{"requiredBytes":{"type":"int64","id":1},"limitBytes":{"type":"int64","id":2}}},"ControllerExpandVolumeRequest":{"fields":{"volumeId":{"type":"string","id":1},"capacityRange":{"type":"CapacityRange","id":2},"secrets":{"keyType":"string","type":"string","id":3,"options":{"(csi_secret)":true}},"volumeCapability":{"type":"VolumeCapability","id":4}}},"ControllerExpandVolumeResponse":{"fields":{"capacityBytes":{"type":"int64","id":1},"nodeExpansionRequired":{"type":"bool","id":2}}},"ControllerGetCapabilitiesRequest":{"fields":{}},"ControllerGetCapabilitiesResponse":{"fields":{"capabilities":{"rule":"repeated","type":"ControllerServiceCapability","id":1}}},"ControllerGetVolumeHealthRequest":{"fields":{"volumeId":{"type":"string","id":1},"secrets":{"keyType":"string","type":"string","id":2,"options":{"(csi_secret)":true}}}},"ControllerGetVolumeHealthResponse":{"fields":{"volumeHealth":{"type":"VolumeHealth","id":1}}},"ControllerGetVolumeRequest":{"fields":{"volumeId":{"type":"string","id":1}}},"ControllerGetVolumeResponse":{"fields":{"volume":{"type":"Volume","id":1},"status":{"type":"VolumeStatus","id":2}},"nested":{"VolumeStatus":{"fields":{"publishedNodeIds":{"rule":"repeated","type":"string","id":1},"volumeCondition":{"type":"VolumeCondition","id":2}}}}},"ControllerListVolumeHealthRequest":{"fields":{"maxEntries":{"type":"int32","id":1},"startingToken":{"type":"string","id":2},"secrets":{"keyType":"string","type":"string","id":3,"options":{"(csi_secret)":true}}}},"ControllerListVolumeHealthResponse":{"fields":{"entries":{"rule":"repeated","type":"VolumeHealth","id":1},"nextToken":{"type":"string","id":2}}},"ControllerModifyVolumeRequest":{"fields":{"volumeId":{"type":"string","id":1},"secrets":{"keyType":"string","type":"string","id":2,"options":{"(csi_secret)":true}},"mutableParameters":{"keyType":"string","type":"string","id":3}}},"ControllerModifyVolumeResponse":{"fields":{}},"ControllerPublishVolumeRequest":{"fields":{"volumeId":{"type":"string","id":1},"nodeId":{"type":"string","id":2},"volumeCapability":{"type":"VolumeCapability","id":3},"readonly":{"type":"bool","id":4},"secrets":{"keyType":"string","type":"string","id":5,"options":{"(csi_secret)":true}},"volumeContext":{"keyType":"string","type":"string","id":6}}},"ControllerPublishVolumeResponse":{"fields":{"publishContext":{"keyType":"string","type":"string","id":1}}},"ControllerServiceCapability":{"oneofs":{"type":{"oneof":["rpc"]}},"fields":{"rpc":{"type":"RPC","id":1}},"nested":{"RPC":{"fields":{"type":{"type":"Type","id":1}},"nested":{"Type":{"values":{"UNKNOWN":0,"CREATE_DELETE_VOLUME":1,"PUBLISH_UNPUBLISH_VOLUME":2,"LIST_VOLUMES":3,"GET_CAPACITY":4,"CREATE_DELETE_SNAPSHOT":5,"LIST_SNAPSHOTS":6,"CLONE_VOLUME":7,"PUBLISH_READONLY":8,"EXPAND_VOLUME":9,"LIST_VOLUMES_PUBLISHED_NODES":10,"VOLUME_CONDITION":11,"GET_VOLUME":12,"SINGLE_NODE_MULTI_WRITER":13,"MODIFY_VOLUME":14,"GET_SNAPSHOT":15,"GET_VOLUME_HEALTH":16,"LIST_VOLUME_HEALTH":17}}}}}},"ControllerUnpublishVolumeRequest":{"fields":{"volumeId":{"type":"string","id":1},"nodeId":{"type":"string","id":2},"secrets":{"keyType":"string","type":"string","id":3,"options":{"(csi_secret)":true}}}},"ControllerUnpublishVolumeResponse":{"fields":{}},"CreateSnapshotRequest":{"fields":{"sourceVolumeId":{"type":"string","id":1},"name":{"type":"string","id":2},"secrets":{"keyType":"string","type":"string","id":3,"options":{"(csi_secret)":true}},"parameters":{"keyType":"string","type":"string","id":4},"accessibilityRequirements":{"type":"TopologyRequirement","id":5}}},"CreateSnapshotResponse":{"fields":{"snapshot":{"type":"Snapshot","id":1}}},"CreateVolumeGroupSnapshotRequest":{"fields":{"name":{"type":"string","id":1},"sourceVolumeIds":{"rule":"repeated","type":"string","id":2},"secrets":{"keyType":"string","type":"string","id":3,"options":{"(csi_secret)":true}},"parameters":{"keyType":"string","type":"string","id":4}}},"CreateVolumeGroupSnapshotResponse":{"fields":{"groupSnapshot":{"type":"VolumeGroupSnapshot","id":1}}},"CreateVolumeRequest":{"fields":{"name":{"type":"string","id":1},"capacityRange":{"type":"CapacityRange","id":2},"volumeCapabilities":{"rule":"repeated","type":"VolumeCapability","id":3},"parameters":{"keyType":"string","type":"string","id":4},"secrets":{"keyType":"string","type":"string","id":5,"options":{"(csi_secret)":true}},"volumeContentSource":{"type":"VolumeContentSource","id":6},"accessibilityRequirements":{"type":"TopologyRequirement","id":7},"mutableParameters":{"keyType":"string","type":"string","id":8}}},"CreateVolumeResponse":{"fields":{"volume":{"type":"Volume","id":1}}},"DeleteSnapshotRequest":{"fields":{"snapshotId":{"type":"string","id":1},"secrets":{"keyType":"string","type":"string","id":2,"options":{"(csi_secret)":true}}}},"DeleteSnapshotResponse":{"fields":{}},"DeleteVolumeGroupSnapshotRequest":{"fields":{"groupSnapshotId":{"type":"string","id":1},"snapshotIds":{"rule":"repeated","type":"string","id":2},"secrets":{"keyType":"string","type":"string","id":3,"options":{"(csi_secret)":true}}}},"DeleteVolumeGroupSnapshotResponse":{"fields":{}},"DeleteVolumeRequest":{"fields":{"volumeId":{"type":"string","id":1},"secrets":{"keyType":"string","type":"string","id":2,"options":{"(csi_secret)":true}}}},"DeleteVolumeResponse":{"fields":{}},"GetCapacityRequest":{"fields":{"volumeCapabilities":{"rule":"repeated","type":"VolumeCapability","id":1},"parameters":{"keyType":"string","type":"string","id":2},"accessibleTopology":{"type":"Topology","id":3}}},"GetCapacityResponse":{"fields":{"availableCapacity":{"type":"int64","id":1},"maximumVolumeSize":{"type":"google.protobuf.Int64Value","id":2},"minimumVolumeSize":{"type":"google.protobuf.Int64Value","id":3}}},"GetMetadataAllocatedRequest":{"fields":{"snapshotId":{"type":"string","id":1},"startingOffset":{"type":"int64","id":2},"maxResults":{"type":"int32","id":3},"secrets":{"keyType":"string","type":"string","id":4,"options":{"(csi_secret)":true}}}},"GetMetadataAllocatedResponse":{"fields":{"blockMetadataType":{"type":"BlockMetadataType","id":1},"volumeCapacityBytes":{"type":"int64","id":2},"blockMetadata":{"rule":"repeated","type":"BlockMetadata","id":3}}},"GetMetadataDeltaRequest":{"fields":{"baseSnapshotId":{"type":"string","id":1},"targetSnapshotId":{"type":"string","id":2},"startingOffset":{"type":"int64","id":3},"maxResults":{"type":"int32","id":4},"secrets":{"keyType":"string","type":"string","id":5,"options":{"(csi_secret)":true}}}},"GetMetadataDeltaResponse":{"fields":{"blockMetadataType":{"type":"BlockMetadataType","id":1},"volumeCapacityBytes":{"type":"int64","id":2},"blockMetadata":{"rule":"repeated","type":"BlockMetadata","id":3}}},"GetPluginCapabilitiesRequest":{"fields":{}},"GetPluginCapabilitiesResponse":{"fields":{"capabilities":{"rule":"repeated","type":"PluginCapability","id":1}}},"GetPluginInfoRequest":{"fields":{}},"GetPluginInfoResponse":{"fields":{"name":{"type":"string","id":1},"vendorVersion":{"type":"string","id":2},"manifest":{"keyType":"string","type":"string","id":3}}},"GetSnapshotRequest":{"fields":{"snapshotId":{"type":"string","id":1},"secrets":{"keyType":"string","type":"string","id":2,"options":{"(csi_secret)":true}}}},"GetSnapshotResponse":{"fields":{"snapshot":{"type":"Snapshot","id":1}}},"GetVolumeGroupSnapshotRequest":{"fields":{"groupSnapshotId":{"type":"string","id":1},"snapshotIds":{"rule":"repeated","type":"string","id":2},"secrets":{"keyType":"string","type":"string","id":3,"options":{"(csi_secret)":true}}}},"GetVolumeGroupSnapshotResponse":{"fields":{"groupSnapshot":{"type":"VolumeGroupSnapshot","id":1}}},"GroupControllerGetCapabilitiesRequest":{"fields":{}},"GroupControllerGetCapabilitiesResponse":{"fields":{"capabilities":{"rule":"repeated","type":"GroupControllerServiceCapability","id":1}}},"GroupControllerServiceCapability":{"oneofs":{"type":{"oneof":["rpc"]}},"fields":{"rpc":{"type":"RPC","id":1}},"nested":{"RPC":{"fields":{"type":{"type":"Type","id":1}},"nested":{"Type":{"values":{"UNKNOWN":0,"CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT":1}}}}}},"ListSnapshotsRequest":{"fields":{"maxEntries":{"type":"int32","id":1},"startingToken":{"type":"string","id":2},"sourceVolumeId":{"type":"string","id":3},"snapshotId":{"type":"string","id":4},"secrets":{"keyType":"string","type":"string","id":5,"options":{"(csi_secret)":true}}}},"ListSnapshotsResponse":{"fields":{"entries":{"rule":"repeated","type":"Entry","id":1},"nextToken":{"type":"string","id":2}},"nested":{"Entry":{"fields":{"snapshot":{"type":"Snapshot","id":1}}}}},"ListVolumesRequest":{"fields":{"maxEntries":{"type":"int32","id":1},"startingToken":{"type":"string","id":2}}},"ListVolumesResponse":{"fields":{"entries":{"rule":"repeated","type":"Entry","id":1},"nextToken":{"type":"string","id":2}},"nested":{"VolumeStatus":{"fields":{"publishedNodeIds":{"rule":"repeated","type":"string","id":1},"volumeCondition":{"type":"VolumeCondition","id":2}}},"Entry":{"fields":{"volume":{"type":"Volume","id":1},"status":{"type":"VolumeStatus","id":2}}}}},"NodeExpandVolumeRequest":{"fields":{"volumeId":{"type":"string","id":1},"volumePath":{"type":"string","id":2},"capacityRange":{"type":"CapacityRange","id":3},"stagingTargetPath":{"type":"string","id":4},"volumeCapability":{"type":"VolumeCapability","id":5},"secrets":{"keyType":"string","type":"string","id":6,"options":{"(csi_secret)":true}}}},"NodeExpandVolumeResponse":{"fields":{"capacityBytes":{"type":"int64","id":1}}},"NodeGetCapabilitiesRequest":{"fields":{}},"NodeGetCapabilitiesResponse":{"fields":{"capabilities":{"rule":"repeated","type":"NodeServiceCapability","id":1}}},"NodeGetInfoRequest":{"fields":{}},"NodeGetInfoResponse":{"fields":{"nodeId":{"type":"string","id":1},"maxVolumesPerNode":{"type":"int64","id":2},"accessibleTopology":{"type":"Topology","id":3}}},"NodeGetStorageHealthRequest":{"fields":{"secrets":{"keyType":"string","type":"string","id":1,"options":{"(csi_secret)":true}}}},"NodeGetStorageHealthResponse":{"fields":{"backendHealth":{"rule":"repeated","type":"StorageBackendHealth","id":1}},"nested":{"StorageBackendHealth":{"fields":{"status":{"type":"StorageHealthErrorType","id":1},"reason":{"type":"string","id":2},"message":{"type":"string","id":3},"volumeCapability":{"type":"VolumeCapability","id":4}}}}},"NodeGetVolumeHealthRequest":{"fields":{"volumeId":{"type":"string","id":1},"volumePublishPath":{"type":"string","id":2},"stagingTargetPath":{"type":"string","id":3}}},"NodeGetVolumeHealthResponse":{"fields":{"volumeHealth":{"type":"VolumeHealth","id":1}}},"NodeGetVolumeStatsRequest":{"fields":{"volumeId":{"type":"string","id":1},"volumePath":{"type":"string","id":2},"stagingTargetPath":{"type":"string","id":3}}},"NodeGetVolumeStatsResponse":{"fields":{"usage":{"rule":"repeated","type":"VolumeUsage","id":1},"volumeCondition":{"type":"VolumeCondition","id":2}}},"NodePublishVolumeRequest":{"fields":{"volumeId":{"type":"string","id":1},"publishContext":{"keyType":"string","type":"string","id":2},"stagingTargetPath":{"type":"string","id":3},"targetPath":{"type":"string","id":4},"volumeCapability":{"type":"VolumeCapability","id":5},"readonly":{"type":"bool","id":6},"secrets":{"keyType":"string","type":"string","id":7,"options":{"(csi_secret)":true}},"volumeContext":{"keyType":"string","type":"string","id":8}}},"NodePublishVolumeResponse":{"fields":{}},"NodeServiceCapability":{"oneofs":{"type":{"oneof":["rpc"]}},"fields":{"rpc":{"type":"RPC","id":1}},"nested":{"RPC":{"fields":{"type":{"type":"Type","id":1}},"nested":{"Type":{"values":{"UNKNOWN":0,"STAGE_UNSTAGE_VOLUME":1,"GET_VOLUME_STATS":2,"EXPAND_VOLUME":3,"VOLUME_CONDITION":4,"SINGLE_NODE_MULTI_WRITER":5,"VOLUME_MOUNT_GROUP":6,"GET_VOLUME_HEALTH":7,"GET_STORAGE_HEALTH":8}}}}}},"NodeStageVolumeRequest":{"fields":{"volumeId":{"type":"string","id":1},"publishContext":{"keyType":"string","type":"string","id":2},"stagingTargetPath":{"type":"string","id":3},"volumeCapability":{"type":"VolumeCapability","id":4},"secrets":{"keyType":"string","type":"string","id":5,"options":{"(csi_secret)":true}},"volumeContext":{"keyType":"string","type":"string","id":6}}},"NodeStageVolumeResponse":{"fields":{}},"NodeUnpublishVolumeRequest":{"fields":{"volumeId":{"type":"string","id":1},"targetPath":{"type":"string","id":2}}},"NodeUnpublishVolumeResponse":{"fields":{}},"NodeUnstageVolumeRequest":{"fields":{"volumeId":{"type":"string","id":1},"stagingTargetPath":{"type":"string","id":2}}},"NodeUnstageVolumeResponse":{"fields":{}},"PluginCapability":{"oneofs":{"type":{"oneof":["service","volumeExpansion"]}},"fields":{"service":{"type":"Service","id":1},"volumeExpansion":{"type":"VolumeExpansion","id":2}},"nested":{"Service":{"fields":{"type":{"type":"Type","id":1}},"nested":{"Type":{"values":{"UNKNOWN":0,"CONTROLLER_SERVICE":1,"VOLUME_ACCESSIBILITY_CONSTRAINTS":2,"GROUP_CONTROLLER_SERVICE":3,"SNAPSHOT_METADATA_SERVICE":4,"SNAPSHOT_ACCESSIBILITY_CONSTRAINTS":5}}}},"VolumeExpansion":{"fields":{"type":{"type":"Type","id":1}},"nested":{"Type":{"values":{"UNKNOWN":0,"ONLINE":1,"OFFLINE":2}}}}}},"ProbeRequest":{"fields":{}},"ProbeResponse":{"fields":{"ready":{"type":".google.protobuf.BoolValue","id":1}}},"Snapshot":{"fields":{"sizeBytes":{"type":"int64","id":1},"snapshotId":{"type":"string","id":2},"sourceVolumeId":{"type":"string","id":3},"creationTime":{"type":".google.protobuf.Timestamp","id":4},"readyToUse":{"type":"bool","id":5},"groupSnapshotId":{"type":"string","id":6},"accessibleTopology":{"rule":"repeated","type":"Topology","id":7}}},"Topology":{"fields":{"segments":{"keyType":"string","type":"string","id":1}}},"TopologyRequirement":{"fields":{"requisite":{"rule":"repeated","type":"Topology","id":1},"preferred":{"rule":"repeated","type":"Topology","id":2}}},"ValidateVolumeCapabilitiesRequest":{"fields":{"volumeId":{"type":"string","id":1},"volumeContext":{"keyType":"string","type":"string","id":2},"volumeCapabilities":{"rule":"repeated","type":"VolumeCapability","id":3},"parameters":{"keyType":"string","type":"string","id":4},"secrets":{"keyType":"string","type":"string","id":5,"options":{"(csi_secret)":true}},"mutableParameters":{"keyType":"string","type":"string","id":6}}},"ValidateVolumeCapabilitiesResponse":{"fields":{"confirmed":{"type":"Confirmed","id":1},"message":{"type":"string","id":2}},"nested":{"Confirmed":{"fields":{"volumeContext":{"keyType":"string","type":"string","id":1},"volumeCapabilities":{"rule":"repeated","type":"VolumeCapability","id":2},"parameters":{"keyType":"string","type":"string","id":3},"mutableParameters":{"keyType":"string","type":"string","id":4}}}}},"Volume":{"fields":{"capacityBytes":{"type":"int64","id":1},"volumeId":{"type":"string","id":2},"volumeContext":{"keyType":"string","type":"string","id":3},"contentSource":{"type":"VolumeContentSource","id":4},"accessibleTopology":{"rule":"repeated","type":"Topology","id":5}}},"VolumeCapability":{"oneofs":{"accessType":{"oneof":["block","mount"]}},"fields":{"block":{"type":"BlockVolume","id":1},"mount":{"type":"MountVolume","id":2},"accessMode":{"type":"AccessMode","id":3}},"nested":{"BlockVolume":{"fields":{}},"MountVolume":{"fields":{"fsType":{"type":"string","id":1},"mountFlags":{"rule":"repeated","type":"string","id":2},"volumeMountGroup":{"type":"string","id":3}}},"AccessMode":{"fields":{"mode":{"type":"Mode","id":1}},"nested":{"Mode":{"values":{"UNKNOWN":0,"SINGLE_NODE_WRITER":1,"SINGLE_NODE_READER_ONLY":2,"MULTI_NODE_READER_ONLY":3,"MULTI_NODE_SINGLE_WRITER":4,"MULTI_NODE_MULTI_WRITER":5,"SINGLE_NODE_SINGLE_WRITER":6,"SINGLE_NODE_MULTI_WRITER":7}}}}}},"VolumeCondition":{"fields":{"abnormal":{"type":"bool","id":1},"message":{"type":"string","id":2}}},"VolumeContentSource":{"oneofs":{"type":{"oneof":["snapshot","volume"]}},"fields":{"snapshot":{"type":"SnapshotSource","id":1},"volume":{"type":"VolumeSource","id":2}},"nested":{"SnapshotSource":{"fields":{"snapshotId":{"type":"string","id":1}}},"VolumeSource":{"fields":{"volumeId":{"type":"string","id":1}}}}},"VolumeGroupSnapshot":{"fields":{"groupSnapshotId":{"type":"string","id":1},"snapshots":{"rule":"repeated","type":"Snapshot","id":2},"creationTime":{"type":".google.protobuf.Timestamp","id":3},"readyToUse":{"type":"bool","id":4}}},"VolumeHealth":{"fields":{"volumeId":{"type":"string","id":1},"healthStatuses":{"rule":"repeated","type":"VolumeHealthEntry","id":2}},"nested":{"VolumeHealthEntry":{"fields":{"status":{"type":"VolumeHealthErrorType","id":1},"reason":{"type":"string","id":2},"message":{"type":"string","id":3}}}}},"VolumeUsage":{"fields":{"available":{"type":"int64","id":1},"total":{"type":"int64","id":2},"used":{"type":"int64","id":3},"unit":{"type":"Unit","id":4}},"nested":{"Unit":{"values":{"UNKNOWN":0,"BYTES":1,"INODES":2}}}}}}}},"google":{"nested":{"protobuf":{"nested":{"Timestamp":{"fields":{"seconds":{"type":"int64","id":1},"nanos":{"type":"int32","id":2}}},"Int64Value":{"fields":{"value":{"type":"int64","id":1}}},"BoolValue":{"fields":{"value":{"type":"bool","id":1}}}}}}}}}';
