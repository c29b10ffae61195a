import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type RealServer, startRealServer } from './real-server.ts';
import { ADMIN_TOKEN, aVolume, GIB } from './testing.ts';
import type { JsonObject } from './types.ts';

/** The stock client, unmodified, is the judge of our REST conventions. */
let target: RealServer;
let dir: string;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-kubectl-'));
  target = await startRealServer();
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'c',
        cluster: { server: target.server.url, 'certificate-authority-data': Buffer.from(target.ca).toString('base64') },
      },
    ],
    users: [{ name: 'u', user: { token: ADMIN_TOKEN } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(join(dir, 'config'), JSON.stringify(config));
});
after(async () => {
  await target.server.close();
  rmSync(dir, { recursive: true, force: true });
});

function start(args: readonly string[]): ChildProcessWithoutNullStreams {
  const child = spawn('kubectl', args, {
    env: {
      PATH: process.env['PATH'],
      HOME: dir,
      KUBECONFIG: join(dir, 'config'),
      KUBE_EDITOR: process.env['KUBE_EDITOR'],
    },
  });
  child.on('error', (error) => {
    throw new Error(
      `kubectl cannot be started (${error.message}); scripts/bootstrap.sh installs it (Debian: kubernetes-client)`,
    );
  });
  return child;
}

/** Resolves once kubectl (run with -v=6) has said that its watch began. */
function watching(child: ChildProcessWithoutNullStreams): Promise<void> {
  child.stdout.resume();
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('watch=true')) resolve();
    });
    child.once('close', () => reject(new Error(`kubectl ended without watching: ${text}`)));
  });
}

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(args: readonly string[], input?: string | JsonObject): Promise<Outcome> {
  const child = start(args);
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  child.stdin.end(input === undefined ? '' : typeof input === 'string' ? input : JSON.stringify(input));
  const [code] = (await once(child, 'close')) as [number];
  return { code, out, err };
}

/** Runs and expects success. */
async function kubectl(args: readonly string[], input?: string | JsonObject): Promise<string> {
  const { code, out, err } = await run(args, input);
  assert.equal(code, 0, `kubectl ${args.join(' ')}: ${err}`);
  return out;
}

/** Runs and expects failure; returns what it said. */
async function refused(args: readonly string[], input?: string | JsonObject): Promise<string> {
  const { code, err, out } = await run(args, input);
  assert.notEqual(code, 0, `kubectl ${args.join(' ')} should have failed: ${out}`);
  return err;
}

test('api-resources, api-versions, version and cluster health', async () => {
  const resources = await kubectl(['api-resources']);
  for (const name of ['nodes', 'pools', 'volumes', 'replicas', 'leases', 'events', 'secrets', 'namespaces']) {
    assert.match(resources, new RegExp(`^${name} `, 'm'));
  }
  assert.match(await kubectl(['api-versions']), /holdfast\.storage\/v1alpha1/);
  assert.match(await kubectl(['version']), /holdfast/);
  assert.equal(await kubectl(['get', '--raw', '/readyz']), 'ok');
});

test('explain reads the descriptions of the schema', async () => {
  assert.match(await kubectl(['explain', 'volume.spec.sizeBytes']), /multiple of 4 MiB/);
  assert.match(await kubectl(['explain', 'volume.status.arbiter']), /compare-and-swap/i);
  assert.match(await kubectl(['explain', 'secret.metadata']), /labels/);
});

test('apply creates, changes and leaves alone', async () => {
  assert.match(
    await kubectl(['apply', '-f', '-'], aVolume('applied', { metadata: { labels: { a: 'b' } } })),
    /created/,
  );
  assert.match(
    await kubectl(['apply', '-f', '-'], aVolume('applied', { metadata: { labels: { a: 'b' } } })),
    /unchanged/,
  );
  assert.match(await kubectl(['apply', '-f', '-'], aVolume('applied', { spec: { replicas: 3 } })), /configured/);
  const stored = JSON.parse(await kubectl(['get', 'volume', 'applied', '-o', 'json'])) as {
    metadata: { labels?: object };
    spec: { replicas: number };
  };
  assert.equal(stored.spec.replicas, 3);
  assert.equal(stored.metadata.labels, undefined);
  assert.match(await kubectl(['diff', '-f', '-'], aVolume('applied', { spec: { replicas: 3 } })), /^$/);
});

