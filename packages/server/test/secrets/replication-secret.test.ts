/**
 * INV-9: what becomes of the DRBD shared secret when the tools repeat it in everything that they say. The agent's own loop and
 * the real driver, over programs that quote the resource file whenever they fail.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEventRecorder } from '@holdfast/api/client/events.ts';
import { EVENTS, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { createSeededRandom, createVirtualClock } from '@holdfast/api/testing/virtual-clock.ts';
import { createDrbd } from '../../src/adapters/drbd/index.ts';
import { programFailed } from '../../src/adapters/exec/failure.ts';
import { SideEffects } from '../../src/adapters/exec/instrument.ts';
import { metered } from '../../src/adapters/exec/metered.ts';
import { createReplicationSecrets } from '../../src/adapters/secrets/replication.ts';
import { mdLvName, replicaTags } from '../../src/core/names/names.ts';
import type { Exec } from '../../src/ports/exec.ts';
import type { Log } from '../../src/ports/log.ts';
import { createInventoryCache } from '../../src/reconcile/agent/inventory.ts';
import { createReplicaReconciler } from '../../src/reconcile/agent/replicas.ts';
import { FakeCluster } from '../fakes/cluster.ts';
import { aNodePool, aPool, aReplica, aVolume, GIB } from '../fakes/cluster-builders.ts';
import { FakeFiles } from '../fakes/files.ts';
import { FakeFileSystems } from '../fakes/filesystem.ts';
import { FakeHost } from '../fakes/host.ts';
import { FakeDevices } from '../fakes/host-devices.ts';
import { FakeLvm } from '../fakes/lvm.ts';

/** How a tool fails: by its exit code, by a signal, or by giving up on the program that it started. */
const FAILURES = ['exits', 'killed', 'gives up'] as const;
/** The step that fails; the steps before it succeed. */
const STEPS = ['dump-md', 'create-md', 'adjust'] as const;

