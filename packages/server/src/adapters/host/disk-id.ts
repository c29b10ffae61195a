/** What /sys says about the identity of a disk. Absent and empty are the same. */
export interface DiskIdentity {
  /** Kernel name, e.g. `vdb`, `nvme0n1`, `dm-3`. */
  readonly name: string;
  readonly dmUuid: string | undefined;
  /** `wwid` or `device/wwid`. */
  readonly wwid: string | undefined;
  readonly serial: string | undefined;
  readonly model: string | undefined;
}

/**
 * The stable id (rules: ports/host.ts), or undefined when nothing identifies the disk.
 * Only sources are used that the kernel has by itself, so the id is the same with and without udev.
 */
export function stableId(disk: DiskIdentity): string | undefined {
  if (disk.dmUuid !== undefined) return `dm-uuid-${clean(disk.dmUuid)}`;
  const wwid = disk.wwid;
  if (wwid !== undefined) {
    const naa = /^naa\.([0-9a-f]+)$/i.exec(wwid);
    if (naa?.[1] !== undefined) return `wwn-0x${naa[1].toLowerCase()}`;
    if (/^(eui|uuid)[.-]/i.test(wwid)) return `nvme-${clean(wwid.toLowerCase())}`;
  }
  if (disk.serial !== undefined) {
    if (/^vd[a-z]+$/.test(disk.name)) return `virtio-${clean(disk.serial)}`;
    const bus = disk.name.startsWith('nvme') ? 'nvme' : disk.name.startsWith('mmcblk') ? 'mmc' : 'scsi';
    return disk.model === undefined
      ? `${bus}-${clean(disk.serial)}`
      : `${bus}-${clean(disk.model)}_${clean(disk.serial)}`;
  }
  return wwid === undefined ? undefined : `wwid-${clean(wwid)}`;
}

/** As udev writes ids: blanks become one underscore, what is unusual in a file name becomes `_`. */
function clean(text: string): string {
  return text
    .trim()
    .replace(/\s+/g, '_')
    .replace(/[^A-Za-z0-9#+\-.:=@_]/g, '_');
}

/**
 * May this block device be a disk of a pool at all? Left out: what has no medium of its own or lies above our volumes.
 * Mapper devices count when something other than LVM or dm-crypt made them (multipath, RAID of a controller).
 */
export function isWholeDisk(name: string, dmUuid: string | undefined): boolean {
  if (/^(loop|ram|zram|drbd|sr|fd|nbd|zd|mtdblock)\d*/.test(name)) return false;
  if (/^mmcblk\d+(boot\d+|rpmb)$/.test(name)) return false;
  if (!name.startsWith('dm-')) return true;
  return dmUuid !== undefined && !/^(LVM-|CRYPT-|part\d+-|HOLDFAST-|stratis-)/i.test(dmUuid);
}
