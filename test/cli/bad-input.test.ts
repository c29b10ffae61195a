import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '@holdfast/api/errors.ts';
import { createFakeCluster, type FakeCluster } from './fake-cluster.ts';
import { aCluster, aDisk, aNode, aNodePool, aPool, aVolume, GIB } from './fixtures.ts';
import { hf, NOW_MS, type RunOptions } from './harness.ts';

/**
 * What bad input gets: every mistake that can be seen without a kernel. Each row is one command line against a cluster, with
 * the exit status and the field, value and remedy that the message must name. Nothing may be written by any of them.
 */
interface Row {
  readonly says: string;
  readonly line: string;
  readonly status: number;
  /** Texts that must be in the message. */
  readonly names: readonly (string | RegExp)[];
  readonly cluster?: () => FakeCluster;
  readonly options?: RunOptions;
}

function attachedCluster(holder: 'True' | 'False' | 'Unknown' = 'True'): FakeCluster {
  const cluster = aCluster();
  cluster.put(aNode('n1', { ready: holder }));
  cluster.put(
    aVolume('db', {
      spec: { attachments: [{ node: 'n1', readOnly: false, mount: true }] },
      status: { attachedTo: 'n1' },
    }),
  );
  return cluster;
}

/** n1 does not report; its last heartbeat is on record. */
function silentCluster(ready: 'False' | 'Unknown'): FakeCluster {
  const cluster = attachedCluster(ready);
  cluster.put({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'node-n1', namespace: 'holdfast-system' },
    spec: { holderIdentity: 'n1', renewTime: '2026-03-01T11:58:00.000000Z' },
  });
  return cluster;
}

function diskCluster(): FakeCluster {
  const cluster = createFakeCluster(NOW_MS);
  cluster.put(
    aNode('n1', {
      pools: [],
      disks: [
        aDisk('disk-free'),
        aDisk('disk-ext4', { path: '/dev/vdc', use: 'filesystem', usedBy: 'ext4' }),
        aDisk('disk-mounted', { path: '/dev/vdd', use: 'mounted', usedBy: '/srv' }),
        aDisk('disk-lvm', { path: '/dev/vde', use: 'lvm', usedBy: 'LVM2_member of vg0' }),
        aDisk('disk-parts', { path: '/dev/vdf', use: 'partitioned', usedBy: 'gpt' }),
        aDisk('disk-unknown', { path: '/dev/vdg', use: 'unknown' }),
        aDisk('disk-pool', { path: '/dev/vdh', use: 'pool', usedBy: 'slow' }),
        aDisk('disk-held', { path: '/dev/vdj', use: 'holder', usedBy: 'mpatha' }),
        aDisk('disk-ro', { path: '/dev/vdi', readOnly: true }),
      ],
    }),
  );
  return cluster;
}

const CREATE = 'volume create new --size';

