import type { Command } from 'commander';
import type { Ctx } from '../context.ts';
import { collect, withDryRun, withExamples, withWait } from './helpers.ts';

/** hf node, hf disk, hf replica. */
export function defineNodes(program: Command, ctx: Ctx): void {
  const node = program.command('node').description('machines that hold replicas').helpGroup('Resources:');
  withExamples(
    node
      .command('list')
      .aliases(['ls'])
      .description('all nodes, with their readiness, disks and pools')
      .argument('[names...]', 'only these')
      .action(async (names: string[]) => (await import('../commands/list.ts')).listNodes(ctx, names)),
    [
      ['hf node list', 'all nodes'],
      ['hf node list -o wide', 'with addresses, kernel and LVM versions'],
      ['hf node list --watch', 'again at every change'],
    ],
  );
  withExamples(
    node
      .command('show')
      .description('one node: versions, disks, pools, replicas, conditions')
      .argument('<name>', 'node')
      .action(async (name: string) => (await import('../commands/list.ts')).showNode(ctx, name)),
    [['hf node show n1', 'everything that n1 reports']],
  );
  withExamples(
    withDryRun(
      node
        .command('set')
        .description('take a node out of placement, or empty it')
        .argument('<name>', 'node')
        .option('--schedulable <true|false>', 'may new replicas be placed here')
        .option('--evict <true|false>', 'move every replica of this node elsewhere'),
    ).action(async (name: string, options) => (await import('../commands/change.ts')).setNode(ctx, name, options)),
    [
      ['hf node set n1 --schedulable false', 'nothing new on n1; what is there stays'],
      ['hf node set n1 --evict true', 'move everything away from n1 before it is removed'],
    ],
  );
  withExamples(
    withDryRun(
      withWait(
        node
          .command('forget')
          .description('give up a lost node that never comes back, and every copy on it')
          .argument('<name>', 'node')
          .option('-y, --yes', 'do not ask'),
        'nothing names it any more',
      ),
    ).action(async (name: string, options) => (await import('../commands/forget.ts')).forgetNode(ctx, name, options)),
    [['hf node forget n1 --wait', 'its copies are replaced on other nodes, and then the node goes']],
  );

  const disk = program
    .command('disk')
    .description('block devices of the nodes, and what is on them')
    .helpGroup('Resources:');
  withExamples(
    disk
      .command('list')
      .aliases(['ls'])
      .description('all disks; only those that are free can be given to a pool')
      .option('--node <name>', 'only the disks of this node')
      .option('--free', 'only disks that a pool could use')
      .action(async (options) => (await import('../commands/list.ts')).listDisks(ctx, options)),
    [
      ['hf disk list --free', 'what can be given to a pool'],
      ['hf disk list --free -o name', 'as NODE=ID, ready for hf pool create --disk'],
    ],
  );
  withExamples(
    disk
      .command('show')
      .description('one disk')
      .argument('<id>', 'stable id, or NODE=ID when several nodes have the same')
      .action(async (id: string) => (await import('../commands/list.ts')).showDisk(ctx, id)),
    [['hf disk show virtio-hf-n1-d0', 'what is known about this disk']],
  );

  const replica = program.command('replica').description('copies of volumes, one per node').helpGroup('Resources:');
  withExamples(
    replica
      .command('list')
      .aliases(['ls'])
      .description('all copies, with role, disk state, peers and resync progress')
      .argument('[names...]', 'only these')
      .option('--volume <name>', 'only copies of this volume')
      .option('--node <name>', 'only copies on this node')
      .action(async (names: string[], options) =>
        (await import('../commands/list.ts')).listReplicas(ctx, names, options),
      ),
    [
      ['hf replica list --volume db', 'where the copies of db are'],
      ['hf replica list --watch', 'follow a resync with its rate'],
    ],
  );
  withExamples(
    replica
      .command('show')
      .description('one copy: DRBD state, peers, conditions')
      .argument('<name>', 'replica')
      .action(async (name: string) => (await import('../commands/list.ts')).showReplica(ctx, name)),
    [['hf replica show db-r0', 'what its node reports about it']],
  );
}

