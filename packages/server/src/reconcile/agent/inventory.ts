import type { LogicalVolume, Lvm, LvmInventory } from '../../ports/lvm.ts';

/**
 * One LVM report for everybody: read again only after somebody changed something, so that fifty replicas cost a few
 * reports and an idle node none. Callers that come while a report runs share it, unless a change came in between.
 */
export interface InventoryCache {
  read(): Promise<LvmInventory>;
  /** To be called after every LVM change, and on a resync. */
  invalidate(): void;
  /** A logical volume that was made with success is known without another report, which costs more than making it. */
  created(volume: Parameters<Lvm['createLv']>[0]): void;
}

export function createInventoryCache(lvm: Lvm): InventoryCache {
  let current: Promise<LvmInventory> | undefined;
  return {
    read() {
      if (current === undefined) {
        const report = lvm.inventory();
        current = report;
        report.catch(() => {
          if (current === report) current = undefined;
        });
      }
      return current;
    },
    invalidate() {
      current = undefined;
    },
    created(volume) {
      if (current === undefined) return;
      const made = madeVolume(volume);
      const before = current;
      const after = before.then((inventory) => ({
        ...inventory,
        lvs: [...inventory.lvs.filter((lv) => lv.vg !== made.vg || lv.name !== made.name), made],
      }));
      current = after;
      after.catch(() => {
        if (current === after) current = undefined;
      });
    },
  };
}

/** What a report will say of it; nothing is written to it yet. */
function madeVolume({ vg, lv, sizeBytes, tags, thinPool }: Parameters<Lvm['createLv']>[0]): LogicalVolume {
  return {
    name: lv,
    vg,
    // Nobody asks for the uuid of a logical volume of ours: tags say whose it is.
    uuid: '',
    path: `/dev/${vg}/${lv}`,
    sizeBytes,
    tags,
    kind: thinPool === undefined ? 'linear' : 'thin',
    pool: thinPool,
    active: true,
    open: false,
    dataPercent: thinPool === undefined ? undefined : 0,
    metadataPercent: undefined,
    chunkBytes: undefined,
    metadataBytes: undefined,
    trouble: '',
  };
}
