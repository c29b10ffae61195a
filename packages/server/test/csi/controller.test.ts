import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { NODES, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError, type ErrorCode } from '@holdfast/api/errors.ts';
import { createSeededRandom } from '@holdfast/api/testing/virtual-clock.ts';
import type { Log } from '../../src/ports/log.ts';
import type { ControllerDeps } from '../../src/transport/csi/controller/deps.ts';
import { controllerMethods } from '../../src/transport/csi/controller/service.ts';
import { createView } from '../../src/transport/csi/controller/view.ts';
import { TOPOLOGY_KEY } from '../../src/transport/csi/driver.ts';
import { Exclusive } from '../../src/transport/csi/exclusive.ts';
import type { CreateVolumeRequest, VolumeCapability } from '../../src/transport/csi/gen/csi.ts';
import type { Call } from '../../src/transport/csi/method.ts';
import type { ClientHooks } from '../fakes/cluster.ts';
import { MUTATIONS } from '../fakes/cluster.ts';
import { aNode, aNodePool, GIB } from '../fakes/cluster-builders.ts';
import { World } from '../fakes/cluster-world.ts';

const noLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => noLog };
const worlds: World[] = [];
after(() => {
  for (const world of worlds) world.end();
});

/** A cluster with a controller, and a driver in front of it; several drivers may be made, as after a restart. */
function setUp(nodes = [aNode('a'), aNode('b'), aNode('c')]) {
  const world = new World(nodes);
  worlds.push(world);
  world.start();
  const { clock } = world;
  const driver = (hooks: ClientHooks = {}) => {
    const client = world.cluster.client(hooks);
    const base = { client, clock, random: createSeededRandom(7), log: noLog };
    const view = createView(base, new AbortController().signal);
    const deps: ControllerDeps = { ...base, view, exclusive: new Exclusive(clock) };
    return controllerMethods(deps);
  };
  /** A call with this much time; its result on virtual time. */
  const run = async <T>(work: (call: Call) => Promise<T>, timeMs = 30_000): Promise<T> => {
    const end = new AbortController();
    const cancel = clock.timer(timeMs, () => end.abort(new AppError('deadline_exceeded', 'no time left')));
    const call: Call = { signal: end.signal, leftMs: () => timeMs, log: noLog };
    try {
      return await clock.until(work(call), timeMs + 60_000);
    } finally {
      cancel();
    }
  };
  return { world, clock, driver, run };
}

const RWO: VolumeCapability = {
  accessMode: { mode: 'SINGLE_NODE_WRITER' },
  mount: { fsType: '', mountFlags: [], volumeMountGroup: '' },
  accessType: 'mount',
};

function aRequest(changes: Partial<CreateVolumeRequest> = {}): CreateVolumeRequest {
  return {
    name: 'pvc-1',
    capacityRange: { requiredBytes: String(GIB), limitBytes: '0' },
    volumeCapabilities: [RWO],
    parameters: {},
    secrets: {},
    volumeContentSource: null,
    accessibilityRequirements: null,
    mutableParameters: {},
    ...changes,
  };
}

const at = (...names: string[]) => names.map((name) => ({ segments: { [TOPOLOGY_KEY]: name } }));
const sized = (bytes: number) => ({ capacityRange: { requiredBytes: String(bytes), limitBytes: '0' } });
const publish = (node: string, changes = {}) => ({
  volumeId: 'pvc-1',
  nodeId: node,
  volumeCapability: RWO,
  readonly: false,
  secrets: {},
  volumeContext: {},
  ...changes,
});

async function refused(code: ErrorCode, text: RegExp, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    return true;
  });
}

test('CreateVolume answers when the copies are complete, with exactly the nodes that have one', async () => {
  const { driver, run, world } = setUp();
  const { volume } = await run((call) => driver().createVolume(aRequest(), call));
  assert.equal(volume?.volumeId, 'pvc-1');
  assert.equal(volume?.capacityBytes, String(GIB));
  assert.deepEqual(volume?.volumeContext, {});
  assert.deepEqual(
    volume?.accessibleTopology?.map((one) => one.segments?.[TOPOLOGY_KEY]),
    world.nodesOf('pvc-1'),
  );
  assert.equal(world.volume('pvc-1').status?.phase, 'Ready');
});