const ROWS: readonly Row[] = [
  // Sizes
  { says: 'a size of 0', line: `${CREATE} 0`, status: 2, names: ['--size', "'0'", 'above 0'] },
  { says: 'a negative size', line: `${CREATE}=-5GiB`, status: 2, names: ['--size', "'-5GiB'", 'negative', 'above 0'] },
  { says: 'a size that is no number', line: `${CREATE} ten`, status: 2, names: ['--size', "'ten'", 'such as 10GiB'] },
  { says: 'a size of NaN', line: `${CREATE} NaN`, status: 2, names: ['--size', "'NaN'", 'such as 10GiB'] },
  {
    says: 'a size with an unknown unit',
    line: `${CREATE} 10XB`,
    status: 2,
    names: ['--size', "'10XB'", 'such as 10GiB'],
  },
  { says: 'a size above every volume', line: `${CREATE} 2PiB`, status: 2, names: ['--size', '2PiB', '1 PiB'] },
  {
    says: 'a size above the pool',
    line: `${CREATE} 100GiB`,
    status: 8,
    names: ['--size', '100 GiB', '4 GiB', 'ask for at most', 'n1'],
  },
  { says: 'no size at all', line: 'volume create new', status: 2, names: ['--size', 'missing', '--help'] },
  // Placement
  {
    says: 'an unknown pool class',
    line: `${CREATE} 1GiB --class sdd`,
    status: 2,
    names: ['--class', "'sdd'", "Did you mean 'ssd'?", 'use one of: ssd'],
  },
  {
    says: 'a volume before there is a pool',
    line: `${CREATE} 1GiB`,
    status: 6,
    names: ['no pool', 'hf disk list', 'hf pool create'],
    cluster: () => {
      const cluster = createFakeCluster(NOW_MS);
      for (const name of ['n1', 'n2']) cluster.put(aNode(name, { pools: [] }));
      return cluster;
    },
  },
  {
    says: 'more replicas than nodes',
    line: `${CREATE} 1GiB --replicas 4`,
    status: 6,
    names: ['--replicas', '4', 'the cluster has 3', 'ask for at most 3'],
  },
  {
    says: 'three replicas on DRBD 8.4',
    line: `${CREATE} 1GiB --replicas 3`,
    status: 6,
    names: ['--replicas', 'DRBD 9', 'ask for 2'],
  },
  {
    says: 'more replicas than nodes with a pool',
    line: `${CREATE} 1GiB --replicas 2`,
    status: 6,
    names: ['--replicas', '2 copies need 2 nodes', 'n1', 'hf pool create'],
    cluster: () => {
      const cluster = createFakeCluster(NOW_MS);
      cluster.put(aNode('n1'));
      cluster.put(aNode('n2', { pools: [] }));
      cluster.put(aPool('fast', ['n1']));
      return cluster;
    },
  },
  { says: 'no replicas', line: `${CREATE} 1GiB --replicas 0`, status: 2, names: ['--replicas', '0', 'from 1 to 16'] },
  {
    says: 'replicas that are no number',
    line: `${CREATE} 1GiB --replicas two`,
    status: 2,
    names: ['--replicas', "'two'", 'from 1 to 16'],
  },
  {
    says: 'an unknown node to place on',
    line: `${CREATE} 1GiB --node n11`,
    status: 4,
    names: ['--node', "'n11'", "Did you mean 'n1'", 'use one of'],
  },
  {
    says: 'an unknown file system',
    line: `${CREATE} 1GiB --fs ext5`,
    status: 2,
    names: ['--fs', "'ext5'", "Did you mean 'ext4'?", 'xfs'],
  },
  {
    says: 'a file system on a block volume',
    line: `${CREATE} 1GiB --fs xfs --block`,
    status: 2,
    names: ['--fs', 'block', 'either --block or --fs'],
  },
  // Names
  {
    says: 'a name with capitals',
    line: 'volume create My_DB --size 1GiB',
    status: 2,
    names: ['NAME', "'My_DB'", "such as 'my-db'"],
  },
  {
    says: 'a name that is too long',
    line: `volume create ${'a'.repeat(60)} --size 1GiB`,
    status: 2,
    names: ['NAME', 'at most 55'],
  },
  {
    says: 'the name of a volume with another size and count',
    line: 'volume create db --size 2GiB --class ssd --replicas 1',
    status: 5,
    names: ['spec.sizeBytes', 'is 1 GiB, asked for 2 GiB', 'spec.replicas', 'use another name'],
  },
  {
    says: 'the name of a volume that is being deleted',
    line: 'volume create db --size 1GiB --class ssd',
    status: 5,
    names: ['NAME', 'being deleted', 'wait until'],
    cluster: () => {
      const cluster = aCluster();
      const volume = aVolume('db');
      cluster.put({ ...volume, metadata: { ...volume.metadata, deletionTimestamp: new Date(NOW_MS).toISOString() } });
      return cluster;
    },
  },
  // Pools
  {
    says: 'a disk that holds a file system',
    line: 'pool create fast --disk n1=disk-ext4',
    status: 6,
    names: ['--disk', 'n1=disk-ext4', '/dev/vdc', 'ext4', 'wipefs --all /dev/vdc'],
    cluster: diskCluster,
  },
  {
    says: 'a disk that is mounted',
    line: 'pool create fast --disk n1=disk-mounted',
    status: 6,
    names: ['--disk', 'mounted (/srv)', 'umount /srv'],
    cluster: diskCluster,
  },
  {
    says: 'a disk that belongs to LVM',
    line: 'pool create fast --disk n1=disk-lvm',
    status: 6,
    names: ['--disk', 'vg0', 'use another disk'],
    cluster: diskCluster,
  },
  {
    says: 'a disk with partitions',
    line: 'pool create fast --disk n1=disk-parts',
    status: 6,
    names: ['--disk', 'partition table (gpt)', 'use another disk'],
    cluster: diskCluster,
  },
  {
    says: 'a disk that could not be probed',
    line: 'pool create fast --disk n1=disk-unknown',
    status: 6,
    names: ['--disk', 'never taken for empty', 'use another disk'],
    cluster: diskCluster,
  },
  {
    says: 'a disk of another pool',
    line: 'pool create fast --disk n1=disk-pool',
    status: 6,
    names: ['--disk', "pool 'slow'", 'delete that pool first'],
    cluster: diskCluster,
  },
  {
    says: 'a disk below a multipath device',
    line: 'pool create fast --disk n1=disk-held',
    status: 6,
    names: ['--disk', 'in use by another device', 'name the device that uses it (mpatha)'],
    cluster: diskCluster,
  },
  {
    says: 'a read-only disk',
    line: 'pool create fast --disk n1=disk-ro',
    status: 6,
    names: ['--disk', 'read-only'],
    cluster: diskCluster,
  },
  {
    says: 'a missing disk',
    line: 'pool create fast --disk n1=disk-fre',
    status: 4,
    names: ['--disk', 'n1=disk-fre', "Did you mean 'disk-free'?", 'hf disk list', 'disk-ext4  /dev/vdc'],
    cluster: diskCluster,
  },
  {
    says: 'the same disk twice',
    line: 'pool create fast --disk n1=disk-free,/dev/vdb',
    status: 2,
    names: ['--disk', 'named twice', 'once'],
    cluster: diskCluster,
  },
  {
    says: 'a disk of an unknown node',
    line: 'pool create fast --disk n9=disk-free',
    status: 4,
    names: ['--disk', "'n9'", 'use one of: n1'],
    cluster: diskCluster,
  },
  {
    says: 'a disk without its node',
    line: 'pool create fast --disk disk-free',
    status: 2,
    names: ['--disk', "'disk-free'", 'NODE='],
    cluster: diskCluster,
  },
  {
    says: 'a pool without a disk',
    line: 'pool create fast',
    status: 2,
    names: ['--disk', 'hf disk list'],
    cluster: diskCluster,
  },
  {
    says: 'an unknown pool type',
    line: 'pool create fast --type lvm-thn --disk n1=disk-free',
    status: 2,
    names: ['--type', "'lvm-thn'", "Did you mean 'lvm-thin'"],
    cluster: diskCluster,
  },
  {
    says: 'a file pool with a disk',
    line: 'pool create fast --type file --disk n1=disk-free',
    status: 2,
    names: ['--file', 'no --disk'],
    cluster: diskCluster,
  },
  {
    says: 'a file pool that is too small',
    line: 'pool create fast --file n1=64MiB',
    status: 2,
    names: ['--file', 'n1=64 MiB', '256 MiB'],
    cluster: diskCluster,
  },
  {
    says: 'a disk that another pool names',
    line: 'pool create more --disk n1=virtio-hf-n1-d0',
    status: 6,
    names: ['--disk', "pool 'fast'"],
  },
  {
    says: 'a disk that is free but promised to another pool',
    line: 'pool create more --disk n1=virtio-hf-n1-d1',
    status: 6,
    names: ['--disk', "already named by pool 'slow'", 'delete that pool first'],
    cluster: () => {
      const cluster = aCluster();
      cluster.put(aPool('slow', [], { nodes: [{ name: 'n1', disks: ['virtio-hf-n1-d1'] }] }));
      return cluster;
    },
  },
  {
    says: 'an existing pool with another type',
    line: 'pool create fast --type lvm --disk n1=virtio-hf-n1-d0',
    status: 5,
    names: ['spec.type', 'spec.nodes', 'use another name'],
  },
  {
    says: 'deleting a pool in use',
    line: 'pool delete fast --yes',
    status: 6,
    names: ['POOL', 'db-r0, db-r1', 'hf volume move'],
  },
  // Attach
  {
    says: 'attaching to an unknown node',
    line: 'volume attach db n22',
    status: 4,
    names: ['NODE', "'n22'", "Did you mean 'n2'", 'use one of: n1, n2, n3'],
  },
  {
    says: 'attaching an unknown volume',
    line: 'volume attach dv n1',
    status: 4,
    names: ['VOLUME', "'dv'", "Did you mean 'db'?"],
  },
  {
    says: 'attaching to a node that is not ready',
    line: 'volume attach db n2',
    status: 6,
    names: ['NODE', "'n2' is not ready", 'no sign of life', 'n1'],
    cluster: () => {
      const cluster = aCluster();
      cluster.put(aNode('n2', { ready: 'False' }));
      return cluster;
    },
  },
  {
    says: 'attaching to a node without a copy',
    line: 'volume attach db n3',
    status: 6,
    names: ['NODE', "'n3'", 'no copy', 'n1, n2', 'hf volume move db'],
  },
  {
    says: 'attaching to a second node',
    line: 'volume attach db n2',
    status: 6,
    names: ['NODE', "attached to node 'n1'", 'hf volume detach db'],
    cluster: attachedCluster,
  },
  // Volumes that exist
  {
    says: 'shrinking',
    line: 'volume resize db 512MiB',
    status: 2,
    names: ['SIZE', '512MiB', 'has 1 GiB', 'above 1 GiB'],
  },
  { says: 'growing above the pool', line: 'volume resize db 100GiB', status: 8, names: ['--size', '100 GiB', '4 GiB'] },
  { says: 'growing to nonsense', line: 'volume resize db huge', status: 2, names: ['SIZE', "'huge'", 'such as 10GiB'] },
  {
    says: 'deleting an attached volume',
    line: 'volume delete db --yes',
    status: 6,
    names: ['VOLUME', "'db' is attached to node 'n1'", 'hf volume detach db'],
    cluster: attachedCluster,
  },
  { says: 'deleting without a confirmation', line: 'volume delete db', status: 2, names: ['--yes', 'every byte'] },
  {
    says: 'deleting after the answer no',
    line: 'volume delete db',
    status: 7,
    names: ['nothing was changed'],
    options: { answer: 'n' },
  },
  {
    says: 'deleting two, one of which is not there',
    line: 'volume delete db nope --yes',
    status: 4,
    names: ['VOLUME', "'nope'"],
  },
  {
    says: 'raising the count beyond DRBD 8.4',
    line: 'volume replicas db 3',
    status: 6,
    names: ['--replicas', 'DRBD 9'],
  },
  {
    says: 'moving from a node without a copy',
    line: 'volume move db --from n3',
    status: 4,
    names: ['--from', "'n3'", 'n1, n2'],
  },
  {
    says: 'moving to where a copy is',
    line: 'volume move db --from n1 --to n2',
    status: 6,
    names: ['--to', "'n2'", 'already has a copy'],
  },
  {
    says: 'moving on DRBD 8.4 without accepting one copy less',
    line: 'volume move db --from n1 --to n3',
    status: 6,
    names: ['--accept-reduced-redundancy', '1 in sync'],
  },
  {
    says: 'moving the copy that is in use',
    line: 'volume move db --from n1',
    status: 6,
    names: ['--from', "attached to node 'n1'", 'hf volume detach'],
    cluster: attachedCluster,
  },
  // Looking
  { says: 'showing an unknown volume', line: 'volume show dbb', status: 4, names: ["'dbb'", "Did you mean 'db'?"] },
  { says: 'listing an unknown node', line: 'node list n1 nn2', status: 4, names: ["'nn2'", "Did you mean 'n2'"] },
  { says: 'setting nothing on a node', line: 'node set n1', status: 2, names: ['--schedulable', 'hf node set n1'] },
  {
    says: 'a word where true or false belongs',
    line: 'node set n1 --schedulable maybe',
    status: 2,
    names: ['--schedulable', "'maybe'", 'true, false'],
  },
  // Forgetting a node
  {
    says: 'forgetting an unknown node',
    line: 'node forget n11 --yes',
    status: 4,
    names: ['NODE', "'n11'", "Did you mean 'n1'"],
  },
  {
    says: 'forgetting a node that lives',
    line: 'node forget n1 --yes',
    status: 6,
    names: ['NODE', "'n1' is Ready", 'hf node set n1 --evict true'],
  },
  {
    says: 'forgetting a node that is only silent',
    line: 'node forget n1 --yes',
    status: 6,
    names: ['NODE', "'n1' is not known to be lost", 'power it off', 'hf node list'],
    cluster: () => silentCluster('Unknown'),
  },
  {
    says: 'forgetting a node that never had a heartbeat',
    line: 'node forget n3 --yes',
    status: 6,
    names: ['NODE', "'n3' has no heartbeat", 'kubectl delete node.holdfast.storage n3'],
    cluster: () => {
      const cluster = aCluster();
      cluster.put(aNode('n3', { ready: 'False' }));
      return cluster;
    },
  },
  {
    says: 'forgetting without a confirmation',
    line: 'node forget n1',
    status: 2,
    names: ['--yes', 'for ever', 'db-r0'],
    cluster: () => silentCluster('False'),
  },
  {
    says: 'forgetting after the wrong name was typed',
    line: 'node forget n1',
    status: 7,
    names: ['nothing was changed'],
    options: { answer: 'yes' },
    cluster: () => silentCluster('False'),
  },
  { says: 'events about nothing', line: 'events --for db', status: 2, names: ['--for', "'db'", 'volume/db'] },
  {
    says: 'a time that is none',
    line: `${CREATE} 1GiB --wait --timeout soon`,
    status: 2,
    names: ['--timeout', "'soon'", '90s'],
  },
  // The command line itself
  { says: 'a misspelt command', line: 'volme list', status: 2, names: ["'hf volme'", "Did you mean 'volume'?"] },
  {
    says: 'a misspelt subcommand',
    line: 'volume creat x',
    status: 2,
    names: ["'hf volume creat'", "Did you mean 'create'?"],
  },
  {
    says: 'a misspelt option',
    line: 'volume create x --siez 1GiB',
    status: 2,
    names: ["'--siez'", "Did you mean '--size'?"],
  },
  {
    says: 'a misspelt output format',
    line: 'volume list -o jsn',
    status: 2,
    names: ['--output', "'jsn'", "Did you mean 'json'"],
  },
  { says: 'a missing argument', line: 'volume attach db', status: 2, names: ['node', '--help'] },
  // Reaching the server
  {
    says: 'no cluster named',
    line: 'status',
    status: 2,
    names: ['--server', 'hf lab up'],
    options: { env: { HF_SERVER: '' } },
  },
  {
    says: 'a server that is no URL',
    line: 'status --server here',
    status: 2,
    names: ['--server', "'here'", 'https://HOST:PORT'],
  },
  {
    says: 'a kubeconfig that is not there',
    line: 'status --kubeconfig /nope',
    status: 2,
    names: ['--kubeconfig', "'/nope'", 'hf lab up'],
    options: { env: { HF_SERVER: '' } },
  },
];

