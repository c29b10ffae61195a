import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import { createClusterClient } from '@holdfast/api/client/cluster-client.ts';
import { LEASES, NODES, POOLS, REPLICAS, SECRETS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import type { ClusterClient } from '@holdfast/api/client/types.ts';
import { SYSTEM_NAMESPACE } from '@holdfast/api/schema/core.ts';
import { createClock, createRandom } from '@holdfast/server/adapters/clock/real.ts';
import { createHttpTransport, type HttpTransport } from '@holdfast/server/adapters/http/transport.ts';
import { type ApiServer, startApiServer } from '@holdfast/server/apiserver/server.ts';
import type { Log, LogFields } from '@holdfast/server/ports/log.ts';
import { aNode, aPool, aReplica, aVolume, GIB } from './fixtures.ts';
import { hf as hfInside } from './harness.ts';

/** The real program against the real server, over HTTP: what only shows between processes. */
const HF = resolve(import.meta.dirname, '../../packages/server/src/bin/hf.ts');
const TOKEN = 'a-good-token';

/** Everything that the server logs. */
const logged: string[] = [];
const write = (message: string, fields: LogFields = {}): void => {
  logged.push(`${message} ${inspect(fields, { depth: 10 })}`);
};
const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };

let server: ApiServer;
let transport: HttpTransport;
let client: ClusterClient;
let home: string;

before(async () => {
  home = mkdtempSync(join(tmpdir(), 'hf-cli-'));
  server = await startApiServer({
    database: ':memory:',
    listen: { host: '127.0.0.1', port: 0 },
    tokens: { csv: `${TOKEN},admin,1,"system:masters"\n` },
    log,
    clock: createClock(),
    random: createRandom(),
  });
  transport = createHttpTransport({ server: server.url });
  client = createClusterClient({ transport, clock: createClock(), token: () => TOKEN });
  for (const name of ['n1', 'n2', 'n3']) {
    const { status, ...node } = aNode(name);
    await client.resource(NODES).create(node);
    await client.resource(NODES).patchStatus(name, { status });
  }
  const { status: poolStatus, ...pool } = aPool('fast', ['n1', 'n2', 'n3']);
  await client.resource(POOLS).create(pool);
  await client.resource(POOLS).patchStatus('fast', { status: poolStatus });
});

after(async () => {
  transport.close();
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

function hf(
  line: string,
  env: Record<string, string> = {},
  onErr: (soFar: string) => void = () => {},
): Promise<{ status: number | null; out: string; err: string }> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [HF, ...line.split(' ')], {
      env: { PATH: process.env['PATH'] ?? '', HOME: home, HF_SERVER: server.url, HF_TOKEN: TOKEN, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
      onErr(err);
    });
    child.on('error', fail);
    child.on('close', (status) => done({ status, out, err }));
  });
}

test('a volume is created, found unchanged, shown as it is stored, and deleted', async () => {
  const created = await hf('volume create pg --size 1GiB --class ssd');
  assert.equal(created.status, 0, created.err);
  assert.equal(created.out, 'volume.holdfast.storage/pg created\n');
  assert.equal((await hf('volume create pg --size 1GiB --class ssd')).out, 'volume.holdfast.storage/pg unchanged\n');
  const shown = await hf('volume show pg -o json');
  assert.deepEqual(JSON.parse(shown.out), await client.resource(VOLUMES).get('pg'));
  const grown = await hf('volume resize pg +1GiB');
  assert.equal(grown.status, 0, grown.err);
  assert.equal((await client.resource(VOLUMES).get('pg')).spec?.sizeBytes, 2 * GIB);
  const deleted = await hf('volume delete pg --yes');
  assert.equal(deleted.status, 0, deleted.err);
});

test('a wrong token exits with 3 and says what to do', async () => {
  const { status, err } = await hf('volume list', { HF_TOKEN: 'wrong' });
  assert.equal(status, 3, err);
  assert.match(err, /error: .*(token|authenti)/i);
  assert.match(err, /remedy: +\S/);
  assert.ok(!err.includes('wrong'), 'INV-9: a token is never printed');
});

