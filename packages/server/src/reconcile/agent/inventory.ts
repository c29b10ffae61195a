import type { Lvm, LvmInventory } from '../../ports/lvm.ts';

/**
 * One LVM report for everybody: read again only after somebody changed something, so that fifty replicas cost a few
 * reports and an idle node none. Callers that come while a report runs share it, unless a change came in between.
 */
export interface InventoryCache {
  read(): Promise<LvmInventory>;
  /** To be called after every LVM change, and on a resync. */
  invalidate(): void;
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
  };
}
