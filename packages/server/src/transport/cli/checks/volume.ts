import { formatBytes } from '@holdfast/api/bytes.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Node } from '@holdfast/api/schema/node.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import type { Volume } from '@holdfast/api/schema/volume.ts';
import { healthFromCondition } from '../../../core/node-health/from-condition.ts';
import { place } from '../../../core/placement/place.ts';
import type { VerdictCode } from '../../../core/placement/types.ts';
import { usageOf } from '../../../core/placement/usage.ts';
import { didYouMean, listNames } from '../suggest.ts';
import { count } from '../units.ts';
import { isDeleting, nodeHealth } from '../views/common.ts';
import { notFound } from './lookup.ts';

/** What the checks look at: read right before the request, so that a mistake is explained before anything is made. */
export interface Cluster {
  readonly nodes: readonly Stored<Node>[];
  readonly pools: readonly Stored<Pool>[];
  readonly replicas: readonly Stored<Replica>[];
}

export interface VolumeRequest {
  readonly name: string;
  readonly sizeBytes: number;
  readonly replicas: number;
  readonly poolClass: string;
  readonly nodes: readonly string[] | undefined;
}

export function checkNodeNames(names: readonly string[], nodes: readonly Stored<Node>[], field: string): void {
  const known = nodes.map((node) => node.metadata.name);
  for (const name of names) if (!known.includes(name)) throw notFound('node', name, known, field);
}

/** Pools that carry the class; an empty class means every pool. */
export function poolsOfClass(pools: readonly Stored<Pool>[], poolClass: string): Stored<Pool>[] {
  return pools.filter(
    (pool) => !isDeleting(pool) && (poolClass === '' || (pool.spec?.classes ?? []).includes(poolClass)),
  );
}

export function checkPoolClass(pools: readonly Stored<Pool>[], poolClass: string): void {
  if (pools.length === 0) {
    throw new AppError('failed_precondition', 'there is no pool yet, so a volume has nowhere to go', {
      details: {
        field: '--class',
        value: poolClass,
        remedy: "look for free disks with 'hf disk list', then 'hf pool create NAME --disk NODE=ID'",
        reason: 'NoPool',
      },
    });
  }
  if (poolsOfClass(pools, poolClass).length > 0) return;
  const known = [...new Set(pools.flatMap((pool) => pool.spec?.classes ?? []))].sort();
  throw new AppError(
    'invalid_argument',
    `--class: no pool has the class '${poolClass}'.${didYouMean(poolClass, known)}`,
    {
      details: {
        field: '--class',
        value: poolClass,
        remedy:
          known.length === 0
            ? 'no pool has a class: leave --class out, or add one with hf pool create --class'
            : `use one of: ${listNames(known)}`,
        reason: 'UnknownPoolClass',
      },
    },
  );
}

/** In-tree DRBD 8.4 holds two copies; more needs DRBD 9 on enough nodes. */
function checkFlavour(replicas: number, nodes: readonly Stored<Node>[]): void {
  if (replicas <= 2) return;
  const nine = nodes.filter((node) => node.status?.drbd === '9');
  if (nine.length >= replicas) return;
  throw new AppError(
    'failed_precondition',
    `--replicas: ${replicas} copies need DRBD 9 on ${replicas} nodes; it is on ${nine.length} (the DRBD 8.4 of stock kernels holds 2 copies)`,
    {
      details: {
        field: '--replicas',
        value: replicas,
        remedy: 'ask for 2, or install the DRBD 9 module on more nodes',
        reason: 'TooManyReplicasForDrbd84',
      },
    },
  );
}

/** Nodes on which a pool of the class exists, whatever its state. */
function nodesWithPool(request: VolumeRequest, cluster: Cluster): string[] {
  const names = new Set(
    poolsOfClass(cluster.pools, request.poolClass).flatMap((pool) => (pool.spec?.nodes ?? []).map((n) => n.name)),
  );
  return cluster.nodes
    .map((node) => node.metadata.name)
    .filter((name) => names.has(name) && (request.nodes === undefined || request.nodes.includes(name)));
}

