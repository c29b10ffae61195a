import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeAnswer, FakeExec } from '../../../test/fakes/exec.ts';
import { probeDevice } from './probe.ts';

const READ_OK: FakeAnswer = { stderr: '1+0 records in\n1+0 records out\n' };

function machine(answers: { size?: FakeAnswer; reads?: FakeAnswer[]; blkid?: FakeAnswer }) {
  const reads = [...(answers.reads ?? [READ_OK, READ_OK])];
  return new FakeExec((argv) => {
    if (argv[0] === 'blockdev') return answers.size ?? { stdout: '1073741824\n' };
    if (argv[0] === 'dd') return reads.shift();
    return answers.blkid ?? { code: 2 };
  });
}

const state = async (exec: FakeExec): Promise<string> => (await probeDevice(exec, '/dev/drbd1000')).state;

test('INV-6: blank is only a device that was read at both ends and on which blkid found nothing', async () => {
  const exec = machine({});
  assert.equal(await state(exec), 'blank');
  assert.deepEqual(exec.lineOfCalls, [
    'blockdev --getsize64 /dev/drbd1000',
    'dd if=/dev/drbd1000 of=/dev/null bs=1048576 count=1 skip=0 iflag=direct,skip_bytes',
    'dd if=/dev/drbd1000 of=/dev/null bs=1048576 count=1 skip=1072693248 iflag=direct,skip_bytes',
    'blkid -p -o export /dev/drbd1000',
  ]);
  assert.ok(exec.calls.every((call) => call.sideEffect === false));
});

test('INV-6: a device that is missing, a file, unreadable, half readable or too small is unknown, though blkid would say "nothing"', async () => {
  const cases: Parameters<typeof machine>[0][] = [
    { size: { code: 1, stderr: 'blockdev: cannot open /dev/drbd1000: No such file or directory\n' } },
    { size: { code: 1, stderr: 'blockdev: ioctl error on BLKGETSIZE64: Inappropriate ioctl for device\n' } },
    { size: { stdout: '' } },
    { size: { stdout: '0\n' } },
    { reads: [{ code: 1, stderr: "dd: failed to open '/dev/drbd1000': Wrong medium type\n" }] },
    { reads: [READ_OK, { code: 1, stderr: "dd: error reading '/dev/drbd1000': Input/output error\n" }] },
    { reads: [{ stderr: '0+0 records in\n0+0 records out\n' }, READ_OK] },
    { reads: [{ stderr: '0+1 records in\n0+1 records out\n' }, READ_OK] },
    { blkid: { code: 8 } },
    { blkid: { code: 4, stderr: 'blkid: error\n' } },
    { blkid: { code: 0, stdout: 'DEVNAME=/dev/drbd1000\n' } },
  ];
  for (const answers of cases) assert.equal(await state(machine(answers)), 'unknown', JSON.stringify(answers));
});

test('a program that is missing or hangs makes it unknown too', async () => {
  assert.equal(await state(new FakeExec(() => undefined)), 'unknown');
});

test('every kind of signature counts, also those that are no file system', async () => {
  const table: [string, { type: string; usage: string }][] = [
    ['TYPE=ext4\nUSAGE=filesystem\n', { type: 'ext4', usage: 'filesystem' }],
    ['TYPE=swap\nUSAGE=other\n', { type: 'swap', usage: 'other' }],
    ['TYPE=crypto_LUKS\nUSAGE=crypto\n', { type: 'crypto_LUKS', usage: 'crypto' }],
    ['TYPE=LVM2_member\nUSAGE=raid\n', { type: 'LVM2_member', usage: 'raid' }],
    ['PTTYPE=gpt\n', { type: 'gpt', usage: 'partition-table' }],
  ];
  for (const [stdout, expected] of table) {
    const result = await probeDevice(machine({ blkid: { stdout } }), '/dev/drbd1000');
    assert.deepEqual(result, { state: 'signature', ...expected });
  }
});
