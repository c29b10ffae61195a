import type { ApiObject, Stored } from '../schema/meta.ts';
import type { Volume } from '../schema/volume.ts';

/** A small valid Volume. */
export function aVolume(name: string, spec: Partial<NonNullable<Volume['spec']>> = {}): Volume {
  return {
    apiVersion: 'holdfast.storage/v1alpha1',
    kind: 'Volume',
    metadata: { name },
    spec: {
      sizeBytes: 64 * 1024 * 1024,
      replicas: 2,
      poolClass: '',
      protocol: 'C',
      volumeMode: 'Filesystem',
      fsType: 'ext4',
      attachments: [],
      ...spec,
    },
  };
}

/** The object as a server would return it. */
export function stored<T extends ApiObject>(object: T, resourceVersion: string, uid?: string): Stored<T> {
  return {
    ...object,
    metadata: {
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...object.metadata,
      uid: uid ?? `uid-${object.metadata.name}`,
      resourceVersion,
    },
  };
}
