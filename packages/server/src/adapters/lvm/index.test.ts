import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeExec } from '../../../test/fakes/exec.ts';
import { failure } from '../../../test/fakes/failure.ts';
import type { Exec } from '../../ports/exec.ts';
import { createLvm } from './index.ts';

const LV = { vg: 'hf-a', lv: 'db-r0', sizeBytes: 4 * 2 ** 20, tags: ['holdfast'], thinPool: 'pool' };

test('changes of one group run one after the other, those of another group do not wait', async () => {
  const events: string[] = [];
  const gates: (() => void)[] = [];
  const exec: Exec = {
    async run({ argv }) {
      const target = argv.at(-1) ?? '';
      events.push(`start ${target}`);
      await new Promise<void>((resolve) => gates.push(resolve));
      events.push(`end ${target}`);
      return { argv, code: 0, stdout: '', stderr: '', durationMs: 1 };
    },
    lines: () => assert.fail('no stream'),
  };
  const lvm = createLvm(exec);
  const all = Promise.all([
    lvm.activateLv({ vg: 'hf-a', lv: 'one' }),
    lvm.activateLv({ vg: 'hf-a', lv: 'two' }),
    lvm.activateLv({ vg: 'hf-b', lv: 'three' }),
  ]);
  while (gates.length < 2) await new Promise(setImmediate);
  assert.deepEqual(events, ['start hf-a/one', 'start hf-b/three']);
  for (let open = 0; open < 3; ) {
    const gate = gates[open];
    if (gate === undefined) await new Promise(setImmediate);
    else {
      open += 1;
      gate();
    }
  }
  await all;
  assert.ok(events.indexOf('end hf-a/one') < events.indexOf('start hf-a/two'));
});

test('a change that fails does not stop those behind it', async () => {
  const exec = new FakeExec((argv) => (argv.includes('hf-a/bad') ? { code: 5, stderr: '  Cannot do it.\n' } : {}));
  const lvm = createLvm(exec);
  const bad = failure(lvm.activateLv({ vg: 'hf-a', lv: 'bad' }));
  await lvm.activateLv({ vg: 'hf-a', lv: 'good' });
  assert.equal((await bad).code, 'internal');
});

test('a report that fails is an error, never an empty inventory', async () => {
  const exec = new FakeExec(() => ({ code: 5, stdout: '{"report":[]}', stderr: '  Failed to scan devices.\n' }));
  await assert.rejects(createLvm(exec).inventory(), /Failed to scan devices/);
});

test('creating a volume is one command when nothing is in the way', async () => {
  const exec = new FakeExec(() => ({}));
  await createLvm(exec).createLv(LV);
  assert.equal(exec.calls.length, 1);
});

test('names, tags and devices that could be read as options or expressions never reach a command', async () => {
  const exec = new FakeExec(() => ({}));
  const lvm = createLvm(exec);
  const attempts = [
    lvm.createLv({ ...LV, lv: '--force' }),
    lvm.createLv({ ...LV, vg: 'a/b' }),
    lvm.createLv({ ...LV, lv: '..' }),
    lvm.createLv({ ...LV, tags: ['a"} || lv_name=~"'] }),
    lvm.removeLv({ vg: 'hf-a', lv: 'x', requiredTag: 'x" || vg_name="hf-a' }),
    lvm.createPv({ device: '/etc/passwd', uuid: 'u' }),
    lvm.createPv({ device: '/dev/../etc/passwd', uuid: 'u' }),
    lvm.createVg({ vg: 'hf-a', devices: ['-ff'], tags: [] }),
  ];
  for (const attempt of attempts) assert.equal((await failure(attempt)).code, 'invalid_argument');
  assert.deepEqual(exec.calls, []);
});

test('a missing LVM is unavailable with the package to install', async () => {
  const error = await failure(createLvm(new FakeExec(() => undefined)).version());
  assert.equal(error.code, 'unavailable');
});
