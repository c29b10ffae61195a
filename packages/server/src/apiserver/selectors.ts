import { badRequest } from './status-error.ts';

/** One requirement of a label selector. */
export type Requirement =
  | { readonly key: string; readonly op: 'in' | 'notin'; readonly values: ReadonlySet<string> }
  | { readonly key: string; readonly op: 'exists' | 'absent' }
  | { readonly key: string; readonly op: 'gt' | 'lt'; readonly value: number };

const KEY = /^([a-z0-9A-Z]([-a-z0-9A-Z_.]{0,251}[a-z0-9A-Z])?\/)?[a-z0-9A-Z]([-a-z0-9A-Z_.]{0,61}[a-z0-9A-Z])?$/;
const VALUE = /^([a-z0-9A-Z]([-a-z0-9A-Z_.]{0,61}[a-z0-9A-Z])?)?$/;

function broken(selector: string, why: string): Error {
  return badRequest(`unable to parse label selector ${JSON.stringify(selector)}: ${why}`);
}

/** Splits at commas that are not inside parentheses. */
function split(selector: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < selector.length; index += 1) {
    const char = selector[index];
    if (char === '(') depth += 1;
    if (char === ')') depth -= 1;
    if (char === ',' && depth === 0) {
      parts.push(selector.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(selector.slice(start));
  return parts;
}

/**
 * Parses the whole label selector syntax: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, `a>1`, `a<1`.
 * @throws StatusError 400 naming the selector.
 */
export function parseLabelSelector(selector: string): Requirement[] {
  if (selector.trim() === '') return [];
  return split(selector).map((part) => parseRequirement(part.trim(), selector));
}

function parseRequirement(text: string, selector: string): Requirement {
  const checked = (key: string): string => {
    if (!KEY.test(key)) throw broken(selector, `invalid label key ${JSON.stringify(key)}`);
    return key;
  };
  const checkedValue = (value: string): string => {
    if (!VALUE.test(value)) throw broken(selector, `invalid label value ${JSON.stringify(value)}`);
    return value;
  };
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (set !== null) {
    const values = (set[3] ?? '').split(',').map((value) => checkedValue(value.trim()));
    return { key: checked(set[1] ?? ''), op: set[2] === 'in' ? 'in' : 'notin', values: new Set(values) };
  }
  const compare = /^([^=!<>\s]+)\s*(==|=|!=|>|<)\s*(\S*)$/.exec(text);
  if (compare !== null) {
    const key = checked(compare[1] ?? '');
    const value = checkedValue(compare[3] ?? '');
    const op = compare[2] ?? '';
    if (op === '>' || op === '<') {
      if (!/^-?\d+$/.test(value)) throw broken(selector, `for 'Gt', 'Lt' operators, the value must be an integer`);
      return { key, op: op === '>' ? 'gt' : 'lt', value: Number(value) };
    }
    return { key, op: op === '!=' ? 'notin' : 'in', values: new Set([value]) };
  }
  if (text.startsWith('!')) return { key: checked(text.slice(1).trim()), op: 'absent' };
  return { key: checked(text), op: 'exists' };
}

export function matchesLabels(
  requirements: readonly Requirement[],
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  return requirements.every((requirement) => {
    const value = labels !== undefined && Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
    switch (requirement.op) {
      case 'in':
        return value !== undefined && requirement.values.has(value);
      case 'notin':
        return value === undefined || !requirement.values.has(value);
      case 'exists':
        return value !== undefined;
      case 'absent':
        return value === undefined;
      case 'gt':
      case 'lt': {
        if (value === undefined || !/^-?\d+$/.test(value)) return false;
        return requirement.op === 'gt' ? Number(value) > requirement.value : Number(value) < requirement.value;
      }
      default:
        return requirement satisfies never;
    }
  });
}

/** One term of a field selector. */
export interface FieldTerm {
  readonly path: string;
  readonly equal: boolean;
  readonly value: string;
}

/**
 * Parses `a.b=c,d!=e` (`\\`, `\,` and `\=` escape).
 * @param supported paths that this kind can be selected by.
 * @throws StatusError 400 naming the field, as Kubernetes does.
 */
export function parseFieldSelector(selector: string, supported: ReadonlySet<string>): FieldTerm[] {
  if (selector.trim() === '') return [];
  return selector.split(/(?<!\\),/).flatMap((part) => {
    if (part === '') return [];
    const match = /^((?:[^=!\\]|\\.)+?)\s*(!=|==|=)(.*)$/s.exec(part);
    if (match === null) throw badRequest(`invalid field selector: '${selector}'; can't understand '${part}'`);
    const path = (match[1] ?? '').trim();
    if (!supported.has(path)) {
      throw badRequest(`field label not supported: ${path}; supported: ${[...supported].sort().join(', ')}`);
    }
    const value = (match[3] ?? '').replace(/\\([\\,=])/g, '$1');
    return [{ path, equal: match[2] !== '!=', value }];
  });
}

export function matchesFields(terms: readonly FieldTerm[], read: (path: string) => string): boolean {
  return terms.every((term) => (read(term.path) === term.value) === term.equal);
}
