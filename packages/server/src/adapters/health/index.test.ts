import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { AppError } from '@holdfast/api/errors.ts';
import { type HealthServer, serveHealth } from './index.ts';

const open: HealthServer[] = [];
after(() => Promise.all(open.map((server) => server.close())));

test('alive and ready are two questions; a reason is 503, anything else is not there', async () => {
  let why: string | null = 'not registered yet';
  const server = await serveHealth({ host: '127.0.0.1', port: 0 }, { live: () => null, ready: () => why });
  open.push(server);
  const ask = async (path: string): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return `${answer.status} ${(await answer.text()).trim()}`;
  };
  assert.equal(await ask('/healthz'), '200 ok');
  assert.equal(await ask('/readyz'), '503 not registered yet');
  why = null;
  assert.equal(await ask('/readyz'), '200 ok');
  assert.equal(await ask('/metrics'), '404 not found');
  await assert.rejects(
    serveHealth({ host: '127.0.0.1', port: server.port }, { live: () => null, ready: () => null }),
    (error) => error instanceof AppError && error.code === 'unavailable',
  );
});
