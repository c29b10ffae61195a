/** The nodes' root file system: Debian packages unpacked (no maintainer scripts run) plus the pinned Node. */
import { existsSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, open, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { AppError } from '@holdfast/api/errors.ts';
import { Apt } from './apt.ts';
import { cached, contentKey } from './cache.ts';
import { makeExt4 } from './ext4.ts';
import { run } from './run.ts';
import type { OnProgress } from './types.ts';

/** Raise when the way the image is made changes. */
const BUILDER_VERSION = '8';

/** What Holdfast needs on a node: also the content of the shipped container image. */
// biome-ignore format: a list of words
export const BASE_PACKAGES: readonly string[] = [
  'base-files', 'bash', 'btrfs-progs', 'busybox-static', 'ca-certificates', 'coreutils', 'cryptsetup-bin', 'dash', 'diffutils',
  'drbd-utils', 'e2fsprogs', 'fdisk', 'findutils', 'grep', 'gzip', 'hostname', 'iproute2', 'kmod', 'libatomic1', 'libc-bin', 'libstdc++6',
  'lvm2', 'mawk', 'mdadm', 'mount', 'nbd-client', 'nvme-cli', 'parted', 'procps', 'psmisc', 'sed', 'smartmontools', 'tar',
  'thin-provisioning-tools', 'util-linux', 'xfsprogs', 'zstd',
];

/** What only tests and benchmarks need. */
export const LAB_PACKAGES: readonly string[] = ['fio', 'iputils-ping'];

/** Dependencies that only maintainer scripts (which never run), login or init need. */
const LEFT_OUT =
  /^(?:perl|libperl|lib.*-perl$|python3|libpython3|adduser|debconf|udev$|usrmerge|dpkg$|passwd$|init-system-helpers|readline-common|media-types|lsb-base|openssl$|dmidecode|uuid-runtime|libdb5|libgdbm|libsqlite3|libsemanage|libsepol|sysvinit-utils)/;

// biome-ignore format: a list of words
const EXCLUDED_PATHS = [
  './usr/share/doc', './usr/share/man', './usr/share/locale', './usr/share/info', './usr/share/lintian', './usr/share/bash-completion',
  './usr/share/zoneinfo', './lib/systemd', './usr/lib/systemd', './lib/udev', './usr/lib/udev', './etc/init.d', './etc/cron.d', './etc/cron.daily',
];

export interface RootImage {
  /** ext4 without a journal, to be attached read-only. */
  readonly image: string;
  /** Directory with `kmod` and its libraries, run through its own loader: the host may have none. */
  readonly tools: string;
  readonly key: string;
}

/** The Node binary that `npm ci` installed, of the version this repository pins. */
export async function pinnedNode(): Promise<string> {
  const path = resolve(import.meta.dirname, '../../../node_modules/node/bin/node');
  if (existsSync(path) && (await stat(path)).size > 10 * 2 ** 20) return path;
  if (process.version.startsWith('v26.')) return process.execPath;
  throw new AppError('failed_precondition', `the pinned Node is not installed (${path})`, {
    details: { remedy: 'sh scripts/bootstrap.sh', reason: 'NodeMissing' },
  });
}

/** Returns the root image, building it (one to three minutes at most, with network) when its inputs changed. */
export async function rootImage(
  cacheDir: string,
  extraPackages: readonly string[],
  onProgress: OnProgress,
): Promise<RootImage> {
  const node = await pinnedNode();
  const nodeStat = await stat(node);
  const packages = [...new Set([...BASE_PACKAGES, ...LAB_PACKAGES, ...extraPackages])].sort();
  const key = contentKey([BUILDER_VERSION, packages.join(' '), String(nodeStat.size), await headHash(node)]);
  const dir = await cached(cacheDir, 'rootfs', key, async (scratch) => {
    const apt = await Apt.open(cacheDir, 'rootfs', onProgress);
    const debs = await apt.downloadClosure(packages, onProgress);
    const tree = join(scratch, 'tree');
    const start = join(scratch, 'start');
    await writeFile(start, '');
    await unpack(debs, tree, new Set(packages), onProgress);
    await configure(tree);
    onProgress({ step: 'root file system', detail: 'node' });
    await mkdir(join(tree, 'opt/node/bin'), { recursive: true });
    await copyFile(node, join(tree, 'opt/node/bin/node'));
    await chmod(join(tree, 'opt/node/bin/node'), 0o755);
    await symlink('/opt/node/bin/node', join(tree, 'usr/bin/node'));
    await saveTools(tree, join(scratch, 'tools'));
    onProgress({ step: 'root file system', detail: 'image' });
    // What we made or changed gets a fixed time, so that equal inputs give equal images.
    await run(['find', tree, '-newer', start, '-exec', 'touch', '-h', '-d', '@1700000000', '{}', '+']);
    const usedKiB = Number((await run(['du', '-sk', '--apparent-size', tree])).stdout.toString().split('\t')[0]);
    await makeExt4(join(scratch, 'root.ext4'), {
      // Whole 16 MiB: as persistent memory it must be aligned.
      sizeBytes: Math.ceil((usedKiB * 1.15) / 1024 / 16 + 4) * 16 * 2 ** 20,
      from: tree,
      journal: false,
      reproducible: true,
    });
    await rm(tree, { recursive: true });
    await rm(start);
  });
  return { image: join(dir, 'root.ext4'), tools: join(dir, 'tools'), key };
}

/** Enough of a big binary to tell two builds apart: ELF header and build id are in the first page, sizes in the key. */
async function headHash(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(65_536), 0, 65_536, 0);
    return contentKey([buffer]);
  } finally {
    await file.close();
  }
}

