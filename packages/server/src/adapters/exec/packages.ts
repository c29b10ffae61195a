/** Debian package of each program that Holdfast runs, for the remedy when it is missing. */
const PACKAGES: Readonly<Record<string, string>> = {
  lvm: 'lvm2',
  dmsetup: 'dmsetup',
  thin_check: 'thin-provisioning-tools',
  drbdadm: 'drbd-utils',
  drbdsetup: 'drbd-utils',
  drbdmeta: 'drbd-utils',
  blkid: 'util-linux',
  blockdev: 'util-linux',
  dd: 'coreutils',
  stat: 'coreutils',
  mkdir: 'coreutils',
  rmdir: 'coreutils',
  touch: 'coreutils',
  unlink: 'coreutils',
  find: 'findutils',
  fuser: 'psmisc',
  losetup: 'mount',
  mount: 'mount',
  umount: 'mount',
  modprobe: 'kmod',
  ip: 'iproute2',
  wipefs: 'util-linux',
  e2fsck: 'e2fsprogs',
  'mkfs.ext4': 'e2fsprogs',
  resize2fs: 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  xfs_growfs: 'xfsprogs',
  'mkfs.btrfs': 'btrfs-progs',
  btrfs: 'btrfs-progs',
  cryptsetup: 'cryptsetup-bin',
};

/** What to do about a missing program. */
export function installRemedy(program: string): string {
  const known = PACKAGES[program];
  return known === undefined
    ? `install the program '${program}' on this node`
    : `install the Debian package '${known}' on this node (apt-get install ${known})`;
}
