import { EXTENT_BYTES, formatBytes } from '@holdfast/api/bytes.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { Exec } from '../../ports/exec.ts';
import type { LogicalVolume, Lvm, LvmInventory, VolumeGroup } from '../../ports/lvm.ts';
import * as commands from './commands.ts';
import { lvmError } from './errors.ts';
import { checkDevice, checkName, checkTag } from './names.ts';
import { parseFullReport, parseThinPoolStatus, parseVersion } from './parse.ts';
import { createKeyedQueue } from './queue.ts';

const READ_TIMEOUT_MS = 30_000;
const CHANGE_TIMEOUT_MS = 120_000;
/** Of each physical volume. The default of 1 MiB is full after some 1,400 LVs; this holds tens of thousands. */
const PV_METADATA_BYTES = 64 * 2 ** 20;
/** For small disks, where 64 MiB would hurt. */
const SMALL_PV_METADATA_BYTES = 8 * 2 ** 20;
const SMALL_DEVICE_BYTES = 16 * 2 ** 30;

/** LVM through its own tools. Changes of one volume group run one after the other; different groups do not wait. */
export function createLvm(exec: Exec): Lvm {
  const queue = createKeyedQueue();

  async function read(argv: commands.Argv, subject: string): Promise<string> {
    try {
      return (await exec.run({ argv, timeoutMs: READ_TIMEOUT_MS, sideEffect: false })).stdout;
    } catch (error) {
      throw lvmError(error, subject, 'read');
    }
  }

  async function change(argv: commands.Argv, subject: string, verb: string): Promise<void> {
    try {
      await exec.run({ argv, timeoutMs: CHANGE_TIMEOUT_MS });
    } catch (error) {
      throw lvmError(error, subject, verb);
    }
  }

  async function report(vg?: string): Promise<LvmInventory> {
    return parseFullReport(
      await read(commands.fullReport(vg), vg === undefined ? 'the LVM inventory' : `volume group ${vg}`),
    );
  }

  /** Fresh; undefined when the group does not exist. Any other failure throws. */
  async function groupReport(vg: string): Promise<{ group: VolumeGroup; inventory: LvmInventory } | undefined> {
    const inventory = await report(vg).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'not_found') return undefined;
      throw error;
    });
    const group = inventory?.vgs.find((candidate) => candidate.name === vg);
    return inventory === undefined || group === undefined ? undefined : { group, inventory };
  }

  async function requireGroup(vg: string): Promise<{ group: VolumeGroup; inventory: LvmInventory }> {
    const found = await groupReport(vg);
    if (found === undefined) throw notFound(`volume group ${vg}`);
    return found;
  }

  async function requireLv(vg: string, lv: string): Promise<LogicalVolume> {
    const { inventory } = await requireGroup(vg);
    const found = inventory.lvs.find((candidate) => candidate.name === lv);
    if (found === undefined) throw notFound(`logical volume ${vg}/${lv}`);
    return found;
  }

  async function createLv(args: Parameters<Lvm['createLv']>[0]): Promise<void> {
    const { vg, lv, sizeBytes, tags, thinPool } = args;
    const subject = `logical volume ${vg}/${lv}`;
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % EXTENT_BYTES !== 0) {
      throw badSize(subject, sizeBytes);
    }
    try {
      const argv =
        thinPool === undefined
          ? commands.createThickLv({ vg, lv, sizeBytes, tags })
          : commands.createThinLv({ vg, lv, sizeBytes, tags, thinPool });
      await change(argv, subject, 'create');
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'already_exists') throw error;
      const existing = await requireLv(vg, lv);
      const why = difference(existing, args);
      if (why !== undefined) {
        throw new AppError('already_exists', `${subject} exists, but ${why}; remove it or use another name`, {
          cause: error,
          details: { reason: 'LvDiffers', field: 'lv', value: lv, remedy: 'remove it or use another name' },
        });
      }
      // A crash of the machine in the middle may have left it inactive.
      if (!existing.active) await change(commands.setLvActive({ vg, lv, active: true }), subject, 'activate');
    }
  }

  async function extendLv(args: { vg: string; lv: string; sizeBytes: number }): Promise<void> {
    const { vg, lv, sizeBytes } = args;
    const subject = `logical volume ${vg}/${lv}`;
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes % EXTENT_BYTES !== 0) throw badSize(subject, sizeBytes);
    const existing = await requireLv(vg, lv);
    if (existing.sizeBytes === sizeBytes) return;
    if (existing.sizeBytes > sizeBytes) {
      throw new AppError(
        'failed_precondition',
        `${subject} has ${formatBytes(existing.sizeBytes)}; it cannot shrink to ${formatBytes(sizeBytes)}`,
        {
          details: {
            field: 'sizeBytes',
            value: sizeBytes,
            reason: 'CannotShrink',
            remedy: 'ask for at least its present size',
          },
        },
      );
    }
    await change(commands.extendLv(args), subject, 'grow');
  }

  async function wipeLv({ vg, lv, pendingTag }: { vg: string; lv: string; pendingTag: string }): Promise<void> {
    const subject = `logical volume ${vg}/${lv}`;
    const existing = await requireLv(vg, lv);
    if (!existing.tags.includes(pendingTag)) return;
    if (existing.open) throw inUse(subject);
    if (!existing.active) await change(commands.setLvActive({ vg, lv, active: true }), subject, 'activate');
    await change(commands.zero(existing.path), subject, 'wipe');
    await change(commands.removeTag({ vg, lv, tag: pendingTag }), subject, 'untag');
  }

  async function removeLv(args: { vg: string; lv: string; requiredTag: string }): Promise<void> {
    const { vg, lv, requiredTag } = args;
    const subject = `logical volume ${vg}/${lv}`;
    const existing = (await groupReport(vg))?.inventory.lvs.find((candidate) => candidate.name === lv);
    if (existing === undefined) return;
    // INV-7: the object's own tag, read now, is the proof. `lvremove -f` of a pool would take its volumes along.
    if (!existing.tags.includes(requiredTag) || existing.kind === 'thin-pool') {
      throw new AppError(
        'failed_precondition',
        `${subject} does not carry the tag ${requiredTag} and is not removed (it has: ${existing.tags.join(', ') || 'none'})`,
        { details: { reason: 'NotOurs', value: lv, remedy: 'remove it by hand if it is not needed' } },
      );
    }
    if (existing.open) throw inUse(subject);
    await change(commands.removeLv(args), subject, 'remove');
  }

  async function createThinPool(args: Parameters<Lvm['createThinPool']>[0]): Promise<void> {
    const { vg, pool, tags } = args;
    const subject = `thin pool ${vg}/${pool}`;
    const existing = (await requireGroup(vg)).inventory.lvs.find((candidate) => candidate.name === pool);
    if (existing !== undefined) {
      if (!tags.every((tag) => existing.tags.includes(tag))) {
        throw new AppError('already_exists', `${subject} exists, but does not carry our tags; rename or remove it`, {
          details: { reason: 'NotOurs', value: pool, remedy: 'rename or remove it' },
        });
      }
      if (existing.kind === 'thin-pool') {
        if (!existing.active) await change(commands.setLvActive({ vg, lv: pool, active: true }), subject, 'activate');
        return;
      }
      // The machine died inside lvcreate: the future pool is still a plain LV. Its tags prove that it is ours (INV-7).
      await change(commands.removeLv({ vg, lv: pool, requiredTag: tags[0] ?? '' }), subject, 'remove the half-made');
    }
    await change(commands.createThinPool(args), subject, 'create');
  }

  async function growThinPool(args: Parameters<Lvm['growThinPool']>[0]): Promise<void> {
    const { vg, pool, dataBytes, metadataBytes } = args;
    const subject = `thin pool ${vg}/${pool}`;
    const existing = await requireLv(vg, pool);
    // Metadata first: data without room to map it would be no use.
    if (metadataBytes > (existing.metadataBytes ?? metadataBytes)) {
      await change(commands.growPoolMetadata({ vg, pool, metadataBytes }), subject, 'grow');
    }
    if (dataBytes > existing.sizeBytes) {
      await change(commands.extendLv({ vg, lv: pool, sizeBytes: dataBytes }), subject, 'grow');
    }
  }

  async function createVg(args: Parameters<Lvm['createVg']>[0]): Promise<void> {
    const subject = `volume group ${args.vg}`;
    try {
      await change(commands.createVg(args), subject, 'create');
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'already_exists') throw error;
      const { group } = await requireGroup(args.vg);
      if (!args.tags.every((tag) => group.tags.includes(tag))) {
        throw new AppError('already_exists', `${subject} exists, but does not carry our tags; rename or remove it`, {
          cause: error,
          details: { reason: 'NotOurs', value: args.vg, remedy: `vgrename ${args.vg} to another name` },
        });
      }
    }
  }

  async function extendVg(args: { vg: string; devices: readonly string[] }): Promise<void> {
    const { group } = await requireGroup(args.vg);
    const devices = args.devices.filter((device) => !group.pvs.includes(device));
    if (devices.length === 0) return;
    await change(commands.extendVg({ vg: args.vg, devices }), `volume group ${args.vg}`, 'extend');
  }

  async function removeVg(args: { vg: string; requiredTag: string }): Promise<void> {
    const { vg, requiredTag } = args;
    const subject = `volume group ${vg}`;
    const found = await groupReport(vg);
    if (found === undefined) return;
    const { group, inventory } = found;
    if (!group.tags.includes(requiredTag)) {
      throw new AppError('failed_precondition', `${subject} does not carry the tag ${requiredTag} and is not removed`, {
        details: { reason: 'NotOurs', value: vg, remedy: 'remove it by hand if it is not needed' },
      });
    }
    const others = inventory.lvs.filter((lv) => lv.kind !== 'thin-pool');
    if (others.length > 0) {
      const names = others.map((lv) => lv.name).join(', ');
      throw new AppError('failed_precondition', `${subject} still holds ${names}; delete these volumes first`, {
        details: { reason: 'PoolInUse', value: vg, remedy: 'delete the volumes first' },
      });
    }
    for (const pool of inventory.lvs) {
      await change(commands.removeLv({ vg, lv: pool.name, requiredTag }), `thin pool ${vg}/${pool.name}`, 'remove');
    }
    await change(commands.removeVg(vg), subject, 'remove');
    if (group.pvs.length > 0) await change(commands.removePvs(group.pvs), subject, 'remove the labels of');
  }

  return {
    async version() {
      return parseVersion(await read(commands.version(), 'the LVM version'));
    },
    inventory: () => report(),
    async thinUsage() {
      return parseThinPoolStatus(await read(commands.thinPoolStatus(), 'the usage of thin pools'));
    },
    async createPv(args) {
      checkDevice(args.device);
      const size = Number((await read(['blockdev', '--getsize64', args.device], args.device)).trim());
      const metadataBytes = size < SMALL_DEVICE_BYTES ? SMALL_PV_METADATA_BYTES : PV_METADATA_BYTES;
      await change(commands.createPv({ ...args, metadataBytes }), `physical volume ${args.device}`, 'create');
    },
    async createVg(args) {
      checkName('volume group', args.vg);
      args.devices.forEach(checkDevice);
      args.tags.forEach(checkTag);
      await queue.run(args.vg, () => createVg(args));
    },
    async extendVg(args) {
      checkName('volume group', args.vg);
      args.devices.forEach(checkDevice);
      await queue.run(args.vg, () => extendVg(args));
    },
    async createThinPool(args) {
      checkLv(args.vg, args.pool, args.tags);
      await queue.run(args.vg, () => createThinPool(args));
    },
    async growThinPool(args) {
      checkLv(args.vg, args.pool);
      await queue.run(args.vg, () => growThinPool(args));
    },
    async createLv(args) {
      checkLv(args.vg, args.lv, args.tags);
      await queue.run(args.vg, () => createLv(args));
    },
    async extendLv(args) {
      checkLv(args.vg, args.lv);
      await queue.run(args.vg, () => extendLv(args));
    },
    async wipeLv(args) {
      checkLv(args.vg, args.lv, [args.pendingTag]);
      await queue.run(args.vg, () => wipeLv(args));
    },
    async removeLv(args) {
      checkLv(args.vg, args.lv, [args.requiredTag]);
      await queue.run(args.vg, () => removeLv(args));
    },
    async activateVg(vg) {
      checkName('volume group', vg);
      await queue.run(vg, () => change(commands.activateVg(vg), `volume group ${vg}`, 'activate'));
    },
    async activateLv({ vg, lv }) {
      checkLv(vg, lv);
      const argv = commands.setLvActive({ vg, lv, active: true });
      await queue.run(vg, () => change(argv, `logical volume ${vg}/${lv}`, 'activate'));
    },
    async deactivateLv({ vg, lv }) {
      checkLv(vg, lv);
      const argv = commands.setLvActive({ vg, lv, active: false });
      await queue.run(vg, () => change(argv, `logical volume ${vg}/${lv}`, 'deactivate'));
    },
    async removeVg(args) {
      checkName('volume group', args.vg);
      checkTag(args.requiredTag);
      await queue.run(args.vg, () => removeVg(args));
    },
  };
}

