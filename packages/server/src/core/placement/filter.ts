import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { DrbdFlavour, Node } from '@holdfast/api/schema/node.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import { HEALTH_NEVER_SEEN } from '../node-health/types.ts';
import { hasFreePort } from './allocate.ts';
import { demandOf, isThin, largestFit, roomOf, whyNoSpace } from './capacity.ts';
import type { ClusterView, PlacementRequest, VerdictCode } from './types.ts';

export const MAX_REPLICAS_84 = 2;

/** A pool of a node that matches; with `ok: false` when it cannot take the replica now. */
export interface PoolOption {
  readonly pool: string;
  readonly thin: boolean;
  readonly ok: boolean;
  readonly code: VerdictCode;
  readonly reason: string;
  readonly largestBytes: number;
  /** Bytes that its pool may still promise, over all new replicas. */
  readonly roomBytes: number;
  /** Part of the budget that stays free afterwards, 0 to 1. */
  readonly freeAfter: number;
}

/** What the filters say of one node, before nodes are compared with each other. */
export interface NodeOption {
  readonly node: string;
  readonly flavour: DrbdFlavour;
  readonly domain: string;
  readonly refusal: { readonly code: VerdictCode; readonly reason: string } | undefined;
  /** The best pool; undefined when a refusal came first. */
  readonly pool: PoolOption | undefined;
  readonly largestBytes: number;
  /** Bytes that its matching pools may still promise, over all new replicas. */
  readonly roomBytes: number;
}

/** Failure domain when a volume names none: the zone label of Kubernetes. Nodes without it are one domain. */
const DEFAULT_DOMAIN_LABEL = 'topology.kubernetes.io/zone';

export function domainOf(node: Stored<Node> | undefined, request: PlacementRequest): string {
  const label = request.volume.placement?.spreadBy ?? DEFAULT_DOMAIN_LABEL;
  return node?.metadata.labels?.[label] ?? '';
}

export function examineNode(node: Stored<Node>, request: PlacementRequest, view: ClusterView): NodeOption {
  const name = node.metadata.name;
  const base = { node: name, flavour: node.status?.drbd ?? 'none', domain: domainOf(node, request) } as const;
  const refusal =
    whyNodeRefused(node, request, view) ??
    whyNodeNotReady(node, view) ??
    (request.total > 1 ? whyNoReplication(node, view) : undefined);
  if (refusal !== undefined) return { ...base, refusal, pool: undefined, largestBytes: 0, roomBytes: 0 };

  const options = poolOptions(node, request, view);
  const best = options.toSorted(comparePools)[0];
  if (best === undefined) {
    return {
      ...base,
      refusal: { code: 'NoPool', reason: whyNoPool(name, request, view) },
      pool: undefined,
      largestBytes: 0,
      roomBytes: 0,
    };
  }
  const largestBytes = Math.max(...options.map((option) => option.largestBytes));
  const roomBytes = options.reduce((sum, option) => sum + option.roomBytes, 0);
  if (!best.ok) {
    const reason = options.map((option) => option.reason).join('; ');
    return { ...base, refusal: { code: best.code, reason }, pool: best, largestBytes, roomBytes };
  }
  return { ...base, refusal: undefined, pool: best, largestBytes, roomBytes };
}

/** The node that its own replicas share; mixed or unreported flavours are an answer in themselves. */
export function flavourOfStaying(
  request: PlacementRequest,
  view: ClusterView,
): { readonly flavour: DrbdFlavour | undefined; readonly problem: string | undefined } {
  if (request.staying.length === 0 || request.total <= 1) return { flavour: undefined, problem: undefined };
  const flavours = new Set<DrbdFlavour>();
  for (const name of request.staying.toSorted()) {
    const flavour = view.nodes.get(name)?.status?.drbd;
    if (flavour === undefined) {
      return { flavour: undefined, problem: `node ${name} holds a replica and does not report its DRBD version` };
    }
    if (flavour === 'none') {
      return {
        flavour: undefined,
        problem: `node ${name} holds a replica and has no DRBD; install it there to replicate the volume`,
      };
    }
    flavours.add(flavour);
  }
  const [flavour] = flavours;
  if (flavours.size > 1)
    return { flavour: undefined, problem: 'its replicas are on nodes with DRBD 8.4 and 9; never mix them' };
  return { flavour, problem: undefined };
}

type Refusal = { readonly code: VerdictCode; readonly reason: string };

function whyNodeRefused(node: Stored<Node>, request: PlacementRequest, view: ClusterView): Refusal | undefined {
  const name = node.metadata.name;
  const rules = request.volume.placement;
  if (node.metadata.deletionTimestamp !== undefined)
    return { code: 'NodeDeleting', reason: 'the Node object is being deleted' };
  if (request.taken.includes(name)) return { code: 'HasReplica', reason: 'holds a replica of this volume already' };
  if (request.only !== undefined && request.only !== name) {
    return { code: 'NotAllowed', reason: `the replica is to go to ${request.only}` };
  }
  if (rules?.nodes !== undefined && rules.nodes.length > 0 && !rules.nodes.includes(name)) {
    return { code: 'NotAllowed', reason: `not in placement.nodes (${rules.nodes.join(', ')})` };
  }
  if (request.first?.nodes?.includes(name) === false) {
    return { code: 'NotAllowed', reason: 'the first replicas are to go to other nodes (placement.first.nodes)' };
  }
  if (rules?.excludeNodes?.includes(name) === true) return { code: 'NotAllowed', reason: 'in placement.excludeNodes' };
  for (const [key, value] of Object.entries(rules?.nodeSelector ?? {})) {
    const has = node.metadata.labels?.[key];
    if (has !== value) {
      const found = has === undefined ? 'no such label' : `${key}=${has}`;
      return { code: 'NotAllowed', reason: `placement.nodeSelector wants ${key}=${value}, it has ${found}` };
    }
  }
  return whyOtherGroup(node, request, view);
}

