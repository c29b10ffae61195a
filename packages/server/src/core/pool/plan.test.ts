import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogicalVolume, LvmInventory, PhysicalVolume, VolumeGroup } from '../../ports/lvm.ts';
import { planPool } from './plan.ts';
import { pvUuid } from './pv-uuid.ts';
import { reportPool } from './report.ts';
import type { SeenPool, WantedPool } from './types.ts';

const GIB = 2 ** 30;
const TAGS = ['holdfast', 'hf.pool=tank', 'hf.pool-uid=u1'];

function aPool(over: Partial<WantedPool> = {}): WantedPool {
  return {
    name: 'tank',
    uid: 'u1',
    type: 'lvm-thin',
    node: { name: 'n1', disks: ['d1'] },
    stopAtDataPercent: 80,
    claimedBy: new Map(),
    ...over,
  };
}

function aPv(disk: string, path: string, vg: string | undefined, over: Partial<PhysicalVolume> = {}): PhysicalVolume {
  return { path, uuid: pvUuid('u1', disk), vg, sizeBytes: 4 * GIB, inUse: vg !== undefined, ...over };
}

function aVg(over: Partial<VolumeGroup> = {}): VolumeGroup {
  return {
    name: 'hf-tank',
    uuid: 'vg-uuid',
    sizeBytes: 4 * GIB,
    freeBytes: 4 * GIB,
    extentBytes: 4 * 2 ** 20,
    tags: TAGS,
    pvs: ['/dev/vdb'],
    missingPvs: 0,
    metadataFreeBytes: 4 * 2 ** 20,
    ...over,
  };
}

function aThinPool(over: Partial<LogicalVolume> = {}): LogicalVolume {
  return {
    name: 'pool',
    vg: 'hf-tank',
    uuid: 'lv-uuid',
    path: '/dev/hf-tank/pool',
    sizeBytes: 3 * GIB,
    tags: TAGS,
    kind: 'thin-pool',
    pool: undefined,
    active: true,
    open: false,
    dataPercent: 1.25,
    metadataPercent: 10.2,
    chunkBytes: 65_536,
    metadataBytes: 16 * 2 ** 20,
    trouble: '',
    ...over,
  };
}

function seen(inventory: Partial<LvmInventory> = {}, over: Partial<SeenPool> = {}): SeenPool {
  return {
    inventory: { vgs: [], lvs: [], pvs: [], ...inventory },
    disks: [{ id: 'd1', path: '/dev/vdb', whyNotFree: null }],
    loop: undefined,
    wasReady: false,
    ...over,
  };
}

const complete = (): SeenPool =>
  seen({
    vgs: [aVg({ freeBytes: 40 * 2 ** 20 })],
    lvs: [aThinPool({ sizeBytes: 4 * GIB - 72 * 2 ** 20 })],
    pvs: [aPv('d1', '/dev/vdb', 'hf-tank')],
  });

const kinds = (wanted: WantedPool, state: SeenPool): string[] =>
  planPool(wanted, state).actions.map((action) => action.kind);

test('a free disk is labelled with a UUID that follows from pool and disk, then the group is made with our tags', () => {
  const { actions } = planPool(aPool(), seen());
  assert.deepEqual(
    actions.map(({ reason: _, ...action }) => action),
    [
      { kind: 'create-pv', disk: 'd1', device: '/dev/vdb', uuid: pvUuid('u1', 'd1') },
      { kind: 'create-vg', vg: 'hf-tank', devices: ['/dev/vdb'], tags: TAGS },
    ],
  );
});

test('a disk that carries our own label and is in no group (a crash after pvcreate) is used without labelling it again', () => {
  const state = seen(
    { pvs: [aPv('d1', '/dev/vdb', undefined)] },
    { disks: [{ id: 'd1', path: '/dev/vdb', whyNotFree: 'disk d1 belongs to LVM' }] },
  );
  assert.deepEqual(kinds(aPool(), state), ['create-vg']);
});

