import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Node } from '@holdfast/api/schema/node.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import type { FirstPlacement, Placement } from '@holdfast/api/schema/volume.ts';
import type { NodeHealth } from '../node-health/types.ts';
import type { UsageView } from './usage.ts';

/** The cluster as placement sees it. Plain data; `usage` counts every placed replica and every reservation. */
export interface ClusterView {
  readonly nodes: ReadonlyMap<string, Stored<Node>>;
  readonly health: ReadonlyMap<string, NodeHealth>;
  readonly pools: ReadonlyMap<string, Stored<Pool>>;
  readonly usage: UsageView;
}

/** What is asked for. */
export interface PlacementRequest {
  readonly volume: {
    readonly name: string;
    readonly uid: string;
    /** Bytes that each replica needs. */
    readonly sizeBytes: number;
    readonly poolClass: string;
    readonly placement: Placement | undefined;
  };
  /** New replicas to place, at least 1. */
  readonly count: number;
  /** Replicas of the volume at once afterwards; more than one needs DRBD. */
  readonly total: number;
  /** Nodes that hold a replica of this volume now, one that is being removed included: none gets a second one. */
  readonly taken: readonly string[];
  /** Nodes whose replicas stay: they fix the DRBD flavour and count for spreading. */
  readonly staying: readonly string[];
  /** Nodes to take first when they fit: where the volume is wanted. */
  readonly prefer: readonly string[];
  /** Only this node: an operator named it. */
  readonly only?: string;
  /** While the volume has no data yet: where the first replicas go. */
  readonly first?: FirstPlacement;
}

export const VERDICT_CODES = [
  'Chosen',
  'NotChosen',
  'NodeDeleting',
  'NotAllowed',
  'HasReplica',
  'NotReady',
  'Unschedulable',
  'Evicting',
  'NoDrbd',
  'FlavourMismatch',
  'FlavourLimit',
  'NoAddress',
  'NoPool',
  'PoolNotReady',
  'PoolTooFull',
  'NoSpace',
] as const;
export type VerdictCode = (typeof VERDICT_CODES)[number];

/** Why a node was chosen, or why not, in words. There is one for every node, always. */
export interface NodeVerdict {
  readonly node: string;
  readonly code: VerdictCode;
  /** It could take the replica. */
  readonly fits: boolean;
  readonly pool?: string;
  readonly score?: number;
  readonly reason: string;
  /** Largest replica that the node could take now; 0 when another reason excludes it. */
  readonly largestBytes: number;
}

export interface ChosenNode {
  readonly node: string;
  readonly pool: string;
  readonly thin: boolean;
  readonly score: number;
  readonly reason: string;
}

export type PlacementResult =
  | { readonly ok: true; readonly chosen: readonly ChosenNode[]; readonly verdicts: readonly NodeVerdict[] }
  | {
      readonly ok: false;
      /** The whole answer for a person: what does not fit, why per node, and the largest size that would. */
      readonly message: string;
      readonly largestBytes: number;
      readonly verdicts: readonly NodeVerdict[];
    };