test('apply --server-side reports conflicts and takes over by force', async () => {
  await kubectl(['apply', '--server-side', '-f', '-'], aVolume('ssa', { spec: { replicas: 2 } }));
  const other = ['apply', '--server-side', '--field-manager', 'other', '-f', '-'];
  assert.match(
    await refused(other, aVolume('ssa', { spec: { replicas: 3 } })),
    /conflict with "kubectl".*\.spec\.replicas/s,
  );
  assert.match(
    await kubectl([...other, '--force-conflicts'], aVolume('ssa', { spec: { replicas: 3 } })),
    /serverside-applied/,
  );
});

test('apply of a malformed resource names each field', async () => {
  const unknown = await refused(['apply', '-f', '-'], aVolume('bad', { spec: { replicaz: 1 } }));
  assert.match(unknown, /replicaz/);
  const invalid = await refused(
    ['apply', '--validate=false', '-f', '-'],
    aVolume('bad', { spec: { sizeBytes: 5, fsType: 'ntfs' } }),
  );
  assert.match(invalid, /The Volume "bad" is invalid/);
  assert.match(invalid, /spec\.sizeBytes: Invalid value: 5/);
  assert.match(invalid, /spec\.fsType: Unsupported value: "ntfs": supported values: "ext4", "xfs", "btrfs"/);
  await kubectl(['apply', '-f', '-'], aVolume('shrinking', { spec: { sizeBytes: 2 * GIB } }));
  assert.match(await refused(['apply', '-f', '-'], aVolume('shrinking')), /a volume cannot shrink/);
});

test('get prints tables, wide tables, yaml, jsonpath, selectors and names', async () => {
  await kubectl(['apply', '-f', '-'], aVolume('shown', { metadata: { labels: { show: 'yes' } } }));
  const table = await kubectl(['get', 'volumes', '-l', 'show=yes']);
  assert.match(table, /^NAME +PHASE +SIZE +REPLICAS +IN-SYNC +ATTACHED +AGE\nshown /);
  assert.match(await kubectl(['get', 'hfv', 'shown', '-o', 'wide']), /CLASS +EPOCH/);
  assert.match(await kubectl(['get', 'volume', 'shown', '-o', 'yaml']), /sizeBytes: 1073741824/);
  assert.equal(await kubectl(['get', 'volume', 'shown', '-o', 'jsonpath={.spec.fsType}']), 'ext4');
  assert.equal(
    await kubectl(['get', 'volumes', '--field-selector', 'metadata.name=shown', '-o', 'name']),
    'volume.holdfast.storage/shown\n',
  );
  assert.match(await kubectl(['get', 'holdfast']), /shown/);
  assert.match(await refused(['get', 'volume', 'nope']), /volumes\.holdfast\.storage "nope" not found/);
});

test('label, annotate, patch in three ways and edit', async () => {
  await kubectl(['apply', '-f', '-'], aVolume('changed'));
  await kubectl(['label', 'volume', 'changed', 'tier=gold']);
  await kubectl(['annotate', 'volume', 'changed', 'note=hello']);
  await kubectl(['patch', 'volume', 'changed', '--type=merge', '-p', '{"spec":{"replicas":3}}']);
  await kubectl([
    'patch',
    'volume',
    'changed',
    '--type=json',
    '-p',
    '[{"op":"replace","path":"/spec/replicas","value":4}]',
  ]);
  process.env['KUBE_EDITOR'] = 'sed -i s/replicas:.4/replicas:\\ 5/';
  await kubectl(['edit', 'volume', 'changed']);
  delete process.env['KUBE_EDITOR'];
  const stored = JSON.parse(await kubectl(['get', 'volume', 'changed', '-o', 'json'])) as {
    metadata: { labels: { tier: string }; annotations: { note: string } };
    spec: { replicas: number };
  };
  assert.equal(stored.spec.replicas, 5);
  assert.equal(stored.metadata.labels.tier, 'gold');
  assert.equal(stored.metadata.annotations.note, 'hello');
  await kubectl(['replace', '-f', '-'], stored as unknown as JsonObject);
});

