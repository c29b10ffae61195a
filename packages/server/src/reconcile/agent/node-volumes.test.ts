import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInformer } from '@holdfast/api/client/informer.ts';
import { REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError, type ErrorCode } from '@holdfast/api/errors.ts';
import { createSeededRandom, createVirtualClock } from '@holdfast/api/testing/virtual-clock.ts';
import { FakeBindMounts } from '../../../test/fakes/bind-mounts.ts';
import { FakeCluster } from '../../../test/fakes/cluster.ts';
import { aReplica, aVolume, GIB } from '../../../test/fakes/cluster-builders.ts';
import { FakeFiles } from '../../../test/fakes/files.ts';
import { FakeFileSystems } from '../../../test/fakes/filesystem.ts';
import { FakeHost } from '../../../test/fakes/host.ts';
import { FakeLvm } from '../../../test/fakes/lvm.ts';
import type { Log } from '../../ports/log.ts';
import type { PublishArgs, StageArgs } from '../../ports/node-volumes.ts';
import { createNodeVolumes } from './node-volumes.ts';

const DEVICE = '/dev/hf-fast/db-r0';
const LINK = '/dev/holdfast/db';
const STAGING = '/var/lib/kubelet/staging/db';
const TARGET = '/var/lib/kubelet/pods/1/db';
const noLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => noLog };

/** A node on which volume `db` is attached, unless told otherwise. */
async function setUp(options: { volumeMode?: 'Filesystem' | 'Block'; attached?: boolean; mount?: boolean } = {}) {
  const { volumeMode = 'Filesystem', attached = true, mount = false } = options;
  const clock = createVirtualClock();
  const cluster = new FakeCluster(() => new Date(clock.now()).toISOString());
  let away = false;
  const client = cluster.client({ isCut: () => away });
  const made = aVolume('db', {
    spec: { volumeMode, attachments: attached ? [{ node: 'a', readOnly: false, mount }] : [] },
  });
  const volume = cluster.create(VOLUMES, { ...made, metadata: { name: 'db' } });
  const arbiter = { epoch: 2, inSync: ['db-r0'], primary: 'db-r0', history: [] };
  cluster.patch(VOLUMES, 'db', { status: { arbiter } }, { status: true });
  const spec = {
    volumeUid: volume.metadata.uid,
    ...(attached ? { attach: { volumeMode, fsType: 'ext4' as const, readOnly: false, mount } } : {}),
  };
  cluster.create(REPLICAS, { ...aReplica('db-r0', { spec }), metadata: { name: 'db-r0' } });
  const files = new FakeFiles();
  const fs = new FakeFileSystems();
  const binds = new FakeBindMounts(fs, files);
  const device = fs.devices.add(DEVICE, GIB);
  const report = (): void => {
    files.links.set(LINK, DEVICE);
    cluster.patch(REPLICAS, 'db-r0', { status: { attached: { device: DEVICE, readOnly: false } } }, { status: true });
  };
  if (attached) report();
  const random = createSeededRandom(1);
  const replicas = createInformer({ api: client.resource(REPLICAS), clock, random, onError: () => undefined });
  const stop = new AbortController();
  replicas.run(stop.signal).catch(() => undefined);
  await clock.settle();
  const events: string[] = [];
  const volumes = createNodeVolumes(
    {
      node: 'a',
      stateDir: '/var/lib/holdfast',
      client,
      clock,
      random,
      log: noLog,
      lvm: new FakeLvm(fs.devices),
      drbd: undefined,
      fence: undefined,
      fs,
      binds,
      host: new FakeHost(),
      files,
      secrets: { sharedSecret: async () => '' },
      recorder: { record: (_, event) => void events.push(event.reason) },
      pools: { get: () => undefined },
      nodePools: () => [],
    },
    replicas,
  );
  const run = <T>(work: (signal: AbortSignal) => Promise<T>, timeMs = 5_000): Promise<T> => {
    const end = new AbortController();
    clock.timer(timeMs, () => end.abort(new Error('no time left')));
    return clock.until(work(end.signal));
  };
  const stage = (changes: Partial<StageArgs> = {}) =>
    run((signal) =>
      volumes.stage(
        { volume: 'db', path: STAGING, volumeMode, fsType: undefined, mountOptions: [], readOnly: false, ...changes },
        signal,
      ),
    );
  const publish = (changes: Partial<PublishArgs> = {}) =>
    volumes.publish({
      volume: 'db',
      stagingPath: STAGING,
      target: TARGET,
      volumeMode,
      readOnly: false,
      exclusive: false,
      ...changes,
    });
  const mounts = async (): Promise<string[]> =>
    (await fs.mounts()).map((entry) => `${entry.mountPath} ${entry.options}`);
  return {
    clock,
    cluster,
    files,
    fs,
    binds,
    device,
    volumes,
    events,
    stage,
    publish,
    mounts,
    report,
    run,
    setAway: (value: boolean) => {
      away = value;
      cluster.disturb();
    },
  };
}

