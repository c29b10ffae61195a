import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLabWorld, type LabContractNode, type LabContractWorld, STATE_DIR } from './lab-world.ts';
import { staysPending, TestVolume, until } from './volume.ts';

/** A helper that notes how it was called and waits for a verdict file of its own, whatever happens to the connection. */
const STUBBORN_HELPER = `#!/bin/sh
env > /tmp/env.$1
echo "$@" >> /tmp/calls
[ "$1" = fence-peer ] || exit 0
n=$(cat /tmp/count 2>/dev/null || echo 0)
n=$((n + 1))
echo $n > /tmp/count
: > /tmp/asked.$n
while [ ! -f /tmp/verdict.$n ]; do sleep 0.1; done
exit 4
`;

const shown = (path: string): URL => new URL(`../../src/adapters/drbd/testdata/${path}`, import.meta.url);

describe('what Holdfast relies on in the kernel and in DRBD tools', () => {
  let world: LabContractWorld | undefined;
  const inLab = (): LabContractWorld => {
    assert.ok(world !== undefined);
    return world;
  };

  async function useStubbornHelper(node: LabContractNode): Promise<void> {
    await node.vm.put(Buffer.from(STUBBORN_HELPER), '/tmp/stubborn', 0o755);
    await node.vm.sh(
      'rm -f /tmp/calls /tmp/count /tmp/asked.* /tmp/verdict.*; printf %s /tmp/stubborn > /sys/module/drbd/parameters/usermode_helper',
    );
  }
  const asked = (node: LabContractNode, count: number): Promise<unknown> =>
    until(
      inLab(),
      `question ${count}`,
      async () => (await node.vm.exec(['test', '-e', `/tmp/asked.${count}`])).code,
      (code) => code === 0,
    );

  before(async () => {
    world = await createLabWorld({
      app: { entries: { 'fence-probe': fileURLToPath(new URL('fence-probe.ts', import.meta.url)) } },
    });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
  });

  it('fence-peer names the resource, other calls name the minor, and the environment is the small one we expect', {
    timeout: 240_000,
  }, async () => {
    const { a } = inLab();
    const volume = await new TestVolume(inLab()).create();
    await volume.promote(a);
    await useStubbornHelper(a);
    await inLab().cut();
    const write = await volume.write(a, 1, 'x');
    await asked(a, 1);
    await a.vm.sh(': > /tmp/verdict.1');
    assert.equal(await write.result, 'acked');
    await inLab().heal();
    await volume.untilHealthy();
    const calls = (await a.vm.sh('cat /tmp/calls')).split('\n');
    assert.equal(calls[0], `fence-peer ${volume.resource}`);
    assert.ok(calls.includes(`before-resync-source minor-${volume.minorOf(a)}`), calls.join('; '));
    const names = (await a.vm.sh('cut -d= -f1 /tmp/env.fence-peer')).split('\n').filter((name) => name !== 'PWD');
    assert.deepEqual(names.sort(), ['DRBD_PEER_ADDRESS', 'DRBD_PEER_AF', 'HOME', 'PATH', 'TERM']);
    await a.fence.install();
    await volume.destroy();
  });

  it('a verdict asked for before a reconnect is ignored, also when it comes after the next loss', {
    timeout: 240_000,
  }, async () => {
    const { a } = inLab();
    const volume = await new TestVolume(inLab()).create();
    await volume.promote(a);
    await useStubbornHelper(a);
    await inLab().cut();
    const first = await volume.write(a, 1, 'first');
    await asked(a, 1);
    await inLab().heal();
    assert.equal(await first.result, 'acked', 'by the reconnect');
    await volume.untilHealthy();
    await inLab().cut();
    const second = await volume.write(a, 2, 'second');
    await asked(a, 2);
    await a.vm.sh(': > /tmp/verdict.1');
    assert.ok(await staysPending(inLab(), second.result, 2000), 'the old grant is worth nothing');
    assert.deepEqual((await volume.state(a)).suspended, ['fencing']);
    await a.vm.sh(': > /tmp/verdict.2');
    assert.equal(await second.result, 'acked');
    await inLab().heal();
    await volume.untilHealthy();
    await a.fence.install();
    await volume.destroy();
  });

  it('a question reaches the agent within a second of the kernel call, on an emulated CPU', {
    timeout: 240_000,
  }, async (t) => {
    const { a } = inLab();
    const volume = await new TestVolume(inLab()).create();
    await volume.promote(a);
    const lines: string[] = [];
    const probe = await a.vm.spawn(['node', '/opt/holdfast/fence-probe.js', STATE_DIR], {
      timeoutMs: 0,
      onStdout: (chunk) => lines.push(...chunk.toString('utf8').split('\n')),
    });
    await until(inLab(), 'the probe', async () => lines.includes('ready'), Boolean);
    await inLab().cut();
    const write = await volume.write(a, 1, 'x');
    // Nothing else runs in the node meanwhile: what is measured is the way of the question.
    let line: string | undefined;
    while (line === undefined) {
      await inLab().pause(100);
      line = lines.find((it) => it.includes(`"${volume.resource}.`));
    }
    const { id, uptime: seen } = JSON.parse(line) as { id: string; uptime: number };
    const called = Number(
      /\[\s*([\d.]+)\][^\n]*helper command: \S+ fence-peer hf-\S+\s*$/m.exec(
        await a.vm.sh(`dmesg | grep 'helper command' | grep 'fence-peer ${volume.resource}$' | tail -1`),
      )?.[1],
    );
    t.diagnostic(`from kernel call to agent: ${Math.round((seen - called) * 1000)} ms`);
    assert.ok(seen - called < 1, `${seen - called} s`);
    await a.fence.answer({ id, resource: volume.resource }, 4);
    assert.equal(await write.result, 'acked');
    probe.kill('SIGKILL');
    await probe.result;
    await inLab().heal();
    await volume.untilHealthy();
    await volume.destroy();
  });

  it('drbdadm of both dialects accepts our files and makes the commands that we expect of them', {
    timeout: 120_000,
  }, async () => {
    const { vm } = inLab().a;
    for (const [version, names] of [
      ['8.4.11', ['v84-two', 'v84-alone-thick-ipv6']],
      ['9.2.0', ['v9-two', 'v9-tie-breaker', 'v9-alone']],
    ] as const) {
      for (const name of names) {
        await vm.put(await readFile(shown(`${name}.res`)), '/tmp/golden.res', 0o600);
        const dry = await vm.exec(['drbdadm', '-c', '/tmp/golden.res', '-d', 'adjust', 'hf-db'], {
          env: { DRBD_DRIVER_VERSION_OVERRIDE: version, __DRBD_NODE__: 'n1' },
        });
        assert.equal(dry.code, 0, dry.stderr);
        assert.equal(dry.stdout, await readFile(shown(`${name}.adjust`), 'utf8'), name);
      }
    }
  });
});
