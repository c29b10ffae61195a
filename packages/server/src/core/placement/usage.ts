import { EXTENT_BYTES, roundUpToExtent } from '@holdfast/api/bytes.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';

/** What one replica takes from its node: space in a pool, and numbers. Also used for a replica that is about to be created. */
export interface Claim {
  readonly node: string;
  readonly pool: string;
  readonly sizeBytes: number;
  /** External DRBD metadata beside it; 0 for layout local. */
  readonly metadataBytes: number;
  /** Bytes of `sizeBytes + metadataBytes` that already exist as logical volumes, and so are missing from the free space. */
  readonly materialisedBytes: number;
  readonly minor: number | undefined;
  readonly port: number | undefined;
}

/** Sum over the replicas of one pool on one node. */
export interface PoolUsage {
  readonly replicas: number;
  /** Sum of volume sizes. */
  readonly placedBytes: number;
  readonly metadataBytes: number;
  /** Promised but not yet taken from the free space. */
  readonly pendingBytes: number;
}

export interface UsageView {
  pool(node: string, pool: string): PoolUsage;
  /** All replicas of the node, in any pool. */
  replicasOn(node: string): number;
  minorsOn(node: string): ReadonlySet<number>;
  portsOn(node: string): ReadonlySet<number>;
}

/** DRBD 9 metadata has one bitmap per peer; 7 is the number of slots that are made. */
const BITMAPS = 7;

/** Upper bound of the external DRBD metadata for a device of this size (drbd.md 1.5: 36 KiB + size/32768 per peer). */
export function metadataEstimate(sizeBytes: number): number {
  return roundUpToExtent(Math.max(36 * 1024 + Math.ceil(sizeBytes / 32768) * BITMAPS, EXTENT_BYTES));
}

export function claimOf(replica: Replica): Claim | undefined {
  const spec = replica.spec;
  if (spec === undefined) return undefined;
  const diskful = spec.type === 'Diskful';
  const sizeBytes = diskful ? spec.sizeBytes : 0;
  const metadataBytes = diskful && spec.layout === 'drbd' ? metadataEstimate(spec.sizeBytes) : 0;
  const lv = replica.status?.lvSizeBytes;
  return {
    node: spec.node,
    pool: spec.pool,
    sizeBytes,
    metadataBytes,
    materialisedBytes: lv === undefined ? 0 : Math.min(lv, sizeBytes) + metadataBytes,
    minor: spec.drbd?.minor,
    port: spec.drbd?.port,
  };
}

const NO_USAGE: PoolUsage = { replicas: 0, placedBytes: 0, metadataBytes: 0, pendingBytes: 0 };
const NO_NUMBERS: ReadonlySet<number> = new Set();

interface NodeTotals {
  replicas: number;
  readonly minors: Map<number, number>;
  readonly ports: Map<number, number>;
}

/**
 * Who takes what, kept up to date replica by replica (O(1) per change). A claim is what the API shows; a reservation is
 * what was decided and may not be visible yet. For one replica the larger of both counts, so that nothing that was
 * promised is promised again, and a reservation that has become visible costs nothing.
 */
export class UsageLedger implements UsageView {
  readonly #claims = new Map<string, Claim>();
  readonly #reservations = new Map<string, Claim>();
  readonly #counted = new Map<string, Claim>();
  readonly #pools = new Map<string, PoolUsage>();
  readonly #nodes = new Map<string, NodeTotals>();

  /** What the API shows for this replica; undefined when it is gone. */
  observe(replica: string, claim: Claim | undefined): void {
    if (claim === undefined) {
      // It was visible and is gone: names are never used again, so nothing can be reserved for it.
      if (this.#claims.delete(replica)) this.#reservations.delete(replica);
    } else {
      this.#claims.set(replica, claim);
    }
    const reserved = this.#reservations.get(replica);
    if (reserved !== undefined && claim !== undefined && covers(claim, reserved)) {
      this.#reservations.delete(replica);
    }
    this.#recount(replica);
  }

  reserve(replica: string, claim: Claim): void {
    this.#reservations.set(replica, claim);
    this.#recount(replica);
  }

  /** Forgets a reservation whose replica certainly was not created. */
  release(replica: string): void {
    if (this.#reservations.delete(replica)) this.#recount(replica);
  }

  reserved(): readonly string[] {
    return [...this.#reservations.keys()];
  }

  pool(node: string, pool: string): PoolUsage {
    return this.#pools.get(`${node}/${pool}`) ?? NO_USAGE;
  }

  replicasOn(node: string): number {
    return this.#nodes.get(node)?.replicas ?? 0;
  }

  minorsOn(node: string): ReadonlySet<number> {
    const minors = this.#nodes.get(node)?.minors;
    return minors === undefined ? NO_NUMBERS : new Set(minors.keys());
  }

  portsOn(node: string): ReadonlySet<number> {
    const ports = this.#nodes.get(node)?.ports;
    return ports === undefined ? NO_NUMBERS : new Set(ports.keys());
  }

  #recount(replica: string): void {
    const before = this.#counted.get(replica);
    const after = larger(this.#claims.get(replica), this.#reservations.get(replica));
    if (before !== undefined) this.#add(before, -1);
    if (after === undefined) {
      this.#counted.delete(replica);
    } else {
      this.#counted.set(replica, after);
      this.#add(after, 1);
    }
  }

  #add(claim: Claim, sign: 1 | -1): void {
    const key = `${claim.node}/${claim.pool}`;
    const usage = this.#pools.get(key) ?? NO_USAGE;
    const pending = Math.max(0, claim.sizeBytes + claim.metadataBytes - claim.materialisedBytes);
    this.#pools.set(key, {
      replicas: usage.replicas + sign,
      placedBytes: usage.placedBytes + sign * claim.sizeBytes,
      metadataBytes: usage.metadataBytes + sign * claim.metadataBytes,
      pendingBytes: usage.pendingBytes + sign * pending,
    });
    const node = this.#nodes.get(claim.node) ?? { replicas: 0, minors: new Map(), ports: new Map() };
    this.#nodes.set(claim.node, node);
    node.replicas += sign;
    count(node.minors, claim.minor, sign);
    count(node.ports, claim.port, sign);
  }
}

function covers(claim: Claim, reserved: Claim): boolean {
  return claim.sizeBytes >= reserved.sizeBytes && (reserved.minor === undefined || claim.minor !== undefined);
}

function larger(claim: Claim | undefined, reservation: Claim | undefined): Claim | undefined {
  if (claim === undefined || reservation === undefined) return claim ?? reservation;
  // A replica that grows (or gains DRBD): promised size, but what exists already is gone from the free space.
  return { ...reservation, materialisedBytes: claim.materialisedBytes };
}

function count(numbers: Map<number, number>, value: number | undefined, sign: 1 | -1): void {
  if (value === undefined) return;
  const next = (numbers.get(value) ?? 0) + sign;
  if (next <= 0) numbers.delete(value);
  else numbers.set(value, next);
}

/** A ledger over replicas as they are, without reservations. */
export function usageOf(replicas: Iterable<Replica>): UsageLedger {
  const ledger = new UsageLedger();
  for (const replica of replicas) ledger.observe(replica.metadata.name, claimOf(replica));
  return ledger;
}
