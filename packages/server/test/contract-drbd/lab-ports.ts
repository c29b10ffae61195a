import { AppError } from '@holdfast/api/errors.ts';
import type { LabNode } from '@holdfast/lab/lab.ts';
import type { Exec, ExecRequest, ExecResult } from '../../src/ports/exec.ts';
import type { Files } from '../../src/ports/files.ts';

/** The ports Exec and Files on a node of the lab: the real adapters run here, their effects happen there. */
export function labExec(node: LabNode): Exec {
  return {
    async run(request: ExecRequest): Promise<ExecResult> {
      const result = await node.exec(request.argv, {
        timeoutMs: request.timeoutMs,
        env: { LC_ALL: 'C', ...request.env },
        ...(request.stdin === undefined ? {} : { stdin: request.stdin }),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      if (!(request.okCodes ?? [0]).includes(result.code))
        throw new AppError('internal', `${request.argv[0]} failed: ${result.stderr}`, {
          details: { argv: request.argv, exitCode: result.code, stderr: result.stderr, stdout: result.stdout },
        });
      return { argv: request.argv, ...result };
    },
    async *lines(request) {
      const waiting: string[] = [];
      let rest = '';
      let wake = (): void => {};
      let ended = false;
      const process = await node.spawn(request.argv, {
        timeoutMs: 0,
        env: { LC_ALL: 'C' },
        ...(request.signal === undefined ? {} : { signal: request.signal }),
        onStdout: (chunk) => {
          const parts = (rest + chunk.toString('utf8')).split('\n');
          rest = parts.pop() ?? '';
          waiting.push(...parts);
          wake();
        },
      });
      const over = process.result.then(
        () => undefined,
        () => undefined,
      );
      void over.then(() => {
        ended = true;
        wake();
      });
      try {
        for (;;) {
          const line = waiting.shift();
          if (line !== undefined) yield line;
          else if (ended) return;
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
              if (waiting.length > 0 || ended) resolve();
            });
        }
      } finally {
        if (!ended) process.kill('SIGKILL');
      }
    },
  };
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export function labFiles(node: LabNode): Files {
  const sh = async (script: string, stdin = ''): Promise<string> =>
    (await node.exec(['sh', '-c', script], { stdin, check: true })).stdout;
  return {
    async read(path) {
      const result = await node.exec(['cat', path]);
      if (result.code === 0) return result.stdout;
      if (/No such file|Not a directory/.test(result.stderr)) return undefined;
      throw new AppError('internal', `cannot read ${path}: ${result.stderr}`);
    },
    async write(path, content, mode = 0o600) {
      const dir = path.slice(0, path.lastIndexOf('/'));
      const temporary = quote(`${path}.tmp`);
      await sh(
        `mkdir -p ${quote(dir)} && cat > ${temporary} && chmod ${mode.toString(8)} ${temporary} && sync ${temporary} && mv ${temporary} ${quote(path)} && sync ${quote(dir)}`,
        content,
      );
    },
    writeKernel: async (path, content) => void (await sh(`printf %s ${quote(content)} > ${quote(path)}`)),
    remove: async (path) => void (await sh(`rm -f ${quote(path)}`)),
    list: async (dir) =>
      (await sh(`[ -d ${quote(dir)} ] || exit 0; ls -A ${quote(dir)}`)).split('\n').filter((name) => name !== ''),
    async readlink(path) {
      const result = await node.exec(['readlink', path]);
      return result.code === 0 ? result.stdout.trim() : undefined;
    },
    symlink: async (target, path) => void (await sh(`ln -sfn ${quote(target)} ${quote(path)}`)),
    mkdir: async (path, mode = 0o755) => void (await sh(`mkdir -p -m ${mode.toString(8)} ${quote(path)}`)),
    /** One process in the node that prints the directory's content whenever it changes. */
    async *watch(dir, signal) {
      const script = `mkdir -p ${quote(dir)}; old=none; while :; do new=$(ls -A ${quote(dir)}); if [ "$new" != "$old" ]; then echo; old=$new; fi; sleep 0.1; done`;
      for await (const _ of labExec(node).lines({ argv: ['sh', '-c', script], signal, sideEffect: false })) yield '';
    },
  };
}

/** Wakes the fence helper in the node, if it waits: opening a FIFO without a reader fails, it does not block. */
export function labPoke(node: LabNode): (fifo: string) => Promise<boolean> {
  return async (fifo) => {
    const script = `echo | dd of=${quote(fifo)} oflag=nonblock conv=notrunc,nocreat status=none`;
    const result = await node.exec(['sh', '-c', script]);
    if (result.code === 0) return true;
    if (/No such/.test(result.stderr)) return false;
    throw new AppError('internal', `cannot wake ${fifo}: ${result.stderr}`);
  };
}
