import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '@holdfast/api/errors.ts';
import { type FakeAnswer, FakeExec } from '../../../test/fakes/exec.ts';
import { FakeFiles } from '../../../test/fakes/files.ts';
import { createDiskInspector } from './disks.ts';

const SIZE = 4 * 2 ** 30;
const BLANK: FakeAnswer = { code: 2 };

/** A machine as /sys and /proc show it, with what blkid says about each device. */
class Machine {
  readonly files = new FakeFiles();
  readonly exec: FakeExec;
  readonly #blkid = new Map<string, FakeAnswer>();

  constructor() {
    this.files.content.set('/proc/self/mountinfo', '21 1 254:0 / / rw - ext4 /dev/vda rw\n');
    this.files.content.set('/proc/swaps', 'Filename Type Size Used Priority\n');
    this.exec = new FakeExec((argv) => {
      const device = argv.at(-1) ?? '';
      if (argv[0] === 'blockdev') return { stdout: `${SIZE}\n` };
      if (argv[0] === 'dd') return { stderr: '1+0 records in\n1+0 records out\n' };
      if (argv[0] === 'blkid') return this.#blkid.get(device) ?? BLANK;
      return undefined;
    });
  }

  disk(name: string, number: string, attributes: Readonly<Record<string, string>> = {}): this {
    const all = { dev: number, size: String(SIZE / 512), ro: '0', 'queue/rotational': '1', ...attributes };
    for (const [key, value] of Object.entries(all)) this.files.content.set(`/sys/block/${name}/${key}`, `${value}\n`);
    return this;
  }

  holder(disk: string, holder: string): this {
    this.files.links.set(`/sys/block/${disk}/holders/${holder}`, `../../${holder}`);
    return this;
  }

  found(device: string, stdout: string): this {
    this.#blkid.set(device, { stdout });
    return this;
  }

  answers(device: string, answer: FakeAnswer): this {
    this.#blkid.set(device, answer);
    return this;
  }

  mounted(number: string, path: string): this {
    const before = this.files.content.get('/proc/self/mountinfo') ?? '';
    this.files.content.set('/proc/self/mountinfo', `${before}30 1 ${number} / ${path} rw - ext4 /dev/x rw\n`);
    return this;
  }

  inspector() {
    return createDiskInspector(this);
  }

  async uses(): Promise<Record<string, string>> {
    const disks = await this.inspector().disks();
    return Object.fromEntries(
      disks.map((disk) => [disk.path, disk.usedBy === undefined ? disk.use : `${disk.use}: ${disk.usedBy}`]),
    );
  }
}

test('each way in which a disk can be taken is told apart, the strongest first', async () => {
  const machine = new Machine()
    .disk('vda', '254:0', { serial: 'root' })
    .disk('vdb', '254:16', { serial: 'blank' })
    .disk('vdc', '254:32', { serial: 'fs' })
    .found('/dev/vdc', 'DEVNAME=/dev/vdc\nTYPE=ext4\nUSAGE=filesystem\n')
    .disk('vdd', '254:48', { serial: 'parts', 'vdd1/partition': '1', 'vdd1/dev': '254:49' })
    .disk('vde', '254:64', { serial: 'gpt' })
    .found('/dev/vde', 'DEVNAME=/dev/vde\nPTTYPE=gpt\n')
    .disk('vdf', '254:80', { serial: 'luks' })
    .found('/dev/vdf', 'TYPE=crypto_LUKS\nUSAGE=crypto\n')
    .disk('vdg', '254:96', { serial: 'raid' })
    .found('/dev/vdg', 'TYPE=linux_raid_member\nUSAGE=raid\n')
    .disk('vdh', '254:112', { serial: 'pv' })
    .found('/dev/vdh', 'TYPE=LVM2_member\nUSAGE=raid\n')
    .disk('vdi', '254:128', { serial: 'swap' })
    .found('/dev/vdi', 'TYPE=swap\nUSAGE=other\n')
    .disk('vdj', '254:144', { serial: 'twice' })
    .answers('/dev/vdj', { code: 8 })
    .disk('vdk', '254:160', { serial: 'readonly', ro: '1' })
    .disk('vdl', '254:176', { serial: 'part-mounted', 'vdl1/partition': '1', 'vdl1/dev': '254:177' })
    .mounted('254:177', '/srv');
  assert.deepEqual(await machine.uses(), {
    '/dev/vda': 'mounted: /',
    '/dev/vdb': 'free',
    '/dev/vdc': 'filesystem: ext4',
    '/dev/vdd': 'partitioned: vdd1',
    '/dev/vde': 'partitioned: gpt partition table',
    '/dev/vdf': 'crypt: crypto_LUKS',
    '/dev/vdg': 'raid: linux_raid_member',
    '/dev/vdh': 'lvm: LVM2_member',
    '/dev/vdi': 'swap: swap',
    '/dev/vdj': 'unknown: /dev/vdj carries more than one signature',
    '/dev/vdk': 'unknown: it is read-only',
    '/dev/vdl': 'mounted: /srv',
  });
});

