/**
 * Debian packages by name, with an apt configuration and state of our own inside the cache: the host's sources, lists
 * and package database are neither used nor changed.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@holdfast/api/errors.ts';
import { acquireLock } from './lock.ts';
import { run } from './run.ts';
import type { OnProgress } from './types.ts';

export const MIRROR = 'http://deb.debian.org';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Suites whose packages may be mixed. Kernels need newer suites than the root file system. */
const SOURCES = {
  rootfs: ['debian bookworm main', 'debian bookworm-updates main', 'debian-security bookworm-security main'],
  kernels: [
    'debian bookworm main',
    'debian bookworm-updates main',
    'debian-security bookworm-security main',
    'debian trixie main',
    'debian-security trixie-security main',
    'debian trixie-backports main',
  ],
} as const;
export type SourceSet = keyof typeof SOURCES;

/** Package lists older than this are fetched again before something new is built from them. */
const LISTS_MAX_AGE_MS = 24 * 3_600_000;

export class Apt {
  readonly #dir: string;
  readonly #set: SourceSet;

  private constructor(dir: string, set: SourceSet) {
    this.#dir = dir;
    this.#set = set;
  }

  /** Opens (and if need be creates and updates) the private apt directory below `cacheDir`. Needs the network then. */
  static async open(cacheDir: string, set: SourceSet, onProgress: OnProgress = () => undefined): Promise<Apt> {
    const apt = new Apt(join(cacheDir, `apt-${set}`), set);
    await mkdir(apt.#dir, { recursive: true });
    const lock = await acquireLock(join(apt.#dir, 'holdfast.lock'), { wait: true });
    try {
      await apt.#prepare(onProgress);
    } finally {
      await lock.release();
    }
    return apt;
  }

  async #prepare(onProgress: OnProgress): Promise<void> {
    const stamp = join(this.#dir, `updated-${SOURCES[this.#set].length}`);
    if (existsSync(stamp) && Date.now() - (await stat(stamp)).mtimeMs < LISTS_MAX_AGE_MS) return;
    onProgress({ step: 'package lists', detail: this.#set });
    for (const sub of ['lists/partial', 'archives/partial', 'apt.conf.d', 'preferences.d']) {
      await mkdir(join(this.#dir, sub), { recursive: true });
    }
    const signed = existsSync(KEYRING) ? `[signed-by=${KEYRING}] ` : '';
    const lines = SOURCES[this.#set].map((source) => {
      const [archive, suite, component] = source.split(' ');
      return `deb ${signed}${MIRROR}/${archive} ${suite} ${component}\n`;
    });
    await writeFile(join(this.#dir, 'sources.list'), lines.join(''));
    await writeFile(join(this.#dir, 'status'), '');
    await this.#run(['apt-get', 'update', '-q']);
    await writeFile(stamp, '');
  }

  #run(argv: readonly string[], onLine?: (line: string) => void, cwd?: string): Promise<{ stdout: Buffer }> {
    const [tool = '', ...args] = argv;
    const settings = {
      Dir: this.#dir,
      'Dir::State': this.#dir,
      'Dir::State::status': join(this.#dir, 'status'),
      'Dir::Cache': this.#dir,
      'Dir::Etc': this.#dir,
      'Dir::Etc::Parts': join(this.#dir, 'apt.conf.d'),
      'Dir::Etc::Trusted': '/etc/apt/trusted.gpg',
      'Dir::Etc::TrustedParts': '/etc/apt/trusted.gpg.d',
      'APT::Sandbox::User': '',
      'APT::Architecture': 'amd64',
      'APT::Architectures': 'amd64',
      'APT::Install-Recommends': 'false',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '3',
      'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
      'Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled': 'false',
    };
    const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
    return run([tool, ...options, ...args], {
      ...(onLine === undefined ? {} : { onLine }),
      ...(cwd === undefined ? {} : { cwd }),
    });
  }

  /** Names of all packages that match a regular expression of apt's. */
  async search(pattern: string): Promise<string[]> {
    const text = (await this.#run(['apt-cache', 'search', '--names-only', pattern])).stdout.toString();
    return text
      .split('\n')
      .flatMap((line) => line.split(' - ')[0] ?? [])
      .filter((name) => name !== '');
  }

  /** Downloads exactly these packages into `into` and returns the files. */
  async download(packages: readonly string[], into: string, onProgress: OnProgress): Promise<string[]> {
    onProgress({ step: 'download', detail: packages.join(' ') });
    await mkdir(into, { recursive: true });
    await this.#run(['apt-get', 'download', '-q', ...packages], undefined, into);
    return (await readdir(into)).filter((name) => name.endsWith('.deb')).map((name) => join(into, name));
  }

  /** Downloads these packages and everything they depend on; returns the files, sorted by name. */
  async downloadClosure(packages: readonly string[], onProgress: OnProgress): Promise<string[]> {
    const lock = await acquireLock(join(this.#dir, 'holdfast.lock'), { wait: true });
    try {
      const plan = (
        await this.#run(['apt-get', 'install', '-y', '-qq', '--print-uris', ...packages])
      ).stdout.toString();
      const files = [...plan.matchAll(/^'[^']+' (\S+\.deb) \d+/gm)].map((match) => match[1] ?? '');
      // What is already in the archive directory is not in the plan: ask for what would be installed instead.
      let done = 0;
      await this.#run(['apt-get', 'install', '-y', '-q', '--download-only', ...packages], (line) => {
        if (!line.startsWith('Get:')) return;
        done += 1;
        const percent = Math.min(100, Math.round((done * 100) / Math.max(files.length, 1)));
        onProgress({ step: 'download packages', percent, detail: `${done}/${files.length}` });
      });
      const simulated = (await this.#run(['apt-get', 'install', '-y', '-qq', '-s', ...packages])).stdout.toString();
      const wanted = [...simulated.matchAll(/^Inst (\S+) \((\S+) /gm)].map(([, name, version]) => {
        return `${name}_${(version ?? '').replace(':', '%3a')}_`;
      });
      const archive = join(this.#dir, 'archives');
      const present = (await readdir(archive)).filter((name) => name.endsWith('.deb')).sort();
      const chosen = present.filter((name) => wanted.some((prefix) => name.startsWith(prefix)));
      if (chosen.length < wanted.length) {
        throw new AppError('unavailable', `apt downloaded ${chosen.length} of ${wanted.length} packages`);
      }
      return chosen.map((name) => join(archive, name));
    } finally {
      await lock.release();
    }
  }
}
