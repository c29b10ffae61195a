import { EXTENT_BYTES } from '@holdfast/api/bytes.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type {
  LogicalVolume,
  Lvm,
  LvmInventory,
  NewThinPool,
  PhysicalVolume,
  ThinUsage,
  VolumeGroup,
} from '../../src/ports/lvm.ts';
import { FakeDevices } from './host-devices.ts';

const LABEL_BYTES = 8 * 2 ** 20 + EXTENT_BYTES;

interface Pv {
  readonly device: string;
  readonly uuid: string;
  vg: string | undefined;
}
interface Vg {
  readonly uuid: string;
  readonly tags: readonly string[];
  readonly lvs: Map<string, Lv>;
}
interface Lv {
  readonly name: string;
  readonly uuid: string;
  tags: readonly string[];
  readonly kind: LogicalVolume['kind'];
  readonly pool: string | undefined;
  sizeBytes: number;
  active: boolean;
  /** Thin volumes: chunks that were written. */
  mappedBytes: number;
  chunkBytes: number | undefined;
  metadataBytes: number | undefined;
  trouble: string;
}

/**
 * LVM on a fake machine: extents, thin pools that fill up, tags, devices that vanish. Its behaviour is pinned by
 * contract-storage/lvm-contract.ts, which also runs against the real tools.
 */
export class FakeLvm implements Lvm {
  readonly devices: FakeDevices;
  readonly #pvs = new Map<string, Pv>();
  readonly #vgs = new Map<string, Vg>();
  #serial = 0;

  constructor(devices: FakeDevices = new FakeDevices()) {
    this.devices = devices;
  }

  async version(): Promise<string> {
    return '2.03.16(2)';
  }

