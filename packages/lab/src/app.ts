/** The code under test as a disk: bundled with esbuild, packed in a tar that the node unpacks below /opt at boot. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@holdfast/api/errors.ts';
import { build } from 'esbuild';
import { type ArchiveFile, tarUstar } from './cpio.ts';
import { bootScript } from './init-script.ts';
import type { AppSpec } from './types.ts';

/**
 * Bundles programs for the pinned Node: file name to content, one `<entry>.js` for each. They are ES modules.
 * @throws AppError `failed_precondition` with the errors of the bundler.
 */
export async function bundle(entries: Readonly<Record<string, string>>): Promise<Map<string, Uint8Array>> {
  try {
    const result = await build({
      entryPoints: { ...entries },
      outdir: '/bundle',
      write: false,
      bundle: true,
      platform: 'node',
      target: 'node26',
      format: 'esm',
      minifySyntax: false,
      sourcemap: false,
      logLevel: 'silent',
      // CommonJS packages call require() and use __dirname; an ES module has neither.
      banner: {
        js: "import{createRequire as __cr}from'node:module';import{fileURLToPath as __fu}from'node:url';import{dirname as __dn}from'node:path';const require=__cr(import.meta.url),__filename=__fu(import.meta.url),__dirname=__dn(__filename);",
      },
    });
    return new Map(result.outputFiles.map((file) => [file.path.replace(/^\/bundle\//, ''), file.contents]));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new AppError('failed_precondition', `cannot bundle the programs: ${message}`, { cause: error });
  }
}

/** Writes the app disk to `path` (about a second: this is what a changed source line costs). */
export async function writeAppDisk(path: string, app: AppSpec | undefined): Promise<void> {
  const files: ArchiveFile[] = [{ path: 'lab/boot.sh', data: Buffer.from(bootScript()) }];
  const guest = bundle({ guest: join(import.meta.dirname, 'guest/agent.ts') });
  const entries = app === undefined || Object.keys(app.entries).length === 0 ? undefined : bundle(app.entries);
  for (const [name, data] of await guest) files.push({ path: `lab/${name}`, data });
  for (const [name, data] of (await entries) ?? []) files.push({ path: `holdfast/${name}`, data });
  // So that Node takes the bundles for ES modules without looking at them twice.
  for (const dir of ['lab', 'holdfast'])
    files.push({ path: `${dir}/package.json`, data: Buffer.from('{"type":"module"}') });
  for (const [name, source] of Object.entries(app?.files ?? {})) {
    files.push({ path: `holdfast/${name}`, data: await readFile(source), mode: (await stat(source)).mode & 0o777 });
  }
  const tar = tarUstar(files);
  // A block device has whole sectors; tar ends at its own end mark.
  await writeFile(path, Buffer.concat([tar, Buffer.alloc((4096 - (tar.length % 4096)) % 4096)]));
}