/**
 * Refuses what does not fit, with the reasons that placement gives, before anything is made. Nodes that are not ready right
 * now may take a copy later: such a request is let through, and the answer is what it will wait for.
 * @throws AppError `failed_precondition` or `resource_exhausted`.
 */
export function checkFits(request: VolumeRequest, cluster: Cluster): string | undefined {
  if (request.nodes !== undefined) checkNodeNames(request.nodes, cluster.nodes, '--node');
  if (request.replicas > cluster.nodes.length) {
    throw new AppError(
      'failed_precondition',
      `--replicas: ${request.replicas} copies need ${request.replicas} nodes, and the cluster has ${cluster.nodes.length}`,
      {
        details: {
          field: '--replicas',
          value: request.replicas,
          remedy: `ask for at most ${cluster.nodes.length}, or add nodes`,
          reason: 'MoreReplicasThanNodes',
        },
      },
    );
  }
  checkPoolClass(cluster.pools, request.poolClass);
  checkFlavour(request.replicas, cluster.nodes);
  const places = nodesWithPool(request, cluster);
  if (places.length < request.replicas) {
    const what = request.poolClass === '' ? 'a pool' : `a pool of class '${request.poolClass}'`;
    const among = request.nodes === undefined ? '' : ` among ${listNames(request.nodes)}`;
    throw new AppError(
      'failed_precondition',
      `--replicas: ${request.replicas} copies need ${request.replicas} nodes with ${what}${among}; there ${places.length === 1 ? 'is 1' : `are ${places.length}`} (${listNames(places)})`,
      {
        details: {
          field: '--replicas',
          value: request.replicas,
          remedy: `ask for at most ${Math.max(1, places.length)}, or give more nodes a pool with hf pool create`,
          reason: 'MoreReplicasThanPoolNodes',
        },
      },
    );
  }
  return checkPlacement(request, cluster);
}

/** Verdicts that time may lift: the node comes back, or reports. */
const MAY_CHANGE: readonly VerdictCode[] = ['NotReady', 'PoolNotReady', 'NoAddress'];

function checkPlacement(request: VolumeRequest, cluster: Cluster): string | undefined {
  const result = place(
    {
      volume: {
        name: request.name,
        uid: request.name,
        sizeBytes: request.sizeBytes,
        poolClass: request.poolClass,
        placement: request.nodes === undefined ? undefined : { nodes: [...request.nodes] },
      },
      count: request.replicas,
      total: request.replicas,
      taken: [],
      staying: [],
      prefer: [],
    },
    {
      nodes: new Map(cluster.nodes.map((node) => [node.metadata.name, node])),
      health: new Map(cluster.nodes.map((node) => [node.metadata.name, healthFromCondition(node)])),
      pools: new Map(cluster.pools.map((pool) => [pool.metadata.name, pool])),
      usage: usageOf(cluster.replicas.filter((replica) => replica.spec?.volume !== request.name)),
    },
  );
  if (result.ok) return undefined;
  const possible = result.verdicts.filter((verdict) => verdict.fits || MAY_CHANGE.includes(verdict.code)).length;
  if (possible >= request.replicas) return result.message;
  const space = result.verdicts.some((verdict) => verdict.code === 'NoSpace' || verdict.code === 'PoolTooFull');
  const fitting = result.verdicts.filter((verdict) => verdict.fits).length;
  const what = `${count(request.replicas, 'copy', 'copies')} of ${formatBytes(request.sizeBytes)}`;
  const message = `--size: no place for ${what}: ${fitting} of ${count(result.verdicts.length, 'node')} can take one`;
  throw new AppError(space ? 'resource_exhausted' : 'failed_precondition', message, {
    details: {
      lines: result.verdicts.map((verdict) => `${verdict.node}: ${verdict.reason}`),
      field: '--size',
      value: formatBytes(request.sizeBytes),
      remedy:
        result.largestBytes > 0
          ? `ask for at most ${formatBytes(result.largestBytes)}, or add disks`
          : 'lift one of the reasons above, for example by adding a disk to a pool',
      reason: space ? 'NoSpace' : 'NoPlace',
    },
  });
}

