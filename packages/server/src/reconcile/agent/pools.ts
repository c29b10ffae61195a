import { AppError } from '@holdfast/api/errors.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { NodePool } from '@holdfast/api/schema/node.ts';
import type { Pool } from '@holdfast/api/schema/pool.ts';
import { vgName } from '../../core/names/names.ts';
import { type PoolPlan, planPool } from '../../core/pool/plan.ts';
import { pvUuid } from '../../core/pool/pv-uuid.ts';
import { reportPool } from '../../core/pool/report.ts';
import type { PoolAction, SeenDisk, SeenPool, WantedPool } from '../../core/pool/types.ts';
import type { Files } from '../../ports/files.ts';
import type { Host } from '../../ports/host.ts';
import type { Log } from '../../ports/log.ts';
import type { Lvm, LvmInventory } from '../../ports/lvm.ts';

/** Plan, do, look again: more rounds than this mean that something undoes what we do. */
const MAX_ROUNDS = 8;

export interface PoolManagerDeps {
  readonly node: string;
  /** Where loop files and the notes about pools live, on the node's own disk. */
  readonly stateDir: string;
  readonly lvm: Lvm;
  readonly host: Host;
  readonly files: Files;
  readonly log: Log;
}

export interface PoolManager {
  /** Brings every pool that names this node to what it should be. Never throws for one pool's trouble: that is in its state. */
  reconcile(pools: readonly Stored<Pool>[]): Promise<NodePool[]>;
}

export function createPoolManager(deps: PoolManagerDeps): PoolManager {
  const { node, stateDir, lvm, host, files, log } = deps;

  /** Written when a pool was complete for the first time, so that it is never made again over lost data. */
  function noteOf(wanted: WantedPool): string {
    return `${stateDir}/pools/${wanted.uid}.json`;
  }

  function loopFileOf(wanted: WantedPool): string {
    return `${stateDir}/pools/${wanted.name}.img`;
  }

  async function observe(wanted: WantedPool, inventory: LvmInventory): Promise<SeenPool> {
    return {
      inventory,
      disks: await seeDisks(wanted, inventory),
      loop: wanted.type === 'file' ? await seeLoop(wanted) : undefined,
      wasReady: (await files.read(noteOf(wanted))) !== undefined,
    };
  }

  async function seeDisks(wanted: WantedPool, inventory: LvmInventory): Promise<SeenDisk[]> {
    const seen: SeenDisk[] = [];
    for (const id of new Set(wanted.node.disks)) {
      const uuid = pvUuid(wanted.uid, id);
      const labelled = inventory.pvs.find((pv) => pv.uuid === uuid);
      if (labelled?.path !== undefined) {
        const heldBy = labelled.vg === undefined ? await host.holders(labelled.path) : [];
        seen.push({ id, path: labelled.path, whyNotFree: undefined, heldBy });
      } else {
        seen.push(await seeUnlabelled(id));
      }
    }
    return seen;
  }

  async function seeUnlabelled(id: string): Promise<SeenDisk> {
    try {
      const path = await host.diskPath(id);
      return { id, path, whyNotFree: path === undefined ? undefined : await host.whyDiskNotFree(id) };
    } catch (error) {
      // An id that two disks carry: for the plan that is a disk which is there and may not be touched.
      const why = AppError.from(error);
      if (why.code !== 'failed_precondition') throw why;
      return { id, path: id, whyNotFree: why.message };
    }
  }

  async function seeLoop(wanted: WantedPool): Promise<NonNullable<SeenPool['loop']>> {
    const file = loopFileOf(wanted);
    const exists = (await files.list(`${stateDir}/pools`)).includes(`${wanted.name}.img`);
    return { file, exists, device: exists ? await host.loopDevice(file) : undefined };
  }

  async function execute(action: PoolAction): Promise<void> {
    switch (action.kind) {
      case 'attach-loop':
        await host.attachLoop(action.file, action.sizeBytes);
        return;
      case 'create-pv':
        await lvm.createPv(action);
        return;
      case 'create-vg':
        await lvm.createVg(action);
        return;
      case 'extend-vg':
        await lvm.extendVg(action);
        return;
      case 'create-thin-pool':
        await lvm.createThinPool(action);
        return;
      case 'grow-thin-pool':
        await lvm.growThinPool(action);
        return;
      case 'activate-vg':
        await lvm.activateVg(action.vg);
        return;
      default:
        action satisfies never;
    }
  }

  async function reconcileOne(wanted: WantedPool, first: LvmInventory): Promise<{ pool: NodePool; changed: boolean }> {
    let inventory = first;
    let changed = false;
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const seen = await observe(wanted, inventory);
      const plan = planPool(wanted, seen);
      if (plan.actions.length === 0) {
        await takeNote(wanted, plan, seen);
        return { pool: reportPool(wanted, seen, plan), changed };
      }
      for (const action of plan.actions) {
        try {
          changed = true;
          await execute(action);
          log.info('pool changed', { pool: wanted.name, op: action.kind, reason: action.reason });
        } catch (error) {
          const why = AppError.from(error);
          log.warn('pool action failed', { pool: wanted.name, op: action.kind, err: why });
          const problem = { reason: why.details.reason ?? 'ActionFailed', message: why.message };
          return { pool: reportPool(wanted, seen, plan, problem), changed };
        }
      }
      inventory = await lvm.inventory();
    }
    throw new AppError('internal', `pool ${wanted.name} is not complete after ${MAX_ROUNDS} rounds`, {
      details: { reason: 'PoolDoesNotConverge' },
    });
  }

  async function takeNote(wanted: WantedPool, plan: PoolPlan, seen: SeenPool): Promise<void> {
    if (seen.wasReady || plan.fatal !== undefined || plan.missing !== undefined) return;
    await files.write(noteOf(wanted), `${JSON.stringify({ name: wanted.name, vg: vgName(wanted.name) })}\n`);
  }

  return {
    async reconcile(pools) {
      const wanted = wantedOn(node, pools);
      if (wanted.length === 0) return [];
      let inventory = await lvm.inventory();
      const result: NodePool[] = [];
      // One after the other: they may name the same disks.
      for (const each of wanted) {
        const { pool, changed } = await reconcileOne(each, inventory);
        result.push(pool);
        if (changed) inventory = await lvm.inventory();
      }
      return result;
    },
  };
}

/**
 * What the Pool objects want of this node, oldest first: a disk that two pools name belongs to the older. A pool that is
 * being deleted is kept as it is (its finalizer waits for the replicas) and still holds its disks.
 */
export function wantedOn(node: string, pools: readonly Stored<Pool>[]): WantedPool[] {
  const byAge = [...pools].sort(
    (a, b) =>
      a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp) ||
      a.metadata.name.localeCompare(b.metadata.name),
  );
  const owners = new Map<string, string>();
  const wanted: WantedPool[] = [];
  for (const pool of byAge) {
    const entry = pool.spec?.nodes.find((candidate) => candidate.name === node);
    if (pool.spec === undefined || entry === undefined) continue;
    const claimedBy = new Map<string, string>();
    for (const disk of entry.disks) {
      const owner = owners.get(disk);
      if (owner === undefined) owners.set(disk, pool.metadata.name);
      else claimedBy.set(disk, owner);
    }
    wanted.push({
      name: pool.metadata.name,
      uid: pool.metadata.uid,
      type: pool.spec.type,
      node: entry,
      stopAtDataPercent: pool.spec.stopAtDataPercent,
      claimedBy,
    });
  }
  return wanted;
}
