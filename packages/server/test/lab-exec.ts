import { AppError } from '@holdfast/api/errors.ts';
import { programFailed } from '../src/adapters/exec/failure.ts';
import { installRemedy } from '../src/adapters/exec/packages.ts';
import type { Exec } from '../src/ports/exec.ts';
import type { Files } from '../src/ports/files.ts';

/** What is needed of a lab's node: to run a program in it. */
export interface GuestRunner {
  exec(
    argv: readonly string[],
    options?: {
      readonly env?: Readonly<Record<string, string>>;
      readonly stdin?: string;
      readonly timeoutMs?: number;
      readonly signal?: AbortSignal;
    },
  ): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string; readonly durationMs: number }>;
}

/** `env` of coreutils says 127 when there is no such program. */
const NOT_FOUND = 127;

/** The exec port of another machine: adapters under test run here, their programs in the lab's node. */
export function createLabExec(guest: GuestRunner): Exec {
  return {
    async run(request) {
      const { argv, timeoutMs, stdin, signal } = request;
      const env = { LC_ALL: 'C', LVM_SUPPRESS_FD_WARNINGS: '1', ...request.env };
      const result = await guest.exec(argv, {
        env,
        timeoutMs,
        stdin: stdin ?? '',
        ...(signal === undefined ? {} : { signal }),
      });
      const { code, stdout, stderr, durationMs } = result;
      if (code === NOT_FOUND && stdout === '') {
        const remedy = installRemedy(argv[0]);
        throw new AppError('unavailable', `the program '${argv[0]}' is not installed; ${remedy}`, {
          details: { argv, remedy, reason: 'ProgramMissing' },
        });
      }
      if (!(request.okCodes ?? [0]).includes(code)) {
        throw programFailed({ argv, exitCode: code, signal: null, stdout, stderr });
      }
      return { argv, code, stdout, stderr, durationMs };
    },
    lines() {
      throw new AppError('unimplemented', 'streams of a lab node are read with LabNode.spawn');
    },
  };
}

/**
 * The files port of another machine, enough for /proc, /sys and small files of state. A look at /sys/block reads some
 * hundred attributes, so all of them are fetched in one go whenever the directory is listed.
 */
export function createLabFiles(exec: Exec): Files {
  let blocks: { readonly text: Map<string, string>; readonly names: Map<string, Set<string>> } | undefined;

  async function run(...argv: [string, ...string[]]): Promise<string> {
    return (await exec.run({ argv, timeoutMs: 30_000 })).stdout;
  }

  /** undefined when the path does not exist; other failures are failures. */
  async function ask(...argv: [string, ...string[]]): Promise<string | undefined> {
    const result = await exec.run({ argv, timeoutMs: 30_000, okCodes: [0, 1, 2], sideEffect: false });
    if (result.code === 0) return result.stdout;
    if (/no such file|not a directory|invalid argument|no such device/i.test(result.stderr) || argv[0] === 'readlink') {
      return undefined;
    }
    throw new AppError('internal', `${argv.join(' ')}: ${result.stderr}`);
  }

  async function fetchBlocks(): Promise<void> {
    const script = `cd /sys/block && ls -1d */* */*/* && echo && grep -s '' */dev */size */ro */serial */wwid */partition \
      */queue/rotational */dm/uuid */dm/name */device/serial */device/wwid */device/model */*/dev */*/partition || true`;
    const output = await run('sh', '-c', script);
    const [paths = '', attributes = ''] = output.split('\n\n');
    const text = new Map<string, string>();
    const names = new Map<string, Set<string>>();
    for (const path of paths.split('\n')) {
      const parts = path.split('/');
      for (let depth = 0; depth < parts.length; depth += 1) {
        const dir = ['/sys/block', ...parts.slice(0, depth)].join('/');
        names.set(dir, (names.get(dir) ?? new Set()).add(parts[depth] ?? ''));
      }
    }
    for (const line of attributes.split('\n')) {
      const at = line.indexOf(':');
      if (at > 0) text.set(`/sys/block/${line.slice(0, at)}`, `${line.slice(at + 1)}\n`);
    }
    blocks = { text, names };
  }

  return {
    async read(path) {
      return path.startsWith('/sys/block/') && blocks !== undefined ? blocks.text.get(path) : await ask('cat', path);
    },
    async write(path, content, mode = 0o600) {
      const script = 'mkdir -p "$(dirname "$1")" && cat > "$1.tmp" && chmod "$2" "$1.tmp" && mv "$1.tmp" "$1"';
      await exec.run({
        argv: ['sh', '-c', script, 'sh', path, mode.toString(8)],
        timeoutMs: 30_000,
        stdin: content,
      });
    },
    async writeKernel(path, content) {
      await exec.run({ argv: ['sh', '-c', 'cat > "$1"', 'sh', path], timeoutMs: 30_000, stdin: content });
    },
    async remove(path) {
      await run('rm', '-f', path);
    },
    async list(dir) {
      if (dir === '/sys/block') await fetchBlocks();
      if (dir.startsWith('/sys/block') && blocks !== undefined) return [...(blocks.names.get(dir) ?? [])].sort();
      const text = await ask('ls', '-1', dir);
      return text === undefined ? [] : text.split('\n').filter((name) => name !== '');
    },
    async readlink(path) {
      return (await ask('readlink', path))?.trim();
    },
    async symlink(target, path) {
      await run('ln', '-sfn', target, path);
    },
    async mkdir(path) {
      await run('mkdir', '-p', path);
    },
    watch() {
      throw new AppError('unimplemented', 'files of a lab node cannot be watched from here');
    },
  };
}
