/**
 * The process that owns a lab which outlives the command that started it. Options come as one line of JSON on stdin;
 * progress, then `ready` or `error`, go to stdout as lines of JSON. Stdin closing before `detach` means that whoever
 * started us died: then we end too.
 */
import { join } from 'node:path';
import { AppError } from '@holdfast/api/errors.ts';
import { createLab } from './lab.ts';
import { runtimeRoot } from './lab-dir.ts';
import { toWireError } from './rpc.ts';
import { serveLab } from './serve.ts';
import type { SupervisedOptions, SupervisorLine } from './supervise.ts';

function say(line: SupervisorLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function main(): Promise<void> {
  const options = Promise.withResolvers<SupervisedOptions>();
  const abort = new AbortController();
  let detached = false;
  let rest = '';
  process.stdin.setEncoding('utf8');
  process.stdin.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === 'detach') detached = true;
      else options.resolve(JSON.parse(line) as SupervisedOptions);
    }
  });
  process.stdin.on('end', () => {
    if (!detached) abort.abort();
  });
  // After detaching nobody reads our output any more.
  process.stdout.on('error', () => undefined);

  const { daemonsByNode, ...plain } = await options.promise;
  // Before there is a lab, nothing needs an orderly end: what we run dies with us.
  const exit = (): void => process.exit(1);
  abort.signal.addEventListener('abort', exit, { once: true });
  const lab = await createLab({
    ...plain,
    daemons: (node) => daemonsByNode[node.name] ?? [],
    onProgress: (progress) => say({ progress }),
    signal: abort.signal,
  });
  const end = async (): Promise<never> => {
    await lab.destroy();
    process.exit(detached ? 0 : 1);
  };
  abort.signal.removeEventListener('abort', exit);
  abort.signal.addEventListener('abort', () => void end(), { once: true });
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${error.stack ?? error.message}\n`);
    void end();
  });
  if (abort.signal.aborted) await end();
  await serveLab(lab, join(runtimeRoot(), lab.name, 'lab.sock'), () => process.exit(0));
  say({ ready: { name: lab.name, dir: lab.dir } });
}

try {
  await main();
} catch (error) {
  say({ error: toWireError(error) });
  process.stderr.write(`${AppError.from(error).stack ?? ''}\n`);
  process.exitCode = 1;
  process.stdin.destroy();
}