async function refused(code: ErrorCode, text: RegExp, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    return true;
  });
}

test('INV-6: the first stage formats, every later one does not, and repeats change nothing', async () => {
  const { stage, mounts, cluster, events, volumes } = await setUp();
  await stage();
  assert.equal(cluster.get(VOLUMES, 'db')?.status?.format?.state, 'done');
  await stage();
  assert.deepEqual(await mounts(), [`${STAGING} rw`]);
  await volumes.unstage({ volume: 'db', path: STAGING });
  await stage();
  assert.deepEqual(events, ['Formatted', 'Mounted', 'Mounted']);
});

test('INV-6: a device that is not blank although nobody formatted it is left alone', async () => {
  const { stage, device, mounts } = await setUp();
  for (const usage of ['crypto', 'other', 'filesystem']) {
    device.signature = { type: usage === 'crypto' ? 'crypto_LUKS' : 'swap', usage };
    await refused('failed_precondition', /was never formatted; it is left alone/, stage());
  }
  device.signature = undefined;
  device.unreadable = 'Wrong medium type';
  await refused('unavailable', /cannot be probed/, stage());
  assert.deepEqual(await mounts(), []);
});

test('INV-6: a blank device that was formatted once is never formatted again', async () => {
  const { stage, volumes, device, cluster } = await setUp();
  await stage();
  await volumes.unstage({ volume: 'db', path: STAGING });
  device.signature = undefined;
  await refused('failed_precondition', /file system check.*failed/, stage());
  assert.equal(device.signature, undefined);
  assert.equal(cluster.get(VOLUMES, 'db')?.status?.format?.state, 'done');
});

test('staging waits for the attachment, and says what for when there is no time left', async () => {
  const { stage, report, clock, cluster } = await setUp({ attached: false });
  await refused('failed_precondition', /published to no node/, stage());
  cluster.patch(VOLUMES, 'db', { spec: { attachments: [{ node: 'a', readOnly: false, mount: false }] } });
  await refused('deadline_exceeded', /waiting for the controller to attach it here/, stage());
  clock.timer(500, () => {
    const attach = { volumeMode: 'Filesystem', fsType: 'ext4', readOnly: false, mount: false };
    cluster.patch(REPLICAS, 'db-r0', { spec: { attach } });
    report();
  });
  await stage();
});

test('a link from before is no attachment: after a boot there is none, and the report alone proves nothing', async () => {
  const { stage, files } = await setUp();
  files.links.delete(LINK);
  await refused('deadline_exceeded', /not attached yet/, stage());
});

test('the link is noticed although no change of the Replica tells of it', async () => {
  const { stage, files, clock } = await setUp();
  files.links.delete(LINK);
  clock.timer(900, () => files.links.set(LINK, DEVICE));
  await stage();
  assert.ok(clock.monotonic() < 2_000, `it took ${clock.monotonic()} ms`);
});

