import type { FsType } from '@holdfast/api/schema/volume.ts';

export type Argv = readonly [string, ...string[]];

const MIB = 2 ** 20;

/** Fails for everything that is not a block device, so it also proves that it is one. */
export function deviceSize(device: string): Argv {
  return ['blockdev', '--getsize64', device];
}

/** A real read of one MiB (O_DIRECT: not from the page cache) at a byte offset that is a multiple of 4096. */
export function readMib(device: string, offset: number): Argv {
  return ['dd', `if=${device}`, 'of=/dev/null', `bs=${MIB}`, 'count=1', `skip=${offset}`, 'iflag=direct,skip_bytes'];
}

/** Low-level, all usages: also partition tables, RAID, LUKS and swap. Never `-u filesystem`, never the cache. */
export function blkid(device: string): Argv {
  return ['blkid', '-p', '-o', 'export', device];
}

/**
 * Features that kernels since 4.19 mount, whatever the defaults of the installed tools. No discard: a new LV has nothing
 * to discard, and on DRBD it would be sent to every peer. ext4 stops writing after an error, because a volume that lost its
 * claim answers with errors (INV-5). Never forced; but mkfs.ext4 overwrites without asking when there is no terminal
 * (tried), so the probe before it is the only guard (INV-6).
 */
export function mkfs(device: string, fsType: FsType): Argv {
  switch (fsType) {
    case 'ext4':
      return [
        'mkfs.ext4',
        '-q',
        '-m',
        '0',
        '-e',
        'remount-ro',
        '-O',
        '64bit,metadata_csum,^metadata_csum_seed,^orphan_file',
        '-E',
        'nodiscard',
        device,
      ];
    case 'xfs':
      return [
        'mkfs.xfs',
        '-q',
        '-K',
        '-m',
        'crc=1,finobt=1,reflink=1,rmapbt=0,bigtime=0,inobtcount=0',
        '-i',
        'sparse=1,nrext64=0',
        device,
      ];
    case 'btrfs':
      return ['mkfs.btrfs', '-q', '-K', device];
    default:
      return fsType satisfies never;
  }
}

export function wipe(device: string): Argv {
  return ['wipefs', '--all', device];
}

export function e2fsck(device: string): Argv {
  return ['e2fsck', '-p', device];
}

/** --no-canonicalize: paths are taken as they are, nobody walks into a file system that may hang. */
export function mount(args: {
  device: string;
  path: string;
  fsType: FsType;
  readOnly: boolean;
  options?: readonly string[];
}): Argv {
  return [
    'mount',
    '--no-canonicalize',
    '--types',
    args.fsType,
    '--options',
    [args.readOnly ? 'ro' : 'rw', ...(args.options ?? [])].join(','),
    '--source',
    args.device,
    '--target',
    args.path,
  ];
}

export function unmount(path: string, lazy: boolean): Argv {
  return ['umount', '--no-canonicalize', ...(lazy ? ['--lazy'] : []), path];
}

/**
 * Processes that use the file system mounted at path. -M: only if it really is a mount point now; without it, -m would
 * mean the file system that contains the directory: the root file system of the node.
 */
export function fuserMount(path: string, kill: boolean): Argv {
  return ['fuser', ...(kill ? ['-k', '-KILL'] : []), '-M', '-m', path];
}

/** Processes that have the block device open, or use the file system on it. */
export function fuserDevice(device: string, kill: boolean): Argv {
  return ['fuser', ...(kill ? ['-k', '-KILL'] : []), '-m', device];
}

export function fileKind(path: string): Argv {
  return ['stat', '--dereference', '--format', '%F %t:%T', path];
}

export function grow(args: { device: string; path: string; fsType: FsType }): Argv {
  switch (args.fsType) {
    case 'ext4':
      return ['resize2fs', args.device];
    case 'xfs':
      return ['xfs_growfs', '-d', args.path];
    case 'btrfs':
      return ['btrfs', 'filesystem', 'resize', 'max', args.path];
    default:
      return args.fsType satisfies never;
  }
}

export function makeDirectory(path: string): Argv {
  return ['mkdir', '--parents', '--mode', '0700', path];
}

export function bind(source: string, target: string): Argv {
  return ['mount', '--no-canonicalize', '--bind', '--source', source, '--target', target];
}

/** Flags of a bind mount are its own only after a remount; in the first step the kernel takes those of the source. */
export function rebindReadOnly(target: string): Argv {
  return ['mount', '--no-canonicalize', '--options', 'remount,bind,ro', '--target', target];
}

/** The kubelet and the pod look into it: everybody may pass. */
export function makeTargetDirectory(path: string): Argv {
  return ['mkdir', '--parents', '--mode', '0750', path];
}

/** Leaves what is in it as it is. */
export function makeTargetFile(path: string): Argv {
  return ['touch', '--no-dereference', path];
}

export function removeFile(path: string): Argv {
  return ['unlink', path];
}

/** Kind, size and device number of what is at the path itself. */
export function targetKind(path: string): Argv {
  return ['stat', '--format', '%F|%s|%t:%T', path];
}

/** Fundamental block size, blocks, free, free for everybody, inodes, free inodes. Node's statfs lacks the first. */
export function fileSystemUsage(path: string): Argv {
  return ['stat', '--file-system', '--format', '%S %b %f %a %c %d', path];
}

export function getReadOnly(device: string): Argv {
  return ['blockdev', '--getro', device];
}

export function setReadOnly(device: string, readOnly: boolean): Argv {
  return ['blockdev', readOnly ? '--setro' : '--setrw', device];
}

export function removeDirectory(path: string): Argv {
  return ['rmdir', path];
}
