import type { Resource, ResourceTable } from './resources.ts';
import type { JsonObject } from './types.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** GET /api */
export function coreVersions(): JsonObject {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: '' }],
  };
}

function groupsOf(table: ResourceTable): Map<string, Set<string>> {
  const groups = new Map<string, Set<string>>();
  for (const resource of table.all) {
    if (resource.group === '') continue;
    const versions = groups.get(resource.group) ?? new Set();
    versions.add(resource.version);
    groups.set(resource.group, versions);
  }
  return groups;
}

function groupBody(name: string, versions: ReadonlySet<string>): JsonObject {
  const list = [...versions].map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: list, preferredVersion: list[0] ?? null };
}

/** GET /apis */
export function groupList(table: ResourceTable): JsonObject {
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: [...groupsOf(table)].map(([name, versions]) => groupBody(name, versions)),
  };
}

/** GET /apis/GROUP; undefined when it is not served. */
export function group(table: ResourceTable, name: string): JsonObject | undefined {
  const versions = groupsOf(table).get(name);
  return versions === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(name, versions) };
}

function entries(resource: Resource): JsonObject[] {
  const main: JsonObject = {
    name: resource.plural,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: VERBS,
    ...(resource.shortNames.length === 0 ? {} : { shortNames: [...resource.shortNames] }),
    ...(resource.categories.length === 0 ? {} : { categories: [...resource.categories] }),
  };
  if (!resource.statusSubresource) return [main];
  const status: JsonObject = {
    name: `${resource.plural}/status`,
    singularName: '',
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: ['get', 'patch', 'update'],
  };
  return [main, status];
}

/** GET /api/v1, /apis/GROUP/VERSION; undefined when it is not served. */
export function resourceList(table: ResourceTable, apiVersion: string): JsonObject | undefined {
  const resources = table.all.filter((resource) => resource.apiVersion === apiVersion);
  if (resources.length === 0) return undefined;
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersion, resources: resources.flatMap(entries) };
}

/** GET /version. kubectl parses gitVersion as semver. */
export function versionInfo(holdfast: string, platform: string): JsonObject {
  return {
    major: '1',
    minor: '32',
    gitVersion: `v1.32.0+holdfast-${holdfast}`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: 'none',
    compiler: 'none',
    platform,
  };
}
