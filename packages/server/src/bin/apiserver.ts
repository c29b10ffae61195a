/** Entry point of the stand-alone API server: configuration, wiring, start, orderly end. */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { AppError } from '@holdfast/api/errors.ts';
import { createClock, createRandom } from '../adapters/clock/real.ts';
import { createPinoLog } from '../adapters/log/pino.ts';
import { startApiServer } from '../apiserver/server.ts';
import { logLevel, runDaemon } from './daemon.ts';

const HELP = `usage: hf apiserver --token-file FILE [options]

The stand-alone API server: Kubernetes' REST conventions on one SQLite file. kubectl works with it.

  --database FILE      where the state is kept (default /var/lib/holdfast/apiserver.db); ":memory:" keeps nothing
  --listen HOST:PORT   default 127.0.0.1:6443; port 0 picks a free one
  --socket PATH        listen on a unix socket instead
  --token-file FILE    lines of token,user,uid,"group1,group2"; read again when it changes
  --tls-cert FILE      certificate (PEM); needed unless the address is loopback
  --tls-key FILE       its key (PEM)
  --allow-insecure     plain HTTP on an address that is not loopback (tests only: tokens can be read)
  --keep-events N      changes kept for watches to resume from (default 20000)
  --log-level LEVEL    debug, info, warn or error (default info)

exit codes: 2 bad option, 6 the database cannot be used (the message says why), 9 the address cannot be used
`;

function bad(field: string, value: unknown, remedy: string): AppError {
  return new AppError('invalid_argument', `${field}: ${JSON.stringify(value ?? null)} cannot be used; ${remedy}`, {
    details: { field, value, remedy },
  });
}

function readPem(field: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw bad(field, path, 'name a readable PEM file');
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      database: { type: 'string', default: '/var/lib/holdfast/apiserver.db' },
      listen: { type: 'string', default: '127.0.0.1:6443' },
      socket: { type: 'string' },
      'token-file': { type: 'string' },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      'allow-insecure': { type: 'boolean', default: false },
      'keep-events': { type: 'string', default: '20000' },
      'log-level': { type: 'string', default: 'info' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const level = logLevel(values['log-level']);
  const tokens = values['token-file'];
  if (tokens === undefined)
    throw bad('--token-file', undefined, 'name a file with token,user,uid,"group1,group2" lines');
  const address = /^(.+):(\d{1,5})$/.exec(values.listen);
  const port = Number(address?.[2]);
  if (address === null || port > 65_535)
    throw bad('--listen', values.listen, 'write HOST:PORT, such as 127.0.0.1:6443');
  const keepEvents = Number(values['keep-events']);
  if (!Number.isInteger(keepEvents) || keepEvents < 100)
    throw bad('--keep-events', values['keep-events'], 'give a number of at least 100');
  const cert = readPem('--tls-cert', values['tls-cert']);
  const key = readPem('--tls-key', values['tls-key']);
  if ((cert === undefined) !== (key === undefined))
    throw bad('--tls-cert', values['tls-cert'], 'give both --tls-cert and --tls-key');
  const database = values.database === ':memory:' ? values.database : resolve(values.database);
  if (database !== ':memory:') makeDirectory(dirname(database));
  const log = createPinoLog({ level, component: 'apiserver' });
  const server = await startApiServer({
    database,
    listen: values.socket === undefined ? { host: address[1] ?? '', port } : { socket: values.socket },
    ...(cert === undefined || key === undefined ? {} : { tls: { cert, key } }),
    allowInsecure: values['allow-insecure'],
    tokens: { file: tokens },
    keepEvents,
    log,
    clock: createClock(),
    random: createRandom(),
  });
  await new Promise<void>((done) => {
    process.once('SIGTERM', done);
    process.once('SIGINT', done);
  });
  await server.close();
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new AppError(
      'failed_precondition',
      `database: the directory ${path} cannot be made; make it writable for this user`,
      { cause: error },
    );
  }
}

await runDaemon('apiserver', main);
