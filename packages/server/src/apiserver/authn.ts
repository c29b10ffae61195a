import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { AppError } from '@holdfast/api/errors.ts';

/** Who makes a request. */
export interface User {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
}

/** Finds the user of a bearer token; undefined when the token is not known. */
export interface Authenticator {
  authenticate(token: string): User | undefined;
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

function splitCsv(line: string): string[] {
  const fields: string[] = [];
  const pattern = /\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(,|$)/gy;
  for (let match = pattern.exec(line); match !== null; match = pattern.exec(line)) {
    fields.push(match[1]?.replaceAll('""', '"') ?? (match[2] ?? '').trim());
    if (match[3] === '') break;
  }
  return fields;
}

/**
 * Parses `token,user,uid,"group1,group2"` lines, as kube-apiserver's --token-auth-file.
 * @throws AppError naming the line (never the token, INV-9).
 */
export function parseTokens(csv: string, origin: string): Map<string, User> {
  const users = new Map<string, User>();
  for (const [index, line] of csv.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const [token = '', name = '', uid = '', groups = ''] = splitCsv(line);
    if (token === '' || name === '') {
      throw new AppError('invalid_argument', `${origin} line ${index + 1}: write token,user,uid,"group1,group2"`, {
        details: { field: 'tokens', remedy: 'write token,user,uid,"group1,group2"' },
      });
    }
    const list = groups
      .split(',')
      .map((group) => group.trim())
      .filter((group) => group !== '');
    users.set(digest(token), { name, uid, groups: [...list, 'system:authenticated'] });
  }
  return users;
}

/** Tokens given as text. Only digests are kept, so that looking one up takes the same time whatever it is. */
export function staticTokens(csv: string): Authenticator {
  const users = parseTokens(csv, 'tokens');
  return { authenticate: (token) => users.get(digest(token)) };
}

/**
 * Tokens from a file that is read again when it changes. A broken new version is reported and the last good one stays, so
 * that a half-written file locks nobody out.
 * @param now milliseconds, monotonic; the file is looked at once a second at most.
 * @throws AppError when the file cannot be read at start.
 */
export function tokenFile(path: string, now: () => number, onProblem: (error: AppError) => void): Authenticator {
  const stamp = (): string => {
    const stat = statSync(path);
    return `${stat.ino}:${stat.size}:${stat.mtimeMs}`;
  };
  let users: Map<string, User>;
  let seen: string;
  try {
    seen = stamp();
    users = parseTokens(readFileSync(path, 'utf8'), path);
  } catch (error) {
    if (error instanceof AppError) throw error;
    const remedy = 'create it with one line token,user,uid,"group1,group2" per user';
    throw new AppError('invalid_argument', `token file ${path} cannot be read; ${remedy}`, {
      cause: error,
      details: { field: 'tokens', value: path, remedy },
    });
  }
  let checked = now();
  return {
    authenticate(token) {
      const time = now();
      if (time - checked >= 1000) {
        checked = time;
        try {
          const current = stamp();
          if (current !== seen) {
            seen = current;
            users = parseTokens(readFileSync(path, 'utf8'), path);
          }
        } catch (error) {
          onProblem(AppError.from(error));
        }
      }
      return users.get(digest(token));
    },
  };
}
