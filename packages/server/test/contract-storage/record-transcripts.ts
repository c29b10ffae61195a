/**
 * Records what the real tools say: runs the storage contract in a lab VM and writes the remarkable runs below
 * adapters/<tool>/testdata, where tests replay them. Run it by hand after a change of a tool's version:
 * `node packages/server/test/contract-storage/record-transcripts.ts`, and look at the difference.
 */
import { join } from 'node:path';
import { createLab } from '@holdfast/lab/lab.ts';
import { createLvm } from '../../src/adapters/lvm/index.ts';
import type { Exec } from '../../src/ports/exec.ts';
import { createLabExec, type GuestRunner } from '../lab-exec.ts';
import { fileSystemContract } from './filesystem-contract.ts';
import { emptyGuest, guestFileSystemRig, guestLvmRig, guestScript } from './guest-rigs.ts';
import { lvmContract } from './lvm-contract.ts';
import { recording, remarkable, type Transcript, writeTranscripts } from './recording.ts';

type Disks = readonly [string, string, string];
const ADAPTERS = join(import.meta.dirname, '../../src/adapters');

/** A disk of a group that cannot be read: the contract has no case for it, because no port call makes one. */
async function recordMissingDisk(guest: GuestRunner, disks: Disks, exec: Exec): Promise<void> {
  const [first, second] = disks;
  const lvm = createLvm(exec);
  await guestScript(guest, 'vgcreate -qq hf-torn "$1" "$2"; lvcreate -qq -y -n a -L 64M hf-torn "$2"', first, second);
  await guestScript(
    guest,
    'vgchange -qq -an hf-torn; dmsetup table "$1" > /tmp/table; dmsetup wipe_table "$1"',
    second,
  );
  await lvm.inventory();
  await lvm.createLv({ vg: 'hf-torn', lv: 'b', sizeBytes: 2 ** 22, tags: ['holdfast'] }).catch(() => {});
  await lvm.activateVg('hf-torn').catch(() => {});
  await lvm.inventory();
  await guestScript(guest, 'dmsetup load "$1" /tmp/table; dmsetup resume "$1"', second);
}

/** The contract on a guest, recorded; transcripts are written when both suites are through. */
export function record(open: () => Promise<{ guest: GuestRunner; disks: Disks }>, close: () => Promise<void>): void {
  const lvm: Transcript[] = [];
  const fileSystems: Transcript[] = [];
  let guest: GuestRunner;
  let disks: Disks;
  lvmContract(
    'recorded',
    async () => {
      ({ guest, disks } = await open());
      await emptyGuest(guest, disks);
      return guestLvmRig(guest, disks, recording(createLabExec(guest), lvm));
    },
    async () => {
      await recordMissingDisk(guest, disks, recording(createLabExec(guest), lvm));
      await emptyGuest(guest, disks);
      await writeTranscripts(join(ADAPTERS, 'lvm/testdata/lvm2-2.03.16'), remarkable(lvm));
    },
  );
  fileSystemContract(
    'recorded',
    () => guestFileSystemRig(guest, disks, recording(createLabExec(guest), fileSystems)),
    async () => {
      await emptyGuest(guest, disks);
      await writeTranscripts(join(ADAPTERS, 'filesystem/testdata/debian-12'), remarkable(fileSystems));
      await close();
    },
  );
}

if (import.meta.main) {
  const lab = await createLab({ name: 'record', nodes: 1, disks: [832 * 2 ** 20, 832 * 2 ** 20, 832 * 2 ** 20] });
  await lab.waitReady();
  record(
    async () => ({ guest: lab.node('n1'), disks: ['/dev/mapper/labd0', '/dev/mapper/labd1', '/dev/mapper/labd2'] }),
    async () => {
      await lab[Symbol.asyncDispose]();
    },
  );
}
