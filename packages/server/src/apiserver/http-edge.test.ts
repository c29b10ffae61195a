import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { MAX_BODY_BYTES } from './http-edge.ts';
import { type RealServer, realClock, startRealServer } from './real-server.ts';
import { startApiServer } from './server.ts';
import { ADMIN_TOKEN, aVolume, countingRandom, silentLog, TOKENS, VOLUMES } from './testing.ts';

let secure: RealServer;
let plain: RealServer;
before(async () => {
  secure = await startRealServer();
  plain = await startRealServer({ plain: true });
});
after(async () => {
  await secure.server.close();
  await plain.server.close();
});

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function read(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function call(
  target: RealServer,
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const make = target.ca === '' ? httpRequest : httpsRequest;
  const request = make(`${target.server.url}${path}`, {
    method,
    ca: target.ca,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json', ...headers },
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await read(response) };
}

test('speaks TLS and plain HTTP on loopback alike', async () => {
  for (const target of [secure, plain]) {
    const made = await call(target, 'POST', VOLUMES, JSON.stringify(aVolume('wire')));
    assert.equal(made.status, 201);
    assert.equal((await call(target, 'GET', `${VOLUMES}/wire`)).body.toString(), made.body.toString());
  }
});

test('refuses a missing and a wrong token with 401 and the remedy, but answers health and version', async () => {
  for (const authorization of ['', 'Bearer wrong', 'Basic x', `Bearer ${ADMIN_TOKEN} `.repeat(2)]) {
    const answer = await call(plain, 'GET', VOLUMES, undefined, { authorization });
    assert.equal(answer.status, 401, authorization);
    const status = JSON.parse(answer.body.toString()) as { reason: string; message: string };
    assert.equal(status.reason, 'Unauthorized');
    assert.match(status.message, /send "Authorization: Bearer TOKEN"/);
    assert.equal(answer.headers['www-authenticate'], 'Bearer');
  }
  for (const path of ['/healthz', '/livez', '/readyz', '/version']) {
    assert.equal((await call(plain, 'GET', path, undefined, { authorization: '' })).status, 200);
  }
});

test('packs large answers when the client takes gzip, and only then', async () => {
  for (let index = 0; index < 40; index += 1)
    await call(plain, 'POST', VOLUMES, JSON.stringify(aVolume(`zip-${index}`)));
  const packed = await call(plain, 'GET', VOLUMES, undefined, { 'accept-encoding': 'gzip' });
  const loose = await call(plain, 'GET', VOLUMES);
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.equal(loose.headers['content-encoding'], undefined);
  assert.equal(gunzipSync(packed.body).toString(), loose.body.toString());
  const small = await call(plain, 'GET', `${VOLUMES}/zip-1`, undefined, { 'accept-encoding': 'gzip' });
  assert.equal(small.headers['content-encoding'], undefined);
});

test('refuses a body that is too large with 413', async () => {
  const answer = await call(plain, 'POST', VOLUMES, 'x'.repeat(MAX_BODY_BYTES + 1));
  assert.equal(answer.status, 413);
});

test('streams a watch: headers at once, each event as it is committed, and lets go when the client leaves', async () => {
  const request = httpRequest(`${plain.server.url}${VOLUMES}?watch=true&resourceVersion=1&labelSelector=w%3D1`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  await call(plain, 'POST', VOLUMES, JSON.stringify(aVolume('streamed', { metadata: { labels: { w: '1' } } })));
  const [chunk] = (await once(response, 'data')) as [Buffer];
  const event = JSON.parse(chunk.toString()) as { type: string; object: { metadata: { name: string } } };
  assert.equal(event.type, 'ADDED');
  assert.equal(event.object.metadata.name, 'streamed');
  response.destroy();
});

test('reads a changed token file again, and keeps the last good one when it is broken', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-tokens-'));
  const file = join(dir, 'tokens');
  const problems: string[] = [];
  let now = 0;
  const write = (text: string): void => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
    now += 2000;
  };
  write('one,admin,1,"system:masters"\n');
  const target = await startRealServer({
    plain: true,
    tokens: { file },
    log: silentLog(problems),
    clock: { ...realClock, monotonic: () => now },
  });
  const status = async (token: string): Promise<number> =>
    (await call(target, 'GET', VOLUMES, undefined, { authorization: `Bearer ${token}` })).status;
  try {
    assert.equal(await status('one'), 200);
    write('two,admin,1,"system:masters"\n');
    assert.equal(await status('one'), 401);
    assert.equal(await status('two'), 200);
    write('broken\n');
    assert.equal(await status('two'), 200);
    assert.match(problems[0] ?? '', /last good version stays/);
  } finally {
    await target.server.close();
    rmSync(dir, { recursive: true, force: true });
  }
});

test('listens on a unix socket', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-socket-'));
  const socketPath = join(dir, 's');
  const target = await startRealServer({ plain: true, listen: { socket: socketPath } });
  try {
    const request = httpRequest({ socketPath, path: VOLUMES, headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    assert.equal(response.statusCode, 200);
    response.resume();
  } finally {
    await target.server.close();
    rmSync(dir, { recursive: true, force: true });
  }
});

test('refuses plain HTTP beyond loopback and an address in use, naming the remedy', async () => {
  const options = {
    database: ':memory:',
    tokens: { csv: TOKENS },
    log: silentLog(),
    clock: realClock,
    random: countingRandom(),
  };
  await assert.rejects(
    startApiServer({ ...options, listen: { host: '0.0.0.0', port: 0 } }),
    /0\.0\.0\.0 is not loopback.*certificate/,
  );
  await assert.rejects(
    startApiServer({ ...options, listen: { host: '127.0.0.1', port: plain.server.port } }),
    /cannot be used \(EADDRINUSE\); stop the other server or choose another port/,
  );
});
