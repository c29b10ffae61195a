import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Pool, PoolNode, PoolType } from '@holdfast/api/schema/pool.ts';
import { FakeFiles } from '../../../test/fakes/files.ts';
import { FakeHost } from '../../../test/fakes/host.ts';
import { FakeDevices } from '../../../test/fakes/host-devices.ts';
import { FakeLvm } from '../../../test/fakes/lvm.ts';
import { pvUuid } from '../../core/pool/pv-uuid.ts';
import type { Log } from '../../ports/log.ts';
import { createPoolManager } from './pools.ts';

const GIB = 2 ** 30;
const noLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => noLog };

function aPool(
  name: string,
  type: PoolType,
  node: Partial<PoolNode>,
  createdAt = '2026-01-01T00:00:00Z',
): Stored<Pool> {
  return {
    apiVersion: 'holdfast.storage/v1alpha1',
    kind: 'Pool',
    metadata: { name, uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: createdAt },
    spec: {
      type,
      classes: [],
      nodes: [{ name: 'n1', disks: [], ...node }],
      overProvision: 2,
      reservePercent: 10,
      stopAtDataPercent: 80,
    },
  };
}

class Crash extends Error {}

/** Every call that changes something is a point before and a point after; at point `at` the process "dies". */
function crashing<T extends object>(port: T, count: { value: number }, at: number): T {
  const reads = new Set([
    'inventory',
    'version',
    'thinUsage',
    'diskPath',
    'whyDiskNotFree',
    'holders',
    'disks',
    'loopDevice',
    'read',
    'list',
  ]);
  return new Proxy(port, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      const method = value.bind(target) as (...args: unknown[]) => Promise<unknown>;
      const dead = (): boolean => at > 0 && count.value >= at;
      return async (...args: unknown[]) => {
        // The dead do nothing more, not even look.
        if (dead()) throw new Crash();
        if (typeof key !== 'string' || reads.has(key)) return await method(...args);
        if (++count.value === at) throw new Crash();
        const result = await method(...args);
        if (++count.value === at) throw new Crash();
        return result;
      };
    },
  });
}

function aNode() {
  const devices = new FakeDevices();
  const files = new FakeFiles();
  const lvm = new FakeLvm(devices);
  const host = new FakeHost({ devices, files });
  for (const [id, path] of [
    ['d1', '/dev/vdb'],
    ['d2', '/dev/vdc'],
    ['d3', '/dev/vdd'],
  ] as const) {
    host.addDisk(id, path, 4 * GIB);
  }
  const manager = (at = 0, count = { value: 0 }) =>
    createPoolManager({
      node: 'n1',
      stateDir: '/state',
      log: noLog,
      lvm: crashing(lvm, count, at),
      host: crashing(host, count, at),
      files: crashing(files, count, at),
    });
  return { devices, files, lvm, host, manager };
}

test('pools of every type become Ready on blank disks, and a second look changes nothing', async () => {
  const { lvm, manager } = aNode();
  const pools = [
    aPool('thin', 'lvm-thin', { disks: ['d1', 'd2'] }),
    aPool('thick', 'lvm', { disks: ['d3'] }),
    aPool('try', 'file', { fileSizeBytes: GIB }),
  ];
  const first = await manager().reconcile(pools);
  assert.deepEqual(
    first.map((pool) => [pool.name, pool.state]),
    [
      ['thick', 'Ready'],
      ['thin', 'Ready'],
      ['try', 'Ready'],
    ],
  );
  const before = JSON.stringify(await lvm.inventory());
  const count = { value: 0 };
  assert.deepEqual(await manager(-1, count).reconcile(pools), first);
  assert.equal(count.value, 0);
  assert.equal(JSON.stringify(await lvm.inventory()), before);
});

test('INV-8: killed before or after any change, the next run completes the pools without operator action', async () => {
  const pools = [
    aPool('thin', 'lvm-thin', { disks: ['d1', 'd2'] }),
    aPool('thick', 'lvm', { disks: ['d3'] }),
    aPool('try', 'file', { fileSizeBytes: GIB }),
  ];
  const count = { value: 0 };
  await aNode().manager(-1, count).reconcile(pools);
  const points = count.value;
  assert.ok(points >= 20, `only ${points} points`);
  for (let at = 1; at <= points; at += 1) {
    const node = aNode();
    // A crash is no error that the manager may catch: only what the disks hold survives it.
    await node
      .manager(at)
      .reconcile(pools)
      .catch(() => {});
    const result = await node.manager().reconcile(pools);
    assert.deepEqual(
      result.map((pool) => pool.state),
      ['Ready', 'Ready', 'Ready'],
      `after a crash at point ${at} of ${points}: ${JSON.stringify(result)}`,
    );
  }
});

test('after a reboot the same pools are found again by their tags and activated', async () => {
  const { lvm, host, manager } = aNode();
  const pools = [aPool('thin', 'lvm-thin', { disks: ['d1'] }), aPool('try', 'file', { fileSizeBytes: GIB })];
  await manager().reconcile(pools);
  await lvm.createLv({ vg: 'hf-thin', lv: 'db-r0', sizeBytes: GIB, tags: ['holdfast'], thinPool: 'pool' });
  lvm.reboot();
  host.reboot();
  const result = await manager().reconcile(pools);
  const thin = result.find((pool) => pool.name === 'thin');
  assert.equal(thin?.state, 'Ready');
  assert.ok((await lvm.inventory()).lvs.filter((lv) => lv.vg === 'hf-thin').every((lv) => lv.active));
});

