/** Files of Go modules, for tests that compare with what others published. Go itself is not needed. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, contentKey, defaultCacheDir } from '../../packages/lab/src/cache.ts';
import { readZip } from './zip.ts';

const PROXY = 'https://proxy.golang.org';

export interface GoModule {
  readonly path: string;
  readonly version: string;
  /** `h1:...`, as in a go.sum: what is downloaded is what was looked at when the test was written. */
  readonly sum: string;
}

/**
 * The named files of a module, from the cache or the module proxy.
 * @throws Error when the proxy does not answer, the content is not that of the sum, or a file is missing.
 */
export async function moduleFiles(module: GoModule, names: readonly string[]): Promise<string[]> {
  const key = contentKey([module.path, module.version, module.sum, ...names]);
  const dir = await cached(defaultCacheDir(), 'go-module', key, async (scratch) => {
    const files = await download(module);
    for (const [index, name] of names.entries()) {
      const content = files.get(`${module.path}@${module.version}/${name}`);
      if (content === undefined) throw new Error(`${module.path} ${module.version} has no file ${name}`);
      await writeFile(join(scratch, String(index)), content);
    }
  });
  return Promise.all(names.map((_, index) => readFile(join(dir, String(index)), 'utf8')));
}

/** Every file of a module by its path in the zip (`module@version/path`), checked against its sum. */
export async function download(module: GoModule): Promise<ReadonlyMap<string, Buffer>> {
  const escaped = module.path.replace(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
  const url = `${PROXY}/${escaped}/@v/${module.version}.zip`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(600_000) });
  if (!answer.ok)
    throw new Error(`${url} answered ${answer.status}; a connection to the Go module proxy is needed once`);
  const files = readZip(Buffer.from(await answer.arrayBuffer()));
  const sum = sumOf(files);
  if (sum !== module.sum) throw new Error(`${url} has the sum ${sum}, expected is ${module.sum}`);
  return files;
}

/** Hash1 of golang.org/x/mod/sumdb/dirhash. */
export function sumOf(files: ReadonlyMap<string, Buffer>): string {
  const all = createHash('sha256');
  for (const name of [...files.keys()].sort()) {
    const content = files.get(name) ?? Buffer.alloc(0);
    all.update(`${createHash('sha256').update(content).digest('hex')}  ${name}\n`);
  }
  return `h1:${all.digest('base64')}`;
}

/** Writes the files below a directory, without the first part of their path. Programs become executable. */
export async function unpack(files: ReadonlyMap<string, Buffer>, prefix: string, dir: string): Promise<void> {
  for (const [name, content] of files) {
    if (!name.startsWith(prefix)) continue;
    const path = join(dir, name.slice(prefix.length));
    await mkdir(join(path, '..'), { recursive: true });
    const isProgram = content.subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'));
    await writeFile(path, content, { mode: isProgram ? 0o755 : 0o644 });
  }
}
