/** The lab itself, on real VMs: two nodes are booted once and shared by the tests, which leave them as they found them. */
import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { AppError } from '@holdfast/api/errors.ts';
import { createLab } from '../src/lab.ts';
import { runtimeRoot } from '../src/lab-dir.ts';
import { HOST_ADDRESS, type Lab, type LabNode } from '../src/types.ts';
import { eventually } from './eventually.ts';

const NAME = `t${process.pid}`;

describe('lab', { timeout: 1_500_000 }, () => {
  let lab: Lab;
  let n1: LabNode;
  let n2: LabNode;

  before(async () => {
    lab = await createLab({
      name: NAME,
      nodes: 2,
      disks: [256 * 2 ** 20],
      daemons: [{ name: 'ticker', argv: ['sh', '-c', 'echo started $HOW; exec sleep 100000'], env: { HOW: 'well' } }],
      hostProcesses: [{ name: 'sleeper', argv: ['sh', '-c', 'echo up; exec sleep 100000'] }],
    });
    n1 = lab.node('n1');
    n2 = lab.node('n2');
    await lab.waitReady(400_000);
  });

  after(async () => {
    await lab?.destroy();
    await assert.rejects(access(lab.dir), 'its directory is gone');
  });

  it('runs programs: output, exit code, signal, input, environment, time limit', async () => {
    const result = await n1.exec(['sh', '-c', 'echo out; echo err >&2; exit 3']);
    assert.deepEqual([result.code, result.stdout, result.stderr], [3, 'out\n', 'err\n']);
    assert.equal((await n1.exec(['sh', '-c', 'kill -9 $$'])).code, 137);
    assert.equal((await n1.exec(['wc', '-c'], { stdin: Buffer.alloc(300_000) })).stdout.trim(), '300000');
    assert.equal(await n1.sh('echo $A $(hostname) $PWD', { env: { A: 'a' }, cwd: '/tmp' }), 'a n1 /tmp');
    await assert.rejects(n1.sh('echo why >&2; exit 9'), /exited with 9: why/);
    await assert.rejects(
      n1.exec(['no-such-program']),
      (error) => error instanceof AppError && error.code === 'not_found',
    );
    await assert.rejects(
      n1.exec(['sleep', '1000'], { timeoutMs: 300 }),
      (error) => error instanceof AppError && error.code === 'deadline_exceeded',
    );
    // Much output, so that flow control on the channel is exercised.
    assert.equal((await n1.exec(['head', '-c', '12000000', '/dev/zero'])).stdout.length, 12_000_000);
  });

  it('starts programs that go on, and takes their output as it comes', async () => {
    const seen = Promise.withResolvers<string>();
    const child = await n1.spawn(['cat'], { onStdout: (chunk) => seen.resolve(chunk.toString()) });
    child.write('hello');
    assert.equal(await seen.promise, 'hello');
    child.kill('SIGTERM');
    assert.equal((await child.result).signal, 'SIGTERM');
  });

  it('copies files both ways', async () => {
    const data = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 7919) & 0xff));
    await n1.put(data, '/root/deep/er/file', 0o750);
    assert.equal(await n1.sh('stat -c "%a %s" /root/deep/er/file'), '750 3000000');
    assert.ok((await n1.get('/root/deep/er/file')).equals(data));
    await assert.rejects(n1.get('/nope'), (error) => error instanceof AppError && error.code === 'not_found');
  });

  it('has the kernel modules, a stable disk id, and LVM on it without a duplicate', async () => {
    await n1.sh('modprobe -a drbd dm_thin_pool dm_crypt dm_flakey dm_delay xfs nbd');
    assert.match(await n1.sh('cat /proc/drbd'), /^version: 8\.4\./);
    await n1.sh('vgcreate t /dev/disk/by-id/virtio-hf-n1-d0 && lvcreate -T -L 128m t/pool');
    const seen = await n1.exec(['pvs', '--noheadings', '-o', 'pv_name']);
    assert.deepEqual([seen.stdout.trim(), seen.stderr], ['/dev/mapper/labd0', '']);
    await n1.fillPool('t', 60);
    assert.ok(Number(await n1.sh('lvs --noheadings -o data_percent t/pool')) >= 60);
    await n1.drainPool('t');
    assert.ok(Number(await n1.sh('lvs --noheadings -o data_percent t/pool')) < 1);
    await n1.sh('vgremove -qq -f t && pvremove -qq /dev/disk/by-id/virtio-hf-n1-d0');
  });

  it('reaches the other node on both networks and services of the host, and is reached from the host', async () => {
    await n1.sh(`ping -c1 -W5 ${n2.mgmtAddress} && ping -c1 -W5 ${n2.replAddress}`);
    const server = createServer((socket) => socket.end('from the host'));
    const { promise, resolve } = Promise.withResolvers<number>();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
    const port = await promise;
    const script = `require('net').connect(${port}, '${HOST_ADDRESS}').pipe(process.stdout)`;
    assert.equal((await n1.exec(['node', '-e', script])).stdout, 'from the host');
    server.close();

    const child = await n1.spawn(['node', '-e', `require('net').createServer((s) => s.end('from n1')).listen(8080)`]);
    const forwarded = await n1.forward(8080);
    assert.equal(await n1.forward(8080), forwarded);
    await eventually(async () => {
      const answer = await fetchText(forwarded);
      assert.equal(answer, 'from n1');
    });
    child.kill('SIGKILL');
  });

  it('cuts one direction: what is sent does not arrive, what comes back would', async () => {
    const count = (node: LabNode): Promise<string> => node.sh('cat /sys/class/net/repl/statistics/rx_packets');
    await n1.sh(`ping -c1 -W5 ${n2.replAddress}`);
    await lab.cut({ network: 'repl', from: 'n1', to: 'n2', direction: 'out' });
    const [at1, at2] = [await count(n1), await count(n2)];
    assert.notEqual((await n1.exec(['ping', '-c2', '-i0.2', '-W1', n2.replAddress])).code, 0);
    assert.equal(await count(n2), at2, 'nothing arrived at n2');
    // n2's own requests do get to n1; the answers are lost.
    assert.notEqual((await n2.exec(['ping', '-c2', '-i0.2', '-W1', n1.replAddress])).code, 0);
    assert.ok(Number(await count(n1)) > Number(at1), 'n1 heard n2');
    await n1.sh(`ping -c1 -W5 ${n2.mgmtAddress}`);
    await lab.heal({ network: 'repl', from: 'n1' });
    await n1.sh(`ping -c1 -W5 ${n2.replAddress}`);
    assert.deepEqual((await lab.status()).links, []);
  });

  it('delays', async () => {
    await lab.setLink({ network: 'repl', from: 'n1', to: 'n2' }, { delayMs: 150 });
    const text = await n1.sh(`ping -c2 -i0.2 -W5 ${n2.replAddress}`);
    const least = Number(/= ([0-9.]+)\//.exec(text)?.[1]);
    assert.ok(least >= 300, `round trip ${least} ms`);
    await lab.healAll();
  });

  it('still controls a node that is cut from everything', async () => {
    await n1.isolate();
    assert.equal(await n1.sh('echo here'), 'here');
    await lab.healAll();
  });

  it('fails, stalls, slows and heals a disk under whatever uses it', async () => {
    const read = 'dd if=/dev/disk/by-id/virtio-hf-n1-d0 of=/dev/null bs=4k count=1 iflag=direct status=none';
    const write = 'dd if=/dev/zero of=/dev/disk/by-id/virtio-hf-n1-d0 bs=4k count=1 oflag=direct status=none';
    await n1.sh(`${read} && ${write}`);
    await n1.faultDisk(0, { kind: 'error' });
    assert.match((await n1.exec(['sh', '-c', read])).stderr, /Input\/output error/);
    await n1.faultDisk(0, { kind: 'error-writes' });
    await n1.sh(read);
    assert.match((await n1.exec(['sh', '-c', write])).stderr, /Input\/output error/);
    await n1.faultDisk(0, { kind: 'slow', readMs: 400, writeMs: 0 });
    assert.ok((await n1.exec(['sh', '-c', read])).durationMs >= 400);
    await n1.faultDisk(0, { kind: 'stall' });
    const child = await n1.spawn(['sh', '-c', `echo go; ${read}; echo done`]);
    await eventually(async () =>
      assert.match(await n1.sh(`cat /proc/*/stack 2>/dev/null; ps axo stat,comm`), /D\S* +dd/),
    );
    await n1.healDisk(0);
    assert.equal((await child.result).stdout, 'go\ndone\n');
    assert.deepEqual((await n1.status()).diskFaults, {});
  });

  it('keeps daemons running and tells of their deaths', async () => {
    const ticker = n1.daemon('ticker');
    await eventually(async () => assert.ok((await ticker.status()).running));
    const { starts } = await ticker.status();
    await ticker.kill();
    await eventually(async () => assert.deepEqual((await ticker.status()).starts, starts + 1));
    assert.equal((await ticker.status()).lastExit, 'SIGKILL');
    await ticker.stop();
    assert.equal((await ticker.status()).running, false);
    await ticker.start();
    await eventually(async () => assert.match(await n1.daemonLog('ticker'), /started well/));
    // The log still has the first start's line: the program itself may come a moment later.
    await eventually(async () => assert.equal((await n1.killProcess('^sleep 100000')).length, 1));
    const sleeper = lab.host('sleeper');
    const before = (await sleeper.status()).starts;
    await sleeper.kill();
    await eventually(async () => assert.equal((await sleeper.status()).starts, before + 1));
    await eventually(async () => assert.match(await lab.hostLog('sleeper'), /up\nup\n/));
  });

  it('stops a CPU and lets it go on', async () => {
    await n1.freeze();
    assert.equal((await n1.status()).state, 'frozen');
    const echo = n1.exec(['echo', 'late']);
    assert.notEqual((await n2.exec(['ping', '-c1', '-W1', n1.mgmtAddress])).code, 0);
    await n1.thaw();
    assert.equal((await echo).stdout, 'late\n');
  });

  it('moves the clock', async () => {
    await n1.skewClock(-3_600_000);
    const behind = Date.now() - Number(await n1.sh('date +%s')) * 1000;
    assert.ok(behind > 3_500_000 && behind < 3_700_000, `${behind} ms behind`);
    await n1.resetClock();
    assert.ok(Math.abs(Date.now() - Number(await n1.sh('date +%s')) * 1000) < 30_000);
  });

  it('loses power and comes back with its disks', async () => {
    await n1.sh('echo remember >/var/lib/holdfast/note; sync; echo forget >/root/note');
    await n1.sh('echo data | dd of=/dev/disk/by-id/virtio-hf-n1-d0 bs=512 conv=sync oflag=direct status=none');
    const pending = n1.exec(['sleep', '1000'], { timeoutMs: 0 });
    const lost = assert.rejects(pending, (error) => error instanceof AppError && error.code === 'unavailable');
    await n1.powerOff();
    await lost;
    await assert.rejects(n1.exec(['true']), /is off/);
    await n1.powerOn();
    await n1.waitReady(300_000);
    assert.equal(await n1.sh('cat /var/lib/holdfast/note; ls /root'), 'remember');
    assert.equal(await n1.sh('head -c4 /dev/disk/by-id/virtio-hf-n1-d0'), 'data');
    await n1.sh(`ping -c1 -W5 ${n2.replAddress}`);
  });

  it('reboots by itself when the guest resets', async () => {
    const { boots } = await n2.status();
    await n2.reboot();
    assert.equal((await n2.status()).boots, boots + 1);
    assert.equal(await n2.sh('hostname'), 'n2');
  });

  it('wrote all of it to the timeline', async () => {
    await lab.note('test', { x: 1 });
    const events = new Set((await lab.timeline()).map(({ event }) => event));
    for (const name of [
      'lab',
      'power-on',
      'ready',
      'link',
      'disk-fault',
      'disk-heal',
      'freeze',
      'thaw',
      'power-off',
      'off',
      'reboot',
      'skew-clock',
      'test',
    ]) {
      assert.ok(events.has(name), name);
    }
    await eventually(async () => assert.match(await readFile(`${lab.dir}/timeline.jsonl`, 'utf8'), /"event":"test"/));
    await access(runtimeRoot());
  });

  it('refuses a second lab of the same name', async () => {
    await assert.rejects(
      createLab({ name: NAME, nodes: 1 }),
      (error) => error instanceof AppError && error.code === 'already_exists',
    );
  });
});

async function fetchText(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}
