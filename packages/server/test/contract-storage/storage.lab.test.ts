import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createLab } from '@holdfast/lab/lab.ts';
import type { Lab, LabNode } from '@holdfast/lab/types.ts';
import { createHost } from '../../src/adapters/host/index.ts';
import { createLabExec, createLabFiles } from '../lab-exec.ts';
import { fileSystemContract } from './filesystem-contract.ts';
import { emptyGuest, guestFileSystemRig, guestLvmRig } from './guest-rigs.ts';
import { hostContract } from './host-contract.ts';
import { lvmContract } from './lvm-contract.ts';

const DISKS = ['/dev/mapper/labd0', '/dev/mapper/labd1', '/dev/mapper/labd2'] as const;

describe('storage on a real kernel', { timeout: 30 * 60_000 }, () => {
  let lab: Lab;
  let node: LabNode;
  before(async () => {
    lab = await createLab({ name: 'storage', nodes: 1, disks: DISKS.map(() => 832 * 2 ** 20) });
    await lab.waitReady();
    node = lab.node('n1');
  });
  after(() => lab[Symbol.asyncDispose]());

  const clean = () => emptyGuest(node, DISKS);

  lvmContract(
    'real tools',
    async () => {
      await clean();
      return guestLvmRig(node, DISKS);
    },
    clean,
  );
  fileSystemContract(
    'real tools',
    async () => {
      await clean();
      return guestFileSystemRig(node, DISKS);
    },
    clean,
  );
  hostContract('real kernel', async () => {
    await clean();
    const exec = createLabExec(node);
    return {
      host: createHost({ exec, files: createLabFiles(exec) }),
      ids: node.disks,
      paths: DISKS,
      sh: (script, ...args) => node.exec(['sh', '-euc', script, 'sh', ...args], { check: true }).then(() => {}),
    };
  });

  test('the raw disk below a lab disk is held, and named in no pool', async () => {
    const exec = createLabExec(node);
    const disks = await createHost({ exec, files: createLabFiles(exec) }).disks();
    const held = disks.filter((disk) => disk.use === 'holder');
    assert.deepEqual(held.map((disk) => disk.usedBy).sort(), ['labd0', 'labd1', 'labd2']);
  });
});
