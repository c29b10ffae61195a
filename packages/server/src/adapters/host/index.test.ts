import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeExec } from '../../../test/fakes/exec.ts';
import { FakeFiles } from '../../../test/fakes/files.ts';
import { createHost, globalAddresses } from './index.ts';

test('facts come from /proc, and a missing one is an error with its remedy', async () => {
  const files = new FakeFiles();
  files.content.set('/proc/sys/kernel/hostname', 'n1\n');
  files.content.set('/proc/sys/kernel/random/boot_id', 'b\n');
  const host = createHost({ exec: new FakeExec(() => ({})), files });
  assert.equal(await host.hostname(), 'n1');
  assert.equal(await host.bootId(), 'b');
  await assert.rejects(host.kernelVersion(), /osrelease cannot be read/);
});

test('modules that are loaded or built in are left alone, and missing ones are named', async () => {
  const files = new FakeFiles();
  files.content.set('/sys/module/dm_mod/parameters/x', '1');
  const exec = new FakeExec((argv) => (argv[1] === 'drbd' ? { code: 1, stderr: 'modprobe: FATAL' } : {}));
  const host = createHost({ exec, files });
  assert.deepEqual(await host.loadModules(['dm-mod', 'dm-thin-pool', 'drbd']), { missing: ['drbd'] });
  assert.deepEqual(exec.lineOfCalls, ['modprobe dm-thin-pool', 'modprobe drbd']);
});

test('a kernel without loop devices says so, instead of a message of losetup', async () => {
  const exec = new FakeExec((argv) => (argv[0] === 'modprobe' ? { code: 1, stderr: 'modprobe: FATAL' } : {}));
  const host = createHost({ exec, files: new FakeFiles() });
  await assert.rejects(host.attachLoop('/var/lib/holdfast/pools/try.img', 2 ** 30), /no loop devices/);
  assert.deepEqual(exec.lineOfCalls, ['modprobe loop']);
});

test('only addresses that a peer can reach are listed', () => {
  const of = (address: string, family: 'IPv4' | 'IPv6', prefix: number, internal = false) => ({
    address,
    netmask: '',
    mac: '',
    internal,
    cidr: `${address}/${prefix}`,
    ...(family === 'IPv4' ? { family } : { family, scopeid: 0 }),
  });
  assert.deepEqual(
    globalAddresses({
      lo: [of('127.0.0.1', 'IPv4', 8, true)],
      eth0: [of('10.0.0.5', 'IPv4', 24), of('fe80::1', 'IPv6', 64), of('2001:db8::5', 'IPv6', 64)],
      eth1: [of('169.254.1.1', 'IPv4', 16)],
    }),
    [
      { interface: 'eth0', address: '10.0.0.5', prefix: 24 },
      { interface: 'eth0', address: '2001:db8::5', prefix: 64 },
    ],
  );
});
