import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { runSanity } from '../../../../test/csi/sanity-run.ts';
import { startCsiWorld } from './world.ts';

const GIB = 2 ** 30;
/** What csi-sanity 5.6 asks about the capabilities that the driver has; fewer means that one of them got lost. */
const EXPECTED = 64;
/** Reasons to skip, exactly: capabilities that come with snapshots and volume classes, and a limit that the driver does not have. */
const NOT_OFFERED =
  /: (((Create|Delete|Get|List)Snapshots?|Snapshot|Volume Cloning|(Controller)?Modify ?[Vv]olume|GroupControllerService) not supported|testnodevolumeattachlimit not enabled)$/;
/** Its authors left it pending. */
const PENDING = /ListVolumes pagination should detect volumes added between pages/;

const closing: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closing) await close();
});

for (const replicas of [1, 2]) {
  for (const accessType of ['mount', 'block'] as const) {
    test(`csi-sanity has nothing to say against ${accessType} volumes with ${replicas} replicas`, async () => {
      const world = await startCsiWorld({ nodes: replicas });
      closing.push(() => world.close());
      const { passed, failed, skipped } = await runSanity({
        nodeEndpoint: world.nodeEndpoint('n1'),
        controllerEndpoint: world.controllerEndpoint,
        dir: world.dir,
        accessType,
        parameters: { replicas: String(replicas) },
        sizeBytes: GIB,
        expandBytes: 2 * GIB,
      });
      assert.deepEqual(failed, []);
      assert.deepEqual(
        skipped.filter((line) => !NOT_OFFERED.test(line) && !PENDING.test(line)),
        [],
      );
      assert.ok(passed.length >= EXPECTED, `only ${passed.length} tests passed`);
      assert.deepEqual(await world.leftovers(), []);
    });
  }
}
