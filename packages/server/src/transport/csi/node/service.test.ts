import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError, type ErrorCode } from '@holdfast/api/errors.ts';
import { createVirtualClock } from '@holdfast/api/testing/virtual-clock.ts';
import type { Log } from '../../../ports/log.ts';
import type { NodeVolumes, Trouble, VolumeUsage } from '../../../ports/node-volumes.ts';
import { DRIVER_NAME, TOPOLOGY_KEY } from '../driver.ts';
import { Exclusive } from '../exclusive.ts';
import type { VolumeCapability } from '../gen/csi.ts';
import { identityMethods } from '../identity.ts';
import type { Call } from '../method.ts';
import { registrationMethods } from '../registration.ts';
import { nodeMethods } from './service.ts';

const noLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => noLog };
const call: Call = { signal: new AbortController().signal, leftMs: () => 1_000, log: noLog };
const RWO: VolumeCapability = {
  accessMode: { mode: 'SINGLE_NODE_WRITER' },
  mount: { fsType: '', mountFlags: ['noatime'], volumeMountGroup: '' },
  accessType: 'mount',
};
const NO_STRINGS = { secrets: {}, publishContext: {}, volumeContext: {} };

function setUp(changes: Partial<NodeVolumes> = {}) {
  const asked: unknown[] = [];
  const note = async (args: unknown): Promise<void> => void asked.push(args);
  const volumes: NodeVolumes = {
    stage: note,
    unstage: note,
    publish: note,
    unpublish: note,
    usage: async (): Promise<VolumeUsage> => ({ kind: 'block', totalBytes: 7 }),
    expand: async ({ requiredBytes }) => requiredBytes,
    volumeTroubles: () => [],
    poolTroubles: () => [],
    ...changes,
  };
  const service = nodeMethods({ node: 'n1', volumes, exclusive: new Exclusive(createVirtualClock()) });
  return { service, asked };
}

const stage = (changes = {}) => ({
  volumeId: 'db',
  stagingTargetPath: '/staging',
  volumeCapability: RWO,
  ...NO_STRINGS,
  ...changes,
});
const publish = (changes = {}) => ({ ...stage(), targetPath: '/target', readonly: false, ...changes });

async function refused(code: ErrorCode, text: RegExp, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.deepEqual([error.code, text.test(error.message)], [code, true], error.message);
    return true;
  });
}

test('what is missing is INVALID_ARGUMENT before anything is touched', async () => {
  const { service, asked } = setUp();
  const missing: [Promise<unknown>, RegExp][] = [
    [service.nodeStageVolume(stage({ volumeId: '' }), call), /volume_id/],
    [service.nodeStageVolume(stage({ stagingTargetPath: '' }), call), /staging_target_path/],
    [service.nodeStageVolume(stage({ volumeCapability: null }), call), /volume_capability/],
    [service.nodeUnstageVolume({ volumeId: '', stagingTargetPath: '/s' }, call), /volume_id/],
    [service.nodeUnstageVolume({ volumeId: 'db', stagingTargetPath: '' }, call), /staging_target_path/],
    [service.nodePublishVolume(publish({ targetPath: '' }), call), /target_path/],
    [service.nodePublishVolume(publish({ volumeCapability: null }), call), /volume_capability/],
    [service.nodeUnpublishVolume({ volumeId: 'db', targetPath: '' }, call), /target_path/],
    [service.nodeGetVolumeStats({ volumeId: 'db', volumePath: '', stagingTargetPath: '' }, call), /volume_path/],
  ];
  for (const [promise, text] of missing) await refused('invalid_argument', text, promise);
  assert.deepEqual(asked, []);
});

test('publishing before staging is FAILED_PRECONDITION', async () => {
  const { service } = setUp();
  await refused(
    'failed_precondition',
    /staged first/,
    service.nodePublishVolume(publish({ stagingTargetPath: '' }), call),
  );
});

test('an id that cannot be ours names no path: NOT_FOUND to stage, success to unstage, and its target still goes', async () => {
  const { service, asked } = setUp();
  for (const volumeId of ['../../etc', 'other/vol', 'UPPER']) {
    await refused('not_found', /no volume/, service.nodeStageVolume(stage({ volumeId }), call));
    assert.deepEqual(await service.nodeUnstageVolume({ volumeId, stagingTargetPath: '/s' }, call), {});
  }
  assert.deepEqual(asked, []);
  await service.nodeUnpublishVolume({ volumeId: '../../etc', targetPath: '/target' }, call);
  assert.deepEqual(asked, [{ volume: '../../etc', target: '/target' }]);
});

test('what the kubelet asks for reaches the agent in our words', async () => {
  const { service, asked } = setUp();
  await service.nodeStageVolume(stage(), call);
  const once: VolumeCapability = { accessMode: { mode: 'SINGLE_NODE_SINGLE_WRITER' }, block: {}, accessType: 'block' };
  await service.nodePublishVolume(publish({ volumeCapability: once, readonly: true }), call);
  assert.deepEqual(asked, [
    {
      volume: 'db',
      path: '/staging',
      volumeMode: 'Filesystem',
      fsType: undefined,
      mountOptions: ['noatime'],
      readOnly: false,
    },
    { volume: 'db', stagingPath: '/staging', target: '/target', volumeMode: 'Block', readOnly: true, exclusive: true },
  ]);
});

