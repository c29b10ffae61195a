import type { Structural } from './structural.ts';

const text = (description: string): Structural => ({ type: 'string', description });
const strings = (description: string): Structural => ({
  type: 'object',
  description,
  additionalProperties: { type: 'string' },
});

/** The structural schema of ObjectMeta: what is pruned, how lists merge under server-side apply. */
export const METADATA: Structural = {
  type: 'object',
  description: "Standard object's metadata.",
  properties: {
    name: text('Name must be unique within a namespace. Cannot be updated.'),
    generateName: text('Prefix used by the server to make a unique name when none is given.'),
    namespace: text('Namespace defines the space within which each name must be unique.'),
    selfLink: text('Deprecated: ignored.'),
    uid: text('Unique in time and space. Set by the server.'),
    resourceVersion: text('Opaque; changes with every write. Set by the server.'),
    generation: { type: 'integer', format: 'int64', description: 'Counts the changes of the desired state.' },
    creationTimestamp: { type: 'string', format: 'date-time', nullable: true, description: 'Set by the server.' },
    deletionTimestamp: {
      type: 'string',
      format: 'date-time',
      description: 'When deletion was asked for. Set by the server.',
    },
    deletionGracePeriodSeconds: { type: 'integer', format: 'int64', description: 'Set by the server.' },
    labels: strings('Key value pairs to select objects by.'),
    annotations: strings('Key value pairs for tools; not queryable.'),
    finalizers: {
      type: 'array',
      description: 'Must be empty before the object is removed. Each entry belongs to the component that removes it.',
      items: { type: 'string' },
      'x-kubernetes-list-type': 'set',
    },
    ownerReferences: {
      type: 'array',
      description: 'Objects this one depends on. When all are gone it is garbage collected.',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['uid'],
      items: {
        type: 'object',
        required: ['apiVersion', 'kind', 'name', 'uid'],
        properties: {
          apiVersion: text('API version of the referent.'),
          kind: text('Kind of the referent.'),
          name: text('Name of the referent.'),
          uid: text('UID of the referent.'),
          controller: { type: 'boolean', description: 'True when this owner is the managing controller.' },
          blockOwnerDeletion: {
            type: 'boolean',
            description: 'The owner is not removed by foreground deletion before this object is gone.',
          },
        },
        'x-kubernetes-map-type': 'atomic',
      },
    },
    managedFields: {
      type: 'array',
      description: 'Which manager wrote which field. For server-side apply.',
      items: {
        type: 'object',
        properties: {
          manager: text('Name of the writer.'),
          operation: text('Apply or Update.'),
          apiVersion: text('Version that the fields refer to.'),
          time: { type: 'string', format: 'date-time' },
          fieldsType: text('FieldsV1.'),
          fieldsV1: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          subresource: text('Subresource that was written, or empty.'),
        },
      },
    },
  },
};
