import { AppError } from '@holdfast/api/errors.ts';
import type { NodeDisk, NodePool, NodeStatus } from '@holdfast/api/schema/node.ts';
import { TAG_OURS, tagValue } from '../../core/names/names.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Drbd } from '../../ports/drbd.ts';
import type { Host } from '../../ports/host.ts';
import type { Lvm, LvmInventory } from '../../ports/lvm.ts';
import { nodeConditions } from './node-conditions.ts';
import type { Orphan } from './orphans.ts';

/** Disks are probed again after this time at the latest; at once when a pool changed. Milliseconds. */
const DISKS_MAX_AGE_MS = 10 * 60_000;
/** A disk that somebody has just emptied should show within a minute or two while there are disks that are not free. */
const DISKS_WAITING_AGE_MS = 90_000;

export interface NodeReporterDeps {
  readonly host: Host;
  readonly lvm: Lvm;
  readonly drbd: Pick<Drbd, 'flavour' | 'versions'> | undefined;
  readonly clock: Clock;
  readonly agentVersion: string;
  /** From the configuration; what is not given is the first global address of the machine. */
  readonly addresses: { readonly management: string | undefined; readonly replication: string | undefined };
}

export interface NodeReporter {
  status(args: {
    readonly pools: readonly NodePool[];
    readonly orphans: readonly Orphan[];
    readonly previous: NodeStatus;
  }): Promise<NodeStatus>;
}

/**
 * Assembles Node.status from the machine. Versions are asked once; disks when something may have changed, because a probe
 * is several child processes per disk. Everything else comes from the pools, which are fresh.
 */
export function createNodeReporter(deps: NodeReporterDeps): NodeReporter {
  const { host, lvm, drbd, clock } = deps;
  let versions: NodeStatus['versions'];
  let disks: { list: NodeDisk[]; atMs: number; pools: string } | undefined;

  async function readVersions(): Promise<NonNullable<NodeStatus['versions']>> {
    const found = await drbd?.versions();
    return {
      agent: deps.agentVersion,
      kernel: await host.kernelVersion(),
      lvm: await lvm.version(),
      ...(found === undefined ? {} : { drbdUtils: found.utils, drbdKernel: found.kernel }),
    };
  }

  async function currentDisks(pools: readonly NodePool[]): Promise<NodeDisk[]> {
    const poolsKey = pools.map((pool) => `${pool.name} ${pool.state} ${pool.diskIds?.join() ?? ''}`).join('; ');
    const nowMs = clock.monotonic();
    if (disks !== undefined && disks.pools === poolsKey && nowMs - disks.atMs < maxAge(disks.list)) return disks.list;
    const list = withPools(await host.disks(), await lvm.inventory());
    disks = { list, atMs: nowMs, pools: poolsKey };
    return list;
  }

  async function addresses(): Promise<NonNullable<NodeStatus['addresses']>> {
    const { management, replication } = deps.addresses;
    if (management !== undefined && replication !== undefined) return { management, replication };
    const found = await host.addresses();
    const first = (found.find((each) => !each.address.includes(':')) ?? found[0])?.address;
    const known = management ?? replication ?? first;
    if (known === undefined) {
      throw new AppError('failed_precondition', 'this machine has no global IP address', {
        details: { reason: 'NoAddress', remedy: 'configure an address, or give --replication-address' },
      });
    }
    return { management: management ?? first ?? known, replication: replication ?? known };
  }

  return {
    async status({ pools, orphans, previous }) {
      versions ??= await readVersions();
      return {
        bootId: await host.bootId(),
        addresses: await addresses(),
        versions,
        drbd: drbd?.flavour ?? 'none',
        disks: await currentDisks(pools),
        pools: [...pools],
        conditions: nodeConditions({
          pools,
          orphans,
          previous: previous.conditions ?? [],
          now: new Date(clock.now()).toISOString(),
        }),
      };
    },
  };
}

function maxAge(disks: readonly NodeDisk[]): number {
  const settled = disks.every((disk) => disk.use === 'free' || disk.use === 'pool' || disk.use === 'holder');
  return settled ? DISKS_MAX_AGE_MS : DISKS_WAITING_AGE_MS;
}

/** Disks of our volume groups are `pool`, with the pool's name; the host only knows that LVM has them. */
export function withPools(disks: readonly NodeDisk[], inventory: LvmInventory): NodeDisk[] {
  const pools = new Map<string, string>();
  for (const group of inventory.vgs) {
    const pool = group.tags.includes(TAG_OURS) ? tagValue(group.tags, 'pool') : undefined;
    if (pool !== undefined) for (const path of group.pvs) pools.set(path, pool);
  }
  return disks.map((disk) => {
    const pool = disk.use === 'lvm' ? pools.get(disk.path) : undefined;
    return pool === undefined ? disk : { ...disk, use: 'pool', usedBy: pool };
  });
}