function checkLv(vg: string, lv: string, tags: readonly string[] = []): void {
  checkName('volume group', vg);
  checkName('logical volume', lv);
  tags.forEach(checkTag);
}

/** Why an existing LV is not the one that was to be created, or undefined. */
function difference(
  existing: LogicalVolume,
  wanted: { sizeBytes: number; tags: readonly string[]; thinPool?: string },
): string | undefined {
  const missing = wanted.tags.filter((tag) => !existing.tags.includes(tag));
  if (missing.length > 0) return `it lacks the tags ${missing.join(', ')}`;
  if (existing.sizeBytes !== wanted.sizeBytes) {
    return `it has ${existing.sizeBytes} bytes instead of ${wanted.sizeBytes}`;
  }
  const kind = wanted.thinPool === undefined ? 'linear' : 'thin';
  if (existing.kind !== kind || existing.pool !== wanted.thinPool) return `it is no ${kind} volume of that pool`;
  return undefined;
}

function badSize(subject: string, sizeBytes: number): AppError {
  return new AppError('invalid_argument', `${subject}: size ${sizeBytes} is not a positive multiple of 4 MiB`, {
    details: { field: 'sizeBytes', value: sizeBytes, remedy: 'round the size up to a multiple of 4 MiB' },
  });
}

function notFound(subject: string): AppError {
  return new AppError('not_found', `${subject} does not exist`, { details: { reason: 'NotFound', value: subject } });
}

function inUse(subject: string): AppError {
  return new AppError('failed_precondition', `${subject} is in use; unmount it and stop what uses it`, {
    details: { reason: 'InUse', value: subject, remedy: 'unmount it and stop what uses it' },
  });
}