test('a label that some group uses elsewhere is not taken for an orphan of ours', () => {
  const state = seen(
    { pvs: [aPv('d1', '/dev/vdb', undefined, { inUse: true })] },
    { disks: [{ id: 'd1', path: '/dev/vdb', whyNotFree: 'disk d1 belongs to LVM' }] },
  );
  const plan = planPool(aPool(), state);
  assert.equal(plan.fatal?.reason, 'DiskNotFree');
  assert.deepEqual(plan.actions, []);
});

test('a group without a thin pool (a crash after vgcreate) gets its thin pool', () => {
  const state = seen({ vgs: [aVg()], pvs: [aPv('d1', '/dev/vdb', 'hf-tank')] });
  const { actions } = planPool(aPool(), state);
  assert.equal(actions.length, 1);
  assert.equal(actions[0]?.kind, 'create-thin-pool');
});

test('a plain LV with our tags in the place of the thin pool (a crash inside lvcreate) is made anew, with its space', () => {
  const half = aThinPool({ kind: 'linear', sizeBytes: 16 * 2 ** 20, chunkBytes: undefined, metadataBytes: undefined });
  const state = seen({
    vgs: [aVg({ freeBytes: 4 * GIB - 16 * 2 ** 20 })],
    lvs: [half],
    pvs: [aPv('d1', '/dev/vdb', 'hf-tank')],
  });
  const whole = planPool(aPool(), seen({ vgs: [aVg()], pvs: [aPv('d1', '/dev/vdb', 'hf-tank')] }));
  const [action] = planPool(aPool(), state).actions;
  const [expected] = whole.actions;
  assert.equal(action?.kind, 'create-thin-pool');
  assert.deepEqual({ ...action, reason: '' }, { ...expected, reason: '' });
});

test('a complete pool needs nothing and reports its capacity', () => {
  const state = complete();
  const plan = planPool(aPool(), state);
  assert.deepEqual(plan, { actions: [] });
  const sizeBytes = 4 * GIB - 72 * 2 ** 20;
  assert.deepEqual(reportPool(aPool(), state, plan), {
    name: 'tank',
    type: 'lvm-thin',
    state: 'Ready',
    sizeBytes,
    freeBytes: Math.round(sizeBytes * 0.987),
    dataPercent: 1.3,
    metadataPercent: 10.2,
    diskIds: ['d1'],
  });
});

test('after a boot the group is activated', () => {
  const state = seen({
    vgs: [aVg()],
    lvs: [aThinPool({ active: false, dataPercent: undefined, metadataPercent: undefined })],
    pvs: [aPv('d1', '/dev/vdb', 'hf-tank')],
  });
  assert.deepEqual(kinds(aPool(), state), ['activate-vg']);
});

test('a thick group is activated when nothing in it is active, and left alone when something is', () => {
  const volume = (name: string, active: boolean): LogicalVolume => aThinPool({ name, kind: 'linear', active });
  const thick = aPool({ type: 'lvm' });
  const of = (...lvs: LogicalVolume[]): SeenPool =>
    seen({ vgs: [aVg()], lvs, pvs: [aPv('d1', '/dev/vdb', 'hf-tank')] });
  assert.deepEqual(kinds(thick, of(volume('a', false), volume('b', false))), ['activate-vg']);
  assert.deepEqual(kinds(thick, of(volume('a', false), volume('b', true))), []);
  assert.deepEqual(kinds(thick, of()), []);
});

test('a disk that is not free stops a new pool as a whole, with the reason of every disk', () => {
  const state = seen(
    {},
    {
      disks: [
        { id: 'd1', path: '/dev/vdb', whyNotFree: null },
        { id: 'd2', path: '/dev/vdc', whyNotFree: 'disk d2 carries a signature of ext4' },
        { id: 'd3', path: undefined, whyNotFree: undefined },
      ],
    },
  );
  const plan = planPool(aPool({ node: { name: 'n1', disks: ['d1', 'd2', 'd3'] } }), state);
  assert.deepEqual(plan.actions, []);
  assert.equal(plan.fatal?.reason, 'DiskNotFree');
  assert.match(plan.fatal?.message ?? '', /d2 carries a signature of ext4; disk d3 is not on node n1/);
});