test('CreateVolume again is the same volume, by another process too, also after it has grown', async () => {
  const { driver, run, world } = setUp();
  const first = await run((call) => driver().createVolume(aRequest(), call));
  assert.deepEqual(await run((call) => driver().createVolume(aRequest(), call)), first);
  world.patchVolume('pvc-1', { sizeBytes: 2 * GIB });
  await run((call) => driver().createVolume(aRequest(), call));
  await refused(
    'already_exists',
    /size is 2147483648/,
    run((call) =>
      driver().createVolume(aRequest({ capacityRange: { requiredBytes: '0', limitBytes: String(GIB) } }), call),
    ),
  );
  await refused(
    'already_exists',
    /replicas is 2, asked for is 3/,
    run((call) => driver().createVolume(aRequest({ parameters: { replicas: '3' } }), call)),
  );
});

test('INV-8: a driver that dies after any of its writes leaves nothing that the next one does not finish', async () => {
  for (let death = 1; death <= 2; death += 1) {
    const { driver, run, world } = setUp();
    const never = new Promise<void>(() => {});
    let writes = 0;
    const dying = driver({
      after: async (call) => {
        if (MUTATIONS.has(call.verb)) writes += 1;
        if (writes >= death) await never;
      },
    });
    await run((call) =>
      Promise.race([dying.createVolume(aRequest(), call).catch(() => undefined), world.clock.sleep(5_000)]),
    );
    const { volume } = await run((call) => driver().createVolume(aRequest(), call));
    assert.equal(volume?.volumeId, 'pvc-1');
    assert.equal(world.cluster.list(VOLUMES).length, 1);
  }
});

test('two calls for one name at once: one works, the other is told ABORTED', async () => {
  const { driver, run } = setUp();
  const one = driver();
  const results = await run((call) =>
    Promise.allSettled([one.createVolume(aRequest(), call), one.createVolume(aRequest(), call)]),
  );
  assert.deepEqual(results.map((result) => result.status).toSorted(), ['fulfilled', 'rejected']);
});

test('any name becomes a volume, and two names never the same', async () => {
  const { driver, run, world } = setUp();
  const names = ['Data', 'data', `${'ü'.repeat(60)}`, 'x'.repeat(128), 'a/b', 'a-b'];
  const ids: (string | undefined)[] = [];
  for (const name of names) {
    const { volume } = await run((call) => driver().createVolume(aRequest({ name }), call));
    ids.push(volume?.volumeId);
    assert.equal((await run((call) => driver().createVolume(aRequest({ name }), call))).volume?.volumeId, ids.at(-1));
  }
  assert.equal(new Set(ids).size, names.length);
  assert.equal(world.cluster.list(VOLUMES).length, names.length);
});

test('no room: RESOURCE_EXHAUSTED with the largest that fits and where, and nothing is left behind', async () => {
  const { driver, run, world } = setUp();
  await refused(
    'resource_exhausted',
    /no place for 2 replicas of 500 GiB.*The largest that fits now is 100 GiB on a and b/,
    run((call) => driver().createVolume(aRequest(sized(500 * GIB)), call)),
  );
  assert.deepEqual(world.cluster.list(VOLUMES), []);
  assert.deepEqual(world.cluster.list(REPLICAS), []);
});

test('the scheduler’s node gets a copy, or the scheduler is told to try another', async () => {
  const small = aNode('a', { status: { pools: [aNodePool('fast', { sizeBytes: 2 * GIB })] } });
  const { driver, run, world } = setUp([small, aNode('b'), aNode('c')]);
  const strict = (node: string) => ({ accessibilityRequirements: { requisite: at(node), preferred: at(node) } });
  await refused(
    'resource_exhausted',
    /a replica has to be on a, which cannot take it/,
    run((call) => driver().createVolume(aRequest({ ...sized(10 * GIB), ...strict('a') }), call)),
  );
  assert.deepEqual(world.cluster.list(VOLUMES), []);
  await run((call) => driver().createVolume(aRequest({ ...sized(10 * GIB), ...strict('c') }), call));
  assert.ok(world.nodesOf('pvc-1').includes('c'));
  // Repeated for another node: that one cannot reach it.
  await refused(
    'already_exists',
    /not where it is asked for/,
    run((call) => driver().createVolume(aRequest({ ...sized(10 * GIB), ...strict('a') }), call)),
  );
});

