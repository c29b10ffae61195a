import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Condition } from '@holdfast/api/schema/meta.ts';
import type { NodePool } from '@holdfast/api/schema/node.ts';
import { FakeHost } from '../../../test/fakes/host.ts';
import { FakeDevices } from '../../../test/fakes/host-devices.ts';
import { FakeLvm } from '../../../test/fakes/lvm.ts';
import type { Clock } from '../../ports/clock.ts';
import { nodeConditions } from './node-conditions.ts';
import { createNodeReporter } from './node-status.ts';

const GIB = 2 ** 30;

function aClock() {
  let nowMs = 0;
  const clock: Clock = {
    now: () => Date.UTC(2026, 0, 1) + nowMs,
    monotonic: () => nowMs,
    sleep: () => Promise.reject(new Error('nothing sleeps here')),
    timer: () => () => {},
  };
  return {
    clock,
    advance(ms: number) {
      nowMs += ms;
    },
  };
}

function aNode() {
  const devices = new FakeDevices();
  const host = new FakeHost({ devices });
  host.addDisk('d1', '/dev/vdb', 4 * GIB);
  host.addDisk('d2', '/dev/vdc', 4 * GIB);
  const lvm = new FakeLvm(devices);
  let probes = 0;
  const disks = host.disks.bind(host);
  host.disks = () => {
    probes += 1;
    return disks();
  };
  const time = aClock();
  const reporter = (addresses: { management?: string; replication?: string } = {}) =>
    createNodeReporter({
      host,
      lvm,
      drbd: undefined,
      clock: time.clock,
      agentVersion: '1.2.3',
      addresses: { management: addresses.management, replication: addresses.replication },
    });
  return { host, lvm, time, reporter, probes: () => probes };
}

const ready: NodePool = { name: 'tank', type: 'lvm-thin', state: 'Ready', diskIds: ['d1'] };

test('the status says what the machine is, and whose pool a disk belongs to', async () => {
  const { lvm, reporter } = aNode();
  await lvm.createPv({ device: '/dev/vdb', uuid: 'u' });
  await lvm.createVg({ vg: 'hf-tank', devices: ['/dev/vdb'], tags: ['holdfast', 'hf.pool=tank'] });
  const status = await reporter().status({ pools: [ready], orphans: [], previous: {} });
  assert.equal(status.bootId, 'n1-boot-1');
  assert.deepEqual(status.addresses, { management: '192.0.2.1', replication: '192.0.2.1' });
  assert.deepEqual(status.versions, { agent: '1.2.3', kernel: '6.1.0-fake', lvm: '2.03.16(2)' });
  assert.equal(status.drbd, 'none');
  assert.deepEqual(
    status.disks?.map((disk) => [disk.id, disk.use, disk.usedBy]),
    [
      ['d1', 'pool', 'tank'],
      ['d2', 'free', undefined],
    ],
  );
});

test('a volume group of somebody else is lvm, not a pool of ours', async () => {
  const { lvm, reporter } = aNode();
  lvm.addForeignVg('data', '/dev/vdb');
  const status = await reporter().status({ pools: [], orphans: [], previous: {} });
  assert.equal(status.disks?.[0]?.use, 'lvm');
});

test('disks are probed again only after a while or when a pool changed', async () => {
  const { time, reporter, probes } = aNode();
  const node = reporter();
  const report = (pools: NodePool[]) => node.status({ pools, orphans: [], previous: {} });
  await report([]);
  await report([]);
  assert.equal(probes(), 1);
  await report([ready]);
  assert.equal(probes(), 2);
  time.advance(9 * 60_000);
  await report([ready]);
  assert.equal(probes(), 2);
  time.advance(2 * 60_000);
  await report([ready]);
  assert.equal(probes(), 3);
});

test('given addresses win, and what is not given follows from the other', async () => {
  const { reporter } = aNode();
  const addresses = async (given: { management?: string; replication?: string }) =>
    (await reporter(given).status({ pools: [], orphans: [], previous: {} })).addresses;
  assert.deepEqual(await addresses({ management: '10.0.0.1', replication: '10.1.0.1' }), {
    management: '10.0.0.1',
    replication: '10.1.0.1',
  });
  assert.deepEqual(await addresses({ management: '10.0.0.1' }), { management: '10.0.0.1', replication: '10.0.0.1' });
});

test('a machine without any address says so', async () => {
  const { host, reporter } = aNode();
  host.addressList = [];
  await assert.rejects(reporter().status({ pools: [], orphans: [], previous: {} }), /no global IP address/);
});

test('conditions of other writers pass through, ours change their time only when they change', () => {
  const foreign: Condition = {
    type: 'Ready',
    status: 'True',
    reason: 'Alive',
    message: '',
    lastTransitionTime: '2025-12-31T00:00:00Z',
  };
  const first = nodeConditions({ pools: [ready], orphans: [], previous: [foreign], now: 't1' });
  assert.deepEqual(first[0], foreign);
  assert.ok(first.slice(1).every((condition) => condition.lastTransitionTime === 't1'));
  const full: NodePool = { ...ready, reason: 'PoolNearlyFull', message: 'pool tank is 85 % full' };
  const second = nodeConditions({ pools: [full], orphans: [], previous: first, now: 't2' });
  const times = Object.fromEntries(second.map((condition) => [condition.type, condition.lastTransitionTime]));
  assert.deepEqual(times, {
    Ready: '2025-12-31T00:00:00Z',
    PoolsReady: 't1',
    PoolNearlyFull: 't2',
    OrphanVolumes: 't1',
  });
});

test('INV-7: orphans are named for the operator, with their size', () => {
  const orphan = { lv: 'hf-tank/old-r0', sizeBytes: GIB, replicaUid: 'r', volumeUid: undefined };
  const conditions = nodeConditions({ pools: [], orphans: [orphan], previous: [], now: 't' });
  const condition = conditions.find((each) => each.type === 'OrphanVolumes');
  assert.equal(condition?.status, 'True');
  assert.match(condition?.message ?? '', /hf-tank\/old-r0 \(1 GiB\); nothing removes them but you/);
});

test('a pool that is not Ready is named with its reason', () => {
  const failed: NodePool = { ...ready, state: 'Failed', reason: 'DiskNotFree', message: 'disk d1 is mounted' };
  const [condition] = nodeConditions({ pools: [failed], orphans: [], previous: [], now: 't' });
  assert.deepEqual(
    [condition?.status, condition?.reason, condition?.message],
    ['False', 'DiskNotFree', 'pool tank is Failed: disk d1 is mounted'],
  );
});
