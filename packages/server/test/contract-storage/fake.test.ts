import { AppError } from '@holdfast/api/errors.ts';
import { FakeFileSystems } from '../fakes/filesystem.ts';
import { FakeDevices } from '../fakes/host-devices.ts';
import { FakeLvm } from '../fakes/lvm.ts';
import { type FileSystemRig, fileSystemContract } from './filesystem-contract.ts';
import { type LvmRig, lvmContract } from './lvm-contract.ts';

const MIB = 2 ** 20;
const DISKS = ['/dev/vdb', '/dev/vdc', '/dev/vdd'] as const;

function required(devices: FakeDevices, path: string) {
  const device = devices.get(path);
  if (device === undefined) throw new Error(`no device ${path}`);
  return device;
}

async function fakeLvmRig(): Promise<LvmRig> {
  const devices = new FakeDevices();
  for (const path of DISKS) devices.add(path, 832 * MIB);
  const lvm = new FakeLvm(devices);
  return {
    lvm,
    disks: DISKS,
    async sign(path) {
      required(devices, path).signature = { type: 'ext4', usage: 'filesystem' };
    },
    async wipe(path) {
      required(devices, path).signature = undefined;
    },
    isBlank: async (path) => required(devices, path).signature === undefined,
    async hold(path) {
      required(devices, path).holders.add('test');
      return async () => {
        required(devices, path).holders.delete('test');
      };
    },
    async write(vg, lv, bytes) {
      try {
        lvm.write(vg, lv, bytes);
        return true;
      } catch (error) {
        if (error instanceof AppError && error.code === 'resource_exhausted') return false;
        throw error;
      }
    },
    async makeForeignVg(vg, path) {
      lvm.addForeignVg(vg, path);
    },
    async removeForeignVg(vg, path) {
      lvm.removeForeignVg(vg, path);
    },
    async plantLv(vg, lv, sizeBytes, tags) {
      lvm.plantLv(vg, lv, sizeBytes, tags);
    },
  };
}

async function fakeFileSystemRig(): Promise<FileSystemRig> {
  const devices = new FakeDevices();
  const fs = new FakeFileSystems(devices);
  const [device, other, small] = DISKS;
  devices.add(device, 512 * MIB);
  devices.add(other, 512 * MIB);
  devices.add(small, 64 * MIB);
  let pid = 100;
  return {
    fs,
    device,
    other,
    small,
    async enlarge() {
      required(devices, device).sizeBytes = 768 * MIB;
    },
    async wipe(path) {
      required(devices, path).signature = undefined;
    },
    async breakDevice(path) {
      required(devices, path).unreadable = 'Input/output error';
      return async () => {
        required(devices, path).unreadable = undefined;
      };
    },
    async occupy(path) {
      pid += 1;
      const holder = String(pid);
      fs.hold(path, holder);
      return {
        pid: holder,
        leave: async () => {
          fs.release(path, holder);
        },
      };
    },
    async stack(path, mountPath) {
      fs.stackMount(path, mountPath, 'ext4');
    },
    fsBytes: async (path) => fs.fsBytes.get(path) ?? 0,
  };
}

lvmContract('fake', fakeLvmRig, async () => {});
fileSystemContract('fake', fakeFileSystemRig, async () => {});
