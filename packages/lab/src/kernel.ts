/** A stock Debian cloud kernel, ready to boot: the ELF kernel, a modules disk, and the initramfs. */
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AppError } from '@holdfast/api/errors.ts';
import { Apt } from './apt.ts';
import { extractVmlinux } from './bzimage.ts';
import { cached, contentKey } from './cache.ts';
import { type ArchiveFile, cpioNewc } from './cpio.ts';
import { makeExt4 } from './ext4.ts';
import { BOOT_MODULES, initScript } from './init-script.ts';
import { selectKernel } from './kernel-select.ts';
import { depmodArgv, type RootImage } from './rootfs.ts';
import { findTool, run } from './run.ts';
import type { OnProgress } from './types.ts';

const BUILDER_VERSION = '2';
const DEBS_VERSION = '3';
export const DEFAULT_KERNEL = '6.1';

export interface Kernel {
  readonly release: string;
  /** ELF or bzImage, for `-kernel`. */
  readonly image: string;
  /** ext4, mounted on /usr/lib/modules/<release>. */
  readonly modules: string;
  readonly initramfs: string;
}

/** Fetches and prepares a kernel (some seconds, with network, the first time). */
export async function prepareKernel(
  cacheDir: string,
  wanted: string,
  extraModules: string | undefined,
  root: RootImage,
  onProgress: OnProgress,
): Promise<Kernel> {
  const debs = await cached(cacheDir, 'kernel-debs', contentKey([DEBS_VERSION, wanted]), async (scratch) => {
    const apt = await Apt.open(cacheDir, 'kernels', onProgress);
    const chosen = selectKernel(wanted, await apt.search('^linux-(image|binary|modules|base)-.*-cloud-amd64$'));
    onProgress({ step: 'kernel', detail: chosen.release });
    await apt.download(chosen.packages, scratch, onProgress);
    await writeFile(join(scratch, 'release'), chosen.release);
  });
  const release = await readFile(join(debs, 'release'), 'utf8');
  const extra = extraModules === undefined ? [] : await listModules(extraModules);
  const extraParts = await Promise.all(
    extra.map(async (path) => Buffer.concat([Buffer.from(basename(path)), await readFile(path)])),
  );
  const dir = await cached(
    cacheDir,
    'kernel',
    contentKey([BUILDER_VERSION, BOOT_MODULES.join(), release, ...extraParts]),
    async (scratch) => {
      onProgress({ step: 'kernel', detail: `${release}: modules` });
      await build(debs, release, extra, root, scratch);
    },
  );
  const initramfs = await bootArchive(cacheDir, dir, release);
  return { release, image: join(dir, 'kernel'), modules: join(dir, 'modules.ext4'), initramfs };
}

async function listModules(dir: string): Promise<string[]> {
  if (!existsSync(dir)) {
    throw new AppError('not_found', `initrdModules: no such directory: ${dir}`, {
      details: { field: 'initrdModules', value: dir },
    });
  }
  const found = (await readdir(dir, { recursive: true })).filter((name) => /\.ko(\.xz)?$/.test(name)).sort();
  if (found.length === 0) {
    throw new AppError('invalid_argument', `initrdModules: no kernel module (*.ko) in ${dir}`, {
      details: { field: 'initrdModules', value: dir },
    });
  }
  return found.map((name) => join(dir, name));
}

