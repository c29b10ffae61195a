import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Node } from '@holdfast/api/schema/node.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import type { NodeHealth } from '../../core/node-health/types.ts';
import type { ClusterView } from '../../core/placement/types.ts';
import { claimOf, UsageLedger } from '../../core/placement/usage.ts';
import type { VolumeAction } from '../../core/volume/types.ts';

/**
 * The cluster as placement sees it, kept up to date change by change. Planning and reserving happen in one synchronous
 * step (never with an `await` in between), so two volumes can never be promised the same space.
 */
export class ClusterState implements ClusterView {
  readonly nodes = new Map<string, Stored<Node>>();
  readonly pools = new Map<string, Stored<Pool>>();
  readonly health = new Map<string, NodeHealth>();
  readonly usage = new UsageLedger();
  /** Names reserved per volume: what was decided in the last round and may not be visible yet. */
  readonly #reserved = new Map<string, Set<string>>();

  node(name: string, node: Stored<Node> | undefined): void {
    if (node === undefined) this.nodes.delete(name);
    else this.nodes.set(name, node);
  }

  pool(name: string, pool: Stored<Pool> | undefined): void {
    if (pool === undefined) this.pools.delete(name);
    else this.pools.set(name, pool);
  }

  replica(name: string, replica: Stored<Replica> | undefined): void {
    this.usage.observe(name, replica === undefined ? undefined : claimOf(replica));
  }

  /** Reserves what these actions take, before the first of them is executed. */
  reserve(volume: string, actions: readonly VolumeAction[], current: readonly Stored<Replica>[]): void {
    for (const action of actions) {
      if (action.type === 'create-replica') {
        this.#reserve(volume, action.replica.metadata.name, action.replica);
      } else if (action.type === 'update-replica') {
        const replica = current.find((one) => one.metadata.name === action.replica);
        if (replica !== undefined) this.#reserve(volume, action.replica, { ...replica, spec: action.spec });
      }
    }
  }

  /**
   * Settles this volume's reservations against a fresh list of its replicas: what is not there was never created, what
   * is there counts as it is until the cache shows it too.
   */
  settle(volume: string, live: readonly Stored<Replica>[]): void {
    const names = this.#reserved.get(volume);
    if (names === undefined) return;
    this.#reserved.delete(volume);
    for (const name of names) {
      this.usage.release(name);
      const replica = live.find((one) => one.metadata.name === name);
      if (replica !== undefined) this.#reserve(volume, name, replica);
    }
  }

  #reserve(volume: string, name: string, replica: Replica): void {
    const claim = claimOf(replica);
    if (claim === undefined) return;
    this.usage.reserve(name, claim);
    const names = this.#reserved.get(volume) ?? new Set();
    this.#reserved.set(volume, names.add(name));
  }
}
