/** Names by which the driver is known. They land in PersistentVolumes and node labels: none of them can ever change. */

/** CSI: a reverse domain name in lower case; CSIDriver object, `provisioner` of StorageClasses. */
export const DRIVER_NAME = 'csi.holdfast.storage';
/** The one topology key: from which node a volume can be reached. Its value is the node's label value. */
export const TOPOLOGY_KEY = 'topology.csi.holdfast.storage/node';
/** The name that the client gave at creation, when ours is another one. */
export const ANNOTATION_NAME = 'csi.holdfast.storage/name';
/** `namespace/name` of the PersistentVolumeClaim, when the provisioner tells it. */
export const ANNOTATION_CLAIM = 'csi.holdfast.storage/claim';
