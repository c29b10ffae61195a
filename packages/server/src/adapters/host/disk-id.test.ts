import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DiskIdentity, isWholeDisk, stableId } from './disk-id.ts';

function identity(name: string, over: Partial<DiskIdentity> = {}): DiskIdentity {
  return { name, dmUuid: undefined, wwid: undefined, serial: undefined, model: undefined, ...over };
}

test('ids are the names that udev gives to the same disks', () => {
  const table: [string | undefined, DiskIdentity][] = [
    ['virtio-HF-DISK-1', identity('vdb', { serial: 'HF-DISK-1' })],
    ['wwn-0x5000c500a0b1c2d3', identity('sda', { wwid: 'naa.5000c500A0B1C2D3', serial: 'S1', model: 'M' })],
    ['nvme-eui.0025385b71b0a3c4', identity('nvme0n1', { wwid: 'eui.0025385b71b0a3c4' })],
    ['nvme-Samsung_SSD_980_S64DNX0', identity('nvme1n1', { serial: 'S64DNX0', model: 'Samsung SSD 980  ' })],
    ['scsi-QEMU_HARDDISK_42', identity('sdb', { wwid: 't10.ATA QEMU', serial: '42', model: 'QEMU HARDDISK' })],
    ['dm-uuid-mpath-3600508b400105e21', identity('dm-0', { dmUuid: 'mpath-3600508b400105e21' })],
    ['wwid-t10.ATA_QEMU', identity('sdc', { wwid: 't10.ATA   QEMU' })],
    [undefined, identity('sdd')],
  ];
  for (const [expected, disk] of table) assert.equal(stableId(disk), expected);
});

test('characters that a path or a label cannot hold are replaced', () => {
  assert.equal(stableId(identity('vda', { serial: 'a/b c' })), 'virtio-a_b_c');
});

test('only what can be a disk of its own is one', () => {
  const yes: [string, string | undefined][] = [
    ['vda', undefined],
    ['sda', undefined],
    ['nvme0n1', undefined],
    ['md127', undefined],
    ['dm-0', 'mpath-3600'],
    ['dm-0', 'HFLAB-hf-n1-d0'],
  ];
  const no: [string, string | undefined][] = [
    ['loop0', undefined],
    ['ram0', undefined],
    ['zram0', undefined],
    ['drbd1000', undefined],
    ['sr0', undefined],
    ['nbd0', undefined],
    ['mmcblk0boot0', undefined],
    ['dm-1', undefined],
    ['dm-1', 'LVM-abc'],
    ['dm-1', 'CRYPT-LUKS2-abc'],
    ['dm-1', 'part1-mpath-3600'],
  ];
  for (const [name, uuid] of yes) assert.equal(isWholeDisk(name, uuid), true, `${name} ${uuid}`);
  for (const [name, uuid] of no) assert.equal(isWholeDisk(name, uuid), false, `${name} ${uuid}`);
});
