/** Archives written byte by byte, so that equal input gives equal output: newc (initramfs) and ustar (the app disk). */

export interface ArchiveFile {
  /** Relative, without a leading slash. */
  readonly path: string;
  readonly data: Uint8Array;
  readonly mode?: number;
}

const DIRECTORY = 0o040755;
const REGULAR = 0o100000;

/** Every directory that the files need, parents first. */
function directoriesOf(files: readonly ArchiveFile[]): string[] {
  const found = new Set<string>();
  for (const { path } of files) {
    const parts = path.split('/');
    for (let i = 1; i < parts.length; i += 1) found.add(parts.slice(0, i).join('/'));
  }
  return [...found].sort();
}

function pad(length: number, to: number): Buffer {
  return Buffer.alloc((to - (length % to)) % to);
}

/** An initramfs: cpio in `newc` format, uncompressed (decompressing costs more than reading under emulation). */
export function cpioNewc(files: readonly ArchiveFile[], emptyDirectories: readonly string[] = []): Buffer {
  const parts: Buffer[] = [];
  let inode = 1;
  const entry = (path: string, mode: number, data: Uint8Array): void => {
    const name = Buffer.from(`${path}\0`);
    const fields = [inode++, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0];
    const header = Buffer.from(`070701${fields.map((n) => n.toString(16).padStart(8, '0')).join('')}`);
    parts.push(header, name, pad(header.length + name.length, 4), Buffer.from(data), pad(data.length, 4));
  };
  const directories = new Set([...emptyDirectories, ...directoriesOf(files)]);
  for (const dir of [...directories].sort()) entry(dir, DIRECTORY, new Uint8Array());
  for (const file of files) entry(file.path, REGULAR | (file.mode ?? 0o644), file.data);
  entry('TRAILER!!!', 0, new Uint8Array());
  return Buffer.concat(parts);
}

/** A ustar archive. Paths of at most 100 bytes. */
export function tarUstar(files: readonly ArchiveFile[]): Buffer {
  const parts: Buffer[] = [];
  const entry = (path: string, mode: number, type: '0' | '5', data: Uint8Array): void => {
    if (Buffer.byteLength(path) > 100) throw new RangeError(`path is too long for the archive: ${path}`);
    const header = Buffer.alloc(512);
    const octal = (value: number, at: number, width: number): void => {
      header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
    };
    header.write(path, 0);
    octal(mode, 100, 8);
    octal(0, 108, 8);
    octal(0, 116, 8);
    octal(data.length, 124, 12);
    octal(1_700_000_000, 136, 12);
    header.fill(' ', 148, 156);
    header.write(type, 156);
    header.write('ustar\u000000', 257, 'latin1');
    let sum = 0;
    for (const byte of header) sum += byte;
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    parts.push(header, Buffer.from(data), pad(data.length, 512));
  };
  for (const dir of directoriesOf(files)) entry(`${dir}/`, 0o755, '5', new Uint8Array());
  for (const file of files) entry(file.path, file.mode ?? 0o644, '0', file.data);
  parts.push(Buffer.alloc(1024));
  return Buffer.concat(parts);
}
