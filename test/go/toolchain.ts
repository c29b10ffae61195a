import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached, contentKey, defaultCacheDir } from '../../packages/lab/src/cache.ts';
import { download, type GoModule, unpack } from './module.ts';

const run = promisify(execFile);
/** The oldest that builds what the tests need. */
const OLDEST = [1, 26] as const;

/** Go's own releases are modules too, and are checked like any other. */
const TOOLCHAINS: Readonly<Record<string, GoModule>> = {
  x64: {
    path: 'golang.org/toolchain',
    version: 'v0.0.1-go1.26.8.linux-amd64',
    sum: 'h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM=',
  },
  arm64: {
    path: 'golang.org/toolchain',
    version: 'v0.0.1-go1.26.8.linux-arm64',
    sum: 'h1:sYL/O6MqS68ML0kjsQ36WoYIpJqkw60TxizWUYUKQMc=',
  },
};

/** The `go` of this machine when it is new enough, else one from the module proxy (70 MB, once). */
export async function goProgram(): Promise<string> {
  if (await isNewEnough('go')) return 'go';
  return fetchedGo();
}

/** The pinned Go, whatever the machine has. */
export async function fetchedGo(): Promise<string> {
  const toolchain = TOOLCHAINS[process.arch];
  if (toolchain === undefined || process.platform !== 'linux') {
    throw new Error(`no Go for ${process.platform}/${process.arch}: install Go ${OLDEST.join('.')} or later`);
  }
  const key = contentKey([toolchain.version, toolchain.sum]);
  const dir = await cached(defaultCacheDir(), 'go', key, async (scratch) => {
    await unpack(await download(toolchain), `${toolchain.path}@${toolchain.version}/`, scratch);
  });
  return join(dir, 'bin/go');
}

async function isNewEnough(go: string): Promise<boolean> {
  try {
    const { stdout } = await run(go, ['version'], { env: { ...process.env, GOTOOLCHAIN: 'local' } });
    const [, major = 0, minor = 0] = (/go(\d+)\.(\d+)/.exec(stdout) ?? []).map(Number);
    return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
  } catch {
    return false;
  }
}
