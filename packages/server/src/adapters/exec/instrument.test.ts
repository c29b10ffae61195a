import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeExec } from '../../../test/fakes/exec.ts';
import { FakeFiles } from '../../../test/fakes/files.ts';
import { dieAfterEach, type SideEffectPoint, SideEffects } from './instrument.ts';

const timeoutMs = 1_000;

test('every side effect is a point before and a point after, reads are none, and all ports share one count', async () => {
  const points: SideEffectPoint[] = [];
  const effects = new SideEffects((point) => {
    points.push(point);
  });
  const exec = effects.exec(new FakeExec(() => ({})));
  const files = effects.files(new FakeFiles());
  await exec.run({ argv: ['lvm', 'fullreport'], timeoutMs, sideEffect: false });
  await exec.run({ argv: ['lvm', 'lvcreate'], timeoutMs });
  await files.read('/a');
  await files.write('/a', 'text');
  assert.deepEqual(points, [
    { number: 1, phase: 'before', what: 'lvm lvcreate' },
    { number: 2, phase: 'after', what: 'lvm lvcreate' },
    { number: 3, phase: 'before', what: 'write /a' },
    { number: 4, phase: 'after', what: 'write /a' },
  ]);
});

test('dies right after the first side effect, with that effect done, and nothing runs on', async () => {
  const fake = new FakeExec(() => ({}));
  const died = Promise.withResolvers<string>();
  const exec = new SideEffects(dieAfterEach({ deaths: [], die: died.resolve })).exec(fake);
  await exec.run({ argv: ['blkid', '-p'], timeoutMs, sideEffect: false });
  let returned = false;
  void exec.run({ argv: ['mkfs.ext4'], timeoutMs }).then(() => {
    returned = true;
  });
  assert.equal(await died.promise, 'mkfs.ext4');
  await new Promise(setImmediate);
  assert.deepEqual(fake.lineOfCalls, ['blkid -p', 'mkfs.ext4']);
  assert.equal(returned, false);
});

test('passes the points of the last deaths once, so that the step after it is reached', async () => {
  const died = Promise.withResolvers<string>();
  const effects = new SideEffects(dieAfterEach({ deaths: ['lvm lvcreate'], die: died.resolve }));
  const exec = effects.exec(new FakeExec(() => ({})));
  await exec.run({ argv: ['lvm', 'lvcreate'], timeoutMs });
  void exec.run({ argv: ['lvm', 'lvcreate'], timeoutMs });
  assert.equal(await died.promise, 'lvm lvcreate');
});
