/** Starts a lab in a detached supervisor process, so that it outlives the command. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@holdfast/api/errors.ts';
import { defaultCacheDir } from './cache.ts';
import { connectLab, type RemoteLab } from './client.ts';
import { checkOptions } from './lab-options.ts';
import { pinnedNode } from './rootfs.ts';
import { fromWireError, type WireError } from './rpc.ts';
import type { DaemonSpec, LabOptions, Progress } from './types.ts';

/** Options as data: what can be handed to another process. */
export interface SupervisedOptions extends Omit<LabOptions, 'onProgress' | 'signal' | 'daemons'> {
  readonly daemonsByNode: Readonly<Record<string, readonly DaemonSpec[]>>;
}

export type SupervisorLine =
  | { readonly progress: Progress }
  | { readonly ready: { readonly name: string; readonly dir: string } }
  | { readonly error: WireError };

/** As `createLab`, but the lab lives in its own process until it is destroyed. Aborting the signal ends it while it starts. */
export async function startSupervised(options: LabOptions): Promise<RemoteLab> {
  const { onProgress, signal, daemons = [], ...plain } = options;
  const checked = checkOptions(options);
  const daemonsByNode = Object.fromEntries(
    checked.nodes.map((node) => [node.name, typeof daemons === 'function' ? daemons(node) : daemons]),
  );
  const cacheDir = options.cacheDir ?? defaultCacheDir();
  await mkdir(cacheDir, { recursive: true });
  const log = openSync(join(cacheDir, `supervisor-${checked.name}.log`), 'w');
  const child = spawn(await pinnedNode(), [join(import.meta.dirname, 'supervisor-main.ts')], {
    detached: true,
    stdio: ['pipe', 'pipe', log],
    cwd: '/',
  });
  closeSync(log);
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new AppError('internal', 'the supervisor has no pipes');
  stdin.on('error', () => undefined); // It ended: its last line or exit tells why.
  const started = Promise.withResolvers<void>();
  child.once('error', started.reject);
  child.once('exit', (code, killed) => {
    started.reject(
      new AppError(
        'internal',
        `the lab's supervisor ended with ${code ?? killed} (see ${cacheDir}/supervisor-${checked.name}.log)`,
      ),
    );
  });
  let rest = '';
  stdout.setEncoding('utf8');
  stdout.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const message = JSON.parse(line) as SupervisorLine;
      if ('progress' in message) onProgress?.(message.progress);
      else if ('ready' in message) started.resolve();
      else started.reject(fromWireError(message.error));
    }
  });
  const giveUp = (): void => void stdin.end();
  signal?.addEventListener('abort', giveUp, { once: true });
  const data: SupervisedOptions = { ...plain, cacheDir, daemonsByNode };
  stdin.write(`${JSON.stringify(data)}\n`);
  await started.promise;
  signal?.removeEventListener('abort', giveUp);
  const detached = Promise.withResolvers<void>();
  stdin.end('detach\n', () => detached.resolve());
  await detached.promise;
  stdout.destroy();
  child.unref();
  return await connectLab(checked.name);
}