/** What attaching to a node means now. */
export type AttachPlan =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'attach' }
  | { readonly kind: 'failover'; readonly from: string; readonly why: string; readonly lost: boolean };

/**
 * May the volume be attached to this node now? One node at a time (INV-2): a second one is refused with the name of the
 * holder, unless the holder is lost, which makes it a failover. Whether it is safe is decided by the arbiter, not here.
 */
export function planAttach(volume: Stored<Volume>, nodeName: string, cluster: Cluster): AttachPlan {
  const known = cluster.nodes.map((node) => node.metadata.name);
  const node = cluster.nodes.find((candidate) => candidate.metadata.name === nodeName);
  const name = volume.metadata.name;
  if (node === undefined) throw notFound('node', nodeName, known, 'NODE');
  if (isDeleting(volume)) {
    throw new AppError('failed_precondition', `volume '${name}' is being deleted`, {
      details: { field: 'VOLUME', value: name, remedy: 'create another volume', reason: 'Deleting' },
    });
  }
  if (nodeHealth(node) !== 'Ready') {
    const why = healthFromCondition(node).message;
    throw new AppError('failed_precondition', `node '${nodeName}' is not ready: ${why}`, {
      details: {
        field: 'NODE',
        value: nodeName,
        remedy: `wait until 'hf node list' shows it Ready, or use another node with a copy: ${copyNodes(volume, cluster, nodeName)}`,
        reason: 'NodeNotReady',
      },
    });
  }
  const replicas = cluster.replicas.filter((replica) => replica.spec?.volume === name && !isDeleting(replica));
  if (replicas.length > 0 && !replicas.some((replica) => replica.spec?.node === nodeName)) {
    throw new AppError('failed_precondition', `volume '${name}' has no copy on node '${nodeName}'`, {
      details: {
        field: 'NODE',
        value: nodeName,
        remedy: `attach it where a copy is (${copyNodes(volume, cluster)}), or move one with 'hf volume move ${name} --from NODE --to ${nodeName}'`,
        reason: 'NoReplicaOnNode',
      },
    });
  }
  const wanted = volume.spec?.attachments[0]?.node;
  const holder = volume.status?.attachedTo ?? wanted;
  if (wanted === nodeName) return { kind: 'unchanged' };
  if (holder === undefined || holder === nodeName) return { kind: 'attach' };
  const holderNode = cluster.nodes.find((candidate) => candidate.metadata.name === holder);
  if (holderNode !== undefined && nodeHealth(holderNode) === 'Ready') {
    throw new AppError(
      'failed_precondition',
      `volume '${name}' is attached to node '${holder}', and only one node at a time may write`,
      {
        details: {
          field: 'NODE',
          value: nodeName,
          remedy: `detach it first: hf volume detach ${name}`,
          reason: 'AttachedElsewhere',
          attachedTo: holder,
        },
      },
    );
  }
  if (holderNode === undefined)
    return { kind: 'failover', from: holder, why: 'it is no longer a node of the cluster', lost: true };
  const health = healthFromCondition(holderNode);
  return { kind: 'failover', from: holder, why: health.message, lost: health.state === 'Lost' };
}

function copyNodes(volume: Stored<Volume>, cluster: Cluster, except?: string): string {
  return listNames(
    cluster.replicas
      .filter((replica) => replica.spec?.volume === volume.metadata.name)
      .map((replica) => replica.spec?.node ?? '')
      .filter((node) => node !== '' && node !== except)
      .sort(),
  );
}
