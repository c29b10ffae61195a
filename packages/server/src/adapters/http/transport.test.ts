import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { readLines, readText } from '@holdfast/api/client/lines.ts';
import { makeSelfSigned } from '../../apiserver/self-signed.ts';
import { createHttpTransport } from './transport.ts';

async function serve(handler: http.RequestListener, listen: string | number = 0) {
  const sockets = new Set<Socket>();
  const server = http.createServer(handler);
  server.on('connection', (socket) => sockets.add(socket));
  if (typeof listen === 'string') server.listen(listen);
  else server.listen(listen, '127.0.0.1');
  await once(server, 'listening');
  const port = typeof listen === 'string' ? 0 : (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${port}`,
    sockets,
    async close(): Promise<void> {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

const get = { method: 'GET', headers: {} } as const;

test('sends method, path, headers and body, and keeps the connection for the next request', async () => {
  const server = await serve((request, response) => {
    void (async () => {
      const body = await readText(request);
      response.setHeader('x-test', 'yes');
      response.end(
        JSON.stringify({ method: request.method, url: request.url, auth: request.headers['authorization'], body }),
      );
    })();
  });
  const transport = createHttpTransport({ server: `${server.url}/prefix/` });
  for (let time = 0; time < 3; time += 1) {
    const response = await transport.send({
      method: 'PATCH',
      path: '/apis/x?y=%20',
      headers: { authorization: 'Bearer t' },
      body: '{"ä":1}',
    });
    assert.equal(response.status, 200);
    assert.equal(response.headers['x-test'], 'yes');
    assert.deepEqual(JSON.parse(await readText(response.body)), {
      method: 'PATCH',
      url: '/prefix/apis/x?y=%20',
      auth: 'Bearer t',
      body: '{"ä":1}',
    });
  }
  assert.equal(server.sockets.size, 1);
  transport.close();
  await server.close();
});

test('reaches a server on a unix socket', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'hf-http-'));
  const socket = path.join(directory, 'api.sock');
  const server = await serve((_, response) => response.end('hello'), socket);
  const transport = createHttpTransport({ server: `unix:${socket}` });
  assert.equal(await readText((await transport.send({ ...get, path: '/' })).body), 'hello');
  transport.close();
  await server.close();
  await rm(directory, { recursive: true });
});

test('hands out a streamed body line by line, and hangs up when the reader leaves or the signal aborts', async () => {
  const gone: string[] = [];
  const bothGone = Promise.withResolvers<void>();
  const server = await serve((request, response) => {
    response.write('one\n');
    response.write('two\nthr');
    response.on('close', () => {
      gone.push(request.url ?? '');
      if (gone.length === 2) bothGone.resolve();
    });
  });
  const transport = createHttpTransport({ server: server.url });
  const first = await transport.send({ ...get, path: '/left' });
  const lines: string[] = [];
  for await (const line of readLines(first.body)) {
    lines.push(line);
    if (lines.length === 2) break;
  }
  assert.deepEqual(lines, ['one', 'two']);
  const controller = new AbortController();
  const second = await transport.send({ ...get, path: '/aborted', signal: controller.signal });
  const reading = readText(second.body);
  controller.abort(new Error('stop'));
  await assert.rejects(reading);
  await bothGone.promise;
  await server.close();
  assert.deepEqual(gone.sort(), ['/aborted', '/left']);
  transport.close();
});

test('a refused connection and a connection that breaks in the middle of the body are errors', async () => {
  const server = await serve((_, response) => {
    response.write('half');
    setImmediate(() => response.socket?.destroy());
  });
  const transport = createHttpTransport({ server: server.url });
  const response = await transport.send({ ...get, path: '/' });
  await assert.rejects(readText(response.body));
  await server.close();
  await assert.rejects(transport.send({ ...get, path: '/' }), /ECONNREFUSED/);
  transport.close();
});

test('repeats a read, but not a write, that met a connection which the server had just closed', async () => {
  let requests = 0;
  const server = await serve((request, response) => {
    requests += 1;
    // The second request on a connection finds it closed without an answer.
    if (requests % 2 === 0) request.socket.destroy();
    else response.end('ok');
  });
  const transport = createHttpTransport({ server: server.url });
  const send = async (method: 'GET' | 'POST'): Promise<string> =>
    readText((await transport.send({ method, path: '/', headers: {} })).body);
  assert.equal(await send('GET'), 'ok');
  assert.equal(await send('GET'), 'ok');
  assert.equal(requests, 3);
  await assert.rejects(send('POST'), /socket hang up|ECONNRESET/);
  assert.equal(requests, 4);
  transport.close();
  await server.close();
});

test('trusts only the authority that it was given, and only for the name that it asked for', async () => {
  const tls = makeSelfSigned(['localhost', '127.0.0.1'], Date.now());
  const server = https.createServer(tls, (_, response) => response.end('hello'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const read = async (options: Partial<Parameters<typeof createHttpTransport>[0]>): Promise<string> => {
    const transport = createHttpTransport({ server: url, ...options });
    try {
      return await readText((await transport.send({ ...get, path: '/' })).body);
    } finally {
      transport.close();
    }
  };
  assert.equal(await read({ ca: tls.cert }), 'hello');
  assert.equal(await read({ ca: tls.cert, tlsServerName: 'localhost' }), 'hello');
  await assert.rejects(read({}), /self-signed certificate/);
  await assert.rejects(read({ ca: tls.cert, tlsServerName: 'elsewhere' }), /does not match certificate/);
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

test('an address that cannot be one is refused with the forms that can', () => {
  for (const server of ['10.0.0.1:6443', 'ftp://x', '', 'unix:relative']) {
    assert.throws(
      () => createHttpTransport({ server }),
      /write https:\/\/HOST:PORT, http:\/\/HOST:PORT or unix:\/PATH/,
    );
  }
});
