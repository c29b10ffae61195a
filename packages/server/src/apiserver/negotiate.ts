import { StatusError } from './status-error.ts';

/** How objects are shown in the answer. */
export type Format =
  | { readonly kind: 'json' }
  | { readonly kind: 'table'; readonly includeObject: 'None' | 'Metadata' | 'Object' }
  | { readonly kind: 'partial' };

export const JSON_FORMAT: Format = { kind: 'json' };

/**
 * Picks the first representation of an `Accept` header that this server has: JSON, Table or PartialObjectMetadata.
 * @throws StatusError 406 when there is none (protobuf only, for example).
 */
export function negotiate(accept: string | undefined, includeObject: string | null): Format {
  if (accept === undefined || accept.trim() === '') return JSON_FORMAT;
  for (const range of accept.split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim());
    if (type !== 'application/json' && type !== '*/*' && type !== 'application/*') continue;
    const values = new Map(parameters.map((part) => part.split('=', 2).map((text) => text.trim()) as [string, string]));
    const as = values.get('as');
    if (as === undefined) return JSON_FORMAT;
    if (values.get('g') !== 'meta.k8s.io' || !['v1', 'v1beta1'].includes(values.get('v') ?? '')) continue;
    if (as === 'Table') {
      const include = includeObject === 'None' || includeObject === 'Object' ? includeObject : 'Metadata';
      return { kind: 'table', includeObject: include };
    }
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { kind: 'partial' };
  }
  throw new StatusError(
    406,
    'NotAcceptable',
    `only the following media types are accepted: application/json (also ;as=Table and ;as=PartialObjectMetadata;g=meta.k8s.io;v=v1); asked for: ${accept}`,
  );
}
