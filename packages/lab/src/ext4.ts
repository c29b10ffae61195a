/** File-system images made without mounting anything. */
import { open, truncate } from 'node:fs/promises';
import { run } from './run.ts';

/** Creates a sparse file of this many bytes (or makes an existing one longer). */
export async function sparseFile(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'a');
  await file.close();
  await truncate(path, bytes);
}

export interface Ext4Options {
  readonly sizeBytes: number;
  /** Directory whose content becomes the root; owned by root in the image. */
  readonly from?: string;
  /** With a journal (default): for disks that are written to. */
  readonly journal?: boolean;
  /** Fixes times, ids and hash seed, so that equal inputs give equal images. */
  readonly reproducible?: boolean;
}

const SEED = '5a9f1d3c-6f0e-4e0f-9d52-486f6c646661';

/** Makes an ext4 image in `path`. Without root, a user namespace makes its files belong to root. */
export async function makeExt4(path: string, options: Ext4Options): Promise<void> {
  await sparseFile(path, options.sizeBytes);
  const features = options.journal === false ? ['-O', '^has_journal,^resize_inode'] : ['-J', 'size=8'];
  const extended = [
    'lazy_itable_init=1',
    'lazy_journal_init=1',
    ...(options.reproducible === true ? [`hash_seed=${SEED}`] : []),
  ];
  const argv = ['mke2fs', '-q', '-F', '-t', 'ext4', '-b', '4096', '-m', '0', ...features, '-E', extended.join(',')];
  if (options.reproducible === true) argv.push('-U', SEED);
  if (options.from !== undefined) argv.push('-d', options.from);
  argv.push(path);
  const asRoot = options.from === undefined || process.getuid?.() === 0 ? argv : ['unshare', '-r', ...argv];
  await run(
    asRoot,
    options.reproducible === true
      ? { env: { E2FSPROGS_FAKE_TIME: '1700000000', SOURCE_DATE_EPOCH: '1700000000' } }
      : {},
  );
}
