/** csi-sanity, the community's check of CSI drivers, built once from its Go module. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached, contentKey, defaultCacheDir } from '../../packages/lab/src/cache.ts';
import { goProgram } from '../go/toolchain.ts';

const run = promisify(execFile);
/** Pins the version, and with its go.sum the content, of everything that is built. */
const MODULE = join(import.meta.dirname, 'sanity');
const PACKAGE = 'github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity';
const BUILD_MS = 15 * 60_000;

/** Path of the program. The first call on a machine needs a connection to the Go module proxy, and a minute or two. */
export async function sanityBinary(): Promise<string> {
  const files = ['go.mod', 'go.sum'].map((name) => readFile(join(MODULE, name)));
  const key = contentKey([...(await Promise.all(files)), process.arch]);
  const dir = await cached(defaultCacheDir(), 'csi-sanity', key, async (scratch) => {
    const go = await goProgram();
    const argv = [
      'build',
      '-trimpath',
      '-buildvcs=false',
      '-ldflags=-s -w',
      '-o',
      join(scratch, 'csi-sanity'),
      PACKAGE,
    ];
    const env = { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly' };
    await run(go, argv, { cwd: MODULE, env, timeout: BUILD_MS });
  });
  return join(dir, 'csi-sanity');
}