/** Everything that another program or person could read, after the agent has tried to bring the replica up. */
async function whatIsSeen(
  failing: string,
  how: (typeof FAILURES)[number],
): Promise<{ secret: string; seen: string[] }> {
  const clock = createVirtualClock();
  const random = createSeededRandom(1);
  const cluster = new FakeCluster(() => new Date(clock.now()).toISOString());
  const client = cluster.client();
  const seen: string[] = [];
  const log = recordingLog(seen);
  const files = new FakeFiles();
  files.content.set('/proc/drbd', 'version: 8.4.11 (api:1/proto:86-101)\n');
  const volume = cluster.create(VOLUMES, aVolume('db'));
  const secret = await createReplicationSecrets(client).sharedSecret(volume.metadata.uid);
  let commands = 0;
  const tool: Exec = {
    async run({ argv, okCodes, env }) {
      commands += 1;
      // Of argv and environment nothing is redacted anywhere: what is in them is in `ps` and in every log.
      seen.push(argv.join(' '), JSON.stringify(env ?? {}));
      const step = argv.find((word) => word === failing);
      const file = files.content.get('/state/drbd.d/hf-db.res') ?? '';
      const line = /shared-secret "[^"]*"/.exec(file)?.[0] ?? '';
      const quoted = `Command 'drbdsetup-84 connect hf-db --cram-hmac-alg=sha256 --${line.replace(/ "|"/g, (mark) => (mark === '"' ? '' : '='))} --timeout=60'`;
      const stderr = `hf-db.res:14: Parse error near\n  ${line};\n${quoted} ${how === 'gives up' ? 'did not terminate within 5 seconds' : 'terminated with exit code 10'}\n`;
      if (step !== undefined) {
        assert.ok(stderr.includes(secret), 'the tool does repeat the secret');
        const stdout = `net { ${line}; }\n`;
        if (how === 'killed') throw programFailed({ argv, exitCode: null, signal: 'SIGKILL', stdout, stderr });
        assert.ok(okCodes?.includes(10));
        return { argv, code: 10, stdout, stderr, durationMs: 1 };
      }
      if (argv.includes('events2')) return { argv, code: 0, stdout: 'exists -\n', stderr: '', durationMs: 1 };
      if (argv.includes('get-gi')) return { argv, code: 20, stdout: '', stderr: '', durationMs: 1 };
      if (argv.includes('dump-md')) {
        return { argv, code: 1, stdout: '', stderr: 'No valid meta data found\n', durationMs: 1 };
      }
      return { argv, code: 0, stdout: '', stderr: '', durationMs: 1 };
    },
    lines: () => assert.fail('not used'),
  };
  const effects = new SideEffects(({ phase, what }) => {
    seen.push(`${phase} ${what}`);
  });
  const observe = (observation: unknown): void => {
    seen.push(JSON.stringify(observation));
  };
  const exec = effects.exec(metered(tool, { log, monotonic: () => clock.monotonic(), observe }));
  const drbd = await createDrbd({ exec, files: effects.files(files), clock, random, log, stateDir: '/state' });
  const devices = new FakeDevices();
  devices.add('/dev/vdb', 8 * GIB);
  const lvm = new FakeLvm(devices);
  await lvm.createPv({ device: '/dev/vdb', uuid: 'pv' });
  await lvm.createVg({ vg: 'hf-fast', devices: ['/dev/vdb'], tags: ['holdfast'] });
  const recorder = createEventRecorder({
    events: client.resource(EVENTS),
    clock,
    random,
    component: 'test',
    onError: assert.fail,
  });
  const peer = {
    replica: 'db-r1',
    node: 'b',
    type: 'Diskful',
    nodeId: 1,
    address: '10.1.0.2',
    port: 7000,
    minor: 1000,
  };
  const replica = cluster.create(
    REPLICAS,
    aReplica('db-r0', {
      spec: {
        node: 'a',
        volumeUid: volume.metadata.uid,
        layout: 'drbd',
        drbd: { minor: 1000, port: 7000, nodeId: 0, address: '10.1.0.1' },
        peers: [{ ...peer, type: 'Diskful' }],
        bootstrap: 'join',
      },
    }),
  );
  // As after a crash: nobody knows what the metadata volume holds, so the tools are asked.
  const sizeBytes = drbd.metadataBytes(replica.spec?.sizeBytes ?? 0, 1);
  const tags = replicaTags({ volumeUid: volume.metadata.uid, uid: replica.metadata.uid }, 'meta');
  await lvm.createLv({ vg: 'hf-fast', lv: mdLvName('db-r0'), sizeBytes, tags });
  const pool = { pool: aPool('fast', ['a'], { type: 'lvm' }), state: aNodePool('fast', { type: 'lvm' }) };
  const never = async function* (): AsyncGenerator<never> {};
  const reconcile = createReplicaReconciler(
    {
      deps: {
        node: 'a',
        stateDir: '/state',
        client,
        clock,
        random,
        log,
        lvm,
        drbd,
        fence: {
          install: async () => '',
          whyNotProtected: async () => null,
          pending: async () => [],
          requests: never,
          notifications: never,
          answer: async () => {},
        },
        fs: new FakeFileSystems(devices),
        host: new FakeHost({ devices, files }),
        files: effects.files(files),
        secrets: createReplicationSecrets(client),
        recorder,
        pools: { get: () => pool },
      },
      inventory: createInventoryCache(lvm),
      promoting: new Set(),
      blankMetadata: new Set(),
    },
    () => cluster.get(REPLICAS, replica.metadata.name),
  );
  const thrown: unknown = await clock.until(reconcile('db-r0').catch((error: unknown) => error));
  log.error('reconcile ended', { err: thrown });
  await clock.until(recorder.flush());
  assert.ok(commands > 2, `${failing} was reached`);
  seen.push(JSON.stringify([cluster.list(REPLICAS), cluster.list(VOLUMES), cluster.list(EVENTS)]));
  assert.equal(files.modes.get('/state/drbd.d/hf-db.res'), 0o600);
  return { secret, seen };
}

/** As pino would write it: errors with their details and causes. */
function recordingLog(seen: string[]): Log {
  const describe = (error: unknown): unknown =>
    error instanceof Error
      ? { text: error.stack, details: error instanceof AppError ? error.details : {}, cause: describe(error.cause) }
      : error;
  const write = (message: string, fields: object = {}): void => {
    seen.push(`${message} ${JSON.stringify(fields, (_key, value: unknown) => describe(value))}`);
  };
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  return log;
}

for (const step of STEPS) {
  for (const how of FAILURES) {
    test(`INV-9: ${step} ${how} and repeats the shared secret: nobody gets to see it`, async () => {
      const { secret, seen } = await whatIsSeen(step, how);
      assert.ok(secret.length > 20);
      const leaks = seen.filter((text) => text.includes(secret));
      assert.deepEqual(leaks, []);
      assert.ok(
        seen.some((text) => text.includes(step)),
        'the failure itself is seen',
      );
    });
  }
}