test('30 volumes at once with room for some: those get it, the others are told, nothing leaks', async () => {
  const tight = ['a', 'b'].map((name) =>
    aNode(name, { status: { pools: [aNodePool('fast', { sizeBytes: 10 * GIB })] } }),
  );
  const { driver, run, world } = setUp(tight);
  const one = driver();
  const names = Array.from({ length: 30 }, (_, index) => `pvc-${index}`);
  // 10 GiB over-provisioned twice, less a reserve of a tenth: 18 GiB.
  const results = await run(
    (call) => Promise.allSettled(names.map((name) => one.createVolume(aRequest({ name }), call))),
    60_000,
  );
  const made = results.filter((result) => result.status === 'fulfilled').length;
  const told = results.filter(
    (result) => result.status === 'rejected' && (result.reason as AppError).code === 'resource_exhausted',
  );
  assert.equal(made, 18);
  assert.equal(told.length, 12);
  assert.equal(world.cluster.list(VOLUMES).length, 18);
});

test('what cannot be is refused before anything is looked up or made', async () => {
  const { driver, run, world } = setUp();
  const calls: string[] = [];
  const one = driver({ before: (call) => void calls.push(call.verb) });
  const bad: [Partial<CreateVolumeRequest>, ErrorCode, RegExp][] = [
    [{ name: '' }, 'invalid_argument', /name is missing/],
    [{ volumeCapabilities: [] }, 'invalid_argument', /volume_capabilities/],
    [{ parameters: { replics: '2' } }, 'invalid_argument', /'replics'/],
    [{ mutableParameters: { iops: '1' } }, 'invalid_argument', /mutable_parameters/],
    [
      { volumeContentSource: { volume: { volumeId: 'x' }, type: 'volume' } },
      'invalid_argument',
      /neither snapshots nor clones/,
    ],
    [{ capacityRange: { requiredBytes: '9', limitBytes: '8' } }, 'out_of_range', /limit/],
  ];
  for (const [changes, code, text] of bad) {
    await refused(
      code,
      text,
      run((call) => one.createVolume(aRequest(changes), call)),
    );
  }
  assert.deepEqual(calls, []);
  assert.deepEqual(world.cluster.list(VOLUMES), []);
});

test('a call that runs out of time says what it still waits for, and the next one goes on', async () => {
  const { driver, run, world } = setUp();
  const silenceAll = (): void => {
    for (const node of ['a', 'b', 'c']) world.agents.silence(node);
  };
  await run((call) => driver().createVolume(aRequest({ name: 'warm-up' }), call));
  const one = driver({ after: (call) => void (call.verb === 'create' && silenceAll()) });
  await refused(
    'deadline_exceeded',
    /still waiting for/,
    run((call) => one.createVolume(aRequest(), call), 2_000),
  );
  for (const node of ['a', 'b', 'c']) world.agents.speak(node);
  await run((call) => driver().createVolume(aRequest(), call));
});

test('an API server that goes away in the middle is waited for', async () => {
  const { driver, run, world } = setUp();
  let cut = false;
  const one = driver({ isCut: () => cut });
  await run((call) => one.createVolume(aRequest({ name: 'warm-up' }), call));
  const pending = run((call) => one.createVolume(aRequest(), call), 60_000);
  await world.clock.advance(100);
  cut = true;
  world.cluster.disturb();
  await world.clock.advance(10_000);
  cut = false;
  const { volume } = await pending;
  assert.equal(volume?.volumeId, 'pvc-1');
  cut = true;
  await refused(
    'unavailable',
    /no connection/,
    run((call) => one.deleteVolume({ volumeId: 'pvc-1', secrets: {} }, call)),
  );
});

test('DeleteVolume: unknown and foreign ids are success, a volume in use is not, and the data is gone when it says so', async () => {
  const { driver, run, world } = setUp();
  const one = driver();
  for (const volumeId of ['never', 'other-driver/vol-1', 'UPPER']) {
    assert.deepEqual(await run((call) => one.deleteVolume({ volumeId, secrets: {} }, call)), {});
  }
  await run((call) => one.createVolume(aRequest(), call));
  const [node = ''] = world.nodesOf('pvc-1');
  await run((call) => one.controllerPublishVolume(publish(node), call));
  await refused(
    'failed_precondition',
    new RegExp(`in use on node '${node}'`),
    run((call) => one.deleteVolume({ volumeId: 'pvc-1', secrets: {} }, call)),
  );
  await run((call) => one.controllerUnpublishVolume({ volumeId: 'pvc-1', nodeId: node, secrets: {} }, call));
  await run((call) => one.deleteVolume({ volumeId: 'pvc-1', secrets: {} }, call));
  assert.deepEqual(world.cluster.list(VOLUMES), []);
  assert.deepEqual(world.cluster.list(REPLICAS), []);
  assert.deepEqual(await run((call) => one.deleteVolume({ volumeId: 'pvc-1', secrets: {} }, call)), {});
});

