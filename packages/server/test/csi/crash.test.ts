import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { createSeededRandom } from '@holdfast/api/testing/virtual-clock.ts';
import type { Log } from '../../src/ports/log.ts';
import { controllerMethods } from '../../src/transport/csi/controller/service.ts';
import { createView } from '../../src/transport/csi/controller/view.ts';
import { Exclusive } from '../../src/transport/csi/exclusive.ts';
import type { VolumeCapability } from '../../src/transport/csi/gen/csi.ts';
import type { Call } from '../../src/transport/csi/method.ts';
import { MUTATIONS } from '../fakes/cluster.ts';
import { aNode, GIB } from '../fakes/cluster-builders.ts';
import { World } from '../fakes/cluster-world.ts';

const noLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => noLog };
const RWO: VolumeCapability = {
  accessMode: { mode: 'SINGLE_NODE_WRITER' },
  mount: { fsType: '', mountFlags: [], volumeMountGroup: '' },
  accessType: 'mount',
};
/** Writes of a whole life without a crash: create, attach, grow, detach, delete. */
const WRITES = 5;

type Driver = ReturnType<typeof controllerMethods>;

/** The life of one volume, one call after the other, each repeated until it succeeds: what a sidecar does. */
function lifeOf(node: string): ((driver: Driver, call: Call) => Promise<unknown>)[] {
  const id = { volumeId: 'pvc-1', secrets: {} };
  return [
    (driver, call) =>
      driver.createVolume(
        {
          name: 'pvc-1',
          capacityRange: { requiredBytes: String(GIB), limitBytes: '0' },
          volumeCapabilities: [RWO],
          parameters: { replicas: '1' },
          secrets: {},
          volumeContentSource: null,
          accessibilityRequirements: null,
          mutableParameters: {},
        },
        call,
      ),
    (driver, call) =>
      driver.controllerPublishVolume(
        { ...id, nodeId: node, volumeCapability: RWO, readonly: false, volumeContext: {} },
        call,
      ),
    (driver, call) =>
      driver.controllerExpandVolume(
        { ...id, capacityRange: { requiredBytes: String(2 * GIB), limitBytes: '0' }, volumeCapability: RWO },
        call,
      ),
    (driver, call) => driver.controllerUnpublishVolume({ ...id, nodeId: node }, call),
    (driver, call) => driver.deleteVolume(id, call),
  ];
}

for (const when of ['before', 'after'] as const) {
  test(`INV-8: a driver that dies ${when} any of its writes is replaced, the call repeated, and nothing leaks`, async () => {
    for (let death = 1; death <= WRITES; death += 1) {
      const world = new World([aNode('a')]);
      world.start();
      const { clock } = world;
      const never = new Promise<void>(() => {});
      let writes = 0;
      let dead = false;
      const deathBell = Promise.withResolvers<'died'>();
      let dying: Promise<'died' | undefined> = deathBell.promise;
      const hook = async (call: { verb: string }, at: 'before' | 'after'): Promise<void> => {
        if (dead) await never;
        if (at !== when || !MUTATIONS.has(call.verb as 'create')) return;
        writes += 1;
        if (writes !== death) return;
        dead = true;
        deathBell.resolve('died');
        await never;
      };
      const start = (mortal: boolean): Driver => {
        const client = world.cluster.client(
          mortal ? { before: (call) => hook(call, 'before'), after: (call) => hook(call, 'after') } : {},
        );
        const base = { client, clock, random: createSeededRandom(3), log: noLog };
        const view = createView(base, new AbortController().signal);
        return controllerMethods({ ...base, view, exclusive: new Exclusive(clock) });
      };
      let driver = start(true);
      for (const step of lifeOf('a')) {
        // The client asks again until it has its answer; a driver that died has a successor by then.
        for (;;) {
          const end = new AbortController();
          const cancel = clock.timer(30_000, () => end.abort(new AppError('deadline_exceeded', 'no time left')));
          const call: Call = { signal: end.signal, leftMs: () => 30_000, log: noLog };
          const answer = step(driver, call).then(() => 'done' as const);
          const outcome = await clock.until(Promise.race([answer, dying]), 120_000);
          cancel();
          if (outcome === 'done') break;
          answer.catch(() => undefined);
          driver = start(false);
          dying = never.then(() => undefined);
        }
      }
      assert.ok(dead, `there is no write number ${death}`);
      assert.deepEqual([world.cluster.list(VOLUMES), world.cluster.list(REPLICAS)], [[], []]);
      world.end();
    }
  });
}
