import type { ResourceApi } from '@holdfast/api/client/types.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { ApiObject, Stored } from '@holdfast/api/schema/meta.ts';
import { describeDifference, differences } from './checks/differences.ts';

/**
 * Creates an object, or finds that it is there already. Same name and same settings is success (`unchanged`); other
 * settings are refused, field by field.
 * @throws AppError `already_exists` naming the fields that differ.
 */
export async function createOrUnchanged<T extends ApiObject>(
  api: ResourceApi<T>,
  object: T,
  mustEqual: unknown = object.spec,
): Promise<{ object: Stored<T>; verb: 'created' | 'unchanged' }> {
  const existing = await api.find(object.metadata.name);
  if (existing === undefined) {
    try {
      return { object: await api.create(object), verb: 'created' };
    } catch (thrown) {
      // Somebody was faster: compare with theirs.
      if (AppError.from(thrown).code !== 'already_exists') throw thrown;
    }
  }
  return {
    object: compareExisting(existing ?? (await api.get(object.metadata.name)), object, mustEqual),
    verb: 'unchanged',
  };
}

/** @throws AppError `already_exists` when the settings differ. */
export function compareExisting<T extends ApiObject>(
  existing: Stored<T>,
  wanted: T,
  mustEqual: unknown = wanted.spec,
): Stored<T> {
  const kind = wanted.kind.toLowerCase();
  const name = wanted.metadata.name;
  if (existing.metadata.deletionTimestamp !== undefined) {
    throw new AppError('already_exists', `${kind} '${name}' is still being deleted`, {
      details: { field: 'NAME', value: name, remedy: `wait until 'hf ${kind} list' no longer shows it, then repeat` },
    });
  }
  const found = differences(existing.spec, mustEqual);
  if (found.length === 0) return existing;
  throw new AppError('already_exists', `${kind} '${name}' exists with other settings`, {
    details: {
      field: found.map((difference) => difference.field).join(', '),
      value: name,
      lines: found.map(describeDifference),
      remedy: `use another name, or change the existing one ('hf ${kind} show ${name}')`,
    },
  });
}
