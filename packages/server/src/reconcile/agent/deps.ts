import type { EventRecorder } from '@holdfast/api/client/events.ts';
import type { ClusterClient } from '@holdfast/api/client/types.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { NodePool } from '@holdfast/api/schema/node.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import type { Clock, Random } from '../../ports/clock.ts';
import type { Drbd } from '../../ports/drbd.ts';
import type { FenceGate } from '../../ports/fence.ts';
import type { Files } from '../../ports/files.ts';
import type { FileSystems } from '../../ports/filesystem.ts';
import type { Host } from '../../ports/host.ts';
import type { Log } from '../../ports/log.ts';
import type { Lvm } from '../../ports/lvm.ts';
import type { InventoryCache } from './inventory.ts';

/** The DRBD shared secret of a volume. Derived, never stored per volume, never logged (INV-9). */
export interface ReplicationSecrets {
  sharedSecret(volumeUid: string): Promise<string>;
}

/** What an agent is made of. */
export interface AgentDeps {
  readonly node: string;
  readonly stateDir: string;
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly lvm: Lvm;
  /** undefined: the kernel has no DRBD; only single-replica volumes can live here. */
  readonly drbd: Drbd | undefined;
  readonly fence: FenceGate | undefined;
  readonly fs: FileSystems;
  readonly host: Host;
  readonly files: Files;
  readonly secrets: ReplicationSecrets;
  readonly recorder: Pick<EventRecorder, 'record'>;
  /** The pools of this node as last reconciled. */
  readonly pools: { get(name: string): { pool: Stored<Pool>; state: NodePool } | undefined };
}

/** What one replica's steps work with and remember. */
export interface ExecuteContext {
  readonly deps: AgentDeps;
  readonly inventory: InventoryCache;
  /** Resources whose `drbdadm primary` runs now: a fence question about them is expected (design 3.1 rule 1). */
  readonly promoting: Set<string>;
  /** UIDs of replicas whose metadata volume this process has just made: it reads as zeros, nobody has to look. */
  readonly blankMetadata: Set<string>;
}
