import { stringify } from 'yaml';
import type { KindDescriptor } from '../schema/meta.ts';
import { addRule, type StructuralSchema, structuralSchema } from './structural-schema.ts';

/** Written at the top of every generated file. */
export const GENERATED_NOTE = 'Generated from packages/api/src/schema by `npm run gen`. Do not edit.';

/** The whole object as the API server of a cluster will check it. */
export function objectSchema(kind: KindDescriptor): StructuralSchema {
  const schema: StructuralSchema = {
    description: kind.description,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: structuralSchema(kind.spec),
      status: structuralSchema(kind.status),
    },
  };
  for (const rule of kind.cel) {
    addRule(schema, rule.path, {
      rule: rule.rule,
      message: rule.message,
      // Only fields of the schema may be named, and the schema of metadata is not ours.
      ...(rule.fieldPath === undefined || rule.fieldPath.startsWith('.metadata') ? {} : { fieldPath: rule.fieldPath }),
    });
  }
  return schema;
}

/** The CustomResourceDefinition of a kind, as a plain object. */
export function crdOf(kind: KindDescriptor): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${kind.plural}.${kind.group}`,
      labels: { 'app.kubernetes.io/name': 'holdfast', 'app.kubernetes.io/component': 'crd' },
    },
    spec: {
      group: kind.group,
      scope: kind.scope,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
        ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
      },
      versions: [
        {
          name: kind.version,
          served: true,
          storage: true,
          subresources: { status: {} },
          ...(kind.printerColumns.length === 0
            ? {}
            : {
                additionalPrinterColumns: kind.printerColumns.map((column) => ({
                  name: column.name,
                  type: column.type,
                  jsonPath: column.jsonPath,
                  ...(column.description === undefined ? {} : { description: column.description }),
                  ...(column.priority === undefined ? {} : { priority: column.priority }),
                })),
              }),
          ...(kind.selectableFields.length === 0
            ? {}
            : { selectableFields: kind.selectableFields.map((jsonPath) => ({ jsonPath })) }),
          schema: { openAPIV3Schema: objectSchema(kind) },
        },
      ],
    },
  };
}

/** The file in deploy/crds. */
export function crdYaml(kind: KindDescriptor): string {
  return `# ${GENERATED_NOTE}\n${stringify(crdOf(kind), { lineWidth: 120, aliasDuplicateObjects: false })}`;
}

/** File name in deploy/crds. */
export function crdFileName(kind: KindDescriptor): string {
  return `${kind.group}_${kind.plural}.yaml`;
}
