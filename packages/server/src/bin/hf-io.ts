import { homedir } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { createClock } from '../adapters/clock/real.ts';
import type { HttpTransport } from '../adapters/http/transport.ts';
import type { CliIo, Terminal } from '../transport/cli/io.ts';

export interface TerminalIo extends CliIo {
  /** Lets go of sockets and signals, so that the process can end. */
  close(): void;
}

function terminal(stream: NodeJS.WriteStream): Terminal {
  return {
    write: (text) => {
      stream.write(text);
    },
    isTty: stream.isTTY === true,
    get columns() {
      return stream.columns ?? 0;
    },
  };
}

/** The real world of `hf`: the terminal, the environment, files, and the API over HTTP. */
export function createTerminalIo(): TerminalIo {
  const interrupted = new AbortController();
  const onSignal = (): void => {
    // The second Ctrl-C ends the process the hard way.
    process.removeListener('SIGINT', onSignal);
    process.removeListener('SIGTERM', onSignal);
    interrupted.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // `hf ... | head` is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const clock = createClock();
  const transports: HttpTransport[] = [];
  return {
    stdout: terminal(process.stdout),
    stderr: terminal(process.stderr),
    env: process.env,
    home: homedir(),
    clock,
    files: {
      read: async (path) => (await import('../adapters/files/index.ts')).createFiles().read(path),
      remove: async (path) => (await import('../adapters/files/index.ts')).createFiles().remove(path),
      write: async (path, content, mode) =>
        (await import('../adapters/files/index.ts')).createFiles().write(path, content, mode),
    },
    streams: () => process,
    signal: interrupted.signal,
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    async ask(question) {
      const reader = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return await reader.question(question, { signal: interrupted.signal });
      } finally {
        reader.close();
      }
    },
    async parseKubeconfig(text, { path, context }) {
      const [{ loadKubeconfig }, { readFileSync }, { resolve, dirname }] = await Promise.all([
        import('../adapters/http/kubeconfig.ts'),
        import('node:fs'),
        import('node:path'),
      ]);
      const access = loadKubeconfig(text, {
        ...(context === undefined ? {} : { context }),
        readFile: (file) => readFileSync(resolve(dirname(path), file), 'utf8'),
      });
      const { server, ca, cert, key, tlsServerName } = access.transport;
      return {
        server,
        source: path,
        ...(access.token === undefined ? {} : { token: access.token }),
        ...(ca === undefined ? {} : { caPem: ca }),
        ...(cert === undefined ? {} : { clientCertificatePem: cert }),
        ...(key === undefined ? {} : { clientKeyPem: key }),
        ...(tlsServerName === undefined ? {} : { tlsServerName }),
      };
    },
    async connect(target) {
      const [{ createHttpTransport }, { createClusterClient }] = await Promise.all([
        import('../adapters/http/transport.ts'),
        import('@holdfast/api/client/cluster-client.ts'),
      ]);
      const transport = createHttpTransport({
        server: target.server,
        ca: target.caPem,
        cert: target.clientCertificatePem,
        key: target.clientKeyPem,
        tlsServerName: target.tlsServerName,
      });
      transports.push(transport);
      return createClusterClient({ transport, clock, token: () => target.token, userAgent: 'hf' });
    },
    async daemon(name, args) {
      // Each daemon reads its own configuration; importing it runs it.
      process.argv.splice(2, process.argv.length, ...args);
      switch (name) {
        case 'apiserver':
          await import('./apiserver.ts');
          break;
        case 'controller':
          await import('./controller.ts');
          break;
        case 'agent':
          await import('./agent.ts');
          break;
      }
      return Number(process.exitCode ?? 0);
    },
    close() {
      process.removeListener('SIGINT', onSignal);
      process.removeListener('SIGTERM', onSignal);
      for (const transport of transports) transport.close();
    },
  };
}