test('a disk with data is refused and not changed, and the other pools of the node are not held up', async () => {
  const { devices, manager } = aNode();
  const disk = devices.get('/dev/vdb');
  assert.ok(disk);
  disk.signature = { type: 'ext4', usage: 'filesystem' };
  const pools = [aPool('bad', 'lvm-thin', { disks: ['d1'] }), aPool('good', 'lvm-thin', { disks: ['d2'] })];
  const [bad, good] = await manager().reconcile(pools);
  assert.equal(bad?.state, 'Failed');
  assert.equal(bad?.reason, 'DiskNotFree');
  assert.match(bad?.message ?? '', /ext4.*wipefs -a \/dev\/vdb/);
  assert.equal(good?.state, 'Ready');
  assert.deepEqual(disk.signature, { type: 'ext4', usage: 'filesystem' });
});

test('a disk that a device lies above is refused, also when it carries our label already (INV-7)', async () => {
  const { devices, lvm, manager } = aNode();
  const pool = aPool('thin', 'lvm-thin', { disks: ['d1'] });
  const disk = devices.get('/dev/vdb');
  assert.ok(disk);
  disk.holders.add('mpatha');
  const [unlabelled] = await manager().reconcile([pool]);
  assert.equal(unlabelled?.reason, 'DiskNotFree');
  assert.match(unlabelled?.message ?? '', /held by mpatha, a device that lies above it/);
  assert.equal(disk.signature, undefined);
  disk.holders.clear();
  // Dead between the label and the group; then multipath comes up.
  await lvm.createPv({ device: '/dev/vdb', uuid: pvUuid('uid-thin', 'd1') });
  disk.holders.add('mpatha');
  const [labelled] = await manager().reconcile([pool]);
  assert.equal(labelled?.state, 'Failed');
  assert.equal(labelled?.reason, 'DiskHeld');
  assert.match(labelled?.message ?? '', /d1 \(\/dev\/vdb\) is held by mpatha.*name that device in the pool/);
  assert.deepEqual((await lvm.inventory()).vgs, []);
  disk.holders.clear();
  const [free] = await manager().reconcile([pool]);
  assert.equal(free?.state, 'Ready');
});

test('of two pools that name one disk the older gets it, in whatever order they come', async () => {
  const { manager } = aNode();
  const older = aPool('b-old', 'lvm-thin', { disks: ['d1'] }, '2026-01-01T00:00:00Z');
  const newer = aPool('a-new', 'lvm-thin', { disks: ['d1'] }, '2026-02-01T00:00:00Z');
  const result = await manager().reconcile([newer, older]);
  assert.deepEqual(
    result.map((pool) => [pool.name, pool.state, pool.reason]),
    [
      ['b-old', 'Ready', undefined],
      ['a-new', 'Failed', 'DiskInOtherPool'],
    ],
  );
});

test('a disk that is pulled out makes the pool Missing, and Ready again when it comes back', async () => {
  const { lvm, host, manager } = aNode();
  const pools = [aPool('thin', 'lvm-thin', { disks: ['d1'] })];
  await manager().reconcile(pools);
  const plugIn = host.pullOut('d1');
  const [gone] = await manager().reconcile(pools);
  assert.equal(gone?.state, 'Missing');
  plugIn();
  const [back] = await manager().reconcile(pools);
  assert.equal(back?.state, 'Ready');
  assert.equal((await lvm.inventory()).vgs.length, 1);
});

test('a disk added to a pool makes it larger', async () => {
  const { manager } = aNode();
  const [small] = await manager().reconcile([aPool('thin', 'lvm-thin', { disks: ['d1'] })]);
  const [large] = await manager().reconcile([aPool('thin', 'lvm-thin', { disks: ['d1', 'd2'] })]);
  assert.equal(large?.state, 'Ready');
  assert.ok((large?.sizeBytes ?? 0) > 1.9 * (small?.sizeBytes ?? 0));
  assert.deepEqual(large?.diskIds, ['d1', 'd2']);
});

test('a thin pool that fills up says so before and when it is full', async () => {
  const { lvm, manager } = aNode();
  const pools = [aPool('thin', 'lvm-thin', { disks: ['d1'] })];
  await manager().reconcile(pools);
  await lvm.createLv({ vg: 'hf-thin', lv: 'a', sizeBytes: 8 * GIB, tags: ['holdfast'], thinPool: 'pool' });
  lvm.write('hf-thin', 'a', 3.4 * GIB);
  const [nearly] = await manager().reconcile(pools);
  assert.equal(nearly?.reason, 'PoolNearlyFull');
  assert.match(nearly?.message ?? '', /no new replicas here/);
  assert.throws(() => lvm.write('hf-thin', 'a', GIB), /No space left/);
  const [full] = await manager().reconcile(pools);
  assert.equal(full?.state, 'Ready');
  assert.match(full?.message ?? '', /is full: writes to unwritten blocks fail/);
});

test('when LVM cannot be asked nothing is reported about the pools, rather than that they are gone', async () => {
  const { lvm, manager } = aNode();
  const pools = [aPool('thin', 'lvm-thin', { disks: ['d1'] })];
  await manager().reconcile(pools);
  lvm.inventory = () => Promise.reject(new Error('lvm fullreport failed'));
  await assert.rejects(manager().reconcile(pools), /fullreport failed/);
});
