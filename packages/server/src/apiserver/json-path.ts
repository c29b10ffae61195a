import { isObject, type Json } from './types.ts';

type Step =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'filter'; readonly path: readonly Step[]; readonly value: string; readonly equal: boolean };

/** A parsed JSONPath of the subset that printer columns use: keys, `[n]`, `[*]`, `[?(@.a=="b")]`, `['k']`. */
export type JsonPath = readonly Step[];

/** @throws Error on a path outside the subset: a bug in the schema package. */
export function parseJsonPath(path: string): JsonPath {
  const steps: Step[] = [];
  let rest = path.startsWith('$') ? path.slice(1) : path;
  while (rest !== '') {
    const filter = /^\[\?\(@((?:\.[\w-]+)+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)')\)\]/.exec(rest);
    const bracket = /^\[(?:(\d+)|(\*)|'([^']*)'|"([^"]*)")\]/.exec(rest);
    const key = /^\.((?:[^.[\]\\]|\\.)+)/.exec(rest);
    const match = filter ?? bracket ?? key;
    if (match === null) throw new Error(`unsupported JSONPath: ${path}`);
    if (filter !== null) {
      const value = filter[3] ?? filter[4] ?? '';
      steps.push({ kind: 'filter', path: parseJsonPath(filter[1] ?? ''), value, equal: filter[2] === '==' });
    } else if (bracket !== null) {
      if (bracket[1] !== undefined) steps.push({ kind: 'index', index: Number(bracket[1]) });
      else if (bracket[2] !== undefined) steps.push({ kind: 'all' });
      else steps.push({ kind: 'key', key: bracket[3] ?? bracket[4] ?? '' });
    } else {
      steps.push({ kind: 'key', key: (match[1] ?? '').replace(/\\(.)/g, '$1') });
    }
    rest = rest.slice(match[0].length);
  }
  return steps;
}

/** Every value the path selects; empty when nothing is there. */
export function selectPath(value: Json | undefined, path: JsonPath): Json[] {
  let current: Json[] = value === undefined ? [] : [value];
  for (const step of path) current = current.flatMap((item) => applyStep(item, step));
  return current;
}

function applyStep(value: Json, step: Step): Json[] {
  switch (step.kind) {
    case 'key': {
      const next = isObject(value) && Object.hasOwn(value, step.key) ? value[step.key] : undefined;
      return next === undefined ? [] : [next];
    }
    case 'index': {
      const next = Array.isArray(value) ? value[step.index] : undefined;
      return next === undefined ? [] : [next];
    }
    case 'all':
      if (Array.isArray(value)) return value;
      return isObject(value) ? Object.values(value).filter((item) => item !== undefined) : [];
    case 'filter':
      if (!Array.isArray(value)) return [];
      return value.filter((item) => {
        const [found] = selectPath(item, step.path);
        return (found !== undefined && String(found) === step.value) === step.equal;
      });
    default:
      return step satisfies never;
  }
}
