import { createFileSystems } from '../../src/adapters/filesystem/index.ts';
import { createLvm } from '../../src/adapters/lvm/index.ts';
import type { Exec } from '../../src/ports/exec.ts';
import { createLabExec, createLabFiles, type GuestRunner } from '../lab-exec.ts';
import type { FileSystemRig } from './filesystem-contract.ts';
import type { LvmRig } from './lvm-contract.ts';

type Disks = readonly [string, string, string];
const MIB = 2 ** 20;
const SECTOR = 512;
/** Until it is gone, or a zombie that nobody has collected: it holds nothing any more. */
const END_PROCESS =
  'kill -9 "$1" 2>/dev/null || true; while grep -qs "^State:[[:space:]]*[^Z[:space:]]" "/proc/$1/status"; do sleep 0.05; done';

/** Runs a script in the guest; a failure throws. No udevd there: device-mapper makes its nodes itself. */
export async function guestScript(guest: GuestRunner, script: string, ...args: readonly string[]): Promise<string> {
  const env = { LC_ALL: 'C', DM_DISABLE_UDEV: '1' };
  const result = await guest.exec(['sh', '-euc', script, 'sh', ...args], { env, timeoutMs: 120_000 });
  if (result.code !== 0) throw new Error(`${script}: exit ${result.code}: ${result.stderr}`);
  return result.stdout.trim();
}

/** Leaves nothing of an earlier run on the disks. */
export async function emptyGuest(guest: GuestRunner, disks: Disks): Promise<void> {
  const script = `
    for path in $(awk '$2 ~ "^/var/lib/holdfast/mounts/" { print $2 }' /proc/mounts); do umount -l "$path"; done
    for vg in $(vgs --noheadings -o vg_name 2>/dev/null); do
      vgremove -ff -y "$vg" >/dev/null 2>&1 || true
    done
    for name in hf-dev hf-other hf-small; do dmsetup remove "$name" 2>/dev/null || true; done
    for disk in "$@"; do wipefs -qaf "$disk"; done`;
  await guestScript(guest, script, ...disks);
}

/** Real LVM in a guest. `exec` may be decorated (recorded). */
export function guestLvmRig(guest: GuestRunner, disks: Disks, exec: Exec = createLabExec(guest)): LvmRig {
  const sh = (script: string, ...args: readonly string[]) => guestScript(guest, script, ...args);
  return {
    lvm: createLvm(exec),
    disks,
    async sign(device) {
      await sh('mkfs.ext4 -q "$1" 64M', device);
    },
    async wipe(device) {
      await sh('wipefs -qa "$1"', device);
    },
    isBlank: async (device) => (await sh('blkid -p "$1" >/dev/null || echo $?', device)) === '2',
    async hold(device) {
      const pid = await sh('sleep 600 <"$1" >/dev/null 2>&1 & echo $!', device);
      return async () => {
        await sh(END_PROCESS, pid);
      };
    },
    async write(vg, lv, bytes) {
      const script =
        'dd if=/dev/zero "of=/dev/$1/$2" bs=1M "count=$3" oflag=direct conv=notrunc 2>&1 && echo done || true';
      const said = await sh(script, vg, lv, String(Math.ceil(bytes / MIB)));
      if (said.endsWith('done')) return true;
      if (said.includes('No space left on device')) return false;
      throw new Error(said);
    },
    async makeForeignVg(vg, device) {
      await sh('pvcreate -qq "$2" && vgcreate -qq "$1" "$2"', vg, device);
    },
    async removeForeignVg(vg, device) {
      await sh('vgremove -qq "$1" && pvremove -qq "$2"', vg, device);
    },
    async plantLv(vg, lv, sizeBytes, tags) {
      const script = 'vg=$1 lv=$2 size=$3; shift 3; lvcreate -qq -y -n "$lv" -L "$size"b "$@" "$vg"';
      await sh(script, vg, lv, String(sizeBytes), ...tags.flatMap((tag) => ['--addtag', tag]));
    },
  };
}

/** Real file systems in a guest, on mapper devices over the given disks. */
export async function guestFileSystemRig(
  guest: GuestRunner,
  disks: Disks,
  exec: Exec = createLabExec(guest),
): Promise<FileSystemRig> {
  const sh = (script: string, ...args: readonly string[]) => guestScript(guest, script, ...args);
  const under = new Map<string, { readonly disk: string; sizeBytes: number }>();

  function table(disk: string, sizeBytes: number): string {
    return `0 ${sizeBytes / SECTOR} linear ${disk} 0`;
  }

  async function make(name: string, disk: string, sizeBytes: number): Promise<string> {
    await sh('dmsetup create "$1" --table "$2"', name, table(disk, sizeBytes));
    under.set(`/dev/mapper/${name}`, { disk, sizeBytes });
    return `/dev/mapper/${name}`;
  }

  async function reload(device: string, newTable: string): Promise<void> {
    await sh('dmsetup suspend "$1" && dmsetup load "$1" --table "$2" && dmsetup resume "$1"', device, newTable);
  }

  const device = await make('hf-dev', disks[0], 512 * MIB);
  const other = await make('hf-other', disks[1], 512 * MIB);
  const small = await make('hf-small', disks[2], 64 * MIB);
  return {
    fs: createFileSystems({ exec, files: createLabFiles(createLabExec(guest)) }),
    device,
    other,
    small,
    enlarge: () => reload(device, table(disks[0], 768 * MIB)),
    async wipe(path) {
      await sh('wipefs -qa "$1"', path);
    },
    async breakDevice(path) {
      const original = under.get(path);
      if (original === undefined) throw new Error(`${path} is none of ours`);
      await reload(path, `0 ${original.sizeBytes / SECTOR} error`);
      return () => reload(path, table(original.disk, original.sizeBytes));
    },
    async occupy(path) {
      const script = `(cd "$1" && exec sleep 600) >/dev/null 2>&1 & pid=$!
        while [ "$(readlink /proc/$pid/cwd)" != "$1" ] || [ "$(cat /proc/$pid/comm)" != sleep ]; do sleep 0.05; done; echo $pid`;
      const pid = await sh(script, path);
      return {
        pid,
        async leave() {
          await sh(END_PROCESS, pid);
        },
      };
    },
    async stack(path, mountPath) {
      await sh('mount -t ext4 "$1" "$2"', path, mountPath);
    },
    async fsBytes(_path, mountPath) {
      const [blocks, size] = (await sh('stat -f -c "%b %S" "$1"', mountPath)).split(' ').map(Number);
      return (blocks ?? 0) * (size ?? 0);
    },
  };
}
