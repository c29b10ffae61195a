import { formatBytes } from '../bytes.ts';
import type { KindDescriptor } from '../schema/meta.ts';
import { GENERATED_NOTE } from './crd.ts';
import { type StructuralSchema, structuralSchema } from './structural-schema.ts';

/** docs/reference/resources.md: every field of every kind. */
export function referenceMarkdown(kinds: readonly KindDescriptor[]): string {
  const parts = [
    `<!-- ${GENERATED_NOTE} -->`,
    '# Resources',
    `Everything in Holdfast is a resource of the API group \`${kinds[0]?.group ?? ''}/${kinds[0]?.version ?? ''}\`, whether it is served by a Kubernetes API server or by Holdfast's own. ` +
      'You write `spec`; Holdfast writes `status`. Sizes are bytes; times are ISO 8601 in UTC.',
    [
      '| Kind | Short name | What it is |',
      '|---|---|---|',
      ...kinds.map(
        (kind) =>
          `| [${kind.kind}](#${kind.kind.toLowerCase()}) | ${kind.shortNames.map(code).join(', ')} | ${cell(kind.description)} |`,
      ),
    ].join('\n'),
    'How to read the tables: a field marked **required** must be given; any other may be left out and then has its default, or is absent. ' +
      '`[]` after a name means a list, `.*` a map with keys of your choice.',
    ...kinds.map(kindSection),
  ];
  return `${parts.join('\n\n')}\n`;
}

function kindSection(kind: KindDescriptor): string {
  const scope = kind.scope === 'Cluster' ? 'Cluster-scoped' : 'Namespaced';
  const selectable = kind.selectableFields.map((field) => code(field.replace(/^\./, '')));
  const parts = [
    `## ${kind.kind}`,
    kind.description,
    `${scope}. ${[...kind.shortNames, `${kind.plural}.${kind.group}`].map((name) => code(`kubectl get ${name}`)).join(' or ')}.` +
      (selectable.length === 0 ? '' : ` Field selectors: ${selectable.join(', ')}.`),
    `### ${kind.kind} spec`,
    fieldTable(structuralSchema(kind.spec), true),
    `### ${kind.kind} status`,
    fieldTable(structuralSchema(kind.status), false),
  ];
  if (kind.cel.length > 0) {
    parts.push(
      `### What the API server refuses for a ${kind.kind}`,
      'Besides wrong types and limits, whoever asks:',
      kind.cel
        .map((rule) => `- ${code(`${rule.path}${rule.fieldPath ?? ''}`.replace(/^\./, ''))}: ${rule.message}.`)
        .join('\n'),
    );
  }
  return parts.join('\n\n');
}

function fieldTable(schema: StructuralSchema, writable: boolean): string {
  const rows = fieldRows(schema, '', writable);
  const head = writable
    ? '| Field | Type | Default | Limits | Meaning |\n|---|---|---|---|---|'
    : '| Field | Type | Meaning |\n|---|---|---|';
  return [head, ...rows].join('\n');
}

function fieldRows(schema: StructuralSchema, prefix: string, writable: boolean): string[] {
  const rows: string[] = [];
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const path = `${prefix}${name}`;
    const required = schema.required?.includes(name) === true;
    const values = writable
      ? [
          code(path),
          typeOf(field),
          required ? '**required**' : defaultOf(field, name),
          limitsOf(field, name),
          field.description ?? '',
        ]
      : [code(path), typeOf(field), field.description ?? ''];
    rows.push(`| ${values.map(cell).join(' | ')} |`);
    const inner = field.type === 'array' ? field.items : field;
    if (inner?.type === 'object' && inner.properties !== undefined) {
      rows.push(...fieldRows(inner, field.type === 'array' ? `${path}[].` : `${path}.`, writable));
    }
  }
  return rows;
}

function typeOf(field: StructuralSchema): string {
  if (field.enum !== undefined) return field.enum.map((value) => code(String(value))).join(', ');
  if (field.type === 'array') {
    const items = field.items;
    return items?.type === 'object' ? 'list' : items === undefined ? 'list' : `list of ${typeOf(items)}`;
  }
  if (field.type === 'object')
    return field.additionalProperties === undefined ? 'object' : `map to ${typeOf(field.additionalProperties)}`;
  if (field.format === 'date-time') return 'time';
  return field.type ?? '';
}

function defaultOf(field: StructuralSchema, name: string): string {
  const value = field.default;
  if (value === undefined) return '';
  if (value === '') return 'empty';
  if (Array.isArray(value) && value.length === 0) return 'none';
  return code(
    typeof value === 'number' ? numberText(value, name) : typeof value === 'string' ? value : JSON.stringify(value),
  );
}

function limitsOf(field: StructuralSchema, name: string): string {
  const text = (value: number): string => numberText(value, name);
  const limits: string[] = [];
  const range = (
    low: number | undefined,
    high: number | undefined,
    show: (value: number) => string,
    unit: string,
  ): void => {
    if (low !== undefined && high !== undefined) limits.push(`${show(low)} to ${show(high)}${unit}`);
    else if (low !== undefined) limits.push(`at least ${show(low)}${unit}`);
    else if (high !== undefined) limits.push(`at most ${show(high)}${unit}`);
  };
  range(field.minimum, field.maximum, text, '');
  if (field.multipleOf !== undefined) limits.push(`multiple of ${text(field.multipleOf)}`);
  range(field.minLength, field.maxLength, String, ' characters');
  range(field.minItems, field.maxItems, String, field.maxItems === 1 ? ' entry' : ' entries');
  return limits.join('; ');
}

/** Sizes read better with units. */
function numberText(value: number, name: string): string {
  return name.endsWith('Bytes') && value >= 1024 ? formatBytes(value) : String(value);
}

function code(text: string): string {
  return `\`${text}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
}
