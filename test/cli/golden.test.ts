import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { completionWords } from '@holdfast/server/transport/cli/completion.ts';
import { createFakeCluster, type FakeCluster } from './fake-cluster.ts';
import { aCluster, ago, aNode, aNodePool, anEvent, aReplica, aVolume, condition, GIB } from './fixtures.ts';
import { hf, NOW_MS } from './harness.ts';

/**
 * What people see, kept as files in golden/. After a wanted change:
 *   node --test --test-update-snapshots test/cli/golden.test.ts
 * and read the difference.
 */
function healthy(): FakeCluster {
  const cluster = aCluster();
  cluster.put(
    aVolume('db', {
      spec: { attachments: [{ node: 'n1', readOnly: false, mount: true }] },
      status: {
        attachedTo: 'n1',
        allocatedBytes: 128 * 2 ** 20,
        format: { state: 'done', fsType: 'ext4', by: 'db-r0', at: ago(500) },
        arbiter: {
          epoch: 2,
          inSync: ['db-r0', 'db-r1'],
          primary: 'db-r0',
          history: [
            {
              epoch: 2,
              inSync: ['db-r0', 'db-r1'],
              primary: 'db-r0',
              cause: 'promote',
              by: 'agent/n1',
              at: ago(510),
              evidence: 'db-r1 Connected, UpToDate; gi 6A3F',
            },
            {
              epoch: 1,
              inSync: ['db-r0', 'db-r1'],
              cause: 'bootstrap',
              by: 'agent/n1',
              at: ago(590),
              evidence: 'all connected, Inconsistent; gi 0004',
            },
          ],
        },
      },
    }),
  );
  cluster.put(
    aReplica('db', 0, 'n1', {
      status: {
        phase: 'Ready',
        lvSizeBytes: GIB,
        deviceSizeBytes: GIB,
        attached: { device: '/dev/drbd1000', mountPath: '/var/lib/holdfast/mounts/db', readOnly: false },
        drbd: {
          role: 'Primary',
          disk: 'UpToDate',
          suspended: [],
          peers: [
            {
              replica: 'db-r1',
              node: 'n2',
              connection: 'Connected',
              role: 'Secondary',
              disk: 'UpToDate',
              replication: 'Established',
            },
          ],
        },
      },
    }),
  );
  cluster.put(
    aVolume('logs', {
      spec: { replicas: 1, poolClass: '', sizeBytes: 512 * 2 ** 20, fsType: 'xfs' },
      status: { sizeBytes: 512 * 2 ** 20, arbiter: { epoch: 1, inSync: ['logs-r0'], history: [] } },
    }),
  );
  return cluster;
}

/** n1 lost its power: db failed over to n2; n1 is back and resyncs; a pool fills up; another volume has nothing left. */
function troubled(): FakeCluster {
  const cluster = aCluster();
  cluster.put(aNode('n3', { ready: 'False', message: 'no heartbeat for 30 s, and its DRBD peers lost it too' }));
  cluster.put(aNode('n2', { pools: [aNodePool('fast', { dataPercent: 91.4, metadataPercent: 12 })] }));
  cluster.put(
    aVolume('db', {
      spec: { attachments: [{ node: 'n2', readOnly: false, mount: true }] },
      status: {
        phase: 'Degraded',
        attachedTo: 'n2',
        arbiter: {
          epoch: 4,
          inSync: ['db-r1'],
          primary: 'db-r1',
          history: [
            {
              epoch: 4,
              inSync: ['db-r1'],
              primary: 'db-r1',
              cause: 'promote',
              by: 'agent/n2',
              at: ago(42),
              evidence: 'db-r0 Connecting',
            },
          ],
        },
        conditions: [
          condition('Ready', 'True', 'Usable', 'can be attached'),
          condition('Redundant', 'False', 'Degraded', '1 of 2 copies in sync. db-r0 on n1: resyncing from n2'),
          condition('Attached', 'True', 'Attached', 'attached on n2'),
        ],
      },
    }),
  );
  cluster.put(
    aReplica('db', 1, 'n2', {
      status: {
        phase: 'Ready',
        lvSizeBytes: GIB,
        deviceSizeBytes: GIB,
        drbd: {
          role: 'Primary',
          disk: 'UpToDate',
          suspended: [],
          peers: [
            {
              replica: 'db-r0',
              node: 'n1',
              connection: 'Connected',
              role: 'Secondary',
              disk: 'Inconsistent',
              replication: 'SyncSource',
              outOfSyncBytes: 61 * 2 ** 20,
              syncPercent: 42.3,
            },
          ],
        },
      },
    }),
  );
  cluster.put(
    aVolume('frozen', {
      status: {
        phase: 'Unavailable',
        arbiter: { epoch: 9, inSync: ['frozen-r1'], history: [] },
        conditions: [
          condition(
            'Ready',
            'False',
            'Unavailable',
            'no copy that holds every acknowledged write is reachable; it waits for one of: frozen-r1 (node n3 is not Ready: no heartbeat for 30 s)',
          ),
        ],
      },
    }),
  );
  cluster.put(aVolume('young', { status: { phase: 'Creating', arbiter: { epoch: 0, inSync: [], history: [] } } }));
  return cluster;
}

function withEvents(): FakeCluster {
  const cluster = healthy();
  cluster.put(anEvent('e1', 600, 'Volume/db', 'Placed', 'replicas on n1 (pool fast) and n2 (pool fast)'));
  cluster.put(anEvent('e2', 120, 'Node/n3', 'NodeLost', 'no heartbeat for 30 s', { type: 'Warning', count: 3 }));
  cluster.put(anEvent('e3', 15, 'Volume/db', 'Attached', 'promoted and mounted on n1'));
  return cluster;
}

