import { timestamp } from '@holdfast/api/schema/meta.ts';
import * as z from 'zod';
import type { ResourceSource } from './resources.ts';
import { isObject, type KubeObject } from './types.ts';

/** RFC 3339 with microseconds; what clients of Lease and Event write. */
const microTime = timestamp;
const COMMON = { shortNames: [], categories: [], rules: [], selectableFields: [], strategicMerge: true } as const;

const objectReference = z.object({
  kind: z.string().optional(),
  namespace: z.string().optional(),
  name: z.string().optional(),
  uid: z.string().optional(),
  apiVersion: z.string().optional(),
  resourceVersion: z.string().optional(),
  fieldPath: z.string().optional(),
});

const LEASE: ResourceSource = {
  ...COMMON,
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  singular: 'lease',
  namespaced: true,
  description: 'Lease defines a lease concept.',
  fields: {
    spec: {
      required: false,
      schema: z.object({
        holderIdentity: z.string().optional().describe('The identity of the holder of a current lease.'),
        leaseDurationSeconds: z.int().min(1).optional().describe('How long candidates wait after renewTime.'),
        acquireTime: microTime.optional().describe('When the current lease was acquired.'),
        renewTime: microTime.optional().describe('When the current holder last updated the lease.'),
        leaseTransitions: z.int().min(0).optional().describe('The number of transitions between holders.'),
        strategy: z.string().optional(),
        preferredHolder: z.string().optional(),
      }),
    },
  },
  statusSubresource: false,
  printerColumns: [
    { name: 'Holder', type: 'string', jsonPath: '.spec.holderIdentity' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  // A heartbeat every second per node: recording its writer each time would double its cost and say nothing.
  trackUpdates: false,
};

const EVENT: ResourceSource = {
  ...COMMON,
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  singular: 'event',
  shortNames: ['ev'],
  namespaced: true,
  description: 'Event is a report of an event somewhere in the cluster.',
  fields: {
    involvedObject: { required: true, schema: objectReference },
    reason: { required: false, schema: z.string().describe('Why the action was taken, in CamelCase.') },
    message: { required: false, schema: z.string().describe('For people.') },
    type: { required: false, schema: z.string().describe('Normal or Warning.') },
    count: { required: false, schema: z.int().describe('How often this happened.') },
    firstTimestamp: { required: false, schema: timestamp.nullable() },
    lastTimestamp: { required: false, schema: timestamp.nullable() },
    eventTime: { required: false, schema: microTime.nullable() },
    action: { required: false, schema: z.string() },
    series: {
      required: false,
      schema: z.object({ count: z.int().optional(), lastObservedTime: microTime.optional() }),
    },
    source: {
      required: false,
      schema: z.object({ component: z.string().optional(), host: z.string().optional() }),
    },
    related: { required: false, schema: objectReference },
    reportingComponent: { required: false, schema: z.string() },
    reportingInstance: { required: false, schema: z.string() },
  },
  statusSubresource: false,
  printerColumns: [
    { name: 'Last Seen', type: 'date', jsonPath: '.lastTimestamp' },
    { name: 'Type', type: 'string', jsonPath: '.type' },
    { name: 'Reason', type: 'string', jsonPath: '.reason' },
    { name: 'Object', type: 'string', jsonPath: '.involvedObject.name' },
    { name: 'Subobject', type: 'string', jsonPath: '.involvedObject.fieldPath', priority: 1 },
    { name: 'Source', type: 'string', jsonPath: '.source.component', priority: 1 },
    { name: 'Message', type: 'string', jsonPath: '.message' },
    { name: 'Count', type: 'integer', jsonPath: '.count', priority: 1 },
  ],
  selectableFields: [
    '.involvedObject.kind',
    '.involvedObject.namespace',
    '.involvedObject.name',
    '.involvedObject.uid',
    '.involvedObject.apiVersion',
    '.involvedObject.resourceVersion',
    '.involvedObject.fieldPath',
    '.reason',
    '.reportingComponent',
    '.type',
  ],
  trackUpdates: false,
};

function canonicalSecret(object: KubeObject): KubeObject {
  const { stringData, ...rest } = object;
  const out: KubeObject = { ...rest, apiVersion: object.apiVersion, kind: object.kind, metadata: object.metadata };
  if (isObject(stringData)) {
    const data = isObject(out['data']) ? { ...out['data'] } : {};
    for (const [key, value] of Object.entries(stringData)) {
      if (typeof value === 'string') data[key] = Buffer.from(value, 'utf8').toString('base64');
    }
    out['data'] = data;
  }
  if (out['type'] === undefined || out['type'] === '') out['type'] = 'Opaque';
  return out;
}

const SECRET: ResourceSource = {
  ...COMMON,
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  singular: 'secret',
  namespaced: true,
  description: 'Secret holds secret data of a certain type.',
  fields: {
    type: { required: false, schema: z.string().describe('Used to facilitate programmatic handling.') },
    immutable: { required: false, schema: z.boolean().describe('true: data cannot be changed any more.') },
    data: {
      required: false,
      schema: z
        .record(z.string().regex(/^[-._a-zA-Z0-9]+$/), z.base64('must be base64; use stringData for plain text'))
        .describe('Base64 values.'),
    },
    stringData: { required: false, schema: z.record(z.string(), z.string()).describe('Write-only plain values.') },
  },
  statusSubresource: false,
  printerColumns: [
    { name: 'Type', type: 'string', jsonPath: '.type' },
    { name: 'Data', type: 'integer', jsonPath: '.data' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  selectableFields: ['.type'],
  trackUpdates: true,
  canonicalize: canonicalSecret,
};

const NAMESPACE: ResourceSource = {
  ...COMMON,
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  singular: 'namespace',
  shortNames: ['ns'],
  namespaced: false,
  description: 'Namespace provides a scope for names.',
  fields: {
    spec: { required: false, schema: z.object({ finalizers: z.array(z.string()).optional() }) },
    status: { required: false, schema: z.object({ phase: z.enum(['Active', 'Terminating']).optional() }) },
  },
  statusSubresource: true,
  printerColumns: [
    { name: 'Status', type: 'string', jsonPath: '.status.phase' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  selectableFields: ['.status.phase'],
  trackUpdates: true,
};

/** The built-in kinds that Holdfast itself needs. */
export const CORE_KINDS: readonly ResourceSource[] = [NAMESPACE, SECRET, EVENT, LEASE];

/** Exist from the first start on and cannot be deleted. */
export const START_NAMESPACES = ['default', 'kube-system', 'holdfast-system'] as const;
