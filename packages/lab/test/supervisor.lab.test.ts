/** A lab under a supervisor: it outlives its starter, and nothing outlives it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { AppError } from '@holdfast/api/errors.ts';
import { labDestroy, labDown, labList, labTimeline, labUp } from '../src/cli.ts';
import { connectLab } from '../src/client.ts';
import { processIdentity } from '../src/lock.ts';
import { eventually } from './eventually.ts';

const NAME = `s${process.pid}`;

/** Pids of QEMU processes of this lab. */
async function qemus(): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['axo', 'pid,args']);
  return stdout.split('\n').filter((line) => line.includes('qemu-system') && line.includes(`/${NAME}/`));
}

describe('supervisor', { timeout: 1_500_000 }, () => {
  after(() => labDestroy(NAME).catch(() => undefined));

  it('serves the verbs to other processes, and its death leaves nothing running and nothing that stays', async () => {
    const up = await labUp({ name: NAME, nodes: 1, disks: [64 * 2 ** 20] });
    assert.equal(up.status.nodes[0]?.state, 'ready');
    const lab = await connectLab(NAME);
    const node = lab.node('n1');
    const result = await node.exec(['sh', '-c', 'cat; echo err >&2; exit 5'], { stdin: 'in' });
    assert.deepEqual([result.code, result.stdout, result.stderr], [5, 'in', 'err\n']);
    await node.put(Buffer.from([1, 2, 3]), '/root/x');
    assert.deepEqual([...(await node.get('/root/x'))], [1, 2, 3]);
    await assert.rejects(node.get('/nope'), (error) => error instanceof AppError && error.code === 'not_found');
    await lab.cut({ network: 'mgmt', from: 'n1', to: 'host' });
    assert.equal((await lab.status()).links.length, 2);
    await lab.note('mark');
    assert.match(await labTimeline(NAME, 'text'), /mark\n/);
    await assert.rejects(
      labUp({ name: NAME }),
      (error) => error instanceof AppError && error.code === 'already_exists',
    );
    await labDown(NAME);
    assert.deepEqual((await labList()).find((entry) => entry.name === NAME)?.status?.nodes[0]?.state, 'off');
    await node.powerOn();

    assert.ok((await qemus()).length >= 2);
    process.kill(up.status.pid, 'SIGKILL');
    await eventually(() => assert.equal(processIdentity(up.status.pid), undefined));
    await eventually(async () => assert.deepEqual(await qemus(), []), 5000);
    await access(up.status.dir);
    await assert.rejects(connectLab(NAME), (error) => error instanceof AppError && error.code === 'not_found');

    const again = await labUp({ name: NAME, nodes: 1, disks: [] });
    assert.ok(again.removed.includes(NAME), 'the stale lab was found');
    await labDestroy(NAME);
    await eventually(() => assert.equal(processIdentity(again.status.pid), undefined));
    assert.deepEqual(await qemus(), []);
    await assert.rejects(access(again.status.dir));
  });

  it('ends when its starter gives up', async () => {
    const abort = new AbortController();
    const starting = labUp({
      name: NAME,
      nodes: 1,
      disks: [],
      signal: abort.signal,
      onProgress: ({ step }) => {
        if (step === 'bundle the code') abort.abort();
      },
    });
    await assert.rejects(starting);
    await eventually(async () => assert.deepEqual(await qemus(), []));
  });
});
