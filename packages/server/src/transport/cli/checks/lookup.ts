import type { ResourceApi } from '@holdfast/api/client/types.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { ApiObject, Stored } from '@holdfast/api/schema/meta.ts';
import { didYouMean, listNames } from '../suggest.ts';

/** `not_found` that names what there is: `there is no volume 'dv'. Did you mean 'db'?` */
export function notFound(kind: string, name: string, known: readonly string[], field: string = kind): AppError {
  return new AppError('not_found', `there is no ${kind} '${name}'.${didYouMean(name, known)}`, {
    details: {
      field,
      value: name,
      remedy: known.length === 0 ? `there is no ${kind} at all yet` : `use one of: ${listNames([...known].sort())}`,
    },
  });
}

/** The named object, or a helpful `not_found`. */
export async function mustFind<T extends ApiObject>(
  api: ResourceApi<T>,
  name: string,
  field?: string,
): Promise<Stored<T>> {
  const found = await api.find(name);
  if (found !== undefined) return found;
  const { items } = await api.list();
  throw notFound(
    api.type.kind.toLowerCase(),
    name,
    items.map((item) => item.metadata.name),
    field,
  );
}

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** A name that can also be an LV, a DRBD resource and a label. `maxLength` leaves room for what is added to it. */
export function checkName(kind: string, name: string, maxLength = 63): void {
  const lower = name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, maxLength);
  const advice = `use at most ${maxLength} lower-case letters, digits and '-'${lower === '' || lower === name ? '' : `, such as '${lower}'`}`;
  if (!NAME.test(name) || name.length > maxLength) {
    throw new AppError('invalid_argument', `'${name}' cannot be the name of a ${kind}: ${advice}`, {
      details: { field: 'NAME', value: name, remedy: advice },
    });
  }
}

/** A whole number in a range, as typed. */
export function parseCount(text: string, field: string, min: number, max: number): number {
  const value = /^-?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) {
    throw new AppError('invalid_argument', `${field}: '${text}' is not a whole number`, {
      details: { field, value: text, remedy: `give a number from ${min} to ${max}` },
    });
  }
  if (value < min || value > max) {
    throw new AppError('out_of_range', `${field}: ${value} is out of range`, {
      details: { field, value, remedy: `give a number from ${min} to ${max}` },
    });
  }
  return value;
}

/** One of a few words, with a suggestion. */
export function checkChoice<const C extends readonly string[]>(text: string, field: string, choices: C): C[number] {
  if (choices.includes(text)) return text;
  throw new AppError('invalid_argument', `${field}: '${text}' is not known.${didYouMean(text, choices)}`, {
    details: { field, value: text, remedy: `use one of: ${choices.join(', ')}` },
  });
}

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `90s`, `2m`, `1h`, `500ms`; a bare number is seconds. Milliseconds. */
export function parseDuration(text: string, field: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim());
  const ms = match === null ? Number.NaN : Number(match[1]) * (DURATION_UNITS[match[2] ?? 's'] ?? 1000);
  if (!Number.isFinite(ms) || ms <= 0) {
    throw new AppError('invalid_argument', `${field}: '${text}' is not a time`, {
      details: { field, value: text, remedy: 'write it as 90s, 2m or 1h' },
    });
  }
  return ms;
}
