import { badRequest, StatusError } from './status-error.ts';
import { cloneJson, isObject, type Json, type JsonObject, jsonEqual, setOwn } from './types.ts';

/** RFC 7396. `null` removes. Neither input is changed. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return cloneJson(patch);
  const out: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) delete out[key];
    else setOwn(out, key, mergePatch(Object.hasOwn(out, key) ? out[key] : undefined, value));
  }
  return out;
}

function pointer(path: Json | undefined, field: string): string[] {
  if (typeof path !== 'string' || (path !== '' && !path.startsWith('/'))) {
    throw badRequest(`json patch: ${field} must be a JSON pointer such as /spec/replicas`);
  }
  return path === ''
    ? []
    : path
        .slice(1)
        .split('/')
        .map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'));
}

function unprocessable(why: string): StatusError {
  return new StatusError(422, 'Invalid', `the server rejected our request due to an error in our request: ${why}`);
}

function index(list: Json[], key: string, insert: boolean): number {
  if (insert && key === '-') return list.length;
  const position = /^(0|[1-9]\d*)$/.test(key) ? Number(key) : Number.NaN;
  if (!(position < list.length + (insert ? 1 : 0))) throw unprocessable(`json patch: index ${key} is out of range`);
  return position;
}

function lookUp(document: Json, path: readonly string[]): Json {
  let current: Json | undefined = document;
  for (const key of path) {
    if (Array.isArray(current)) current = current[index(current, key, false)];
    else current = isObject(current) && Object.hasOwn(current, key) ? current[key] : undefined;
    if (current === undefined) throw unprocessable(`json patch: path /${path.join('/')} does not exist`);
  }
  return current;
}

/** Returns the document with `edit` applied to the container that holds the last key. */
function change(document: Json, path: readonly string[], edit: (parent: Json, key: string) => void): void {
  const key = path.at(-1);
  if (key === undefined) throw unprocessable('json patch: the whole document cannot be removed');
  edit(lookUp(document, path.slice(0, -1)), key);
}

function add(document: Json, path: readonly string[], value: Json): Json {
  if (path.length === 0) return cloneJson(value);
  change(document, path, (parent, key) => {
    if (Array.isArray(parent)) parent.splice(index(parent, key, true), 0, cloneJson(value));
    else if (isObject(parent)) setOwn(parent, key, cloneJson(value));
    else throw unprocessable(`json patch: /${path.join('/')} is not inside an object or a list`);
  });
  return document;
}

function remove(document: Json, path: readonly string[]): void {
  lookUp(document, path);
  change(document, path, (parent, key) => {
    if (Array.isArray(parent)) parent.splice(index(parent, key, false), 1);
    else if (isObject(parent)) delete parent[key];
  });
}

/**
 * RFC 6902. All or nothing; the target is not changed.
 * @throws StatusError 400 for a malformed patch, 422 when a path or a test does not hold.
 */
export function jsonPatch(target: Json, patch: Json): Json {
  if (!Array.isArray(patch)) throw badRequest('json patch: the body must be a list of operations');
  let document = cloneJson(target);
  for (const operation of patch) {
    if (!isObject(operation)) throw badRequest('json patch: each operation must be an object');
    const path = pointer(operation['path'], 'path');
    const value = operation['value'];
    const op = String(operation['op']);
    switch (op) {
      case 'add':
      case 'replace':
      case 'test': {
        if (value === undefined) throw badRequest(`json patch: operation ${op} needs a value`);
        if (op === 'test') {
          if (!jsonEqual(lookUp(document, path), value)) {
            throw unprocessable(`json patch: testing value /${path.join('/')} failed`);
          }
        } else {
          if (op === 'replace' && path.length > 0) remove(document, path);
          document = add(document, path, value);
        }
        break;
      }
      case 'remove':
        remove(document, path);
        break;
      case 'move':
      case 'copy': {
        const from = pointer(operation['from'], 'from');
        const found = cloneJson(lookUp(document, from));
        if (op === 'move') remove(document, from);
        document = add(document, path, found);
        break;
      }
      default:
        throw badRequest(`json patch: unknown operation ${JSON.stringify(op)}`);
    }
  }
  return document;
}
