import { AppError } from '@holdfast/api/errors.ts';
import { objectName } from '@holdfast/api/schema/meta.ts';

/** Limits of the specification ("Size Limits"), bytes of UTF-8. */
const LONGEST_STRING = 128;
const LARGEST_MAP = 4096;
const LONGEST_NODE_ID = 256;
/** PATH_MAX of Linux, without its end. */
const LONGEST_PATH = 4095;

const bytes = (text: string): number => new TextEncoder().encode(text).length;

function refuse(field: string, value: string | undefined, why: string, remedy: string): AppError {
  return new AppError('invalid_argument', `${field} ${why}`, { details: { field, value, remedy } });
}

/** @throws AppError `invalid_argument` when the field was not sent. Before anything is looked up. */
export function required(value: string, field: string): string {
  if (value === '') throw refuse(field, undefined, 'is missing', `send ${field}`);
  return value;
}

/** A name that the client chose: any Unicode but control characters. */
export function checkName(name: string): string {
  required(name, 'name');
  if (bytes(name) > LONGEST_STRING) throw tooLong('name', name, LONGEST_STRING);
  if (/\p{Cc}/u.test(name)) throw refuse('name', undefined, 'contains control characters', 'use printable characters');
  return name;
}

/**
 * The name of the Volume that an id of ours stands for; undefined for an id that cannot be ours (of another driver, damaged,
 * or a path): such a volume does not exist.
 */
export function volumeOfId(id: string): string | undefined {
  required(id, 'volume_id');
  return objectName.safeParse(id).success ? id : undefined;
}

/** As {@link volumeOfId}. @throws AppError `not_found`. */
export function requireVolumeId(id: string): string {
  const name = volumeOfId(id);
  if (name === undefined) throw noSuchVolume(id.slice(0, LONGEST_STRING));
  return name;
}

export function noSuchVolume(id: string): AppError {
  return new AppError('not_found', `there is no volume '${id}'`, { details: { field: 'volume_id', value: id } });
}

export function checkNodeId(id: string): string {
  required(id, 'node_id');
  if (bytes(id) > LONGEST_NODE_ID) throw tooLong('node_id', id, LONGEST_NODE_ID);
  return id;
}

/** An absolute path that stays what it says. */
export function checkPath(path: string, field: string): string {
  required(path, field);
  if (bytes(path) > LONGEST_PATH) throw tooLong(field, path, LONGEST_PATH);
  if (!path.startsWith('/') || path.split('/').includes('..') || /[\p{Cc}\s\\]/u.test(path)) {
    throw refuse(field, path, `'${path}' is not usable`, "give an absolute path without blanks and '..'");
  }
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}

/** Where a volume is said to be: what cannot be such a path has no volume. @throws AppError `not_found`. */
export function volumePath(path: string): string {
  required(path, 'volume_path');
  try {
    return checkPath(path, 'volume_path');
  } catch (cause) {
    throw new AppError('not_found', 'no volume is mounted at volume_path', {
      cause,
      details: { field: 'volume_path' },
    });
  }
}

export function checkMap(map: Readonly<Record<string, string>>, field: string): void {
  const size = Object.entries(map).reduce((sum, [key, value]) => sum + bytes(key) + bytes(value), 0);
  if (size > LARGEST_MAP) throw refuse(field, undefined, `has ${size} bytes`, `at most ${LARGEST_MAP} bytes`);
}

function tooLong(field: string, value: string, limit: number): AppError {
  return refuse(field, value.slice(0, 40), `has ${bytes(value)} bytes`, `at most ${limit} bytes`);
}