test('INV-9: no reading command shows the token or a Secret, in any format, nor does the log of the server', async () => {
  const SECRET = 'c2VjcmV0LWtleS1vZi10aGUtY2x1c3Rlcg==';
  await client.resource(SECRETS).create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'replication', namespace: SYSTEM_NAMESPACE },
    data: { key: SECRET },
  });
  const commands = ['status', 'node list', 'disk list', 'pool list', 'volume list', 'replica list', 'events'];
  const seen: string[] = [];
  for (const command of [...commands, 'node show n1', 'pool show fast', 'explain node n1', 'volume show nope']) {
    for (const format of ['wide', 'json', 'yaml', 'name']) {
      const env = { HF_SERVER: server.url, HF_TOKEN: TOKEN, HF_DEBUG: '1' };
      const { out, err } = await hfInside(`${command} -o ${format}`, { client, env });
      seen.push(out, err);
    }
  }
  const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'bad/name' }, data: { key: SECRET, no: 7 } };
  await fetch(`${server.url}/api/v1/namespaces/${SYSTEM_NAMESPACE}/secrets`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.ok(seen.some((text) => text.includes('n1')));
  for (const secret of [TOKEN, SECRET, atob(SECRET)]) {
    assert.deepEqual(
      [...seen, ...logged].filter((text) => text.includes(secret)),
      [],
    );
  }
});

/** Runs a daemon until it ends by itself. */
function daemon(name: string, args: readonly string[]): Promise<{ status: number | null; err: string }> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [HF, name, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    child.on('error', fail);
    child.on('close', (status) => done({ status, err }));
  });
}

test('a controller with a wrong token ends at once with 3 and names the option; one whose token cannot be read with 2', async () => {
  const file = join(home, 'wrong-token');
  writeFileSync(file, 'not-a-token\n', { mode: 0o600 });
  const wrong = await daemon('controller', ['--server', server.url, '--token-file', file]);
  assert.equal(wrong.status, 3, wrong.err);
  assert.match(wrong.err, /--token-file: .*token is not known/);
  assert.match(wrong.err, /remedy: put a token that this API server knows/);
  assert.ok(!wrong.err.includes('not-a-token'), 'INV-9: a token is never printed');
  const none = await daemon('controller', ['--server', server.url, '--token-file', join(home, 'nope')]);
  assert.equal(none.status, 2, none.err);
  assert.match(none.err, /--token-file: '.*nope' cannot be read; name a readable file/);
});

test('a controller without CSI leads until it is told to end, and then ends well', async () => {
  const file = join(home, 'good-token');
  writeFileSync(file, TOKEN);
  const argv = [HF, 'controller', '--server', server.url, '--token-file', file, '--identity', 'just-this'];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<number | null>((done) => child.on('exit', (code) => done(code)));
  const leads = (async () => {
    for (;;) {
      const lease = await client.resource(LEASES).find('controller', SYSTEM_NAMESPACE);
      if (lease?.spec?.holderIdentity === 'just-this') return 'leads';
      await createClock().sleep(50);
    }
  })();
  assert.equal(await Promise.race([leads, ended]), 'leads');
  // A renewal later it still does.
  const { resourceVersion } = (await client.resource(LEASES).get('controller', SYSTEM_NAMESPACE)).metadata;
  const renewed = (async () => {
    while (
      (await client.resource(LEASES).get('controller', SYSTEM_NAMESPACE)).metadata.resourceVersion === resourceVersion
    )
      await createClock().sleep(50);
    return 'renewed';
  })();
  assert.equal(await Promise.race([renewed, ended]), 'renewed');
  child.kill('SIGTERM');
  assert.equal(await ended, 0);
});