async function build(
  debs: string,
  release: string,
  extra: readonly string[],
  root: RootImage,
  scratch: string,
): Promise<void> {
  const tree = join(scratch, 'tree');
  await mkdir(tree);
  for (const name of await readdir(debs)) {
    if (name.endsWith('.deb')) await run(['dpkg-deb', '-x', join(debs, name), tree]);
  }
  const candidates = [`usr/lib/modules/${release}`, `lib/modules/${release}`].map((path) => join(tree, path));
  const found = candidates.find((path) => existsSync(join(path, 'kernel')));
  const images = [join(tree, `boot/vmlinuz-${release}`), ...candidates.map((path) => join(path, 'vmlinuz'))];
  const bzImage = images.find((path) => existsSync(path));
  if (found === undefined || bzImage === undefined) {
    throw new AppError(
      'internal',
      `the packages of kernel ${release} have no modules or no kernel image where they were expected`,
    );
  }
  const bytes = await readFile(bzImage);
  await writeFile(join(scratch, 'kernel'), (await extractVmlinux(bytes)) ?? bytes);

  const base = join(scratch, 'base');
  const modules = join(base, 'lib/modules', release);
  await mkdir(join(base, 'lib/modules'), { recursive: true });
  await rename(found, modules);
  await rm(join(modules, 'vmlinuz'), { force: true });
  const packed = (await readdir(modules, { recursive: true }))
    .filter((name) => name.endsWith('.ko.xz'))
    .map((name) => join(modules, name));
  // Unpacked once here instead of at every load in an emulated guest.
  if (packed.length > 0) await run(['xz', '-d', ...packed]);
  for (const path of extra) {
    await mkdir(join(modules, 'updates'), { recursive: true });
    await cp(path, join(modules, 'updates', basename(path)));
  }
  await run(depmodArgv(root.tools, base, release));
  await copyBootModules(modules, join(scratch, 'boot'));
  const usedKiB = Number((await run(['du', '-sk', '--apparent-size', modules])).stdout.toString().split('\t')[0]);
  await makeExt4(join(scratch, 'modules.ext4'), {
    sizeBytes: Math.ceil((usedKiB * 1.25) / 1024 + 32) * 2 ** 20,
    from: modules,
    journal: false,
    reproducible: true,
  });
  await rm(tree, { recursive: true });
  await rm(base, { recursive: true });
}

/** Parses `modules.dep`: module path -> paths it needs, nearest dependency first. */
export function parseModulesDep(text: string): Map<string, string[]> {
  const map = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0)
      map.set(
        line.slice(0, colon),
        line
          .slice(colon + 1)
          .split(' ')
          .filter((word) => word !== ''),
      );
  }
  return map;
}

/** Module name of a path: `kernel/drivers/md/dm-mod.ko.xz` -> `dm_mod`. */
export function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.[a-z]+)?$/, '')
    .replaceAll('-', '_');
}

/**
 * Paths of the wanted modules and their dependencies in loading order. Built-in ones are left out.
 * @throws AppError `failed_precondition` when a module is neither there nor built in.
 */
export function loadOrder(
  wanted: readonly string[],
  dep: ReadonlyMap<string, readonly string[]>,
  builtin: ReadonlySet<string>,
): string[] {
  const byName = new Map([...dep.keys()].map((path) => [moduleName(path), path]));
  const order: string[] = [];
  const add = (path: string): void => {
    if (order.includes(path)) return;
    for (const needed of (dep.get(path) ?? []).toReversed()) add(needed);
    order.push(path);
  };
  for (const name of wanted) {
    const path = byName.get(name);
    if (path !== undefined) add(path);
    else if (!builtin.has(name))
      throw new AppError('failed_precondition', `the kernel has no module '${name}', which the lab needs to boot`);
  }
  return order;
}

async function copyBootModules(modules: string, into: string): Promise<void> {
  const dep = parseModulesDep(await readFile(join(modules, 'modules.dep'), 'utf8'));
  const builtin = new Set((await readFile(join(modules, 'modules.builtin'), 'utf8')).split('\n').map(moduleName));
  const order = loadOrder(BOOT_MODULES, dep, builtin);
  await mkdir(into);
  for (const path of order) await cp(join(modules, path), join(into, basename(path)));
  await writeFile(join(into, 'order'), order.map((path) => basename(path)).join('\n'));
}

/** The initramfs: busybox, boot modules, /init. Remade whenever the script changes (milliseconds). */
async function bootArchive(cacheDir: string, kernelDir: string, release: string): Promise<string> {
  const order = (await readFile(join(kernelDir, 'boot/order'), 'utf8')).split('\n').filter((name) => name !== '');
  const script = initScript(order, release);
  const busybox = findTool('busybox');
  const key = contentKey([BUILDER_VERSION, script, basename(kernelDir), String((await stat(busybox)).size)]);
  const dir = await cached(cacheDir, 'initramfs', key, async (scratch) => {
    const files: ArchiveFile[] = [
      { path: 'init', data: Buffer.from(script), mode: 0o755 },
      { path: 'bin/busybox', data: await readFile(busybox), mode: 0o755 },
    ];
    for (const name of order)
      files.push({ path: `boot-modules/${name}`, data: await readFile(join(kernelDir, 'boot', name)) });
    await writeFile(join(scratch, 'initramfs.cpio'), cpioNewc(files, ['dev', 'proc', 'sys']));
  });
  return join(dir, 'initramfs.cpio');
}
