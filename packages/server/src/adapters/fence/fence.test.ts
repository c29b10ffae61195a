import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createVirtualClock } from '@holdfast/api/testing/virtual-clock.ts';
import type { Exec } from '../../ports/exec.ts';
import type { FenceGate, FenceRequest } from '../../ports/fence.ts';
import type { Files } from '../../ports/files.ts';
import type { Log } from '../../ports/log.ts';
import { createFiles } from '../files/index.ts';
import { createFenceGate, PARAMETER } from './index.ts';

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };

/** The real script in a real shell, with real FIFOs; only the kernel's parameter is not there. */
describe('the fence gate and its helper', () => {
  let dir = '';
  let parameter: string | undefined;
  let gate: FenceGate;
  let helper = '';
  const helpers: { kill: () => void; done: Promise<number> }[] = [];

  const real = createFiles();
  const files: Files = {
    ...real,
    read: async (path) =>
      path === PARAMETER ? (parameter === undefined ? undefined : `${parameter}\n`) : real.read(path),
    writeKernel: async (_path, text) => {
      parameter = text;
    },
  };
  const exec: Exec = {
    run: async ({ argv }) => ({ argv, code: await run(...argv.slice(1)).done, stdout: '', stderr: '', durationMs: 1 }),
    lines: () => assert.fail('not used'),
  };

  function run(...words: string[]): { kill: () => void; done: Promise<number> } {
    let kill = (): void => {};
    const done = new Promise<number>((resolve) => {
      const child = execFile(helper, words, { env: { PATH: '/sbin:/bin', HOME: '/', TERM: 'linux' } }, (error) => {
        resolve(typeof error?.code === 'number' ? error.code : error === null ? 0 : -1);
      });
      kill = () => child.kill('SIGKILL');
    });
    const started = { kill, done };
    helpers.push(started);
    return started;
  }

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hf-'));
    parameter = '/sbin/drbdadm';
    helper = join(dir, 'bin/drbd-helper');
    gate = createFenceGate({
      exec,
      files,
      clock: createVirtualClock(),
      log: quiet,
      stateDir: dir,
      runDir: join(dir, 'run'),
    });
    assert.equal(await gate.install(), helper);
    await mkdir(join(dir, 'drbd.d'));
    await writeFile(join(dir, 'drbd.d/hf-db.res'), '# holdfast minor 1000\n');
    await writeFile(join(dir, 'drbd.d/minor-1000'), 'hf-db');
  });
  afterEach(async () => {
    for (const { kill, done } of helpers.splice(0)) {
      kill();
      await done;
    }
    await rm(dir, { recursive: true, force: true });
  });

  /** The first question that a listener gets. */
  async function next(): Promise<FenceRequest> {
    const stop = new AbortController();
    try {
      for await (const request of gate.requests(stop.signal)) return request;
    } finally {
      stop.abort();
    }
    return assert.fail('no question came');
  }

  for (const [verdict, subject] of [
    [4, 'hf-db'],
    [1, 'hf-db'],
    [4, 'minor-1000'],
  ] as const) {
    it(`a verdict of ${verdict} about ${subject} is the exit code that the kernel sees, and nothing is left behind`, async () => {
      const call = run('fence-peer', subject);
      const request = await next();
      assert.equal(request.resource, 'hf-db');
      assert.deepEqual(await gate.pending(), [request]);
      await gate.answer(request, verdict);
      assert.equal(await call.done, verdict);
      await gate.answer(request, 4);
      for (const kind of ['requests', 'verdicts', 'fifos'])
        assert.deepEqual(await readdir(join(dir, 'run', kind)), [], kind);
      assert.deepEqual(await gate.pending(), []);
    });
  }

  it('nothing but a 4 grants', async () => {
    for (const text of ['', '0\n', '5\n', '7\n', '44\n', 'garbage\n']) {
      const call = run('fence-peer', 'hf-db');
      const { id } = await next();
      await writeFile(join(dir, 'run/verdicts', id), text);
      assert.equal(await call.done, 1, JSON.stringify(text));
    }
  });

  it('side by side, each question has its own answer', async () => {
    await writeFile(join(dir, 'drbd.d/hf-web.res'), '# holdfast minor 1001\n');
    const calls = new Map(['hf-db', 'hf-web'].map((name) => [name, run('fence-peer', name)]));
    const stop = new AbortController();
    const seen: FenceRequest[] = [];
    for await (const request of gate.requests(stop.signal)) {
      seen.push(request);
      if (seen.length === 2) break;
    }
    stop.abort();
    for (const request of seen) await gate.answer(request, request.resource === 'hf-db' ? 4 : 1);
    assert.equal(await calls.get('hf-db')?.done, 4);
    assert.equal(await calls.get('hf-web')?.done, 1);
  });

  it('a question whose helper was killed is dropped, not answered for ever', async () => {
    const call = run('fence-peer', 'hf-db');
    await next();
    call.kill();
    await call.done;
    // Its ticker holds the FIFO for a moment longer.
    while ((await gate.pending()).length > 0);
    assert.deepEqual(await readdir(join(dir, 'run/requests')), []);
  });

  it('a question that was cleaned away by mistake comes back', async () => {
    const call = run('fence-peer', 'hf-db');
    const request = await next();
    await rm(join(dir, 'run/requests', request.id));
    assert.deepEqual(await gate.pending(), []);
    const again = await next();
    assert.deepEqual(again, request);
    await gate.answer(again, 4);
    assert.equal(await call.done, 4);
  });

  it('a resource of ours never reaches drbdadm, whose exit code 3 would be a grant', async () => {
    assert.equal(await run('fence-peer', 'hf-a;b').done, 1);
    // Not ours: what happens is drbdadm's business, or a refusal where there is none; never a grant on a host without it.
    assert.notEqual(await run('fence-peer', 'minor-77').done, 4);
  });

  it('without its directories it refuses: frozen is safe', async () => {
    await rm(join(dir, 'run'), { recursive: true });
    await writeFile(join(dir, 'run'), 'not a directory');
    assert.equal(await run('fence-peer', 'hf-db').done, 1);
  });

  it('other calls are passed on as hints, in order, and never fail', async () => {
    assert.equal(await run('before-resync-target', 'minor-1000').done, 0);
    assert.equal(await run('unfence-peer', 'hf-db').done, 0);
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const { event, resource } of gate.notifications(stop.signal)) {
      seen.push(`${event} ${resource}`);
      if (seen.length === 2) break;
    }
    stop.abort();
    assert.deepEqual(seen, ['before-resync-target hf-db', 'unfence-peer hf-db']);
    assert.deepEqual(await readdir(join(dir, 'run/events')), []);
  });

  it('says why nothing would be protected', async () => {
    assert.equal(await gate.whyNotProtected(), null);
    parameter = '/sbin/drbdadm';
    assert.match((await gate.whyNotProtected()) ?? '', /\/sbin\/drbdadm/);
    parameter = `${helper}\n`;
    assert.match((await gate.whyNotProtected()) ?? '', /\\n/, 'a newline inside the setting breaks every call');
    parameter = undefined;
    assert.match((await gate.whyNotProtected()) ?? '', /not loaded/);
    await assert.rejects(gate.install(), { code: 'failed_precondition' });
    parameter = helper;
    await chmod(helper, 0o755);
    await writeFile(helper, '#!/bin/sh\nexit 4\n');
    assert.match((await gate.whyNotProtected()) ?? '', /changed/);
    await gate.install();
    assert.equal(await gate.whyNotProtected(), null);
  });

  it('a path that the kernel would cut is refused', async () => {
    const stateDir = `/${'x'.repeat(80)}`;
    const long = createFenceGate({ exec, files, clock: createVirtualClock(), log: quiet, stateDir });
    await assert.rejects(long.install(), { code: 'invalid_argument' });
  });
});