test('describe shows the object and its events', async () => {
  await kubectl(['apply', '-f', '-'], aVolume('described'));
  const uid = await kubectl(['get', 'volume', 'described', '-o', 'jsonpath={.metadata.uid}']);
  const event = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'described.1', namespace: 'default' },
    involvedObject: { apiVersion: 'holdfast.storage/v1alpha1', kind: 'Volume', name: 'described', uid },
    reason: 'Placed',
    message: 'on nodes a and b',
    type: 'Normal',
    count: 1,
    firstTimestamp: new Date().toISOString(),
    lastTimestamp: new Date().toISOString(),
    source: { component: 'holdfast-controller' },
  };
  await kubectl(['create', '-f', '-'], event);
  const text = await kubectl(['describe', 'volume', 'described']);
  assert.match(text, /Size Bytes: +1073741824/);
  assert.match(text, /Normal +Placed .*holdfast-controller +on nodes a and b/);
  assert.match(await kubectl(['get', 'events']), /Placed +volume\/described +on nodes a and b/);
});

test('get -w prints changes as they come', async () => {
  await kubectl(['apply', '-f', '-'], aVolume('watched'));
  const child = start(['get', 'volume', 'watched', '-w', '-o', 'jsonpath={.spec.replicas}{"\\n"}']);
  let out = '';
  const saw = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (out.endsWith(text)) resolve();
      };
      child.stdout.on('data', look);
      child.once('close', () => reject(new Error(`kubectl get -w ended: ${out}`)));
      look();
    });
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  await saw('2\n');
  await kubectl(['patch', 'volume', 'watched', '--type=merge', '-p', '{"spec":{"replicas":3}}']);
  await saw('2\n3\n');
  const closed = once(child, 'close');
  child.kill();
  await closed;
});

test('wait returns when a condition turns true and when an object is gone', async () => {
  await kubectl(['apply', '-f', '-'], aVolume('waited'));
  const waiting = kubectl(['wait', 'volume/waited', '--for=condition=Ready', '--timeout=60s']);
  const condition = {
    type: 'Ready',
    status: 'True',
    reason: 'R',
    message: 'm',
    lastTransitionTime: new Date().toISOString(),
  };
  const answer = await target.server.handler.handle({
    method: 'PATCH',
    url: '/apis/holdfast.storage/v1alpha1/volumes/waited/status',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify({ status: { conditions: [condition] } }),
  });
  assert.equal(answer.status, 200);
  assert.match(await waiting, /condition met/);
  const child = start(['wait', 'volume/waited', '--for=delete', '--timeout=60s', '-v=6']);
  const closed = once(child, 'close');
  await watching(child);
  await kubectl(['delete', 'volume', 'waited', '--wait=false']);
  assert.deepEqual(await closed, [0, null]);
});

test('create, read and delete secrets and namespaces', async () => {
  await kubectl(['create', 'namespace', 'team']);
  await kubectl(['create', 'secret', 'generic', 'key', '-n', 'team', '--from-literal=pass=word']);
  assert.equal(
    await kubectl(['get', 'secret', 'key', '-n', 'team', '-o', 'jsonpath={.data.pass}']),
    Buffer.from('word').toString('base64'),
  );
  assert.match(await kubectl(['describe', 'secret', 'key', '-n', 'team']), /pass: +4 bytes/);
  assert.match(await kubectl(['get', 'namespaces']), /team +Active/);
  await kubectl(['delete', 'namespace', 'team']);
  assert.match(await refused(['get', 'secret', 'key', '-n', 'team']), /not found/);
});

test('delete waits for finalizers', async () => {
  await kubectl(['apply', '-f', '-'], aVolume('held', { metadata: { finalizers: ['holdfast.storage/volume'] } }));
  await kubectl(['delete', 'volume', 'held', '--wait=false']);
  assert.match(await kubectl(['get', 'volume', 'held', '-o', 'jsonpath={.metadata.deletionTimestamp}']), /^2/);
  const child = start(['delete', 'volume', 'held', '-v=6']);
  const closed = once(child, 'close');
  await watching(child);
  await kubectl(['patch', 'volume', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
  assert.deepEqual(await closed, [0, null]);
  assert.match(await refused(['get', 'volume', 'held']), /not found/);
});

test('a wrong token is refused in words that help', async () => {
  const said = await refused(['get', 'volumes', '--token', 'wrong']);
  assert.match(said, /logged in|credentials|Unauthorized/);
});
