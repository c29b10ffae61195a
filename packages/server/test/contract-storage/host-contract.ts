import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { NodeDisk } from '@holdfast/api/schema/node.ts';
import type { Host } from '../../src/ports/host.ts';

/** A real machine with blank disks. */
export interface HostRig {
  readonly host: Host;
  /** Stable ids of blank disks and their paths, in the same order. */
  readonly ids: readonly string[];
  readonly paths: readonly string[];
  sh(script: string, ...args: readonly string[]): Promise<void>;
}

/** What discovery must see on real disks: everything that makes a disk unusable is made once and looked at. */
export function hostContract(name: string, open: () => Promise<HostRig>): void {
  describe(`host: ${name}`, () => {
    let rig: HostRig;
    let id: string;
    let path: string;
    before(async () => {
      rig = await open();
      id = rig.ids[0] ?? '';
      path = rig.paths[0] ?? '';
    });

    async function disk(): Promise<NodeDisk> {
      const found = (await rig.host.disks()).find((each) => each.path === path);
      assert.ok(found, `${path} is listed`);
      return found;
    }

    test('a blank disk is free, by its id and by every other name of it', async () => {
      assert.equal(await rig.host.diskPath(id), path);
      assert.equal(await rig.host.whyDiskNotFree(id), null);
      const found = await disk();
      assert.equal(found.use, 'free');
      assert.equal(await rig.host.diskPath(found.id), path);
    });

    test('a disk that is not there is not there', async () => {
      assert.equal(await rig.host.diskPath('virtio-no-such-disk'), undefined);
      assert.match((await rig.host.whyDiskNotFree('virtio-no-such-disk')) ?? '', /not on this node/);
    });

    const cases: readonly {
      readonly what: string;
      readonly make: string;
      readonly undo?: string;
      readonly use: NodeDisk['use'];
      readonly why: RegExp;
    }[] = [
      { what: 'a file system', make: 'mkfs.ext4 -q "$1"', use: 'filesystem', why: /signature of ext4/ },
      {
        what: 'a mounted file system',
        make: 'mkfs.ext4 -qF "$1"; mkdir -p /mnt; mount -t ext4 "$1" /mnt',
        undo: 'umount /mnt',
        use: 'mounted',
        why: /mounted at \/mnt/,
      },
      { what: 'swap', make: 'mkswap "$1"', use: 'swap', why: /swap/ },
      {
        what: 'active swap',
        make: 'mkswap -f "$1"; swapon "$1"',
        undo: 'swapoff "$1"',
        use: 'swap',
        why: /swap/,
      },
      {
        what: 'a partition table',
        // The classic MBR: four entries and 55 aa, made with nothing but a shell.
        make: `printf '\\125\\252' | dd of="$1" bs=1 seek=510 conv=notrunc 2>/dev/null
          printf '\\0\\0\\0\\0\\203\\0\\0\\0\\0\\010\\0\\0\\0\\010\\0\\0' | dd of="$1" bs=1 seek=446 conv=notrunc 2>/dev/null`,
        use: 'partitioned',
        why: /partition/,
      },
      { what: 'an LVM label', make: 'pvcreate -qq "$1"', undo: 'pvremove -qq "$1"', use: 'lvm', why: /LVM/ },
      {
        what: 'an LVM volume that is active',
        make: 'pvcreate -qq "$1"; vgcreate -qq strange "$1"; lvcreate -qq -y -n v -L 8M strange',
        undo: 'vgremove -qq -f strange; pvremove -qq "$1"',
        use: 'lvm',
        why: /LVM/,
      },
      {
        what: 'encryption',
        make: 'echo secret | cryptsetup -q luksFormat --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$1" -',
        use: 'crypt',
        why: /encrypted/,
      },
      {
        what: 'a mapper device above it',
        make: 'DM_DISABLE_UDEV=1 dmsetup create above --table "0 2048 linear $1 0"',
        undo: 'DM_DISABLE_UDEV=1 dmsetup remove above',
        use: 'holder',
        why: /held by above/,
      },
    ];
    for (const each of cases) {
      test(`${each.what} makes a disk unusable, with the reason; without it the disk is free again`, async () => {
        await rig.sh(`${each.make} >/dev/null`, path);
        try {
          const found = await disk();
          assert.equal(found.use, each.use, JSON.stringify(found));
          assert.match((await rig.host.whyDiskNotFree(id)) ?? '', each.why);
        } finally {
          await rig.sh(`${each.undo ?? 'true'}; wipefs -qaf "$1"`, path);
        }
        assert.equal(await rig.host.whyDiskNotFree(id), null);
      });
    }

    test('a loop file is attached once, found again, grows, and is detached', async () => {
      const file = '/var/lib/holdfast/pools/contract.img';
      const device = await rig.host.attachLoop(file, 64 * 2 ** 20);
      assert.match(device, /^\/dev\/loop\d+$/);
      assert.equal(await rig.host.attachLoop(file, 64 * 2 ** 20), device);
      assert.equal(await rig.host.loopDevice(file), device);
      assert.equal(await rig.host.attachLoop(file, 96 * 2 ** 20), device);
      await rig.sh('[ "$(blockdev --getsize64 "$1")" = 100663296 ]', device);
      await rig.host.detachLoop(file);
      await rig.host.detachLoop(file);
      assert.equal(await rig.host.loopDevice(file), undefined);
      await rig.sh('rm "$1"', file);
      assert.equal(await rig.host.loopDevice(file), undefined);
    });

    test('modules are loaded, and those that this kernel does not have are named', async () => {
      assert.deepEqual(await rig.host.loadModules(['dm-thin-pool', 'no-such-module']), { missing: ['no-such-module'] });
    });

    test('facts of the machine are there', async () => {
      assert.match(await rig.host.bootId(), /^[0-9a-f-]{36}$/);
      assert.match(await rig.host.kernelVersion(), /^\d+\.\d+/);
      assert.notEqual(await rig.host.hostname(), '');
    });
  });
}
