/** What a URL path is about. */
export type Target =
  | {
      readonly kind: 'resource';
      readonly apiVersion: string;
      readonly plural: string;
      readonly namespace: string | undefined;
      readonly name: string | undefined;
      readonly subresource: string;
    }
  | { readonly kind: 'discovery'; readonly what: 'core' | 'groups' }
  | { readonly kind: 'discovery-group'; readonly group: string }
  | { readonly kind: 'discovery-version'; readonly apiVersion: string }
  | { readonly kind: 'openapi-v2' }
  | { readonly kind: 'openapi-v3'; readonly apiVersion: string | undefined }
  | { readonly kind: 'version' }
  | { readonly kind: 'health'; readonly check: 'healthz' | 'livez' | 'readyz' }
  | { readonly kind: 'index' };

/** Parses a URL path. undefined: nothing is there (404). Pure. */
export function parsePath(pathname: string): Target | undefined {
  const parts: string[] = [];
  for (const part of pathname.split('/')) {
    if (part === '') continue;
    try {
      parts.push(decodeURIComponent(part));
    } catch {
      return undefined;
    }
  }
  const [first, second, third] = parts;
  switch (first) {
    case undefined:
      return { kind: 'index' };
    case 'version':
      return parts.length === 1 ? { kind: 'version' } : undefined;
    case 'healthz':
    case 'livez':
    case 'readyz':
      return { kind: 'health', check: first };
    case 'openapi':
      return parseOpenApi(parts);
    case 'api':
      if (second === undefined) return { kind: 'discovery', what: 'core' };
      if (third === undefined) return { kind: 'discovery-version', apiVersion: second };
      return parseResource(second, parts.slice(2));
    case 'apis':
      if (second === undefined) return { kind: 'discovery', what: 'groups' };
      if (third === undefined) return { kind: 'discovery-group', group: second };
      if (parts.length === 3) return { kind: 'discovery-version', apiVersion: `${second}/${third}` };
      return parseResource(`${second}/${third}`, parts.slice(3));
    default:
      return undefined;
  }
}

function parseOpenApi(parts: readonly string[]): Target | undefined {
  if (parts[1] === 'v2' && parts.length === 2) return { kind: 'openapi-v2' };
  if (parts[1] !== 'v3') return undefined;
  if (parts.length === 2) return { kind: 'openapi-v3', apiVersion: undefined };
  if (parts[2] === 'api' && parts.length === 4) return { kind: 'openapi-v3', apiVersion: parts[3] };
  if (parts[2] === 'apis' && parts.length === 5)
    return { kind: 'openapi-v3', apiVersion: `${parts[3] ?? ''}/${parts[4] ?? ''}` };
  return undefined;
}

const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

function parseResource(apiVersion: string, parts: readonly string[]): Target | undefined {
  const [first, second, third, fourth, fifth] = parts;
  const isNamespaced = first === 'namespaces' && third !== undefined && !NAMESPACE_SUBRESOURCES.has(third);
  const plural = isNamespaced ? third : first;
  const name = isNamespaced ? fourth : second;
  const subresource = (isNamespaced ? fifth : third) ?? '';
  if (plural === undefined || parts.length > (isNamespaced ? 5 : 3)) return undefined;
  return { kind: 'resource', apiVersion, plural, namespace: isNamespaced ? second : undefined, name, subresource };
}