/** hf pool. */
export function definePools(program: Command, ctx: Ctx): void {
  const pool = program.command('pool').description('disks that hold replicas').helpGroup('Resources:');
  withExamples(
    pool
      .command('list')
      .aliases(['ls'])
      .description('all pools, with their usage')
      .argument('[names...]', 'only these')
      .action(async (names: string[]) => (await import('../commands/list.ts')).listPools(ctx, names)),
    [['hf pool list', 'all pools: size, written part, promised bytes']],
  );
  withExamples(
    pool
      .command('show')
      .description('one pool, node by node')
      .argument('<name>', 'pool')
      .action(async (name: string) => (await import('../commands/list.ts')).showPool(ctx, name)),
    [['hf pool show fast', 'state, usage and disks on each node']],
  );
  withExamples(
    withDryRun(
      withWait(
        pool
          .command('create')
          .description('make a pool from disks that are named one by one; a disk that holds anything is refused')
          .argument('<name>', 'pool')
          .option('--type <type>', 'lvm-thin (default), lvm, or file (a loop file: try it without a spare disk)')
          .option('--class <class>', 'tag that volumes can ask for; may be repeated or comma-separated', collect)
          .option('--disk <node=id,...>', 'disks of a node by stable id (hf disk list); may be repeated', collect)
          .option('--file <node=size>', 'type file: size of the loop file on a node; may be repeated', collect)
          .option('--over-provision <x>', 'thin: how many times its size may be promised (default 2)')
          .option('--reserve <percent>', 'part that is never promised (default 10)'),
        'it is ready on every node',
      ),
    ).action(async (name: string, options) => (await import('../commands/change.ts')).createPool(ctx, name, options)),
    [
      [
        'hf pool create fast --class ssd --disk n1=virtio-hf-n1-d0 --disk n2=virtio-hf-n2-d0 --wait',
        'one disk on each of two nodes',
      ],
      ['hf pool create try --file n1=20GiB --file n2=20GiB', 'no spare disk needed'],
    ],
  );
  withExamples(
    withDryRun(
      withWait(
        pool
          .command('delete')
          .aliases(['rm'])
          .description('remove a pool that holds no replica; its disks become free')
          .argument('<name>', 'pool')
          .option('-y, --yes', 'do not ask'),
        'it is gone from every node',
      ),
    ).action(async (name: string, options) => (await import('../commands/change.ts')).deletePool(ctx, name, options)),
    [['hf pool delete try --yes --wait', 'remove it, and wait until the disks are free']],
  );
}

