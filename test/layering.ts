import path from 'node:path';
import ts from 'typescript';

/** What a folder of the architecture may import. */
export interface Layer {
  readonly folder: string;
  /** Layer names; `types` marks those of which only types may be imported. */
  readonly may: ReadonlyMap<string, 'all' | 'types'> | 'everything';
}

/** Reads the folder table of docs/architecture.md. Layer name -> layer. The name is the last part of the folder. */
export function parseLayers(markdown: string): Map<string, Layer> {
  const layers = new Map<string, Layer>();
  for (const [, folder = '', may = ''] of markdown.matchAll(/^\|\s*`(packages\/[^`]+)`\s*\|[^|]*\|([^|]*)\|$/gm)) {
    const words = may.split(',').map((word) => word.trim());
    const allowed = new Map<string, 'all' | 'types'>();
    for (const word of words) {
      if (word === 'itself') continue;
      const types = /^(\S+) types$/.exec(word);
      allowed.set(types?.[1] ?? word, types === null ? 'all' : 'types');
    }
    layers.set(path.posix.basename(folder), { folder, may: words.includes('everything') ? 'everything' : allowed });
  }
  for (const { folder, may } of layers.values()) {
    if (may === 'everything') continue;
    for (const name of may.keys()) {
      if (!layers.has(name))
        throw new Error(`docs/architecture.md: ${folder} may import '${name}', which is no folder of the table`);
    }
  }
  return layers;
}

/** Tests, and what only they use. */
export function isTest(file: string): boolean {
  return /\.test\.ts$|(^|\/)(test|testing|fakes)\/|\/(testing|real-server)\.ts$/.test(file);
}

function layerOf(file: string, layers: ReadonlyMap<string, Layer>): string | undefined {
  let best: string | undefined;
  let length = 0;
  for (const [name, { folder }] of layers) {
    if (file.startsWith(`${folder}/`) && folder.length > length) [best, length] = [name, folder.length];
  }
  return best;
}

/** Path from the root of the repository of what `specifier` names; undefined for packages. */
function resolve(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return path.posix.normalize(path.posix.join(path.posix.dirname(from), specifier));
  const own = /^@holdfast\/([^/]+)\/(.*)$/.exec(specifier);
  return own === null ? undefined : `packages/${own[1]}/src/${own[2]}`;
}

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly line: number;
}

interface Facts {
  readonly imports: Import[];
  /** Ambient things used: `Date.now`, `process.env`, `setTimeout`... */
  readonly ambient: { readonly name: string; readonly line: number }[];
}

const AMBIENT_OBJECTS = new Set([
  'Date.now',
  'Math.random',
  'performance.now',
  'process.env',
  'process.argv',
  'crypto.randomUUID',
  'crypto.getRandomValues',
]);
const AMBIENT_FUNCTIONS = new Set(['setTimeout', 'setInterval', 'fetch']);

function factsOf(file: string, text: string): Facts {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const facts: Facts = { imports: [], ambient: [] };
  const lineOf = (node: ts.Node): number => source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
  const addImport = (specifier: ts.Expression | undefined, typeOnly: boolean): void => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) {
      facts.imports.push({ specifier: specifier.text, typeOnly, line: lineOf(specifier) });
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) addImport(node.moduleSpecifier, isTypeOnly(node.importClause));
    else if (ts.isExportDeclaration(node)) addImport(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      addImport(node.arguments[0], false);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      addImport(node.argument.literal as ts.Expression, true);
    else if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
      const name = `${node.expression.text}.${node.name.text}`;
      if (AMBIENT_OBJECTS.has(name)) facts.ambient.push({ name, line: lineOf(node) });
    } else if (
      ts.isNewExpression(node) &&
      node.expression.getText() === 'Date' &&
      (node.arguments?.length ?? 0) === 0
    ) {
      facts.ambient.push({ name: 'new Date()', line: lineOf(node) });
    } else if (
      ts.isCallExpression(node) &&
      ts.isIdentifier(node.expression) &&
      AMBIENT_FUNCTIONS.has(node.expression.text)
    ) {
      facts.ambient.push({ name: node.expression.text, line: lineOf(node) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return facts;
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const names = clause.namedBindings;
  return (
    clause.name === undefined &&
    names !== undefined &&
    ts.isNamedImports(names) &&
    names.elements.length > 0 &&
    names.elements.every((one) => one.isTypeOnly)
  );
}

/** Layers made of decisions and translation: they reach the machine only through ports. */
const NO_NODE = new Set(['api', 'ports', 'core', 'reconcile', 'transport']);
/** Where the machine's clock, randomness and timers may be used: behind ports, at the edge, in the lab. */
const MAY_AMBIENT = new Set(['adapters', 'bin', 'lab', 'lab-cluster']);
/** The API server's edge: where it becomes a process of its own. */
const APISERVER_EDGE = /\/apiserver\/(http-edge|server)\.ts$/;
const MAY_ENVIRONMENT = new Set(['bin', 'lab']);
/** Who may start processes. */
const MAY_SPAWN = /^packages\/(server\/src\/adapters\/exec|lab)\//;

/** Everything in one source file that the architecture forbids, one line each: `file:line: why`. */
export function violations(file: string, text: string, layers: ReadonlyMap<string, Layer>): string[] {
  if (isTest(file)) return [];
  const problems: string[] = [];
  const layer = layerOf(file, layers);
  if (layer === undefined) return [`${file}: its folder is not in the table of docs/architecture.md`];
  const { imports, ambient } = factsOf(file, text);
  const say = (line: number, why: string): void => {
    problems.push(`${file}:${line}: ${why}`);
  };
  for (const { specifier, typeOnly, line } of imports) {
    const target = resolve(file, specifier);
    if (target !== undefined) {
      const why = forbiddenImport(layer, target, typeOnly, layers);
      if (why !== undefined) say(line, why);
    } else if (specifier.startsWith('node:')) {
      if (NO_NODE.has(layer)) say(line, `${layer} must not import '${specifier}': use a port`);
      if (specifier === 'node:child_process' && !MAY_SPAWN.test(file))
        say(line, 'only adapters/exec and the lab start processes');
      if (specifier.startsWith('node:timers') && !MAY_AMBIENT.has(layer))
        say(line, `${layer} must not import '${specifier}': use the clock port`);
    } else if (!/^[@a-z]/.test(specifier) || BUILTINS.has(specifier.split('/')[0] ?? '')) {
      say(line, `'${specifier}': write node: before built-in modules`);
    }
  }
  for (const { name, line } of ambient) {
    const environment = name.startsWith('process.');
    const allowed = environment ? MAY_ENVIRONMENT.has(layer) : MAY_AMBIENT.has(layer) || APISERVER_EDGE.test(file);
    if (!allowed)
      say(line, `${layer} must not use ${name}: ${environment ? 'entry points read it and pass it on' : 'use a port'}`);
  }
  return problems;
}

const BUILTINS = new Set([
  'fs',
  'path',
  'os',
  'child_process',
  'crypto',
  'http',
  'https',
  'net',
  'util',
  'timers',
  'events',
  'stream',
  'url',
  'zlib',
  'readline',
]);

function forbiddenImport(
  from: string,
  target: string,
  typeOnly: boolean,
  layers: ReadonlyMap<string, Layer>,
): string | undefined {
  if (isTest(target)) return `${from} must not import test code: ${target}`;
  const to = layerOf(target, layers);
  if (to === undefined) return `${from} imports ${target}, whose folder is not in the table of docs/architecture.md`;
  const may = layers.get(from)?.may;
  if (to === from || may === 'everything') return undefined;
  const allowed = may?.get(to);
  if (allowed === 'all' || (allowed === 'types' && typeOnly)) return undefined;
  return `${from} must not import ${to}${allowed === 'types' ? ' but for types' : ''}: ${target}`;
}
