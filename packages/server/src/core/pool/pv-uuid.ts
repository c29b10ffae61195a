import { shortHash } from '../names/hash.ts';

/**
 * The UUID that a disk's LVM label gets. It follows from pool and disk, so a label found after a crash between pvcreate and
 * vgcreate proves by itself that it is ours, with no note kept anywhere else.
 * Shape: 6-4-4-4-4-4-6 characters, as LVM wants it.
 */
export function pvUuid(poolUid: string, diskId: string): string {
  const hex = [0, 1, 2].map((part) => shortHash(`${part} ${poolUid} ${diskId}`)).join('');
  const text = `hf${hex}`.slice(0, 32);
  const groups = [6, 4, 4, 4, 4, 4, 6];
  let at = 0;
  return groups
    .map((length) => {
      const part = text.slice(at, at + length);
      at += length;
      return part;
    })
    .join('-');
}
