/** The one place where the lab runs host tools to their end. */
import { type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@holdfast/api/errors.ts';

/** Debian package of each tool the lab uses on the host. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'apt-get': 'apt',
  'apt-cache': 'apt',
  'dpkg-deb': 'dpkg',
  mke2fs: 'e2fsprogs',
  setpriv: 'util-linux',
  unshare: 'util-linux',
  xz: 'xz-utils',
  tar: 'tar',
  busybox: 'busybox-static',
};

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Uint8Array;
  readonly signal?: AbortSignal;
  /** Called with every line of stdout and stderr, for progress. */
  readonly onLine?: (line: string) => void;
}

export interface RunResult {
  readonly stdout: Buffer;
  readonly stderr: string;
}

const SEARCH_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Environment of every host tool: nothing inherited but where to find things and a proxy for apt. */
export function toolEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const env: Record<string, string> = { PATH: SEARCH_PATH, LC_ALL: 'C.UTF-8', HOME: '/nonexistent' };
  for (const name of ['http_proxy', 'https_proxy', 'no_proxy', 'TMPDIR']) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return { ...env, ...extra };
}

/** Absolute path of a tool. @throws AppError `failed_precondition` naming the Debian package that has it. */
export function findTool(name: string): string {
  for (const dir of SEARCH_PATH.split(':')) {
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this directory.
    }
  }
  const pkg = PACKAGE_OF[name] ?? name;
  throw new AppError('failed_precondition', `the lab needs '${name}', which is not installed`, {
    details: { field: name, remedy: `apt-get install ${pkg} (or: sh scripts/bootstrap.sh)`, reason: 'ToolMissing' },
  });
}

/** Fails early, with every missing package at once. */
export function requireTools(names: readonly string[]): void {
  const missing = names.filter((name) => {
    try {
      findTool(name);
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((name) => PACKAGE_OF[name] ?? name))].join(' ');
  throw new AppError(
    'failed_precondition',
    `the lab needs ${missing.join(', ')}: install with 'apt-get install ${packages}'`,
    {
      details: { remedy: `apt-get install ${packages}`, reason: 'ToolMissing' },
    },
  );
}

/** Runs a tool without a shell. @throws AppError `failed_precondition` with the end of its stderr when it fails. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [name = '', ...args] = argv;
  const spawnOptions: SpawnOptions = {
    cwd: options.cwd,
    env: toolEnv(options.env),
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  const tool = name.startsWith('/') ? name : findTool(name);
  // Killed with us: a build that was interrupted leaves no apt behind.
  const child = spawn(findTool('setpriv'), ['--pdeathsig', 'KILL', '--', tool, ...args], spawnOptions);
  const out: Buffer[] = [];
  let err = '';
  const lines = (source: 'stdout' | 'stderr'): void => {
    let rest = '';
    child[source]?.on('data', (chunk: Buffer) => {
      if (source === 'stdout') out.push(chunk);
      else err = (err + chunk.toString()).slice(-16_384);
      if (options.onLine === undefined) return;
      const parts = (rest + chunk.toString()).split(/[\r\n]/);
      rest = parts.pop() ?? '';
      for (const line of parts) options.onLine(line);
    });
  };
  lines('stdout');
  lines('stderr');
  if (options.input !== undefined) {
    child.stdin?.on('error', () => undefined); // It may end without reading all: its exit code tells.
    child.stdin?.end(options.input);
  }
  const { promise, resolve, reject } = Promise.withResolvers<number | string>();
  child.once('error', reject);
  child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  const code = await promise;
  if (code !== 0) {
    throw new AppError(
      'failed_precondition',
      `${argv.slice(0, 4).join(' ')} failed (${code}): ${err.trim().slice(-2000)}`,
      {
        details: { argv: argv.join(' ').slice(0, 1000), code },
      },
    );
  }
  return { stdout: Buffer.concat(out), stderr: err };
}