const CASES: readonly {
  readonly name: string;
  readonly line: string;
  readonly cluster?: () => FakeCluster;
  readonly tty?: boolean;
}[] = [
  { name: 'status-healthy', line: 'status' },
  { name: 'status-troubled', line: 'status', cluster: troubled },
  { name: 'status-troubled-colour', line: 'status', cluster: troubled, tty: true },
  { name: 'status-empty', line: 'status', cluster: () => createFakeCluster(NOW_MS) },
  { name: 'status-json', line: 'status -o json', cluster: troubled },
  { name: 'node-list', line: 'node list' },
  { name: 'node-list-wide', line: 'node list -o wide', cluster: troubled },
  { name: 'node-show', line: 'node show n1' },
  { name: 'disk-list', line: 'disk list' },
  { name: 'disk-list-name', line: 'disk list --free -o name' },
  { name: 'pool-list', line: 'pool list', cluster: troubled },
  { name: 'pool-show', line: 'pool show fast', cluster: troubled },
  { name: 'volume-list', line: 'volume list' },
  { name: 'volume-list-troubled', line: 'volume list', cluster: troubled },
  { name: 'volume-list-wide', line: 'volume list -o wide' },
  { name: 'volume-list-name', line: 'volume list -o name' },
  { name: 'volume-list-yaml', line: 'volume list db -o yaml' },
  { name: 'volume-show', line: 'volume show db' },
  { name: 'volume-show-wide', line: 'volume show db -o wide' },
  { name: 'volume-show-resync', line: 'volume show db', cluster: troubled },
  { name: 'replica-list', line: 'replica list', cluster: troubled },
  { name: 'replica-show', line: 'replica show db-r0' },
  { name: 'events', line: 'events', cluster: withEvents },
  { name: 'events-for', line: 'events --for volume/db', cluster: withEvents },
  { name: 'explain-volume', line: 'explain volume db' },
  { name: 'explain-volume-troubled', line: 'explain volume db', cluster: troubled },
  { name: 'explain-node', line: 'explain node n1' },
  { name: 'explain-pool', line: 'explain pool fast', cluster: troubled },
  { name: 'plan', line: 'plan young', cluster: troubled },
  { name: 'help', line: '--help' },
  { name: 'help-volume-create', line: 'volume create --help' },
  { name: 'completion-bash', line: 'completion bash' },
  { name: 'completion-fish', line: 'completion fish' },
];

for (const { name, line, cluster, tty } of CASES) {
  test(`hf ${line} (${name}) reads as its golden file`, async (t) => {
    const { status, out, err } = await hf(line, { client: (cluster ?? healthy)(), tty: tty === true });
    assert.equal(status, 0, err);
    t.assert.fileSnapshot(out, join(import.meta.dirname, 'golden', `${name}.txt`), {
      serializers: [(text) => String(text)],
    });
  });
}

test('errors read as their golden file', async (t) => {
  const texts: string[] = [];
  for (const line of [
    'volume create new --size 100GiB',
    'volume create db --size 2GiB --replicas 1',
    'volume attach dv n1',
    'pool create x --disk n1=virtio-hf-n1-dd0',
    'volume lst',
    'volume create x --siez 3',
  ]) {
    const { status, err } = await hf(line, { client: healthy() });
    texts.push(`$ hf ${line}\n${err}-> exit status ${status}\n`);
  }
  t.assert.fileSnapshot(texts.join('\n'), join(import.meta.dirname, 'golden', 'errors.txt'), {
    serializers: [(text) => String(text)],
  });
});

test('json is the API object as it is', async () => {
  const client = healthy();
  const { out } = await hf('volume show db -o json', { client });
  const stored = (JSON.parse(client.dump()) as { kind: string; metadata: { name: string } }[]).find(
    (object) => object.kind === 'Volume' && object.metadata.name === 'db',
  );
  assert.deepEqual(JSON.parse(out), stored);
});

test('colour is only on a terminal, and NO_COLOR and --no-color switch it off', async () => {
  const esc = String.fromCharCode(27);
  const client = troubled();
  assert.ok((await hf('status', { client, tty: true })).out.includes(esc));
  assert.ok(!(await hf('status', { client })).out.includes(esc));
  assert.ok(!(await hf('status', { client, tty: true, env: { NO_COLOR: '1' } })).out.includes(esc));
  assert.ok(!(await hf('status --no-color', { client, tty: true })).out.includes(esc));
});

test('every command has help with an example', async () => {
  const { buildProgram } = await import('@holdfast/server/transport/cli/program.ts');
  const { getExamples } = await import('@holdfast/server/transport/cli/define/helpers.ts');
  const missing: string[] = [];
  const { command: program } = buildProgram({ stdout: { write: () => {}, isTty: false, columns: 0 } } as never);
  const walk = (command: typeof program, path: string): void => {
    for (const child of command.commands) {
      const name = `${path} ${child.name()}`;
      if (child.commands.length > 0) walk(child, name);
      else if (child.name() !== 'help' && getExamples(child).length === 0) missing.push(name);
      assert.ok(child.description().length > 5, `${name} says what it does`);
    }
  };
  walk(program, 'hf');
  assert.deepEqual(missing, []);
  assert.ok(completionWords(program).some(({ path }) => path === 'hf volume create'));
});