  async inventory(): Promise<LvmInventory> {
    const vgs = [...this.#vgs].map(([name, vg]) => this.#group(name, vg));
    const lvs = [...this.#vgs].flatMap(([name, vg]) => [...vg.lvs.values()].map((lv) => this.#volume(name, vg, lv)));
    const pvs = [...this.#pvs.values()]
      .filter((pv) => pv.vg !== undefined || this.#present(pv))
      .map((pv) => this.#physical(pv));
    return { vgs, lvs, pvs };
  }

  async thinUsage(): Promise<ThinUsage[]> {
    const { lvs } = await this.inventory();
    return lvs
      .filter((lv) => lv.kind === 'thin-pool' && lv.active)
      .map((lv) => ({
        vg: lv.vg,
        pool: lv.name,
        dataPercent: lv.dataPercent ?? 0,
        metadataPercent: lv.metadataPercent ?? 0,
        trouble: lv.trouble,
      }));
  }

  async createPv({ device, uuid }: { device: string; uuid: string }): Promise<void> {
    const disk = this.devices.get(device);
    if (disk === undefined) throw new AppError('not_found', `No device found for ${device}.`);
    const existing = this.#pvs.get(device);
    if (existing?.uuid === uuid && existing.vg === undefined) return;
    if (existing !== undefined || disk.signature !== undefined || disk.holders.size > 0) {
      throw notFree(device, disk.signature?.type ?? 'an LVM label or a holder');
    }
    disk.signature = { type: 'LVM2_member', usage: 'raid' };
    this.#pvs.set(device, { device, uuid, vg: undefined });
  }

  async createVg(args: { vg: string; devices: readonly string[]; tags: readonly string[] }): Promise<void> {
    const existing = this.#vgs.get(args.vg);
    if (existing !== undefined) {
      if (!args.tags.every((tag) => existing.tags.includes(tag))) throw notOurs(`volume group ${args.vg}`);
      return;
    }
    const pvs = args.devices.map((device) => this.#freePv(device));
    for (const pv of pvs) this.#join(pv, args.vg);
    this.#vgs.set(args.vg, { uuid: this.#uuid(), tags: [...args.tags], lvs: new Map() });
  }

  async extendVg(args: { vg: string; devices: readonly string[] }): Promise<void> {
    this.#requireVg(args.vg);
    const added = args.devices.filter((device) => this.#pvs.get(device)?.vg !== args.vg);
    for (const pv of added.map((device) => this.#freePv(device))) this.#join(pv, args.vg);
  }

  async createThinPool(args: NewThinPool): Promise<void> {
    const vg = this.#requireVg(args.vg);
    const existing = vg.lvs.get(args.pool);
    if (existing !== undefined) {
      if (!args.tags.every((tag) => existing.tags.includes(tag))) throw notOurs(`thin pool ${args.vg}/${args.pool}`);
      if (existing.kind === 'thin-pool') {
        existing.active = true;
        return;
      }
      this.#drop(args.vg, vg, existing);
    }
    const needed = args.dataBytes + 2 * args.metadataBytes;
    this.#requireFree(args.vg, vg, needed);
    vg.lvs.set(args.pool, {
      ...this.#newLv(args.pool, args.tags, 'thin-pool', args.dataBytes),
      chunkBytes: args.chunkBytes,
      metadataBytes: args.metadataBytes,
    });
  }

  async growThinPool(args: { vg: string; pool: string; dataBytes: number; metadataBytes: number }): Promise<void> {
    const vg = this.#requireVg(args.vg);
    const pool = this.#requireLv(args.vg, args.pool);
    const metadataBytes = Math.max(args.metadataBytes, pool.metadataBytes ?? 0);
    const dataBytes = Math.max(args.dataBytes, pool.sizeBytes);
    const more = dataBytes - pool.sizeBytes + 2 * (metadataBytes - (pool.metadataBytes ?? 0));
    this.#requireFree(args.vg, vg, more);
    pool.metadataBytes = metadataBytes;
    pool.sizeBytes = dataBytes;
  }

  async createLv(args: {
    vg: string;
    lv: string;
    sizeBytes: number;
    tags: readonly string[];
    thinPool?: string;
  }): Promise<void> {
    requireExtents(args.sizeBytes);
    const vg = this.#requireVg(args.vg);
    const kind = args.thinPool === undefined ? 'linear' : 'thin';
    const existing = vg.lvs.get(args.lv);
    if (existing !== undefined) {
      const same =
        args.tags.every((tag) => existing.tags.includes(tag)) &&
        existing.sizeBytes === args.sizeBytes &&
        existing.kind === kind &&
        existing.pool === args.thinPool;
      if (!same) throw new AppError('already_exists', `logical volume ${args.vg}/${args.lv} exists and differs`);
      this.#setActive(args.vg, existing, true);
      return;
    }
    if (args.thinPool === undefined) {
      this.#requireFree(args.vg, vg, args.sizeBytes);
    } else {
      const pool = vg.lvs.get(args.thinPool);
      if (pool === undefined) throw new AppError('not_found', `Pool ${args.thinPool} not found in ${args.vg}`);
      if (this.#mapped(vg, pool) >= pool.sizeBytes) throw noSpace(`thin pool ${args.vg}/${args.thinPool} is full`);
    }
    const lv = { ...this.#newLv(args.lv, args.tags, kind, args.sizeBytes), pool: args.thinPool, active: false };
    vg.lvs.set(args.lv, lv);
    this.#setActive(args.vg, lv, true);
  }

  async extendLv(args: { vg: string; lv: string; sizeBytes: number }): Promise<void> {
    requireExtents(args.sizeBytes);
    const vg = this.#requireVg(args.vg);
    const lv = this.#requireLv(args.vg, args.lv);
    if (lv.sizeBytes === args.sizeBytes) return;
    if (lv.sizeBytes > args.sizeBytes) throw new AppError('failed_precondition', `${args.lv} cannot shrink`);
    if (lv.kind === 'linear') this.#requireFree(args.vg, vg, args.sizeBytes - lv.sizeBytes);
    lv.sizeBytes = args.sizeBytes;
    const device = this.devices.get(pathOf(args.vg, args.lv));
    if (device !== undefined) device.sizeBytes = args.sizeBytes;
  }

  async wipeLv(args: { vg: string; lv: string; pendingTag: string }): Promise<void> {
    const lv = this.#requireLv(args.vg, args.lv);
    if (!lv.tags.includes(args.pendingTag)) return;
    lv.tags = lv.tags.filter((tag) => tag !== args.pendingTag);
    const device = this.devices.get(pathOf(args.vg, args.lv));
    if (device !== undefined) device.signature = undefined;
  }

  async removeLv(args: { vg: string; lv: string; requiredTag: string }): Promise<void> {
    const vg = this.#vgs.get(args.vg);
    const lv = vg?.lvs.get(args.lv);
    if (vg === undefined || lv === undefined) return;
    // INV-7
    if (!lv.tags.includes(args.requiredTag) || lv.kind === 'thin-pool') {
      throw new AppError('failed_precondition', `${args.vg}/${args.lv} does not carry the tag ${args.requiredTag}`, {
        details: { reason: 'NotOurs' },
      });
    }
    this.#requireClosed(args.vg, args.lv);
    this.#drop(args.vg, vg, lv);
  }

  async activateVg(vg: string): Promise<void> {
    for (const lv of this.#requireVg(vg).lvs.values()) this.#setActive(vg, lv, true);
  }

  async activateLv({ vg, lv }: { vg: string; lv: string }): Promise<void> {
    this.#setActive(vg, this.#requireLv(vg, lv), true);
  }

  async deactivateLv({ vg, lv }: { vg: string; lv: string }): Promise<void> {
    const found = this.#requireLv(vg, lv);
    this.#requireClosed(vg, lv);
    this.#setActive(vg, found, false);
  }

  async removeVg(args: { vg: string; requiredTag: string }): Promise<void> {
    const vg = this.#vgs.get(args.vg);
    if (vg === undefined) return;
    if (!vg.tags.includes(args.requiredTag)) {
      throw new AppError('failed_precondition', `volume group ${args.vg} does not carry the tag ${args.requiredTag}`);
    }
    const others = [...vg.lvs.values()].filter((lv) => lv.kind !== 'thin-pool');
    if (others.length > 0) {
      throw new AppError('failed_precondition', `${args.vg} still holds ${others.map((lv) => lv.name).join(', ')}`);
    }
    this.#vgs.delete(args.vg);
    for (const pv of [...this.#pvs.values()].filter((candidate) => candidate.vg === args.vg)) {
      this.#pvs.delete(pv.device);
      const device = this.devices.get(pv.device);
      if (device !== undefined) {
        device.signature = undefined;
        device.holders.clear();
      }
    }
  }

  // What tests do to it.

  /** A reboot: nothing is active any more, what had devices open is gone. */
  reboot(): void {
    for (const [name, vg] of this.#vgs) {
      for (const lv of vg.lvs.values()) {
        this.devices.get(pathOf(name, lv.name))?.holders.clear();
        this.#setActive(name, lv, false);
      }
    }
  }

  /** A volume group that somebody else made. */
  addForeignVg(vg: string, device: string, tags: readonly string[] = []): void {
    this.#pvs.set(device, { device, uuid: this.#uuid(), vg: undefined });
    this.#vgs.set(vg, { uuid: this.#uuid(), tags, lvs: new Map() });
    this.#join(this.#freePv(device), vg);
  }

  removeForeignVg(vg: string, device: string): void {
    this.#vgs.delete(vg);
    this.#pvs.delete(device);
    const found = this.devices.get(device);
    if (found !== undefined) {
      found.signature = undefined;
      found.holders.delete(`lvm ${vg}`);
    }
  }

  /** An LV as LVM itself could leave it, past all rules of the port. */
  plantLv(vg: string, lv: string, sizeBytes: number, tags: readonly string[]): void {
    const created = { ...this.#newLv(lv, tags, 'linear', sizeBytes), active: false };
    this.#requireVg(vg).lvs.set(lv, created);
    this.#setActive(vg, created, true);
  }

  setTrouble(vg: string, lv: string, trouble: string): void {
    this.#requireLv(vg, lv).trouble = trouble;
  }

  /** Writes to fresh blocks of a volume. @throws AppError `resource_exhausted` when the pool is full, at once. */
  write(vg: string, lv: string, bytes: number): void {
    const group = this.#requireVg(vg);
    const volume = this.#requireLv(vg, lv);
    if (volume.pool === undefined) return;
    const pool = this.#requireLv(vg, volume.pool);
    const chunk = pool.chunkBytes ?? 65_536;
    const more = Math.min(Math.ceil(bytes / chunk) * chunk, volume.sizeBytes - volume.mappedBytes);
    const room = pool.sizeBytes - this.#mapped(group, pool);
    volume.mappedBytes += Math.min(more, room);
    if (more > room) throw noSpace(`No space left on device: thin pool ${vg}/${pool.name} is full`);
  }

  #uuid(): string {
    this.#serial += 1;
    return `fake00-0000-0000-0000-0000-0000-${String(this.#serial).padStart(6, '0')}`;
  }

  #newLv(name: string, tags: readonly string[], kind: LogicalVolume['kind'], sizeBytes: number): Lv {
    return {
      name,
      uuid: this.#uuid(),
      tags: [...tags],
      kind,
      pool: undefined,
      sizeBytes,
      active: true,
      mappedBytes: 0,
      chunkBytes: undefined,
      metadataBytes: undefined,
      trouble: '',
    };
  }

  #present(pv: Pv): boolean {
    return this.devices.get(pv.device) !== undefined;
  }

  #freePv(device: string): Pv {
    const pv = this.#pvs.get(device);
    if (pv === undefined) throw notFree(device, 'no label');
    if (pv.vg !== undefined) throw notFree(device, `volume group ${pv.vg}`);
    return pv;
  }

  #join(pv: Pv, vg: string): void {
    pv.vg = vg;
    const device = this.devices.get(pv.device);
    if (device !== undefined) {
      device.signature = { type: 'LVM2_member', usage: 'raid' };
      device.holders.add(`lvm ${vg}`);
    }
  }

  #usableBytes(pv: Pv): number {
    const size = this.devices.get(pv.device)?.sizeBytes ?? 0;
    return Math.floor((size - LABEL_BYTES) / EXTENT_BYTES) * EXTENT_BYTES;
  }

  #sizeOf(name: string): number {
    return [...this.#pvs.values()]
      .filter((pv) => pv.vg === name)
      .reduce((sum, pv) => sum + Math.max(0, this.#usableBytes(pv)), 0);
  }

  #freeOf(name: string, vg: Vg): number {
    let used = 0;
    for (const lv of vg.lvs.values()) if (lv.kind !== 'thin') used += lv.sizeBytes + 2 * (lv.metadataBytes ?? 0);
    return this.#sizeOf(name) - used;
  }

  #requireFree(name: string, vg: Vg, bytes: number): void {
    if (this.#freeOf(name, vg) < bytes) throw noSpace(`Volume group "${name}" has insufficient free space`);
  }

  #mapped(vg: Vg, pool: Lv): number {
    let sum = 0;
    for (const lv of vg.lvs.values()) if (lv.pool === pool.name) sum += lv.mappedBytes;
    return sum;
  }

  #requireVg(name: string): Vg {
    const vg = this.#vgs.get(name);
    if (vg === undefined) throw new AppError('not_found', `Volume group "${name}" not found`);
    return vg;
  }

  #requireLv(vg: string, lv: string): Lv {
    const found = this.#requireVg(vg).lvs.get(lv);
    if (found === undefined) throw new AppError('not_found', `Failed to find logical volume "${vg}/${lv}"`);
    return found;
  }

  #requireClosed(vg: string, lv: string): void {
    if ((this.devices.get(pathOf(vg, lv))?.holders.size ?? 0) > 0) {
      throw new AppError('failed_precondition', `Logical volume ${vg}/${lv} in use.`, { details: { reason: 'InUse' } });
    }
  }

  #drop(name: string, vg: Vg, lv: Lv): void {
    vg.lvs.delete(lv.name);
    this.devices.remove(pathOf(name, lv.name));
  }

  /** An active volume has a device node; what was on it stays with the volume while it is inactive. */
  readonly #sleeping = new Map<string, NonNullable<ReturnType<FakeDevices['get']>>['signature']>();

  #setActive(vg: string, lv: Lv, active: boolean): void {
    const path = pathOf(vg, lv.name);
    if (lv.kind === 'thin-pool' || lv.active === active) {
      lv.active = active;
      return;
    }
    lv.active = active;
    if (active) {
      const device = this.devices.add(path, lv.sizeBytes);
      device.signature = this.#sleeping.get(lv.uuid);
      device.onWrite = (bytes) => this.write(vg, lv.name, bytes);
    } else {
      this.#sleeping.set(lv.uuid, this.devices.get(path)?.signature);
      this.devices.remove(path);
    }
  }

  #group(name: string, vg: Vg): VolumeGroup {
    const pvs = [...this.#pvs.values()].filter((pv) => pv.vg === name);
    const present = pvs.filter((pv) => this.#present(pv));
    return {
      name,
      uuid: vg.uuid,
      sizeBytes: this.#sizeOf(name),
      freeBytes: this.#freeOf(name, vg),
      extentBytes: EXTENT_BYTES,
      tags: vg.tags,
      pvs: present.map((pv) => pv.device),
      missingPvs: pvs.length - present.length,
      metadataFreeBytes: 4 * 2 ** 20,
    };
  }

  #physical(pv: Pv): PhysicalVolume {
    return {
      path: this.#present(pv) ? pv.device : undefined,
      uuid: pv.uuid,
      vg: pv.vg,
      sizeBytes: this.devices.get(pv.device)?.sizeBytes ?? 0,
      inUse: pv.vg !== undefined,
    };
  }

  #volume(name: string, vg: Vg, lv: Lv): LogicalVolume {
    const isPool = lv.kind === 'thin-pool';
    const isThin = isPool || lv.kind === 'thin';
    const mapped = isPool ? this.#mapped(vg, lv) : lv.mappedBytes;
    const percent = Math.round((mapped / lv.sizeBytes) * 10_000) / 100;
    const full = isPool && mapped >= lv.sizeBytes ? 'out-of-data-space' : '';
    return {
      name: lv.name,
      vg: name,
      uuid: lv.uuid,
      path: pathOf(name, lv.name),
      sizeBytes: lv.sizeBytes,
      tags: lv.tags,
      kind: lv.kind,
      pool: lv.pool,
      active: lv.active,
      open: (this.devices.get(pathOf(name, lv.name))?.holders.size ?? 0) > 0,
      dataPercent: isThin && lv.active ? percent : undefined,
      metadataPercent: isPool && lv.active ? 10 : undefined,
      chunkBytes: lv.chunkBytes,
      metadataBytes: lv.metadataBytes,
      trouble: lv.trouble === '' ? full : lv.trouble,
    };
  }
}

function pathOf(vg: string, lv: string): string {
  return `/dev/${vg}/${lv}`;
}

function requireExtents(sizeBytes: number): void {
  if (sizeBytes > 0 && sizeBytes % EXTENT_BYTES === 0) return;
  throw new AppError('invalid_argument', `size ${sizeBytes} is not a positive multiple of 4 MiB`);
}

function noSpace(message: string): AppError {
  return new AppError('resource_exhausted', message, { details: { reason: 'NoSpace' } });
}

function notFree(device: string, why: string): AppError {
  return new AppError('failed_precondition', `${device} is not free: ${why}`, { details: { reason: 'DiskNotFree' } });
}

function notOurs(subject: string): AppError {
  return new AppError('already_exists', `${subject} exists, but does not carry our tags`, {
    details: { reason: 'NotOurs' },
  });
}
