/** Labels, finalizers and annotations that Holdfast sets. */
export const LABEL_VOLUME = 'holdfast.storage/volume';
export const LABEL_NODE = 'holdfast.storage/node';

/** On a Volume: the controller removes replicas first. */
export const FINALIZER_VOLUME = 'holdfast.storage/volume';
/** On a Replica: the agent of its node removes LV, metadata and DRBD configuration first (INV-7). */
export const FINALIZER_REPLICA = 'holdfast.storage/replica';
/** On a Pool: not while a replica uses it. */
export const FINALIZER_POOL = 'holdfast.storage/pool';
