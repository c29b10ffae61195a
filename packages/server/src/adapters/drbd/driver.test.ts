import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSeededRandom, createVirtualClock, type VirtualClock } from '@holdfast/api/testing/virtual-clock.ts';
import { aConfig } from '../../../test/fakes/drbd-config.ts';
import { memoryFiles } from '../../../test/fakes/drbd-files.ts';
import type { Drbd } from '../../ports/drbd.ts';
import type { Exec } from '../../ports/exec.ts';
import type { Log } from '../../ports/log.ts';
import { createDrbd } from './index.ts';

interface Answer {
  readonly code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

interface Scripted {
  readonly drbd: Drbd;
  readonly clock: VirtualClock;
  /** Command lines that change something, in order, without the configuration path. */
  readonly acts: string[];
}

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };
const V84_PROC = 'version: 8.4.11 (api:1/proto:86-101)\nsrcversion: F73C670A7EC572DB9CF3E5B\n';

/** The driver over a scripted exec: `answer` gets the words of each command. */
async function scripted(
  answer: (command: string) => Answer | undefined,
  proc = V84_PROC,
  lines: Exec['lines'] = () => assert.fail('not used'),
): Promise<Scripted> {
  const clock = createVirtualClock();
  const acts: string[] = [];
  const exec: Exec = {
    async run({ argv, okCodes, sideEffect }) {
      const command = argv.join(' ').replace(/ -c \S+/, '');
      if (sideEffect !== false) acts.push(command);
      const { code = 0, stdout = '', stderr = '' } = answer(command) ?? {};
      assert.ok((okCodes ?? [0]).includes(code), 'the driver classifies every exit code itself');
      return { argv, code, stdout, stderr, durationMs: 1 };
    },
    lines,
  };
  const files = memoryFiles({ '/proc/drbd': proc });
  const drbd = await createDrbd({ exec, files, clock, random: createSeededRandom(1), log: quiet, stateDir: '/state' });
  await drbd.writeConfig(aConfig());
  return { drbd, clock, acts };
}

const dump = (
  more: {
    role?: string;
    suspended?: string;
    disk?: string;
    connection?: string;
    peerDisk?: string;
    replication?: string;
    oos?: number;
  } = {},
): Answer => ({
  stdout: `exists resource name:hf-db role:${more.role ?? 'Secondary'} suspended:${more.suspended ?? 'no'}
exists connection name:hf-db peer-node-id:0 conn-name:peer connection:${more.connection ?? 'Connected'} role:Secondary
exists device name:hf-db volume:0 minor:1000 disk:${more.disk ?? 'UpToDate'} size:1024
exists peer-device name:hf-db peer-node-id:0 conn-name:peer volume:0 replication:${more.replication ?? 'Established'} peer-disk:${more.peerDisk ?? 'UpToDate'} out-of-sync:${more.oos ?? 0}
exists -
`,
});
const EMPTY: Answer = { stdout: 'exists -\n' };
const GI = (current: string): Answer => ({
  stdout: `${current}:0000000000000000:0000000000000000:0000000000000000:0:0:0:1:0:0:0\n`,
});