test('DeleteVolume with a dead node is not done before its copy is', async () => {
  const { driver, run, world } = setUp();
  const one = driver();
  await run((call) => one.createVolume(aRequest(), call));
  const [node = ''] = world.nodesOf('pvc-1');
  world.agents.powerOff(node);
  const remove = (timeMs: number) => run((call) => one.deleteVolume({ volumeId: 'pvc-1', secrets: {} }, call), timeMs);
  await refused('deadline_exceeded', /still waiting for/, remove(20_000));
  world.agents.powerOn(node);
  assert.deepEqual(await remove(30_000), {});
});

test('ControllerPublish: to one node at a time, in one way, where a copy is', async () => {
  const { driver, run, world } = setUp();
  const one = driver();
  await run((call) => one.createVolume(aRequest(), call));
  const [first = '', second = ''] = world.nodesOf('pvc-1');
  const third = ['a', 'b', 'c'].find((name) => name !== first && name !== second) ?? '';
  await refused(
    'not_found',
    /no volume/,
    run((call) => one.controllerPublishVolume(publish(first, { volumeId: 'no' }), call)),
  );
  await refused(
    'not_found',
    /no node/,
    run((call) => one.controllerPublishVolume(publish('zz'), call)),
  );
  await refused(
    'failed_precondition',
    /has no copy.*it is on/,
    run((call) => one.controllerPublishVolume(publish(third), call)),
  );
  for (let times = 0; times < 2; times += 1) {
    assert.deepEqual(await run((call) => one.controllerPublishVolume(publish(first), call)), { publishContext: {} });
  }
  assert.deepEqual(world.volume('pvc-1').spec?.attachments, [{ node: first, readOnly: false, mount: false }]);
  await refused(
    'already_exists',
    /published to .* read-write/,
    run((call) => one.controllerPublishVolume(publish(first, { readonly: true }), call)),
  );
  await refused(
    'failed_precondition',
    new RegExp(`published to node '${first}'`),
    run((call) => one.controllerPublishVolume(publish(second), call)),
  );
  const block: VolumeCapability = { accessMode: { mode: 'SINGLE_NODE_WRITER' }, block: {}, accessType: 'block' };
  await refused(
    'invalid_argument',
    /made for Filesystem, not for Block/,
    run((call) => one.controllerPublishVolume(publish(first, { volumeCapability: block }), call)),
  );
});

test('ControllerUnpublish: unknown is success, no node means all, and a lost node is not waited for', async () => {
  const { driver, run, world } = setUp();
  const one = driver();
  const unpublish = (volumeId: string, nodeId: string, timeMs = 30_000) =>
    run((call) => one.controllerUnpublishVolume({ volumeId, nodeId, secrets: {} }, call), timeMs);
  assert.deepEqual(await unpublish('never', 'a'), {});
  assert.deepEqual(await unpublish('FOREIGN', 'a'), {});
  await run((call) => one.createVolume(aRequest(), call));
  const [first = '', second = ''] = world.nodesOf('pvc-1');
  assert.deepEqual(await unpublish('pvc-1', 'zz'), {});
  await run((call) => one.controllerPublishVolume(publish(first), call));
  assert.deepEqual(await unpublish('pvc-1', second), {}, 'another node');
  assert.equal(world.volume('pvc-1').status?.attachedTo, first);
  assert.deepEqual(await unpublish('pvc-1', ''), {});
  assert.equal(world.volume('pvc-1').status?.attachedTo, undefined);

  await run((call) => one.controllerPublishVolume(publish(first), call));
  world.agents.powerOff(first);
  assert.deepEqual(await unpublish('pvc-1', first, 120_000), {});
  await run((call) => one.controllerPublishVolume(publish(second), call), 60_000);
  assert.equal(world.volume('pvc-1').status?.attachedTo, second);
});