test('a disk of another pool is refused by the name of that pool', () => {
  const other: PhysicalVolume = {
    path: '/dev/vdb',
    uuid: 'other',
    vg: 'hf-gold',
    sizeBytes: GIB,
    inUse: true,
  };
  const inventory = { vgs: [aVg({ name: 'hf-gold', tags: ['holdfast', 'hf.pool=gold'] })], pvs: [other] };
  const plan = planPool(aPool(), seen(inventory, { disks: [{ id: 'd1', path: '/dev/vdb', whyNotFree: 'lvm' }] }));
  assert.equal(plan.fatal?.reason, 'DiskInOtherPool');
  assert.match(plan.fatal?.message ?? '', /already belongs to pool gold/);
});

test('a disk that an older pool names too is refused, before anything is done to it', () => {
  const plan = planPool(aPool({ claimedBy: new Map([['d1', 'gold']]) }), seen());
  assert.deepEqual(plan.actions, []);
  assert.equal(plan.fatal?.reason, 'DiskInOtherPool');
});

test('INV-7: a volume group of that name without our tag is never touched', () => {
  const plan = planPool(aPool(), seen({ vgs: [aVg({ tags: [] })] }));
  assert.deepEqual(plan.actions, []);
  assert.equal(plan.fatal?.reason, 'VolumeGroupNotOurs');
});

test('a volume group of an earlier Pool object of the same name is not taken over silently', () => {
  const plan = planPool(aPool({ uid: 'u2' }), seen({ vgs: [aVg()] }));
  assert.deepEqual(plan.actions, []);
  assert.equal(plan.fatal?.reason, 'VolumeGroupOfOtherPool');
  assert.match(plan.fatal?.message ?? '', /vgchange --deltag hf\.pool-uid=u1 --addtag hf\.pool-uid=u2 hf-tank/);
});

test('two groups of the same name stop everything', () => {
  const plan = planPool(aPool(), seen({ vgs: [aVg(), aVg({ uuid: 'twin' })] }));
  assert.equal(plan.fatal?.reason, 'VolumeGroupAmbiguous');
  assert.deepEqual(plan.actions, []);
});

test('a pool that was complete once is never made a second time over lost data', () => {
  const gone = planPool(aPool(), seen({}, { wasReady: true }));
  assert.deepEqual(gone.actions, []);
  assert.equal(gone.missing?.reason, 'VolumeGroupMissing');
  const inventory = { vgs: [aVg()], pvs: [aPv('d1', '/dev/vdb', 'hf-tank')] };
  const noThinPool = planPool(aPool(), seen(inventory, { wasReady: true }));
  assert.deepEqual(noThinPool.actions, []);
  assert.equal(noThinPool.missing?.reason, 'ThinPoolMissing');
});

test('a disk of the group that is missing makes the pool Missing and nothing is changed', () => {
  const state = seen(
    { vgs: [aVg({ missingPvs: 1 })], lvs: [aThinPool()], pvs: [aPv('d1', '/dev/vdb', 'hf-tank')] },
    { wasReady: true },
  );
  const plan = planPool(aPool(), state);
  assert.deepEqual(plan.actions, []);
  assert.equal(reportPool(aPool(), state, plan).state, 'Missing');
});