describe('driver of DRBD', () => {
  it('takes the flavour from the running kernel', async () => {
    assert.equal((await scripted(() => undefined)).drbd.flavour, '8.4');
    assert.equal((await scripted(() => undefined, 'version: 9.2.8 (api:2/proto:86-122)\n')).drbd.flavour, '9');
    await assert.rejects(
      scripted(() => undefined, 'version: 8.3.16\n'),
      { code: 'failed_precondition' },
    );
  });

  it('without the module there is no driver, and the error says what to do', async () => {
    const options = {
      exec: { run: () => assert.fail(), lines: () => assert.fail() },
      files: memoryFiles(),
      clock: createVirtualClock(),
      random: createSeededRandom(1),
      log: quiet,
      stateDir: '/state',
    };
    await assert.rejects(createDrbd(options), /module is not loaded/);
  });

  it('a state that cannot be read is an error, never an empty answer', async () => {
    for (const bad of [
      { code: 20, stderr: 'no netlink' },
      { stdout: '' },
      { stdout: 'exists resource name:hf-db role:Boss\nexists -\n' },
    ]) {
      const { drbd } = await scripted(() => bad);
      await assert.rejects(drbd.states(), { code: 'unavailable' });
      await assert.rejects(drbd.look('hf-db'), { code: 'unavailable' });
      await assert.rejects(drbd.failPausedIo('hf-db'), { code: 'unavailable' });
    }
  });

  it('observing asks nobody while the event stream tells, but reads during a resync and without the stream', async () => {
    let reads = 0;
    const stream = async function* (): AsyncIterable<string> {
      yield* ['exists resource name:hf-db role:Secondary suspended:no', 'exists -'];
      yield 'change resource name:hf-db role:Primary';
      yield 'change peer-device name:hf-db peer-node-id:0 volume:0 replication:SyncSource peer-disk:Inconsistent';
    };
    const { drbd } = await scripted(
      (command) => {
        if (command.includes('events2')) reads += 1;
        return dump();
      },
      V84_PROC,
      stream,
    );
    assert.equal((await drbd.observe('hf-db'))?.role, 'Secondary');
    assert.equal(reads, 1, 'no stream yet');
    const stop = new AbortController();
    const roles: unknown[] = [];
    for await (const _ of drbd.changes(stop.signal)) {
      roles.push([(await drbd.observe('hf-db'))?.role, reads]);
      if (roles.length === 3) stop.abort();
    }
    assert.deepEqual(roles, [
      ['Secondary', 1],
      ['Primary', 1],
      ['Secondary', 2],
    ]);
    await drbd.observe('hf-db');
    assert.equal(reads, 3, 'the stream has ended');
  });

  it('names the peer by its replica, and reports foreign resources not at all', async () => {
    const { drbd } = await scripted((command) => {
      if (command.includes('get-gi')) return GI('AAAAAAAAAAAAAAA0');
      return {
        stdout: dump().stdout?.replace('exists -', 'exists resource name:r0 role:Primary suspended:no\nexists -') ?? '',
      };
    });
    const states = await drbd.states();
    assert.deepEqual([...states.keys()], ['hf-db']);
    assert.equal(states.get('hf-db')?.peers[0]?.replica, 'db-r1');
    assert.equal((await drbd.look('hf-db'))?.generationIds.slice(0, 16), 'AAAAAAAAAAAAAAA0');
  });

  it('a handshake that has only begun is not a connection, although drbdsetup calls it Connected', async () => {
    const begun = `exists resource name:hf-db role:Secondary suspended:no
exists connection name:hf-db peer-node-id:0 conn-name:peer connection:Connected role:Unknown
exists device name:hf-db volume:0 minor:1000 disk:UpToDate
exists peer-device name:hf-db peer-node-id:0 conn-name:peer volume:0 replication:Off peer-disk:DUnknown resync-suspended:no
exists -
`;
    const { drbd } = await scripted((command) =>
      command.includes('get-gi') ? GI('AAAAAAAAAAAAAAA0') : { stdout: begun },
    );
    assert.equal((await drbd.look('hf-db'))?.peers[0]?.connection, 'Connecting');
  });

  it('INV-9: a failed connect shows neither the secret nor the command line that carries it', async () => {
    const { drbd } = await scripted((command) =>
      command.includes('adjust')
        ? {
            code: 10,
            stderr:
              "hf-db: Failure: (103) Remote address already in use\nCommand 'drbdsetup-84 connect hf-db --shared-secret=abcdefghijklmnop' terminated with exit code 10\n",
          }
        : dump(),
    );
    await assert.rejects(drbd.adjust('hf-db'), (error: Error) => {
      const all = JSON.stringify([error.message, error, error.cause]);
      return all.includes('(103)') && !all.includes('abcdefghijklmnop');
    });
  });

  it('a drbdadm that gave up on drbdsetup is a deadline, not a refusal: the kernel may still do it', async () => {
    const { drbd } = await scripted(() => ({
      code: 20,
      stderr: "Command 'drbdsetup-84 primary 1000' did not terminate within 121 seconds\n",
    }));
    await assert.rejects(drbd.promote('hf-db', 1000), { code: 'deadline_exceeded' });
  });

  it('never promotes with force', async () => {
    const { drbd, acts } = await scripted(() => undefined);
    assert.deepEqual(await drbd.promote('hf-db', 1000), { ok: true });
    assert.deepEqual(acts, ['drbdadm primary hf-db']);
  });

  it('tries a busy demotion again, a few times', async () => {
    const { drbd, acts, clock } = await scripted(() => ({
      code: 11,
      stderr: '1000: State change failed: (-12) Device is held open by someone\n',
    }));
    assert.deepEqual(await clock.until(drbd.demote('hf-db')), {
      ok: false,
      busy: true,
      message: '(-12) Device is held open by someone',
    });
    assert.equal(acts.length, 5);
  });

  it('skips the first sync only with Inconsistent, connected, just created disks', async () => {
    const good = { disk: 'Inconsistent', peerDisk: 'Inconsistent', oos: 1024 };
    const cases = [
      { dump: good, current: '0000000000000004', allowed: true },
      { dump: good, current: 'AAAAAAAAAAAAAAA0', allowed: false },
      { dump: { ...good, connection: 'Connecting' }, current: '0000000000000004', allowed: false },
      { dump: { ...good, peerDisk: 'UpToDate' }, current: '0000000000000004', allowed: false },
      { dump: { ...good, disk: 'Consistent' }, current: '0000000000000004', allowed: false },
      { dump: { ...good, replication: 'SyncTarget' }, current: '0000000000000004', allowed: false },
    ];
    for (const { dump: state, current, allowed } of cases) {
      const { drbd, acts } = await scripted((command) =>
        command.includes('get-gi') ? GI(current) : command.includes('events2') ? dump(state) : undefined,
      );
      if (allowed) {
        await drbd.skipInitialSync('hf-db');
        assert.deepEqual(acts, ['drbdadm new-current-uuid --clear-bitmap hf-db/0']);
      } else {
        await assert.rejects(drbd.skipInitialSync('hf-db'), { code: 'failed_precondition' });
        assert.deepEqual(acts, []);
      }
    }
  });

  it('INV-5: paused I/O is failed only after the disk is proven gone', async () => {
    const disks = ['UpToDate', 'Failed', 'Failed', 'Diskless'];
    const seen: string[] = [];
    const { drbd, acts, clock } = await scripted((command) => {
      if (!command.includes('events2')) {
        seen.push(command);
        return undefined;
      }
      const disk = (disks.length > 1 ? disks.shift() : disks[0]) ?? '';
      seen.push(disk);
      return dump({ disk, role: 'Primary', suspended: 'fencing', connection: 'Connecting' });
    });
    await clock.until(drbd.failPausedIo('hf-db'));
    assert.deepEqual(acts, ['drbdadm detach --force hf-db', 'drbdadm resume-io hf-db']);
    assert.deepEqual(seen.slice(-2), ['Diskless', 'drbdadm resume-io hf-db']);
  });

  it('INV-5: a disk that does not go keeps the I/O paused', async () => {
    const { drbd, acts, clock } = await scripted((command) =>
      command.includes('events2') ? dump({ disk: 'Failed', role: 'Primary', suspended: 'fencing' }) : undefined,
    );
    await assert.rejects(clock.until(drbd.failPausedIo('hf-db')), { code: 'unavailable' });
    assert.ok(!acts.some((command) => command.includes('resume-io')));
  });

  it('asks the fence helper again only on a frozen primary without a connection', async () => {
    for (const [state, asks] of [
      [{ role: 'Primary', suspended: 'fencing', connection: 'Connecting' }, true],
      [{ role: 'Primary', suspended: 'fencing', connection: 'Connected' }, false],
      [{ role: 'Primary', suspended: 'no', connection: 'Connecting' }, false],
      [{ role: 'Secondary', suspended: 'fencing', connection: 'Connecting' }, false],
    ] as const) {
      const { drbd, acts } = await scripted((command) => (command.includes('events2') ? dump(state) : undefined));
      await drbd.askFenceAgain('hf-db');
      assert.equal(
        acts.some((command) => command === 'drbdadm connect hf-db'),
        asks,
        JSON.stringify(state),
      );
    }
  });

  it('marks a source only while it is down and just created, and proves by reading that it took', async () => {
    let current = '0000000000000004';
    const { drbd, acts } = await scripted((command) => {
      if (command.includes('events2')) return EMPTY;
      const id = /set-gi ([0-9A-F]{16}):/.exec(command)?.[1];
      if (id !== undefined) current = id;
      return GI(current);
    });
    await drbd.markSource(aConfig());
    assert.match(
      acts[0] ?? '',
      /^drbdmeta --force 1000 v08 \/dev\/hf-fast\/db-r0\.md flex-external set-gi [0-9A-F]{15}0:0:0:0:1:1:0:0:0:1:0$/,
    );
    const stubborn = await scripted((command) => (command.includes('events2') ? EMPTY : GI('0000000000000004')));
    await assert.rejects(stubborn.drbd.markSource(aConfig()), { code: 'internal' });
    const up = await scripted((command) => (command.includes('events2') ? dump() : GI('0000000000000004')));
    await assert.rejects(up.drbd.markSource(aConfig()), { code: 'failed_precondition' });
  });

  it('metadata is blank only when drbdmeta says so; any other failure is unknown', async () => {
    const state = async (answer: Answer): Promise<string> =>
      (
        await scripted((command) =>
          command.includes('events2') ? EMPTY : command.includes('get-gi') ? { code: 1 } : answer,
        )
      ).drbd.metadataState(aConfig());
    assert.equal(await state({ code: 1, stderr: 'No valid meta data found\n' }), 'blank');
    assert.equal(await state({ code: 20, stderr: 'open(/dev/x) failed: No such file or directory\n' }), 'unknown');
    assert.equal(await state({ code: 1, stderr: '' }), 'unknown');
    assert.equal(await state({ code: 255, stderr: 'Found meta data is "unclean", please apply-al first\n' }), 'valid');
  });

  it('an existing connection of 8.4 is given up by the addresses that the kernel uses', async () => {
    const show = `resource hf-db {\n    _remote_host {\n        address\t\t\tipv4 10.78.0.99:7000;\n    }\n    _this_host {\n        address\t\t\tipv4 10.78.0.11:7000;\n        volume 0 {\n            device\t\t\tminor 1000;\n            disk {\n                fencing resource-and-stonith;\n            }\n        }\n    }\n}\n`;
    const { drbd, acts } = await scripted((command) =>
      command.includes('events2') ? dump() : command.includes('show') ? { stdout: show } : undefined,
    );
    await drbd.disconnect('hf-db', true);
    assert.deepEqual(acts, ['drbdsetup disconnect ipv4:10.78.0.11:7000 ipv4:10.78.0.99:7000 --force']);
  });

  it('without peers, 8.4 is brought up step by step and never connected', async () => {
    const { drbd, acts } = await scripted((command) => (command.includes('events2') ? EMPTY : undefined));
    await drbd.writeConfig(aConfig({ peers: [] }));
    await drbd.adjust('hf-db');
    assert.deepEqual(acts, ['drbdadm new-resource hf-db', 'drbdadm new-minor hf-db', 'drbdadm attach hf-db']);
  });
});