test('an agent says which option is missing or wrong, with 2', async () => {
  const cases: [string[], RegExp][] = [
    [['--server', server.url], /--node is missing: give the name of this node/],
    [['--node', 'n1'], /--server is missing: give the URL of the API server/],
    [['--node', 'n1', '--server', server.url, '--log-level', 'loud'], /--log-level 'loud' is wrong: use one of debug/],
    [['--nonsense'], /--nonsense/],
  ];
  for (const [args, message] of cases) {
    const { status, err } = await daemon('agent', args);
    assert.equal(status, 2, err);
    assert.match(err, message);
  }
});

test('no token exits with 3', async () => {
  assert.equal((await hf('volume list', { HF_TOKEN: '' })).status, 3);
});

test('a server that does not answer exits with 9 and says which', async () => {
  const { status, err } = await hf('status', { HF_SERVER: 'http://127.0.0.1:9' });
  assert.equal(status, 9, err);
  assert.match(err, /does not answer/);
  assert.match(err, /http:\/\/127\.0\.0\.1:9|127\.0\.0\.1:9/);
});

test('what only the server refuses is rendered the same way', async () => {
  const stored = await client.resource(VOLUMES).create({ ...aVolume('odd'), status: {} });
  assert.ok(stored.metadata.uid !== '');
  const { status, err } = await hf('pool create fast --type lvm --disk n1=virtio-hf-n1-d0 -o json');
  assert.equal(status, 5, err);
  const { error } = JSON.parse(err.slice(err.indexOf('{'))) as { error: { code: string; exitStatus: number } };
  assert.deepEqual([error.code, error.exitStatus], ['already_exists', 5]);
});

test('a kubeconfig printed by hf works with hf', async () => {
  const printed = await hf('kubeconfig');
  assert.equal(printed.status, 0, printed.err);
  const path = join(home, 'config');
  writeFileSync(path, printed.out, { mode: 0o600 });
  const listed = await hf(`node list --kubeconfig ${path} -o name`, { HF_SERVER: '', HF_TOKEN: '' });
  assert.equal(listed.status, 0, listed.err);
  assert.equal(listed.out, ['n1', 'n2', 'n3'].map((name) => `node.holdfast.storage/${name}\n`).join(''));
  const wrong = await hf(`node list --kubeconfig ${path} --context nope`, { HF_SERVER: '' });
  assert.equal(wrong.status, 2);
  assert.match(wrong.err, /'nope'/);
});

test('--wait returns when the agents say so, and says meanwhile what it waits for', async () => {
  const volume = aVolume('waits');
  await client.resource(VOLUMES).create({ ...volume, status: {} });
  const waiting = Promise.withResolvers<void>();
  const attach = hf('volume attach waits n2 --wait --timeout 60s', {}, (err) => {
    if (err.includes('waiting for')) waiting.resolve();
  });
  // Plays controller and agent, once the wish is made and waited for.
  await Promise.race([waiting.promise, attach]);
  const { status: _s, ...replica } = aReplica('waits', 0, 'n2');
  await client.resource(REPLICAS).create(replica);
  await client.resource(REPLICAS).patchStatus('waits-r0', {
    status: { phase: 'Ready', attached: { device: '/dev/drbd1000', mountPath: '/mnt/waits', readOnly: false } },
  });
  await client.resource(VOLUMES).patchStatus('waits', { status: { phase: 'Ready', attachedTo: 'n2' } });
  const { status, out, err } = await attach;
  assert.equal(status, 0, err);
  assert.match(out, /attached to n2\ndevice \/dev\/drbd1000, mounted at \/mnt\/waits\n$/);
  assert.match(err, /waiting for volume waits to be attached to n2: /);
});

test('waiting gives up in time with status 9 and tells what was missing', async () => {
  await client.resource(VOLUMES).create({ ...aVolume('never'), status: {} });
  const { status, err } = await hf('volume replicas never 1 --wait --timeout 300ms');
  assert.equal(status, 9, err);
  assert.match(err, /still waiting for: .*in sync/);
  assert.match(err, /hf explain volume never/);
});
