import * as z from 'zod';

export const GROUP = 'holdfast.storage';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/** Kubernetes object name: DNS-1123 label, so that it can also be an LV, DRBD resource and label value. */
export const objectName = z
  .string()
  .min(1)
  .max(63)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    'use lower-case letters, digits and "-", starting and ending with a letter or digit',
  );

/** Node names may contain dots (host names). */
export const nodeName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/, 'use a lower-case host name');

/** RFC 3339 in UTC. */
export const timestamp = z.string().meta({ format: 'date-time' });

export const condition = z.object({
  type: z.string().describe('What is judged, in CamelCase, e.g. Ready.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Unknown when it could not be observed.'),
  reason: z.string().describe('Why, as one word in CamelCase for programs.'),
  message: z.string().describe('For people: what is so, why, and what would lift it.'),
  lastTransitionTime: timestamp.describe('When status last changed.'),
  observedGeneration: z.int().optional().describe('metadata.generation that was judged.'),
});
export type Condition = z.infer<typeof condition>;

/**
 * A list with one entry per value of `key`. In a CRD that is a map list: the API server refuses duplicates and merges what
 * several managers apply, entry by entry. (A CEL rule that compares all pairs would cost more than an API server allows.)
 */
export function listMap<T extends z.ZodObject>(array: z.ZodArray<T>, key: keyof T['shape'] & string): z.ZodArray<T> {
  return array
    .superRefine((items, context) => {
      const seen = new Set<unknown>();
      items.forEach((item, index) => {
        const value = (item as Record<string, unknown>)[key];
        if (seen.has(value)) {
          context.addIssue({
            code: 'custom',
            path: [index, key],
            input: value,
            message: `duplicate value ${JSON.stringify(value)}: each ${key} may appear once`,
          });
        }
        seen.add(value);
      });
    })
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });
}

/** One entry per type; writers of different types do not disturb each other when they apply. */
export const conditions = listMap(z.array(condition), 'type').describe(
  'What is so, why, and what would lift it. One entry per type.',
);

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** The part of Kubernetes ObjectMeta that Holdfast reads or writes. */
export interface ObjectMeta {
  name: string;
  /** Set by the server. */
  uid?: string;
  /** Opaque; changes with every write. */
  resourceVersion?: string;
  /** Counts changes of `spec`. */
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  namespace?: string;
  generateName?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: unknown[];
}

/** Metadata of an object that came from the server. */
export interface StoredMeta extends ObjectMeta {
  uid: string;
  resourceVersion: string;
  creationTimestamp: string;
}

/** Any Kubernetes-style object. */
export interface ApiObject<Spec = unknown, Status = unknown> {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: Spec;
  status?: Status;
}

/** An object as read from the server. */
export type Stored<T extends ApiObject> = Omit<T, 'metadata'> & { metadata: StoredMeta };

export interface PrinterColumn {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  /** JSONPath relative to the object, e.g. `.status.phase`. */
  jsonPath: string;
  description?: string;
  /** 0 = always shown, 1 = only with `-o wide`. */
  priority?: number;
}

/** A CEL rule attached to a schema path ('' = the whole object). Transition rules mention `oldSelf`. */
export interface CelRule {
  path: string;
  rule: string;
  message: string;
  fieldPath?: string;
}

/** Names of these kinds become LVM, DRBD and label names, which allow less than Kubernetes does. */
export const LABEL_NAME_RULE: CelRule = {
  path: '',
  rule: "size(self.metadata.name) <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
  message: 'the name must be at most 63 lower-case letters, digits and "-", starting and ending with a letter or digit',
  fieldPath: '.metadata.name',
};

/** Everything the generators, the embedded server and the client need to know about one kind. */
export interface KindDescriptor {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  shortNames: string[];
  categories: string[];
  scope: 'Cluster' | 'Namespaced';
  /** One sentence for `kubectl explain` and the reference page. */
  description: string;
  spec: z.ZodType;
  status: z.ZodType;
  printerColumns: PrinterColumn[];
  cel: CelRule[];
  /** JSON paths usable in field selectors besides metadata.name, e.g. `.spec.node`. */
  selectableFields: string[];
}
