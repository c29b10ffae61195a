import assert from 'node:assert/strict';
import { AppError } from '@holdfast/api/errors.ts';
import { API_VERSION } from '@holdfast/api/schema/meta.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import type { ArbiterRecord, Volume } from '@holdfast/api/schema/volume.ts';

export const MIB = 1024 * 1024;

/** A Volume as a user writes it: only what has no default. */
export function volume(name: string, spec: object = {}, metadata: object = {}): Volume {
  return {
    apiVersion: API_VERSION,
    kind: 'Volume',
    metadata: { name, ...metadata },
    spec: { sizeBytes: 64 * MIB, ...spec } as NonNullable<Volume['spec']>,
  };
}

export function pool(name: string, spec: object): Pool {
  return { apiVersion: API_VERSION, kind: 'Pool', metadata: { name }, spec: spec as NonNullable<Pool['spec']> };
}

/** An arbiter record with the history left out. */
export function record(epoch: number, inSync: string[], primary?: string): ArbiterRecord {
  return { epoch, inSync, history: [], ...(primary === undefined ? {} : { primary }) };
}

/** The AppError with which the promise fails. */
export async function refusal(promise: Promise<unknown>): Promise<AppError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof AppError, `not an AppError: ${String(error)}`);
    return error;
  }
  assert.fail('it should have been refused');
}
