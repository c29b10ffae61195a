import assert from 'node:assert/strict';
import { AppError } from '@holdfast/api/errors.ts';

/** The AppError that the promise must reject with. */
export async function failure(promise: Promise<unknown>): Promise<AppError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof AppError, 'an AppError');
  return error;
}
