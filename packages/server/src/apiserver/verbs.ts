import type { Engine, Key, WriteContext } from './engine.ts';
import { apply } from './managed-fields.ts';
import { jsonPatch, mergePatch } from './patch-json.ts';
import { strategicMergePatch } from './patch-strategic.ts';
import { badRequest, invalid, notFound, type requiredValue, StatusError } from './status-error.ts';
import { admitBody, type Subresource } from './strategy.ts';
import { isObject, type Json, type KubeObject } from './types.ts';

export const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;
export type PatchType = keyof typeof PATCH_TYPES;

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

/** What a write gave back besides the object. */
export interface WriteResult {
  readonly object: KubeObject;
  readonly created: boolean;
  readonly warnings: readonly string[];
}

/** @throws StatusError 400 naming where the text breaks. */
export async function parseBody(text: string, yaml: boolean): Promise<Json> {
  try {
    // Only people send YAML: a server that has met none needs no parser in its memory.
    if (yaml) return toJson((await import('yaml')).parse(text) as unknown);
    return JSON.parse(text) as Json;
  } catch (error) {
    if (error instanceof StatusError) throw error;
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw badRequest(`the request body is not valid ${yaml ? 'YAML' : 'JSON'}: ${why}`);
  }
}

/** YAML can say more than JSON (dates, non-string keys); what cannot be said in JSON is refused by the round trip. */
function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value ?? null)) as Json;
}

/** What to do with fields that the schema does not know. @throws StatusError 400 under Strict. */
function report(unknown: readonly string[], mode: FieldValidation, kind: string): string[] {
  if (unknown.length === 0 || mode === 'Ignore') return [];
  const texts = unknown.map((field) => `unknown field ${JSON.stringify(field)}`);
  if (mode === 'Strict') throw badRequest(`strict decoding error: ${texts.join(', ')} (${kind} has no such field)`);
  return texts;
}

export async function createObject(
  engine: Engine,
  key: Omit<Key, 'name'>,
  body: Json,
  validation: FieldValidation,
  context: WriteContext,
): Promise<WriteResult> {
  const { object, unknown } = admitBody(key.resource, body, { namespace: key.namespace });
  const warnings = report(unknown, validation, key.resource.kind);
  return { object: await engine.create(key.resource, key.namespace, object, context), created: true, warnings };
}

export async function replaceObject(
  engine: Engine,
  key: Key,
  subresource: Subresource,
  body: Json,
  validation: FieldValidation,
  context: WriteContext,
): Promise<WriteResult> {
  const { object, unknown } = admitBody(key.resource, body, key);
  const warnings = report(unknown, validation, key.resource.kind);
  const stored = await engine.modify(key, subresource, context, (old) => {
    const version = object.metadata.resourceVersion;
    if ((version === undefined || version === '') && !key.resource.strategicMerge) {
      throw invalid(key.resource.kind, key.resource.group, key.name, [requiredVersion()]);
    }
    return { ...object, metadata: { ...object.metadata, name: old.metadata.name ?? key.name } };
  });
  return { object: stored, created: false, warnings };
}

function requiredVersion(): ReturnType<typeof requiredValue> {
  return {
    reason: 'FieldValueInvalid',
    field: 'metadata.resourceVersion',
    message: 'Invalid value: 0: must be specified for an update; read the object first and send its resourceVersion',
  };
}

/** Merge, JSON and strategic merge patch. */
export async function patchObject(
  engine: Engine,
  key: Key,
  subresource: Subresource,
  type: Exclude<PatchType, 'apply'>,
  patch: Json,
  validation: FieldValidation,
  context: WriteContext,
): Promise<WriteResult> {
  if (type === 'strategic' && !key.resource.strategicMerge) {
    throw new StatusError(
      415,
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: ${PATCH_TYPES.json}, ${PATCH_TYPES.merge}, ${PATCH_TYPES.apply}`,
    );
  }
  if (type === 'merge' && !isObject(patch)) throw badRequest('merge patch: the body must be a JSON object');
  let warnings: string[] = [];
  const stored = await engine.modify(key, subresource, context, (old) => {
    const patched =
      type === 'json'
        ? jsonPatch(old, patch)
        : type === 'merge'
          ? mergePatch(old, patch)
          : strategicMergePatch(old, patch);
    const { object, unknown } = admitBody(key.resource, patched, key);
    warnings = report(unknown, validation, key.resource.kind);
    return object;
  });
  return { object: stored, created: false, warnings };
}

/** Server-side apply; creates what does not exist. */
export async function applyObject(
  engine: Engine,
  key: Key,
  subresource: Subresource,
  body: Json,
  options: { readonly force: boolean; readonly validation: FieldValidation },
  context: WriteContext,
): Promise<WriteResult> {
  if (context.manager === '') {
    throw badRequest(
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
  }
  const { resource } = key;
  if (!isObject(body) || body['apiVersion'] === undefined || body['kind'] === undefined) {
    throw badRequest(
      `server-side apply needs apiVersion and kind in the body: ${resource.apiVersion} ${resource.kind}`,
    );
  }
  const { object: wanted, unknown } = admitBody(resource, body, key, { defaults: false });
  if (wanted.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  const warnings = report(unknown, options.validation, resource.kind);
  let created = false;
  const object = await engine.committer.submit((batch) => {
    const live = batch.find(resource, key.namespace, key.name);
    if (live === undefined && subresource !== '') throw notFound(resource, key.name);
    const merged = apply({
      resource,
      wanted,
      live,
      manager: context.manager,
      force: options.force,
      subresource,
      now: engine.now(),
    });
    const { object: defaulted } = admitBody(resource, merged, key);
    created = live === undefined;
    return live === undefined
      ? engine.createIn(batch, resource, key.namespace, defaulted, context, true)
      : engine.modifyIn(batch, key, subresource, context, live, defaulted, true);
  });
  return { object, created, warnings };
}