test('a disk below a mapper device is held, and its id leads to the device above it', async () => {
  const machine = new Machine()
    .disk('vdb', '254:16', { serial: 'hf-n1-d0' })
    .disk('dm-0', '253:0', { 'dm/uuid': 'HFLAB-hf-n1-d0', 'dm/name': 'labd0' })
    .holder('vdb', 'dm-0');
  assert.deepEqual(await machine.uses(), { '/dev/mapper/labd0': 'free', '/dev/vdb': 'holder: labd0' });
  const disks = machine.inspector();
  assert.equal(await disks.diskPath('virtio-hf-n1-d0'), '/dev/mapper/labd0');
  assert.equal(await disks.diskPath('dm-uuid-HFLAB-hf-n1-d0'), '/dev/mapper/labd0');
  assert.equal(await disks.whyDiskNotFree('virtio-hf-n1-d0'), null);
});

test('what lies above a disk is named, whether on the disk, on a partition, or on a mapper device', async () => {
  const machine = new Machine()
    .disk('sda', '8:0', { serial: 'a', 'sda1/partition': '1', 'sda1/dev': '8:1' })
    .disk('dm-0', '253:0', { 'dm/uuid': 'mpath-3600', 'dm/name': 'mpatha' })
    .disk('dm-1', '253:1', { 'dm/uuid': 'CRYPT-x', 'dm/name': 'secret' })
    .disk('md0', '9:0');
  machine.holder('sda', 'dm-0').holder('sda/sda1', 'md0').holder('dm-0', 'dm-1');
  const disks = machine.inspector();
  assert.deepEqual(await disks.holders('/dev/sda'), ['mpatha', 'md0']);
  assert.deepEqual(await disks.holders('/dev/mapper/mpatha'), ['secret']);
  assert.deepEqual(await disks.holders('/dev/loop7'), []);
});

test('two paths of a multipath device lead to it; without it their id is ambiguous and neither is free', async () => {
  const paths = new Machine().disk('sda', '8:0', { wwid: 'naa.5000' }).disk('sdb', '8:16', { wwid: 'naa.5000' });
  const [first, second] = await paths.inspector().disks();
  assert.deepEqual([first?.use, second?.use], ['unknown', 'unknown']);
  const isAmbiguous = (error: unknown): boolean =>
    error instanceof AppError && error.details.reason === 'DiskIdAmbiguous';
  await assert.rejects(paths.inspector().diskPath('wwn-0x5000'), isAmbiguous);
  paths.disk('dm-0', '253:0', { 'dm/uuid': 'mpath-35000', 'dm/name': 'mpatha' });
  paths.holder('sda', 'dm-0').holder('sdb', 'dm-0');
  assert.equal(await paths.inspector().diskPath('wwn-0x5000'), '/dev/mapper/mpatha');
});

test('every link in /dev/disk/by-id is accepted in place of the id', async () => {
  const machine = new Machine().disk('sda', '8:0', { wwid: 'naa.5000' });
  machine.files.links.set('/dev/disk/by-id/ata-ST1000_Z1', '../../sda');
  const disks = machine.inspector();
  assert.equal(await disks.diskPath('ata-ST1000_Z1'), '/dev/sda');
  assert.equal(await disks.diskPath('../../sda'), undefined);
});

test('a disk without any identity is shown and never free', async () => {
  const machine = new Machine().disk('vdb', '254:16');
  assert.match((await machine.uses())['/dev/vdb'] ?? '', /^unknown: it has no serial number/);
  assert.equal(await machine.inspector().diskPath('unstable-vdb'), undefined);
});

test('a disk that is not there is said to be not there', async () => {
  assert.match((await new Machine().inspector().whyDiskNotFree('virtio-x')) ?? '', /virtio-x is not on this node/);
});

test('devices of volumes, loop devices and empty card readers are left out', async () => {
  const machine = new Machine()
    .disk('drbd1000', '147:1000')
    .disk('loop0', '7:0')
    .disk('dm-3', '253:3', { 'dm/uuid': 'LVM-x', 'dm/name': 'hf--a-db' })
    .disk('sdc', '8:32', { size: '0', serial: 'empty' });
  assert.deepEqual(await machine.uses(), {});
});

test('an attribute that the kernel refuses to read is no attribute', async () => {
  const machine = new Machine().disk('sda', '8:0', { 'device/serial': 'S9' });
  const { read } = machine.files;
  machine.files.read = async (path) => {
    if (path.endsWith('wwid')) throw new AppError('internal', 'EINVAL', { details: { errno: 'EINVAL' } });
    return read.call(machine.files, path);
  };
  const [disk] = await machine.inspector().disks();
  assert.equal(disk?.id, 'scsi-S9');
});

test('a disk that nothing was written to is probed once for reports, and always for a decision', async () => {
  const stat = (sectors: number): string => `1 0 8 0 1 0 ${sectors} 0 0 0 0 0 0 0 0 0 0`;
  const machine = new Machine().disk('vdb', '254:16', { serial: 'S1', stat: stat(0), diskseq: '7' });
  const inspector = machine.inspector();
  const probes = (): number => machine.exec.lineOfCalls.filter((line) => line.startsWith('blkid')).length;
  const useNow = async (): Promise<string | undefined> => (await inspector.disks())[0]?.use;
  assert.equal(await useNow(), 'free');
  assert.equal(await useNow(), 'free');
  assert.equal(probes(), 1);
  const [id = ''] = (await inspector.disks()).map((disk) => disk.id);
  assert.equal(await inspector.whyDiskNotFree(id), null);
  assert.equal(probes(), 2, 'a decision looks at the disk itself');
  machine
    .disk('vdb', '254:16', { serial: 'S1', stat: stat(8), diskseq: '7' })
    .found('/dev/vdb', 'TYPE=ext4\nUSAGE=filesystem\n');
  assert.equal(await useNow(), 'filesystem');
});