test('volumes that are unknown, attached by hand, or made for something else are refused', async () => {
  const { stage } = await setUp();
  await refused('not_found', /no volume 'nope'/, stage({ volume: 'nope' }));
  await refused('failed_precondition', /attached as Filesystem/, stage({ volumeMode: 'Block' }));
  await refused('failed_precondition', /made for ext4, not for xfs/, stage({ fsType: 'xfs' }));
  const byHand = await setUp({ mount: true });
  await refused('failed_precondition', /attached with hf, which mounts it itself/, byHand.stage());
});

test('a stage that finds something else, or another way, at its path changes nothing', async () => {
  const { stage, fs, mounts } = await setUp();
  await stage();
  await refused('already_exists', /mounted read-write/, stage({ readOnly: true }));
  fs.devices.add('/dev/sdx', GIB).signature = { type: 'ext4', usage: 'filesystem' };
  fs.stackMount('/dev/sdx', '/other', 'ext4');
  await refused('failed_precondition', /\/other is taken/, stage({ path: '/other' }));
  assert.equal((await mounts()).length, 2);
});

test('mounts that are stacked at the staging path become one', async () => {
  const { stage, fs, mounts } = await setUp();
  await stage();
  fs.stackMount(DEVICE, STAGING, 'ext4');
  await stage();
  assert.deepEqual(await mounts(), [`${STAGING} rw`]);
});

test('publish binds what is staged: again, elsewhere, read-only; a read-only one never becomes writable', async () => {
  const { stage, publish, mounts, volumes } = await setUp();
  await refused('failed_precondition', /not staged/, publish());
  await stage();
  await publish();
  await publish();
  assert.deepEqual(await mounts(), [`${STAGING} rw`, `${TARGET} rw`]);
  await publish({ target: '/second', readOnly: true });
  assert.ok((await mounts()).includes('/second ro'));
  await refused('already_exists', /published read-only/, publish({ target: '/second' }));
  for (const target of [TARGET, '/second']) {
    await volumes.unpublish({ volume: 'db', target });
    await volumes.unpublish({ volume: 'db', target });
  }
  assert.deepEqual(await mounts(), [`${STAGING} rw`]);
});

test('INV-8: a bind mount whose second step, read-only, never came is completed by the next call', async () => {
  const { stage, publish, mounts, fs, binds } = await setUp();
  await stage();
  await binds.makeDirectory(TARGET);
  fs.stackMount(DEVICE, TARGET, 'ext4', 'rw');
  await publish({ readOnly: true });
  assert.deepEqual(await mounts(), [`${STAGING} rw`, `${TARGET} ro`]);
});

test('a volume for one pod only is refused to a second one', async () => {
  const { stage, publish } = await setUp();
  await stage();
  await publish({ exclusive: true });
  await publish({ exclusive: true });
  await refused(
    'failed_precondition',
    /one user at a time and is used at/,
    publish({ exclusive: true, target: '/second' }),
  );
});

test('a raw device: no file system, the device node at a file, read-only for all or for nobody', async () => {
  const { stage, publish, mounts, binds, volumes, device, cluster } = await setUp({ volumeMode: 'Block' });
  await stage();
  assert.equal(device.signature, undefined);
  assert.equal(cluster.get(VOLUMES, 'db')?.status?.format, undefined);
  await publish();
  await publish();
  assert.deepEqual(await mounts(), [`${TARGET} rw`]);
  assert.equal(binds.targets.get(TARGET), 'file');
  await refused('failed_precondition', /used read-write at/, publish({ target: '/second', readOnly: true }));
  await refused('failed_precondition', /one user at a time/, publish({ target: '/second', exclusive: true }));
  assert.deepEqual(await volumes.usage({ volume: 'db', path: TARGET }), { kind: 'block', totalBytes: GIB });
  await volumes.unpublish({ volume: 'db', target: TARGET });
  await publish({ readOnly: true });
  assert.equal(await binds.isReadOnly(DEVICE), true);
  await volumes.unpublish({ volume: 'db', target: TARGET });
  assert.deepEqual(await mounts(), []);
});