test('two calls for one volume at once: the second is ABORTED; statistics are never held up', async () => {
  const gate = Promise.withResolvers<void>();
  const { service } = setUp({ stage: () => gate.promise });
  const first = service.nodeStageVolume(stage(), call);
  await refused(
    'aborted',
    /NodeStageVolume/,
    service.nodeUnstageVolume({ volumeId: 'db', stagingTargetPath: '/s' }, call),
  );
  const request = { volumeId: 'db', volumePath: '/target', stagingTargetPath: '' };
  assert.deepEqual((await service.nodeGetVolumeStats(request, call)).usage, [{ unit: 'BYTES', total: '7' }]);
  gate.resolve();
  await first;
});

test('statistics: bytes and inodes, no inodes where none are counted, and the volume’s condition', async () => {
  const usage = (inodes: { total: number; used: number; available: number } | undefined): VolumeUsage => ({
    kind: 'filesystem',
    totalBytes: 100,
    usedBytes: 40,
    availableBytes: 50,
    inodes,
  });
  const trouble: Trouble = { severity: 'degraded', reason: 'PeerAway', message: 'not connected to n2' };
  const request = { volumeId: 'db', volumePath: '/target', stagingTargetPath: '' };
  const full = setUp({
    usage: async () => usage({ total: 9, used: 4, available: 5 }),
    volumeTroubles: () => [trouble],
  });
  assert.deepEqual(await full.service.nodeGetVolumeStats(request, call), {
    usage: [
      { unit: 'BYTES', total: '100', used: '40', available: '50' },
      { unit: 'INODES', total: '9', used: '4', available: '5' },
    ],
    volumeCondition: { abnormal: true, message: 'not connected to n2' },
  });
  const btrfs = setUp({ usage: async () => usage(undefined) });
  assert.equal((await btrfs.service.nodeGetVolumeStats(request, call)).usage?.length, 1);
  await refused(
    'not_found',
    /no volume is mounted/,
    btrfs.service.nodeGetVolumeStats({ ...request, volumePath: 'some/path' }, call),
  );
});

test('expansion answers with the size, and not when the limit is passed', async () => {
  const { service } = setUp({ expand: async () => 2000 });
  const expand = (limitBytes: string) =>
    service.nodeExpandVolume(
      {
        volumeId: 'db',
        volumePath: '/target',
        capacityRange: { requiredBytes: '1000', limitBytes },
        stagingTargetPath: '',
        volumeCapability: null,
        secrets: {},
      },
      call,
    );
  assert.deepEqual(await expand('0'), { capacityBytes: '2000' });
  await refused('out_of_range', /limit is 1500/, expand('1500'));
});

test('the node tells who and where it is, without any other process', async () => {
  const { service } = setUp();
  assert.deepEqual(await service.nodeGetInfo({}, call), {
    nodeId: 'n1',
    maxVolumesPerNode: '0',
    accessibleTopology: { segments: { [TOPOLOGY_KEY]: 'n1' } },
  });
  const { capabilities } = await service.nodeGetCapabilities({}, call);
  assert.ok(capabilities?.some((one) => one.rpc?.type === 'SINGLE_NODE_MULTI_WRITER'));
});

test('health of volumes and pools in the words of CSI 1.13', async () => {
  const { service } = setUp({
    volumeTroubles: () => [{ severity: 'inaccessible', reason: 'IoPaused', message: 'paused' }],
    poolTroubles: () => [{ severity: 'degraded', reason: 'PoolNearlyFull', message: '95 %' }],
  });
  const volume = await service.nodeGetVolumeHealth(
    { volumeId: 'db', volumePublishPath: '', stagingTargetPath: '' },
    call,
  );
  assert.deepEqual(volume.volumeHealth?.healthStatuses, [
    { status: 'INACCESSIBLE', reason: 'IoPaused', message: 'paused' },
  ]);
  const storage = await service.nodeGetStorageHealth({ secrets: {} }, call);
  assert.deepEqual(storage.backendHealth, [{ status: 'STORAGE_DEGRADED', reason: 'PoolNearlyFull', message: '95 %' }]);
});

test('the driver’s name is lower-case DNS, and not ready is an answer', async () => {
  let ready = false;
  const identity = identityMethods({ version: '1', ready: () => ready });
  const { name = '' } = await identity.getPluginInfo({}, call);
  assert.match(name, /^[a-z0-9]([-.a-z0-9]{0,61}[a-z0-9])?$/);
  assert.deepEqual(await identity.probe({}, call), { ready: { value: false } });
  ready = true;
  assert.deepEqual(await identity.probe({}, call), { ready: { value: true } });
});

test('the kubelet learns the name, the socket on the host and the version, and its verdict is passed on', async () => {
  const verdicts: boolean[] = [];
  const registration = registrationMethods({
    endpoint: '/var/lib/kubelet/plugins/csi.holdfast.storage/csi.sock',
    log: noLog,
    onStatus: (registered) => verdicts.push(registered),
  });
  assert.deepEqual(await registration.getInfo({}, call), {
    type: 'CSIPlugin',
    name: DRIVER_NAME,
    endpoint: '/var/lib/kubelet/plugins/csi.holdfast.storage/csi.sock',
    supportedVersions: ['1.0.0'],
  });
  await registration.notifyRegistrationStatus({ pluginRegistered: false, error: 'no' }, call);
  await registration.notifyRegistrationStatus({ pluginRegistered: true, error: '' }, call);
  assert.deepEqual(verdicts, [false, true]);
});
