import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBlkid, parseBlockNumber, parseMountInfo, parsePids } from './parse.ts';

test('mount entries are read with optional fields, escapes and stacked mounts in order', () => {
  const text = [
    '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
    '27 25 0:23 / /tmp rw,relatime - tmpfs t rw,inode64',
    '28 27 254:16 / /tmp/a\\040b\\011c\\134d rw,relatime - xfs /dev/vdb rw,attr2',
    '29 22 147:1000 / /mnt ro,noatime shared:3 master:1 propagate_from:2 - ext4 /dev/drbd1000 ro',
    '30 29 0:45 / /mnt rw - btrfs /dev/mapper/x rw,subvol=/',
    '',
  ].join('\n');
  const entries = parseMountInfo(text);
  assert.deepEqual(
    entries.map((entry) => [entry.id, entry.majorMinor, entry.mountPath, entry.fsType, entry.device, entry.options]),
    [
      [22, '254:0', '/', 'ext4', '/dev/vda', 'rw,relatime,rw'],
      [27, '0:23', '/tmp', 'tmpfs', 't', 'rw,relatime,rw,inode64'],
      [28, '254:16', '/tmp/a b\tc\\d', 'xfs', '/dev/vdb', 'rw,relatime,rw,attr2'],
      [29, '147:1000', '/mnt', 'ext4', '/dev/drbd1000', 'ro,noatime,ro'],
      [30, '0:45', '/mnt', 'btrfs', '/dev/mapper/x', 'rw,rw,subvol=/'],
    ],
  );
});

test('a mount line that is not understood is an error: a missed mount would be worse', () => {
  assert.throws(() => parseMountInfo('garbage'), /not understood/);
  assert.throws(() => parseMountInfo('22 1 254:0 / / rw ext4 /dev/vda rw'), /not understood/);
});

test('blkid values lose their backslashes', () => {
  const values = parseBlkid('DEVNAME=/dev/vdd\nVERSION=LVM2\\ 001\nTYPE=LVM2_member\nUSAGE=raid\n');
  assert.equal(values.get('VERSION'), 'LVM2 001');
  assert.equal(values.get('TYPE'), 'LVM2_member');
});

test('only numbers are pids', () => {
  assert.deepEqual(parsePids('   353  1027'), ['353', '1027']);
  assert.deepEqual(parsePids(''), []);
});

test('device numbers are hexadecimal, and only block devices have one', () => {
  assert.equal(parseBlockNumber('block special file fe:10\n'), '254:16');
  assert.equal(parseBlockNumber('block special file 93:3e8\n'), '147:1000');
  assert.equal(parseBlockNumber('regular file 0:0\n'), undefined);
  assert.equal(parseBlockNumber('character special file 1:3\n'), undefined);
});
