/**
 * INV-8: the agent is killed (SIGKILL) after every single thing that it changes, through the whole life of a volume, and
 * started again by its supervisor: it converges by itself, nothing is left over, and `mkfs` ran once.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LabNode } from '@holdfast/lab/types.ts';
import type { LabCluster } from '@holdfast/server/lab-cluster/start.ts';
import {
  attach,
  createVolume,
  deleteVolume,
  MIB,
  mountOf,
  nodesOf,
  startCluster,
  until,
  waitHealthy,
  waitVolume,
} from './support.ts';

const V = 'crash';
const SWITCH = '/var/lib/holdfast/die-after-each';
const PATIENCE_MS = 600_000;

/** What must be among the points, or the test proves nothing. */
const EXPECTED: readonly [string, RegExp][] = [
  ['data LV', /lvcreate .*--name crash-r\d( |$)|lvcreate .*-n crash-r\d( |$)/],
  ['metadata LV', /lvcreate .*crash-r\d\.md/],
  ['DRBD metadata', /create-md/],
  ['resource file', /write .*hf-crash\.res/],
  ['resource up', /adjust/],
  ['record and status', /PATCH .*volumes\/crash\/status/],
  ['promotion', /drbdadm .*primary/],
  ['format', /mkfs/],
  ['mount', /mount .*mounts\/crash/],
  ['device link', /symlink \/dev\/holdfast\/crash/],
  ['unmount', /umount/],
  ['demotion', /drbdadm .*secondary/],
  ['resource down', /drbdsetup down/],
  ['removal', /lvremove .*crash-r\d/],
];

describe('the agent dies after everything that it changes', () => {
  let cluster: LabCluster;
  let victim: LabNode;
  before(async () => {
    cluster = await startCluster({ name: 'crash', nodes: 2 });
    victim = cluster.lab.node('n1');
    await victim.put(Buffer.from(''), SWITCH);
    await victim.daemon('agent').restart();
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  test('INV-8: a volume is created', async () => {
    await createVolume(cluster, V, { sizeBytes: 64 * MIB });
    await waitHealthy(cluster, V, PATIENCE_MS);
    assert.ok((await nodesOf(cluster, V)).some((node) => node.name === victim.name));
  });

  test('INV-6, INV-8: it is attached, formatted once, and detached', async () => {
    await attach(cluster, V, victim.name, false);
    await attached(victim.name);
    await victim.sh(`echo kept > ${mountOf(V)}/file && sync`);
    await attach(cluster, V, undefined, false);
    await attached(undefined);
    const other = cluster.lab.node('n2');
    await attach(cluster, V, other.name);
    assert.equal(await other.sh(`cat ${mountOf(V)}/file`), 'kept', 'INV-6: it was not formatted again');
    await attach(cluster, V, undefined);
  });

  test('INV-7, INV-8: it is deleted, and nothing is left', async () => {
    await deleteVolume(cluster, V, PATIENCE_MS);
    for (const node of cluster.lab.nodes) {
      assert.equal((await node.sh('lvs --noheadings -o lv_name | grep crash- || true')).trim(), '');
      assert.doesNotMatch(await node.sh('cat /proc/drbd'), /cs:/);
      assert.doesNotMatch(await node.sh('cat /proc/self/mountinfo'), /holdfast\/mounts/);
    }
  });

  test('it died at every kind of step', async () => {
    const points = [...(await victim.daemonLog('agent')).matchAll(/^died after: (.*)$/gm)].map(
      (match) => match[1] ?? '',
    );
    const missing = EXPECTED.filter(([, pattern]) => !points.some((point) => pattern.test(point))).map(
      ([name]) => name,
    );
    assert.deepEqual(missing, [], `the agent died ${points.length} times:\n${points.join('\n')}`);
    await victim.sh(`rm ${SWITCH}`);
    await victim.daemon('agent').restart();
    await until('the agent is well again', 60_000, async () => {
      const log = await victim.daemonLog('agent');
      return log.lastIndexOf('"heartbeat"') > log.lastIndexOf('agent starts') ? true : undefined;
    });
  });

  async function attached(node: string | undefined): Promise<void> {
    await waitVolume(
      cluster,
      V,
      `attached to ${node ?? 'nobody'}`,
      (volume) =>
        volume.status?.attachedTo === node && (volume.status?.arbiter?.primary !== undefined) === (node !== undefined),
      PATIENCE_MS,
    );
  }
});