test('ControllerUnpublish waits for a node that is only silent: nobody knows what it does', async () => {
  const { driver, run, world } = setUp();
  const one = driver();
  await run((call) => one.createVolume(aRequest(), call));
  const [first = ''] = world.nodesOf('pvc-1');
  await run((call) => one.controllerPublishVolume(publish(first), call));
  world.agents.silence(first);
  await refused(
    'deadline_exceeded',
    /still waiting for/,
    run((call) => one.controllerUnpublishVolume({ volumeId: 'pvc-1', nodeId: first, secrets: {} }, call), 20_000),
  );
});

test('ListVolumes: in order, in pages that survive changes, with nodes and condition; a foreign token is ABORTED', async () => {
  const { driver, run, world } = setUp();
  const one = driver();
  for (const name of ['pvc-1', 'pvc-2', 'pvc-3']) await run((call) => one.createVolume(aRequest({ name }), call));
  const [node = ''] = world.nodesOf('pvc-1');
  await run((call) => one.controllerPublishVolume(publish(node), call));
  const list = (startingToken: string, maxEntries: number) =>
    run((call) => one.listVolumes({ startingToken, maxEntries }, call));
  const all = await list('', 0);
  assert.deepEqual(
    all.entries?.map((entry) => entry.volume?.volumeId),
    ['pvc-1', 'pvc-2', 'pvc-3'],
  );
  assert.equal(all.nextToken, '');
  assert.deepEqual(all.entries?.[0]?.status?.publishedNodeIds, [node]);
  assert.equal(all.entries?.[0]?.status?.volumeCondition?.abnormal, false);
  const first = await list('', 1);
  assert.equal(first.entries?.length, 1);
  await run((call) => one.deleteVolume({ volumeId: 'pvc-2', secrets: {} }, call));
  const rest = await list(first.nextToken ?? '', 5);
  assert.deepEqual(
    rest.entries?.map((entry) => entry.volume?.volumeId),
    ['pvc-3'],
  );
  assert.equal(rest.nextToken, '');
  for (const token of ['invalid', 'after:', 'after:A B']) await refused('aborted', /starting_token/, list(token, 0));
  await refused('invalid_argument', /negative/, list('', -1));
});

test('what the sidecars ask every minute costs no request, however many volumes there are', async () => {
  const { driver, run } = setUp();
  const calls: string[] = [];
  const one = driver({ before: (call) => void calls.push(`${call.verb} ${call.plural}`) });
  for (const name of ['pvc-1', 'pvc-2']) await run((call) => one.createVolume(aRequest({ name }), call));
  calls.length = 0;
  for (let minute = 0; minute < 10; minute += 1) {
    await run((call) => one.listVolumes({ startingToken: '', maxEntries: 0 }, call));
    await run((call) => one.getCapacity({ volumeCapabilities: [], parameters: {}, accessibleTopology: null }, call));
    await run((call) => one.controllerListVolumeHealth({ maxEntries: 0, startingToken: '', secrets: {} }, call));
  }
  assert.deepEqual(calls, []);
});

test('condition and health say what the volume’s conditions say', async () => {
  const { driver, run, world } = setUp();
  const one = driver();
  await run((call) => one.createVolume(aRequest(), call));
  const [first = '', second = ''] = world.nodesOf('pvc-1');
  await run((call) => one.controllerPublishVolume(publish(first), call));
  world.agents.powerOff(second);
  await world.until('degraded', () => world.volume('pvc-1').status?.phase === 'Degraded', 120_000);
  const { status } = await run((call) => one.controllerGetVolume({ volumeId: 'pvc-1' }, call));
  assert.equal(status?.volumeCondition?.abnormal, true);
  assert.match(status?.volumeCondition?.message ?? '', /1 of 2 copies in sync/);
  const health = await run((call) => one.controllerGetVolumeHealth({ volumeId: 'pvc-1', secrets: {} }, call));
  assert.deepEqual(
    health.volumeHealth?.healthStatuses?.map((entry) => entry.status),
    ['DEGRADED'],
  );
  const ill = await run((call) =>
    one.controllerListVolumeHealth({ maxEntries: 0, startingToken: '', secrets: {} }, call),
  );
  assert.deepEqual(
    ill.entries?.map((entry) => entry.volumeId),
    ['pvc-1'],
  );
  await refused(
    'not_found',
    /no volume/,
    run((call) => one.controllerGetVolume({ volumeId: 'no' }, call)),
  );
});