/** hf volume. */
export function defineVolumes(program: Command, ctx: Ctx): void {
  const volume = program
    .command('volume')
    .aliases(['vol'])
    .description('block volumes with one or more copies')
    .helpGroup('Resources:');
  withExamples(
    volume
      .command('list')
      .aliases(['ls'])
      .description('all volumes: health, copies in sync, where attached')
      .argument('[names...]', 'only these')
      .action(async (names: string[]) => (await import('../commands/list.ts')).listVolumes(ctx, names)),
    [
      ['hf volume list', 'all volumes'],
      ['hf volume list -o json', 'the API objects as they are'],
    ],
  );
  withExamples(
    volume
      .command('show')
      .description('one volume: copies, who may write, conditions')
      .argument('<name>', 'volume')
      .action(async (name: string) => (await import('../commands/volume.ts')).showVolume(ctx, name)),
    [
      ['hf volume show db', 'state and recent decisions'],
      ['hf volume show db -o wide', 'with the evidence of each decision'],
    ],
  );
  withExamples(
    withDryRun(
      withWait(
        volume
          .command('create')
          .description('make a volume; the same command again changes nothing')
          .argument('<name>', 'volume')
          .requiredOption('--size <size>', 'usable size (10GiB); rounded up to 4 MiB')
          .option('--replicas <n>', 'copies on different nodes', '2')
          .option('--class <class>', 'only pools with this class')
          .option('--fs <type>', 'file system: ext4, xfs or btrfs (default ext4)')
          .option('--block', 'raw block device, no file system')
          .option('--node <name>', 'only these nodes; may be repeated', collect)
          .option('--exclude-node <name>', 'none of these nodes; may be repeated', collect)
          .option('--spread-by <label>', 'put copies where this node label differs, when possible'),
        'every copy is in sync',
      ),
    ).action(async (name: string, options) => (await import('../commands/volume.ts')).createVolume(ctx, name, options)),
    [
      ['hf volume create db --size 10GiB --wait', 'two copies, ext4'],
      ['hf volume create scratch --size 50GiB --replicas 1', 'one copy: lost with its node'],
      ['hf volume create raw --size 1TiB --block --class ssd', 'a block device on ssd pools'],
    ],
  );
  withExamples(
    withDryRun(
      withWait(
        volume
          .command('resize')
          .aliases(['grow'])
          .description('grow a volume, attached or not; it never shrinks')
          .argument('<name>', 'volume')
          .argument('<size>', 'new size (20GiB), or +SIZE to add'),
        'device and file system have grown',
      ),
    ).action(async (name: string, size: string, options) =>
      (await import('../commands/volume.ts')).resizeVolume(ctx, name, size, options),
    ),
    [
      ['hf volume resize db 20GiB --wait', 'to 20 GiB'],
      ['hf volume resize db +5GiB', 'by 5 GiB'],
    ],
  );
  withExamples(
    withDryRun(
      withWait(
        volume
          .command('delete')
          .aliases(['rm'])
          .description('delete detached volumes and every byte on them')
          .argument('<names...>', 'volumes')
          .option('-y, --yes', 'do not ask'),
        'their disks are released',
      ),
    ).action(async (names: string[], options) =>
      (await import('../commands/volume.ts')).deleteVolume(ctx, names, options),
    ),
    [['hf volume delete db --yes', 'without asking']],
  );
  withExamples(
    withDryRun(
      withWait(
        volume
          .command('attach')
          .description(
            'make a volume usable on a node: promote, format once, mount; away from a lost node this is the failover',
          )
          .argument('<name>', 'volume')
          .argument('<node>', 'a node that holds a copy')
          .option('--read-only', 'attach it read-only')
          .option('--no-mount', 'only the device, no file system'),
        'it can be used there',
      ),
    ).action(async (name: string, node: string, options) =>
      (await import('../commands/attach.ts')).attachVolume(ctx, name, node, options),
    ),
    [
      ['hf volume attach db n1 --wait', 'mounted under /var/lib/holdfast/mounts/db on n1'],
      ['hf volume attach db n2 --wait', 'after n1 was lost: failover'],
    ],
  );
  withExamples(
    withDryRun(
      withWait(
        volume.command('detach').description('unmount and demote a volume').argument('<name>', 'volume'),
        'no node holds it any more',
      ),
    ).action(async (name: string, options) => (await import('../commands/attach.ts')).detachVolume(ctx, name, options)),
    [['hf volume detach db --wait', 'until it is unmounted']],
  );
  withExamples(
    withDryRun(
      withWait(
        volume
          .command('replicas')
          .description('raise or lower the number of copies')
          .argument('<name>', 'volume')
          .argument('<n>', 'copies'),
        'so many copies are in sync',
      ),
    ).action(async (name: string, n: string, options) =>
      (await import('../commands/replicas.ts')).setReplicas(ctx, name, n, options),
    ),
    [['hf volume replicas scratch 2 --wait', 'give a single copy a second one']],
  );
  withExamples(
    withDryRun(
      withWait(
        volume
          .command('move')
          .description('move a copy to another node')
          .argument('<name>', 'volume')
          .requiredOption('--from <node>', 'node that gives its copy up')
          .option('--to <node>', 'node that gets one; placement chooses when left out')
          .option('--accept-reduced-redundancy', 'DRBD 8.4: one copy fewer until the new one is in sync'),
        'the new copy is in sync and the old one gone',
      ),
    ).action(async (name: string, options) =>
      (await import('../commands/replicas.ts')).moveReplica(ctx, name, options),
    ),
    [['hf volume move db --from n1 --to n3 --accept-reduced-redundancy --wait', 'from n1 to n3']],
  );
}
