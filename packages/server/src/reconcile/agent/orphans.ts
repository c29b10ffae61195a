/** Logical volumes that carry our tags but belong to no Replica: reported, never removed (INV-7). */

import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import { TAG_OURS, tagValue } from '../../core/names/names.ts';
import type { LvmInventory } from '../../ports/lvm.ts';

export interface Orphan {
  readonly lv: string;
  readonly sizeBytes: number;
  readonly replicaUid: string;
  readonly volumeUid: string | undefined;
}

/** `replicas`: every Replica of this node, from a synced cache. */
export function findOrphans(inventory: LvmInventory, replicas: readonly Stored<Replica>[]): Orphan[] {
  const owned = new Set(replicas.map((replica) => replica.metadata.uid));
  return inventory.lvs.flatMap((lv) => {
    const replicaUid = tagValue(lv.tags, 'replica');
    if (!lv.tags.includes(TAG_OURS) || replicaUid === undefined || owned.has(replicaUid)) return [];
    return [{ lv: `${lv.vg}/${lv.name}`, sizeBytes: lv.sizeBytes, replicaUid, volumeUid: tagValue(lv.tags, 'volume') }];
  });
}