test('GetCapacity: what placement would give, per node and class, and 0 for what is impossible', async () => {
  const { driver, run } = setUp([
    aNode('a', { status: { pools: [aNodePool('fast', { sizeBytes: 10 * GIB })] } }),
    aNode('b'),
    aNode('c'),
  ]);
  const one = driver();
  const capacity = (node: string | undefined, parameters: Record<string, string> = {}, volumeCapabilities = [RWO]) =>
    run((call) =>
      one.getCapacity(
        { volumeCapabilities, parameters, accessibleTopology: node === undefined ? null : (at(node)[0] ?? null) },
        call,
      ),
    );
  await run((call) => one.createVolume(aRequest(), call));
  assert.equal((await capacity('a')).maximumVolumeSize?.value, String(10 * GIB));
  assert.equal((await capacity(undefined)).maximumVolumeSize?.value, String(100 * GIB));
  assert.equal((await capacity('b', { replicas: '1' })).maximumVolumeSize?.value, String(100 * GIB));
  assert.equal((await capacity('a', { pool: 'nvme' })).availableCapacity, '0');
  assert.equal((await capacity('zz')).availableCapacity, '0');
  const rwx: VolumeCapability = { ...RWO, accessMode: { mode: 'MULTI_NODE_MULTI_WRITER' } };
  assert.equal((await capacity('a', {}, [rwx])).availableCapacity, '0');
  await refused('invalid_argument', /'pol'/, capacity('a', { pol: 'x' }));
});

test('ControllerExpand: attached or not, again, never down, and not to what cannot fit', async () => {
  const { driver, run, world } = setUp();
  const one = driver();
  // One copy: the fake agents do not model how DRBD's secondaries learn of a new size.
  await run((call) => one.createVolume(aRequest({ parameters: { replicas: '1' } }), call));
  const expand = (bytes: number, limit = 0) =>
    run((call) =>
      one.controllerExpandVolume(
        {
          volumeId: 'pvc-1',
          capacityRange: { requiredBytes: String(bytes), limitBytes: String(limit) },
          secrets: {},
          volumeCapability: null,
        },
        call,
      ),
    );
  for (let times = 0; times < 2; times += 1) {
    assert.deepEqual(await expand(2 * GIB), { capacityBytes: String(2 * GIB), nodeExpansionRequired: true });
  }
  const [node = ''] = world.nodesOf('pvc-1');
  await run((call) => one.controllerPublishVolume(publish(node), call));
  await expand(3 * GIB);
  assert.equal(world.volume('pvc-1').status?.sizeBytes, 3 * GIB);
  assert.deepEqual(await expand(GIB), { capacityBytes: String(3 * GIB), nodeExpansionRequired: true });
  await refused('out_of_range', /cannot shrink/, expand(0, GIB));
  await refused('resource_exhausted', /cannot grow to 500 GiB.*only 100 GiB large/, expand(500 * GIB));
  assert.equal(world.volume('pvc-1').spec?.sizeBytes, 3 * GIB, 'nothing was written that can never be');
});

test('ValidateVolumeCapabilities: what is not possible is an answer without confirmation, not an error', async () => {
  const { driver, run } = setUp();
  const one = driver();
  await run((call) => one.createVolume(aRequest(), call));
  const validate = (volumeCapabilities: VolumeCapability[], parameters = {}, volumeId = 'pvc-1') =>
    run((call) =>
      one.validateVolumeCapabilities(
        { volumeId, volumeCapabilities, parameters, volumeContext: {}, secrets: {}, mutableParameters: {} },
        call,
      ),
    );
  assert.deepEqual((await validate([RWO])).confirmed?.volumeCapabilities, [RWO]);
  const rwx: VolumeCapability = { ...RWO, accessMode: { mode: 'MULTI_NODE_MULTI_WRITER' } };
  for (const answer of [await validate([rwx]), await validate([RWO], { nonsense: '1' })]) {
    assert.equal(answer.confirmed, undefined);
    assert.notEqual(answer.message, '');
  }
  await refused('not_found', /no volume/, validate([RWO], {}, 'no'));
});

test('a node that is not there any more does not hold a volume', async () => {
  const { driver, run, world } = setUp();
  const one = driver();
  await run((call) => one.createVolume(aRequest(), call));
  const [first = ''] = world.nodesOf('pvc-1');
  await run((call) => one.controllerPublishVolume(publish(first), call));
  world.agents.powerOff(first);
  world.cluster.delete(NODES, first);
  await run((call) => one.controllerUnpublishVolume({ volumeId: 'pvc-1', nodeId: first, secrets: {} }, call));
});
