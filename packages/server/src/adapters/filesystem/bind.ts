import { AppError } from '@holdfast/api/errors.ts';
import type { BindMounts, FsUsage } from '../../ports/bind-mounts.ts';
import type { Exec, ExecRequest, ExecResult } from '../../ports/exec.ts';
import { execFailure } from '../exec/failure.ts';
import * as commands from './commands.ts';
import { fsError } from './errors.ts';
import { checkPath } from './index.ts';
import { parseBlockNumber, parseUsage } from './parse.ts';

const QUICK_MS = 20_000;

/** Bind mounts through mount(8) and coreutils. A path on a hung device costs a child process, never the event loop. */
export function createBindMounts(deps: { readonly exec: Exec }): BindMounts {
  const { exec } = deps;

  async function run(argv: commands.Argv, subject: string, verb: string, more: Partial<ExecRequest> = {}) {
    try {
      return await exec.run({ argv, timeoutMs: QUICK_MS, ...more });
    } catch (error) {
      throw fsError(error, subject, verb);
    }
  }

  /** undefined: nothing is there. */
  async function kindOf(path: string): Promise<{ kind: string; size: number; device: string } | undefined> {
    checkPath(path);
    let result: ExecResult;
    try {
      result = await exec.run({ argv: commands.targetKind(path), timeoutMs: QUICK_MS, sideEffect: false });
    } catch (error) {
      if (/no such file or directory|not a directory/i.test(execFailure(error)?.stderr ?? '')) return undefined;
      throw fsError(error, path, 'inspect');
    }
    const [kind = '', size = '', device = ''] = result.stdout.trim().split('|');
    return { kind, size: Number(size), device };
  }

  return {
    async bind({ source, target, readOnly }) {
      checkPath(source);
      checkPath(target);
      await run(commands.bind(source, target), `${source} at ${target}`, 'bind');
      if (readOnly) await run(commands.rebindReadOnly(target), target, 'make read-only');
    },
    async makeReadOnly(target) {
      checkPath(target);
      await run(commands.rebindReadOnly(target), target, 'make read-only');
    },
    async makeDirectory(path) {
      checkPath(path);
      await run(commands.makeTargetDirectory(path), path, 'make');
    },
    async makeFile(path) {
      checkPath(path);
      await run(commands.makeTargetDirectory(path.slice(0, path.lastIndexOf('/')) || '/'), path, 'make');
      await run(commands.makeTargetFile(path), path, 'make');
    },
    async removeTarget(path) {
      const found = await kindOf(path);
      if (found === undefined) return;
      if (found.kind === 'directory') await run(commands.removeDirectory(path), path, 'remove');
      else if (found.kind.startsWith('regular') && found.size === 0) {
        await run(commands.removeFile(path), path, 'remove');
      } else {
        throw new AppError(
          'failed_precondition',
          `${path} is a ${found.kind} that Holdfast did not make; it is left alone`,
          {
            details: { field: 'path', value: path, reason: 'ForeignTarget', remedy: 'look at it and move it away' },
          },
        );
      }
    },
    async usage(path): Promise<FsUsage> {
      checkPath(path);
      const { stdout } = await run(commands.fileSystemUsage(path), path, 'measure', { sideEffect: false });
      return parseUsage(stdout);
    },
    async blockNumber(path) {
      const found = await kindOf(path);
      if (found?.kind !== 'symbolic link') {
        return found === undefined ? undefined : parseBlockNumber(`${found.kind} ${found.device}`);
      }
      const { stdout } = await run(commands.fileKind(path), path, 'inspect', { sideEffect: false });
      return parseBlockNumber(stdout);
    },
    async isReadOnly(device) {
      const { stdout } = await run(commands.getReadOnly(device), device, 'inspect', { sideEffect: false });
      return stdout.trim() === '1';
    },
    async setReadOnly(device, readOnly) {
      await run(commands.setReadOnly(device, readOnly), device, readOnly ? 'make read-only' : 'make writable');
    },
  };
}
