/**
 * INV-8: the agent is killed (SIGKILL) at every single point between two side effects of create, attach, detach and
 * delete, and started again by its supervisor: everything converges by itself, nothing is left over, and `mkfs` ran once.
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
} from './support.ts';

const CRASH_FILE = '/var/lib/holdfast/crash-at';
const NEVER = 1_000_000;

describe('the agent dies between every two side effects', () => {
  let cluster: LabCluster;
  let victim: LabNode;
  before(async () => {
    cluster = await startCluster({ name: 'crash', nodes: 2 });
    victim = cluster.lab.node('n1');
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  test('INV-6, INV-7, INV-8: create, attach, write, detach and delete converge from every point', async (t) => {
    const points = await countPoints();
    assert.ok(points.create >= 4 && points.total >= 12, `too few points: ${JSON.stringify(points)}`);
    for (let at = points.start + 1; at <= points.total; at += 1) {
      await t.test(`killed at point ${at} of ${points.total}: ${points.names[at] ?? ''}`, async () => {
        await arm(at);
        await liveOneVolume(`crash-${at}`);
        const left = (await victim.sh(`cat ${CRASH_FILE} 2>/dev/null || true`)).trim();
        assert.equal(left, '', 'the agent was really killed');
        await assertClean();
      });
    }
  });

  /** One run that is only recorded: the points of a volume's life after the agent is up. */
  async function countPoints(): Promise<{
    start: number;
    create: number;
    total: number;
    names: Record<number, string>;
  }> {
    await arm(NEVER);
    const start = await lastPoint();
    await createVolume(cluster, 'crash-0', { sizeBytes: 64 * MIB });
    await waitHealthy(cluster, 'crash-0');
    const create = (await lastPoint()) - start;
    await useVolume('crash-0');
    await deleteVolume(cluster, 'crash-0');
    const names: Record<number, string> = {};
    for (const line of (await victim.daemonLog('agent')).split('\n')) {
      const match = /^side effect (\d+) (.*)$/.exec(line);
      if (match !== null) names[Number(match[1])] = match[2] ?? '';
    }
    return { start, create, total: await lastPoint(), names };
  }

  async function lastPoint(): Promise<number> {
    const numbers = [...(await victim.daemonLog('agent')).matchAll(/^side effect (\d+)/gm)].map((match) =>
      Number(match[1]),
    );
    return numbers.at(-1) ?? 0;
  }

  /** Restarts the agent so that it kills itself at this point, and waits until it is at work. */
  async function arm(at: number): Promise<void> {
    await victim.put(Buffer.from(String(at)), CRASH_FILE);
    const starts = (await victim.daemon('agent').status()).starts;
    await victim.daemon('agent').kill('SIGKILL');
    await until('the agent is back', 30_000, async () => {
      const status = await victim.daemon('agent').status();
      const log = await victim.daemonLog('agent');
      return status.starts > starts && log.lastIndexOf('"heartbeat"') > log.lastIndexOf('agent starts')
        ? true
        : undefined;
    });
  }

  async function liveOneVolume(name: string): Promise<void> {
    await createVolume(cluster, name, { sizeBytes: 64 * MIB });
    await waitHealthy(cluster, name, 90_000);
    await useVolume(name);
    await deleteVolume(cluster, name, 90_000);
  }

  /** On the victim: attach, write, detach; then again, to see that the data and the file system are still the first ones. */
  async function useVolume(name: string): Promise<void> {
    assert.ok((await nodesOf(cluster, name)).some((node) => node.name === victim.name));
    await attach(cluster, name, victim.name);
    const uuid = await victim.sh(
      `echo kept > ${mountOf(name)}/file && sync && findmnt -no UUID ${mountOf(name)} || true`,
    );
    await attach(cluster, name, undefined);
    await attach(cluster, name, victim.name);
    assert.equal(await victim.sh(`cat ${mountOf(name)}/file`), 'kept');
    assert.equal(await victim.sh(`findmnt -no UUID ${mountOf(name)} || true`), uuid, 'INV-6: formatted once');
    await attach(cluster, name, undefined);
  }

  async function assertClean(): Promise<void> {
    for (const node of cluster.lab.nodes) {
      assert.equal((await node.sh('lvs --noheadings -o lv_name | grep crash- || true')).trim(), '');
      assert.doesNotMatch(await node.sh('cat /proc/drbd'), /cs:/);
      assert.doesNotMatch(await node.sh('cat /proc/self/mountinfo'), /holdfast\/mounts/);
    }
  }
});