for (const row of ROWS) {
  test(`${row.says} is refused with status ${row.status}: hf ${row.line.slice(0, 70)}`, async () => {
    const client = (row.cluster ?? aCluster)();
    const before = client.dump();
    const { status, out, err } = await hf(row.line, { client, ...row.options });
    assert.equal(status, row.status, err);
    for (const text of row.names) assert.match(err, typeof text === 'string' ? new RegExp(literal(text)) : text);
    assert.equal(out, '', 'an error prints no result');
    assert.ok(client.dump() === before, 'nothing was changed');
    assert.deepEqual(client.writes, [], 'nothing was written');
  });

  test(`${row.says}: the same refusal as JSON`, async () => {
    const client = (row.cluster ?? aCluster)();
    const { status, err } = await hf(`${row.line} -o json`, { client, ...row.options });
    if (row.line.includes('-o jsn')) return;
    const document = JSON.parse(err.slice(err.indexOf('{\n'))) as {
      error: { code: string; message: string; exitStatus: number };
    };
    assert.equal(document.error.exitStatus, status);
    assert.equal(status, row.status);
    assert.ok(document.error.message.length > 10);
  });
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

test('INV-9: no mistake on a command line makes hf repeat the token that is on it', async () => {
  const lines = [
    'volume list extra words --sort',
    'volume show db more',
    'status what',
    'volme list',
    'volume attach db',
    'volume create x --siez 1GiB',
    'volume list -o jsn',
    'node show nope',
    'status --server here',
    'status --kubeconfig /nope',
  ];
  for (const line of lines) {
    for (const token of ['--token s3cret-token', '--token=s3cret-token']) {
      for (const words of [`${token} ${line}`, `${line} ${token}`, `${line} ${token} -o json`]) {
        const env = { HF_DEBUG: '1', ...(line.includes('--') ? { HF_SERVER: '' } : {}) };
        const { status, out, err } = await hf(words, { client: aCluster(), env });
        assert.notEqual(status, 0, words);
        assert.ok(!`${out}${err}`.includes('s3cret'), `${words}: ${err}`);
      }
    }
  }
});

test('a size that is no multiple of 4 MiB is rounded up and said so', async () => {
  const client = aCluster();
  const { status, out, err } = await hf('volume create new --size 1000MB', { client });
  assert.equal(status, 0, err);
  assert.match(err, /note: --size 1000MB is rounded up to 956 MiB/);
  assert.match(out, /volume.holdfast.storage\/new created/);
  assert.match(client.dump(), /"sizeBytes":1002438656/);
});

test('creating the same volume again changes nothing and succeeds', async () => {
  const client = aCluster();
  const { status, out } = await hf('volume create db --size 1GiB --class ssd', { client });
  assert.equal(status, 0);
  assert.equal(out, 'volume.holdfast.storage/db unchanged\n');
  assert.deepEqual(client.writes, []);
});

test('a repeated create succeeds even when there is no room for another such volume', async () => {
  const client = aCluster();
  for (const name of ['n1', 'n2', 'n3']) client.put(aNode(name, { pools: [aNodePool('fast', { dataPercent: 95 })] }));
  assert.equal((await hf('volume create other --size 1GiB --class ssd', { client })).status, 8);
  assert.equal((await hf('volume create db --size 1GiB --class ssd', { client })).status, 0);
});

test('of two creates at once with different settings one is told what differs', async () => {
  const client = aCluster();
  const results = await Promise.all([
    hf('volume create new --size 1GiB', { client }),
    hf('volume create new --size 2GiB', { client }),
  ]);
  assert.deepEqual(results.map(({ status }) => status).sort(), [0, 5]);
  assert.match(results.map(({ err }) => err).join(''), /spec\.sizeBytes: is [12] GiB, asked for [12] GiB/);
});

test('attaching away from a lost node is allowed and called a failover', async () => {
  const client = attachedCluster('False');
  const { status, out, err } = await hf('volume attach db n2', { client });
  assert.equal(status, 0, err);
  assert.match(err, /failover: volume 'db' was attached to node 'n1', which is lost \(no sign of life/);
  assert.match(out, /attaching to n2/);
  assert.deepEqual(client.writes, ['patch volumes/db']);
});

test('forgetting a lost node binds the mark to its last heartbeat, and says what it does not settle', async () => {
  const cluster = silentCluster('False');
  const result = await hf('node forget n1', { client: cluster, answer: 'n1' });
  assert.equal(result.status, 0, result.err);
  assert.match(result.err, /'db' is attached here; its copy goes after 'hf volume attach db NODE'/);
  assert.deepEqual(cluster.writes, ['patch nodes/n1']);
  assert.match(cluster.dump(), /"forget":\{"renewTime":"2026-03-01T11:58:00.000000Z"\}/);
  const again = await hf('node forget n1 --yes', { client: cluster });
  assert.equal(again.status, 0, again.err);
  assert.deepEqual(cluster.writes, ['patch nodes/n1'], 'the second time changes nothing');
});

test('forgetting with --wait says what still names the node, and ends when it is gone', async () => {
  const cluster = silentCluster('False');
  const late = await hf('node forget n1 --yes --wait --timeout 50ms', { client: cluster });
  assert.equal(late.status, 9, late.err);
  assert.match(late.err, /still waiting for: db-r0 to go/);
  const again = silentCluster('False');
  again.onWrite = () => {
    again.remove('replicas', 'db-r0');
    again.remove('nodes', 'n1');
  };
  const done = await hf('node forget n1 --yes --wait', { client: again });
  assert.equal(done.status, 0, done.err);
  assert.match(done.out, /node.holdfast.storage\/n1 forgotten/);
  const dry = silentCluster('False');
  assert.match(
    (await hf('node forget n1 --dry-run', { client: dry })).out,
    /would be given up, with 1 copy on it \(db-r0\)/,
  );
  assert.deepEqual(dry.writes, []);
});

test('attaching where it is already wanted changes nothing', async () => {
  const client = attachedCluster();
  const { status, out } = await hf('volume attach db n1', { client });
  assert.equal(status, 0);
  assert.equal(out, 'volume.holdfast.storage/db unchanged\n');
  assert.deepEqual(client.writes, []);
});

test('of two attaches at once one loses the race and is told to repeat', async () => {
  const client = aCluster();
  const results = await Promise.all([hf('volume attach db n1', { client }), hf('volume attach db n2', { client })]);
  assert.deepEqual(results.map(({ status }) => status).sort(), [0, 7]);
});

test('a dry run checks everything and writes nothing', async () => {
  for (const line of [
    'volume create new --size 1GiB --dry-run',
    'volume resize db 2GiB --dry-run',
    'volume delete db --dry-run',
    'volume attach db n1 --dry-run',
    'volume replicas db 1 --dry-run',
    'volume move db --from n1 --to n3 --accept-reduced-redundancy --dry-run',
    'pool create more --disk n1=virtio-hf-n1-d1 --dry-run',
    'node set n1 --schedulable false --dry-run',
  ]) {
    const client = aCluster();
    const { status, err } = await hf(line, { client });
    assert.equal(status, 0, `${line}: ${err}`);
    assert.match(err, /dry run: nothing was changed/);
    assert.deepEqual(client.writes, [], line);
  }
});

test('a volume that must wait for a node is accepted, and says what it waits for', async () => {
  const client = aCluster();
  client.put(aNode('n2', { ready: 'Unknown' }));
  client.put(aNode('n3', { ready: 'False' }));
  const { status, err } = await hf('volume create new --size 1GiB', { client });
  assert.equal(status, 0, err);
  assert.match(err, /note: it will wait: no place for 2 replicas/);
});

test('what the server says about token, reachability and limits decides the exit status', async () => {
  const cases = [
    ['unauthenticated', 3],
    ['permission_denied', 3],
    ['unavailable', 9],
    ['deadline_exceeded', 9],
    ['resource_exhausted', 8],
    ['internal', 1],
  ] as const;
  for (const [code, expected] of cases) {
    const failing = aCluster();
    const failure = (): Promise<never> =>
      Promise.reject(new AppError(code, `the server says ${code}`, { details: { remedy: 'do the right thing' } }));
    const client = {
      resource: (type: Parameters<typeof failing.resource>[0]) => ({
        ...failing.resource(type),
        list: failure,
        find: failure,
      }),
    };
    const { status, err } = await hf('volume list', { client: client as unknown as FakeCluster });
    assert.equal(status, expected);
    assert.match(err, new RegExp(`the server says ${code}[\\s\\S]*do the right thing`));
    const failed = await hf('volume list --watch', { client: client as unknown as FakeCluster });
    assert.equal(failed.status, expected, '--watch does not hide the first failure');
  }
});

test('no mistake of size is missed: the pool of 4 GiB takes 4 GiB, and not one extent more', async () => {
  assert.equal((await hf('volume create new --size 4GiB', { client: aCluster() })).status, 0);
  assert.equal((await hf(`volume create new --size ${4 * GIB + 1}`, { client: aCluster() })).status, 8);
});