/** `placement.sameBy`: replicas that stay have decided which value it is. */
function whyOtherGroup(node: Stored<Node>, request: PlacementRequest, view: ClusterView): Refusal | undefined {
  const key = request.volume.placement?.sameBy;
  if (key === undefined) return undefined;
  const own = node.metadata.labels?.[key];
  if (own === undefined) return { code: 'NotAllowed', reason: `has no label ${key} (placement.sameBy)` };
  const others = request.staying.flatMap((name) => view.nodes.get(name)?.metadata.labels?.[key] ?? []);
  if (others.length === 0 || others.includes(own)) return undefined;
  return { code: 'NotAllowed', reason: `${key} is ${own}, its replicas are where it is ${others.join(' or ')}` };
}

/** Nodes that may hold one volume together: all, or with `placement.sameBy` those of each value of the label. */
export function groupsOf(
  options: readonly NodeOption[],
  request: PlacementRequest,
  view: ClusterView,
): readonly (readonly NodeOption[])[] {
  const key = request.volume.placement?.sameBy;
  if (key === undefined) return [options];
  const groups = new Map<string, NodeOption[]>();
  for (const option of options) {
    const value = view.nodes.get(option.node)?.metadata.labels?.[key];
    if (value === undefined) continue;
    const group = groups.get(value) ?? [];
    groups.set(value, group);
    group.push(option);
  }
  return [...groups.values()];
}

function whyNodeNotReady(node: Stored<Node>, view: ClusterView): Refusal | undefined {
  const health = view.health.get(node.metadata.name) ?? HEALTH_NEVER_SEEN;
  if (health.state !== 'Ready') return { code: 'NotReady', reason: `not Ready: ${health.message}` };
  if (node.spec?.evict === true) return { code: 'Evicting', reason: 'being evicted (hf node show)' };
  if (node.spec?.schedulable === false)
    return { code: 'Unschedulable', reason: 'not schedulable (spec.schedulable is false)' };
  return undefined;
}

function whyNoReplication(node: Stored<Node>, view: ClusterView): Refusal | undefined {
  const flavour = node.status?.drbd ?? 'none';
  if (flavour === 'none') {
    return {
      code: 'NoDrbd',
      reason: 'has no DRBD kernel module or tools; replicated volumes need them (modprobe drbd, drbd-utils)',
    };
  }
  if (node.status?.addresses?.replication === undefined) {
    return { code: 'NoAddress', reason: 'reports no replication address' };
  }
  if (!hasFreePort(node.metadata.name, view.usage)) {
    return { code: 'NoAddress', reason: 'all of its replication ports are in use' };
  }
  return undefined;
}

function poolOptions(node: Stored<Node>, request: PlacementRequest, view: ClusterView): PoolOption[] {
  const options: PoolOption[] = [];
  const replicated = request.total > 1;
  for (const pool of matchingPools(node.metadata.name, request.volume.poolClass, view)) {
    const spec = pool.spec;
    if (spec === undefined) continue;
    const name = pool.metadata.name;
    const size = request.volume.sizeBytes;
    const reported = node.status?.pools?.find((candidate) => candidate.name === name);
    const room = roomOf(spec, name, reported, view.usage.pool(node.metadata.name, name));
    const why = whyNoSpace(spec, name, room, size, replicated);
    const largestBytes = largestFit(spec, room, replicated);
    const freeAfter =
      room.ok && why === null && room.budgetBytes > 0
        ? (room.bytes - demandOf(spec, size, replicated)) / room.budgetBytes
        : 0;
    const code = why === null ? 'Chosen' : room.ok ? 'NoSpace' : room.code;
    options.push({
      pool: name,
      thin: isThin(spec),
      ok: why === null,
      code,
      reason: why ?? '',
      largestBytes,
      roomBytes: room.ok ? Math.max(0, room.bytes) : 0,
      freeAfter,
    });
  }
  return options;
}

function matchingPools(node: string, poolClass: string, view: ClusterView): Stored<Pool>[] {
  return [...view.pools.values()].filter(
    (pool) =>
      pool.metadata.deletionTimestamp === undefined &&
      (poolClass === '' || pool.spec?.classes.includes(poolClass) === true) &&
      pool.spec?.nodes.some((member) => member.name === node) === true,
  );
}

function whyNoPool(node: string, request: PlacementRequest, view: ClusterView): string {
  const poolClass = request.volume.poolClass;
  if (poolClass === '') return `no pool on this node (hf pool create NAME --node ${node} --disk ID)`;
  const classes = new Set([...view.pools.values()].flatMap((pool) => pool.spec?.classes ?? []));
  const known = classes.size === 0 ? 'no pool has a class' : `classes of pools: ${[...classes].toSorted().join(', ')}`;
  return `no pool of class '${poolClass}' on this node (${known})`;
}

function comparePools(a: PoolOption, b: PoolOption): number {
  if (a.ok !== b.ok) return a.ok ? -1 : 1;
  if (a.freeAfter !== b.freeAfter) return b.freeAfter - a.freeAfter;
  if (a.largestBytes !== b.largestBytes) return b.largestBytes - a.largestBytes;
  return a.pool < b.pool ? -1 : 1;
}