test('what is not there is unpublished and unstaged already; what somebody put there is never removed', async () => {
  const { volumes, binds } = await setUp();
  await volumes.unpublish({ volume: 'db', target: TARGET });
  await volumes.unstage({ volume: 'gone', path: '/nowhere' });
  binds.targets.set(TARGET, 'foreign');
  await refused('failed_precondition', /holds something/, volumes.unpublish({ volume: 'db', target: TARGET }));
});

test('unpublish, unstage and usage need no API server, and no memory of who staged', async () => {
  const { stage, publish, volumes, mounts, setAway } = await setUp();
  await stage();
  await publish();
  setAway(true);
  assert.equal((await volumes.usage({ volume: 'db', path: TARGET })).kind, 'filesystem');
  await volumes.unpublish({ volume: 'db', target: TARGET });
  await volumes.unstage({ volume: 'db', path: STAGING });
  assert.deepEqual(await mounts(), []);
});

test('a busy mount is not torn away: the answer names who holds it', async () => {
  const { stage, volumes, fs } = await setUp();
  await stage();
  fs.hold(STAGING, '4711');
  await refused('unavailable', /busy/, volumes.unstage({ volume: 'db', path: STAGING }));
  fs.release(STAGING, '4711');
  await volumes.unstage({ volume: 'db', path: STAGING });
});

test('usage tells bytes and inodes of a mount, and NOT_FOUND for a path that is none: never the root disk’s numbers', async () => {
  const { stage, publish, volumes } = await setUp();
  await stage();
  await publish();
  const usage = await volumes.usage({ volume: 'db', path: TARGET });
  assert.ok(usage.kind === 'filesystem');
  assert.equal(usage.totalBytes, GIB);
  assert.equal(usage.usedBytes, 10 * 4096);
  assert.deepEqual(usage.inodes, { total: 1000, used: 11, available: 989 });
  await refused('not_found', /not mounted at/, volumes.usage({ volume: 'db', path: '/var/lib/kubelet/pods/1' }));
});

test('expand waits until the kernel shows the size, then grows the file system', async () => {
  const { stage, publish, volumes, fs, device, clock, run } = await setUp();
  await stage();
  await publish();
  const expand = (requiredBytes: number) =>
    run((signal) => volumes.expand({ volume: 'db', path: TARGET, requiredBytes, block: false }, signal));
  await refused('deadline_exceeded', /it still grows/, expand(2 * GIB));
  clock.timer(400, () => {
    device.sizeBytes = 2 * GIB;
  });
  assert.equal(await expand(2 * GIB), 2 * GIB);
  assert.equal(fs.fsBytes.get(DEVICE), 2 * GIB);
  await refused(
    'not_found',
    /not mounted/,
    run((signal) => volumes.expand({ volume: 'db', path: '/x', requiredBytes: 0, block: false }, signal)),
  );
});

test('a raw device has grown when the kernel says so, whatever path the kubelet knows it by', async () => {
  const { stage, volumes, device, run } = await setUp({ volumeMode: 'Block' });
  await stage();
  device.sizeBytes = 2 * GIB;
  const args = { volume: 'db', path: '/dev/loop0', requiredBytes: 2 * GIB, block: true };
  assert.equal(await run((signal) => volumes.expand(args, signal)), 2 * GIB);
  await refused(
    'not_found',
    /not mounted/,
    run((signal) => volumes.expand({ ...args, volume: 'other' }, signal)),
  );
});

test('a volume that grew while nobody had it has its new size when it is staged', async () => {
  const { stage, volumes, fs, device } = await setUp();
  await stage();
  await volumes.unstage({ volume: 'db', path: STAGING });
  device.sizeBytes = 3 * GIB;
  await stage();
  assert.equal(fs.fsBytes.get(DEVICE), 3 * GIB);
});
