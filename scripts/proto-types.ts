// TypeScript and run-time tables from our .proto files: the shape of every message as it is after decoding, the methods of
// every service, and the definition itself for protobufjs, which then needs neither its parser nor a file at run time.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import protobuf from 'protobufjs';

const ROOT = path.resolve(import.meta.dirname, '..');
const FOLDER = 'packages/server/src/transport/csi';
const FILES = ['csi', 'pluginregistration'];

const SCALARS: Readonly<Record<string, string>> = {
  string: 'string',
  bool: 'boolean',
  int32: 'number',
  int64: 'string',
  double: 'number',
};

/** Path from the root of the repository -> text. */
export function protoFiles(): Map<string, string> {
  const out = new Map<string, string>();
  for (const name of FILES) {
    const source = `${FOLDER}/proto/${name}.proto`;
    out.set(`${FOLDER}/gen/${name}.ts`, render(source, readProto(readFileSync(path.join(ROOT, source), 'utf8'))));
  }
  return out;
}

/** Parses one .proto text. The well-known types that it imports are added; other imports are not followed. */
export function readProto(text: string): protobuf.Root {
  const { root, imports = [] } = protobuf.parse(text, new protobuf.Root(), { keepCase: false });
  for (const file of imports) {
    const known = protobuf.common.get(file)?.nested?.['google'] as protobuf.INamespace | undefined;
    const types = (known?.nested?.['protobuf'] as protobuf.INamespace | undefined)?.nested ?? {};
    for (const [name, type] of Object.entries(types)) {
      if (text.includes(`google.protobuf.${name} `)) root.define('google.protobuf').addJSON({ [name]: type });
    }
  }
  // The extension only declares an option; protoc's own descriptors, which it extends, are not needed for anything else.
  walk(root, (one) => {
    if (one instanceof protobuf.Field && one.extend !== undefined) one.parent?.remove(one);
  });
  root.resolveAll();
  return root;
}

function render(source: string, root: protobuf.Root): string {
  const lines = [
    `// Generated from ${path.basename(source)} by scripts/proto-types.ts. Do not edit.`,
    "import type { Method } from '../method.ts';",
    '',
    '/** int64: decimal digits, because a number of JavaScript would lose some of them. */',
    'export type Int64 = string;',
  ];
  const services: protobuf.Service[] = [];
  walk(root, (one) => {
    if (one instanceof protobuf.Enum) lines.push('', ...enumLines(one));
    else if (one instanceof protobuf.Service) services.push(one);
    else if (one instanceof protobuf.Type) lines.push('', ...messageLines(one));
  });
  for (const service of services) lines.push('', ...serviceLines(service));
  const json = JSON.stringify(root.toJSON({ keepComments: false }));
  lines.push('', '/** The definition, for protobufjs. */', `export const DEFINITION: string = ${quote(json)};`, '');
  return lines.join('\n');
}

function walk(space: protobuf.NamespaceBase, visit: (one: protobuf.ReflectionObject) => void): void {
  for (const one of [...space.nestedArray]) {
    visit(one);
    if (one instanceof protobuf.Namespace) walk(one, visit);
  }
}

/** `Outer_Inner`, without the package. */
function nameOf(one: protobuf.ReflectionObject): string {
  const parts: string[] = [];
  for (let at: protobuf.ReflectionObject | null = one; at !== null; at = at.parent) {
    if (at instanceof protobuf.Namespace && !(at instanceof protobuf.Type) && !(at instanceof protobuf.Service)) break;
    parts.unshift(at.name);
  }
  return parts.join('_');
}

function enumLines(one: protobuf.Enum): string[] {
  const names = Object.entries(one.values)
    .toSorted((a, b) => a[1] - b[1])
    .map(([name]) => `  | ${quote(name)}`);
  return [`export type ${nameOf(one)} =`, `${names.join('\n')};`];
}

function messageLines(type: protobuf.Type): string[] {
  const oneofs = type.oneofsArray.filter((one) => !one.isProto3Optional);
  const lines = [`export interface ${nameOf(type)} {`];
  for (const field of type.fieldsArray.toSorted((a, b) => a.id - b.id)) {
    field.resolve();
    const optional = field.partOf !== null && !field.partOf.isProto3Optional;
    lines.push(`  ${field.name}${optional ? '?' : ''}: ${typeOf(field, optional)};`);
  }
  for (const one of oneofs)
    lines.push(`  ${one.name}?: ${one.fieldsArray.map((each) => quote(each.name)).join(' | ')};`);
  lines.push('}');
  return lines.length === 2 ? [`export type ${nameOf(type)} = Record<never, never>;`] : lines;
}

function typeOf(field: protobuf.Field, optional: boolean): string {
  const { resolvedType } = field;
  const scalar = field.type === 'int64' ? 'Int64' : SCALARS[field.type];
  const base = resolvedType === null ? scalar : nameOf(resolvedType);
  if (base === undefined) throw new Error(`${field.fullName}: type ${field.type} is not known to the generator`);
  if (field instanceof protobuf.MapField) return `Record<string, ${base}>`;
  if (field.repeated) return `${base}[]`;
  return resolvedType instanceof protobuf.Type && !optional ? `${base} | null` : base;
}

function serviceLines(service: protobuf.Service): string[] {
  const lines = [`export const ${service.name}Service = {`];
  const types = [`export interface ${service.name}Methods {`];
  for (const method of service.methodsArray) {
    method.resolve();
    // No streams are served; the service that has them comes with snapshots.
    if (method.responseStream === true) continue;
    const request = method.resolvedRequestType;
    const response = method.resolvedResponseType;
    if (request === null || response === null) throw new Error(`${method.fullName} is not resolved`);
    const name = `${method.name.charAt(0).toLowerCase()}${method.name.slice(1)}`;
    const serviceName = service.fullName.slice(1);
    lines.push(
      `  ${name}: {`,
      `    path: ${quote(`/${serviceName}/${method.name}`)},`,
      `    request: ${quote(request.fullName.slice(1))},`,
      `    response: ${quote(response.fullName.slice(1))},`,
      '  },',
    );
    types.push(`  ${name}: Method<${nameOf(request)}, ${nameOf(response)}>;`);
  }
  return [...lines, '} as const;', '', ...types, '}'];
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, (each) => `\\${each}`)}'`;
}
