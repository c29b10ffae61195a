import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

const BIN = join(import.meta.dirname, '..', 'bin', 'apiserver.ts');
const HEADERS = { authorization: 'Bearer t', 'content-type': 'application/json' };

/** `limits`: a line of shell that runs before it, such as `ulimit`. */
async function start(dir: string, limits = ':'): Promise<{ child: ChildProcess; url: string }> {
  const args = ['--database', join(dir, 'a.db'), '--listen', '127.0.0.1:0', '--token-file', join(dir, 'tokens')];
  const child = spawn('sh', ['-c', `${limits}; exec "$0" "$@"`, process.execPath, BIN, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const { url } = JSON.parse(line) as { url?: string };
    if (url !== undefined) {
      child.stdout.resume();
      return { child, url };
    }
  }
  throw new Error('the server ended before it listened');
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

/** Creates objects one after the other until the server goes; returns the names that it acknowledged. */
async function writeUntilKilled(url: string, prefix: string): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let index = 0; ; index += 1) {
    const name = `${prefix}-${index}`;
    try {
      const answer = await fetch(`${url}/api/v1/namespaces/default/secrets`, {
        method: 'POST',
        headers: HEADERS,
        body: JSON.stringify({ metadata: { name }, stringData: { name } }),
      });
      await answer.text();
      if (answer.status === 201) acknowledged.push(name);
    } catch {
      return acknowledged;
    }
  }
}

test('every write that was acknowledged before kill -9 is there after it, three times over', {
  timeout: 300_000,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-durable-'));
  writeFileSync(join(dir, 'tokens'), 't,admin,1,"system:masters"\n');
  const expected = new Set<string>();
  let running: ChildProcess | undefined;
  try {
    let highest = 0;
    for (let round = 0; round < 3; round += 1) {
      const { child, url } = await start(dir);
      running = child;
      const writers = Array.from({ length: 8 }, (_, index) => writeUntilKilled(url, `r${round}w${index}`));
      // In the middle of the storm: as soon as a good number of new writes can be read.
      let version = highest;
      while (version < highest + 60) {
        const answer = await fetch(`${url}/api/v1/namespaces?limit=1`, { headers: HEADERS });
        version = Number(((await answer.json()) as { metadata: { resourceVersion: string } }).metadata.resourceVersion);
      }
      await stop(child, 'SIGKILL');
      for (const names of await Promise.all(writers)) for (const name of names) expected.add(name);
      highest = version;
    }
    assert.ok(expected.size > 100, `only ${expected.size} writes`);
    const { child, url } = await start(dir);
    running = child;
    const answer = await fetch(`${url}/api/v1/namespaces/default/secrets`, { headers: HEADERS });
    const list = (await answer.json()) as {
      metadata: { resourceVersion: string };
      items: { metadata: { name: string }; data: { name: string } }[];
    };
    const found = new Map(list.items.map((item) => [item.metadata.name, item]));
    for (const name of expected) {
      assert.equal(
        Buffer.from(found.get(name)?.data.name ?? '', 'base64').toString(),
        name,
        `${name} was acknowledged and is lost`,
      );
    }
    assert.ok(Number(list.metadata.resourceVersion) >= highest, 'the resourceVersion went back');
    await stop(child, 'SIGTERM');
    assert.equal(child.exitCode, 0);
  } finally {
    if (running !== undefined) await stop(running, 'SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  }
});

test('the program says what is wrong with its options and its database, with its exit code', {
  timeout: 300_000,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-apiserver-'));
  try {
    writeFileSync(join(dir, 'tokens'), 't,admin,1,"system:masters"\n');
    writeFileSync(join(dir, 'empty.db'), '');
    writeFileSync(join(dir, 'bad-tokens'), 'only-a-token\n');
    const cases: [string[], number, RegExp][] = [
      [
        ['--database', join(dir, 'empty.db'), '--token-file', join(dir, 'tokens')],
        6,
        /truncated to 0 bytes; restore a backup/,
      ],
      [
        ['--database', join(dir, 'a.db'), '--token-file', join(dir, 'none')],
        2,
        /token file .*none cannot be read; create it/,
      ],
      [
        ['--database', join(dir, 'a.db'), '--token-file', join(dir, 'bad-tokens')],
        2,
        /bad-tokens line 1: write token,user,uid/,
      ],
      [
        ['--database', join(dir, 'a.db'), '--token-file', join(dir, 'tokens'), '--listen', '0.0.0.0:0'],
        2,
        /0\.0\.0\.0 is not loopback/,
      ],
      [
        ['--database', join(dir, 'tokens', 'a.db'), '--token-file', join(dir, 'tokens')],
        6,
        /cannot be made; make it writable/,
      ],
      [['--listen', 'nowhere'], 2, /--token-file/],
      [['--nonsense'], 2, /--nonsense/],
    ];
    for (const [args, code, message] of cases) {
      const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
      let text = '';
      child.stderr.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      await once(child, 'close');
      assert.match(text, message);
      assert.equal(child.exitCode, code, text);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('a disk that refuses to be written loses nothing that was acknowledged, and reading goes on', {
  timeout: 300_000,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-full-'));
  writeFileSync(join(dir, 'tokens'), 't,admin,1,"system:masters"\n');
  let running: ChildProcess | undefined;
  const secrets = (url: string): string => `${url}/api/v1/namespaces/default/secrets`;
  const create = (url: string, name: string): Promise<Response> => {
    const body = JSON.stringify({ metadata: { name }, stringData: { pad: 'x'.repeat(50_000) } });
    return fetch(secrets(url), { method: 'POST', headers: HEADERS, body });
  };
  const names = async (url: string): Promise<string[]> => {
    const list = (await (await fetch(secrets(url), { headers: HEADERS })).json()) as {
      items: { metadata: { name: string } }[];
    };
    return list.items.map((item) => item.metadata.name).toSorted();
  };
  try {
    // No file of this process may grow beyond 1 MiB. SQLite takes that for a failing disk, not for a full one (which is 507).
    const full = await start(dir, 'ulimit -f 2048');
    running = full.child;
    const stored: string[] = [];
    let refused: Response | undefined;
    for (let index = 0; refused === undefined; index += 1) {
      assert.ok(index < 100, 'the limit is reached');
      const answer = await create(full.url, `s${index}`);
      if (answer.status === 201) stored.push(`s${index}`);
      else refused = answer;
    }
    assert.ok(stored.length > 2, `${stored.length} were stored`);
    assert.equal(refused.status, 503);
    const { message } = (await refused.json()) as { message: string };
    assert.match(
      message,
      /^it is unknown whether this was stored: the disk of .*a\.db failed.*check it and restart the server/,
    );
    assert.deepEqual(await names(full.url), stored.toSorted(), 'what is there can still be read');
    const next = await create(full.url, 'next');
    assert.equal(next.status, 503, 'nothing more is acknowledged');
    await next.text();
    await stop(full.child, 'SIGKILL');
    const roomy = await start(dir);
    running = roomy.child;
    const found = new Set(await names(roomy.url));
    assert.deepEqual(
      stored.filter((name) => !found.has(name)),
      [],
    );
    assert.equal((await create(roomy.url, 'again')).status, 201);
    await stop(roomy.child, 'SIGTERM');
  } finally {
    if (running !== undefined) await stop(running, 'SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  }
});