async function unpack(
  debs: readonly string[],
  tree: string,
  asked: ReadonlySet<string>,
  onProgress: OnProgress,
): Promise<void> {
  for (const dir of ['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64']) await mkdir(join(tree, dir), { recursive: true });
  for (const dir of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${dir}`, join(tree, dir));
  const status = join(tree, 'var/lib/dpkg/status.d');
  await mkdir(status, { recursive: true });
  let done = 0;
  for (const deb of debs) {
    const name = basename(deb).split('_')[0] ?? '';
    done += 1;
    if (LEFT_OUT.test(name) && !asked.has(name)) continue;
    onProgress({ step: 'unpack packages', percent: Math.round((done * 100) / debs.length), detail: name });
    const tar = await run(['dpkg-deb', '--fsys-tarfile', deb]);
    const excludes = EXCLUDED_PATHS.map((path) => `--exclude=${path}`);
    await run(['tar', '-x', '-C', tree, '--keep-directory-symlink', '--no-same-owner', ...excludes], {
      input: tar.stdout,
    });
    // One control stanza per package, where scanners for images without dpkg look.
    await writeFile(join(status, name), (await run(['dpkg-deb', '-f', deb])).stdout);
  }
}

/** What maintainer scripts would have done, as far as it matters here. */
async function configure(tree: string): Promise<void> {
  const put = async (path: string, text: string): Promise<void> => {
    await mkdir(join(tree, path, '..'), { recursive: true });
    await writeFile(join(tree, path), text);
  };
  await put(
    'etc/passwd',
    'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
  );
  await put('etc/group', 'root:x:0:\ndisk:x:6:\nhaclient:x:109:\nnogroup:x:65534:\n');
  await put('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n');
  await put('etc/hostname', 'node\n');
  await put('etc/hosts', '127.0.0.1 localhost\n');
  await put('etc/machine-id', '');
  await put('etc/fstab', '');
  await put('etc/profile', 'export PATH=/usr/sbin:/usr/bin:/sbin:/bin PS1="\\h:\\w# "\n');
  // No udev in the container: LVM makes its own nodes and does not wait for anybody.
  await put(
    'etc/lvm/lvm.conf',
    'devices {\n\tobtain_device_list_from_udev = 0\n\texternal_device_info_source = "none"\n\tuse_devicesfile = 0\n}\n' +
      'activation {\n\tudev_sync = 0\n\tudev_rules = 0\n\tmonitoring = 0\n}\n' +
      'global {\n\tuse_lvmpolld = 0\n}\nbackup {\n\tarchive = 0\n}\n',
  );
  for (const [target, path] of [
    ['dash', 'usr/bin/sh'],
    ['mawk', 'usr/bin/awk'],
  ] as const) {
    await rm(join(tree, path), { force: true });
    await symlink(target, join(tree, path));
  }
  for (const dir of [
    'dev',
    'proc',
    'sys',
    'run',
    'tmp',
    'root',
    'mnt',
    'var/lib/holdfast',
    'opt/holdfast',
    'var/lib/drbd',
    'usr/lib/modules',
  ]) {
    await mkdir(join(tree, dir), { recursive: true });
  }
  await chmod(join(tree, 'tmp'), 0o1777);
  await rm(join(tree, 'var/run'), { recursive: true, force: true });
  await symlink('/run', join(tree, 'var/run'));
  const certificates = join(tree, 'usr/share/ca-certificates/mozilla');
  if (existsSync(certificates)) {
    const files = (await readdir(certificates)).sort();
    const all = await Promise.all(files.map((name) => readFile(join(certificates, name), 'utf8')));
    await put('etc/ssl/certs/ca-certificates.crt', all.join(''));
  }
}

/** kmod and what it loads, kept beside the image for `depmod` on the host. */
async function saveTools(tree: string, tools: string): Promise<void> {
  await mkdir(tools);
  await cp(join(tree, 'usr/bin/kmod'), join(tools, 'kmod'));
  const lib = join(tree, 'usr/lib/x86_64-linux-gnu');
  const wanted = /^(?:ld-linux-x86-64|libc|libzstd|liblzma|libcrypto|libkmod)\.so\.\d+$|^ld-linux/;
  for (const name of await readdir(lib)) {
    if (wanted.test(name)) await copyFile(join(lib, name), join(tools, name));
  }
}

/** argv that runs `depmod` from {@link RootImage.tools}, without chroot and so without root. */
export function depmodArgv(tools: string, base: string, release: string): string[] {
  const loader = join(tools, 'ld-linux-x86-64.so.2');
  return [loader, '--argv0', 'depmod', '--library-path', tools, join(tools, 'kmod'), '-b', base, release];
}