test('a disk that is added later is labelled, joins the group, and the thin pool grows into it', () => {
  const wanted = aPool({ node: { name: 'n1', disks: ['d1', 'd2'] } });
  const disks = [
    { id: 'd1', path: '/dev/vdb', whyNotFree: undefined },
    { id: 'd2', path: '/dev/vdc', whyNotFree: null },
  ];
  const before = complete();
  assert.deepEqual(kinds(wanted, { ...before, disks }), ['create-pv', 'extend-vg']);
  const joined: SeenPool = {
    ...before,
    disks,
    inventory: {
      vgs: [aVg({ sizeBytes: 8 * GIB, freeBytes: 4 * GIB + 40 * 2 ** 20, pvs: ['/dev/vdb', '/dev/vdc'] })],
      lvs: before.inventory.lvs,
      pvs: [aPv('d1', '/dev/vdb', 'hf-tank'), aPv('d2', '/dev/vdc', 'hf-tank')],
    },
  };
  const { actions } = planPool(wanted, joined);
  assert.deepEqual(
    actions.map((action) => action.kind),
    ['grow-thin-pool'],
  );
});

test('a disk that is added and not free leaves the pool Ready and is reported', () => {
  const state: SeenPool = {
    ...complete(),
    disks: [
      { id: 'd1', path: '/dev/vdb', whyNotFree: undefined },
      { id: 'd2', path: '/dev/vdc', whyNotFree: 'disk d2 is mounted at /srv' },
    ],
  };
  const wanted = aPool({ node: { name: 'n1', disks: ['d1', 'd2'] } });
  const plan = planPool(wanted, state);
  assert.deepEqual(plan.actions, []);
  const report = reportPool(wanted, state, plan);
  assert.equal(report.state, 'Ready');
  assert.equal(report.reason, 'DiskNotFree');
  assert.match(report.message ?? '', /mounted at \/srv/);
});

test('a disk that the pool no longer names is only reported', () => {
  const wanted = aPool({ node: { name: 'n1', disks: ['d2'] } });
  const before = complete();
  const state: SeenPool = {
    ...before,
    disks: [{ id: 'd2', path: '/dev/vdc', whyNotFree: undefined }],
    inventory: {
      ...before.inventory,
      vgs: [aVg({ freeBytes: 40 * 2 ** 20, pvs: ['/dev/vdb', '/dev/vdc'] })],
      pvs: [aPv('d1', '/dev/vdb', 'hf-tank'), aPv('d2', '/dev/vdc', 'hf-tank')],
    },
  };
  const plan = planPool(wanted, state);
  assert.deepEqual(plan.actions, []);
  assert.equal(plan.notice?.reason, 'DiskStillInUse');
  assert.match(plan.notice?.message ?? '', /\/dev\/vdb still holds data/);
});

test('a damaged thin pool fails with the command that repairs it; a full one stays Ready and says that it is full', () => {
  const with_ = (over: Partial<LogicalVolume>): SeenPool => {
    const before = complete();
    return {
      ...before,
      inventory: { ...before.inventory, lvs: [aThinPool({ sizeBytes: 4 * GIB - 72 * 2 ** 20, ...over })] },
    };
  };
  const damaged = with_({ trouble: 'metadata-read-only, check-needed' });
  assert.equal(planPool(aPool(), damaged).fatal?.reason, 'ThinPoolDamaged');
  const full = with_({ trouble: 'out-of-data-space', dataPercent: 100 });
  const report = reportPool(aPool(), full, planPool(aPool(), full));
  assert.equal(report.state, 'Ready');
  assert.equal(report.reason, 'PoolNearlyFull');
  assert.equal(report.freeBytes, 0);
});

test('a file pool attaches its file first, and never replaces a file that was there', () => {
  const wanted = aPool({ type: 'file', node: { name: 'n1', disks: [], fileSizeBytes: GIB } });
  const file = '/var/lib/holdfast/pools/tank.img';
  const at = (exists: boolean, device: string | undefined, wasReady: boolean): SeenPool =>
    seen({}, { disks: [], loop: { file, exists, device }, wasReady });
  assert.deepEqual(kinds(wanted, at(false, undefined, false)), ['attach-loop']);
  assert.deepEqual(kinds(wanted, at(true, undefined, true)), ['attach-loop']);
  assert.deepEqual(kinds(wanted, at(true, '/dev/loop0', false)), ['create-pv', 'create-vg']);
  assert.equal(planPool(wanted, at(false, undefined, true)).missing?.reason, 'FileMissing');
});
