import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeExec } from '../../../test/fakes/exec.ts';
import { createLoops, parseLoopList } from './loops.ts';

const FILE = '/var/lib/holdfast/pools/try.img';

/** losetup of a machine with one loop device. */
function machine(options: { directIo: boolean; attached?: boolean; bytes?: number }) {
  let attached = options.attached ?? false;
  let bytes = options.bytes ?? 0;
  return new FakeExec((argv) => {
    const line = argv.join(' ');
    if (line.startsWith('losetup --list')) {
      return { stdout: attached ? '{"loopdevices":[{"name":"/dev/loop3"}]}' : '{"loopdevices": [\n\n]}\n' };
    }
    if (line.startsWith('losetup --direct-io=on') && !options.directIo) {
      return { code: 1, stderr: 'losetup: x: failed to set up loop device: Invalid argument\n' };
    }
    if (line.includes('--find')) attached = true;
    if (line.includes('--set-capacity')) bytes = Number.POSITIVE_INFINITY;
    if (line.includes('--detach')) attached = false;
    return argv[0] === 'blockdev' ? { stdout: `${bytes}\n` } : {};
  });
}

const verbs = (exec: FakeExec): string[] =>
  exec.lineOfCalls.filter((line) => !line.includes('--list') && !line.startsWith('blockdev'));

test('a file is made sparse and attached with direct I/O', async () => {
  const exec = machine({ directIo: true });
  assert.equal(await createLoops(exec).attach(FILE, 2 ** 30), '/dev/loop3');
  assert.deepEqual(verbs(exec), [
    'mkdir --parents --mode 0700 /var/lib/holdfast/pools',
    `truncate --size >1073741824 ${FILE}`,
    `losetup --direct-io=on --find ${FILE}`,
  ]);
});

test('without direct I/O below it is attached all the same', async () => {
  const exec = machine({ directIo: false });
  assert.equal(await createLoops(exec).attach(FILE, 2 ** 30), '/dev/loop3');
  assert.equal(verbs(exec).at(-1), `losetup --find ${FILE}`);
});

test('what is attached stays attached, and grows when it is larger now', async () => {
  const same = machine({ directIo: true, attached: true, bytes: 2 ** 30 });
  await createLoops(same).attach(FILE, 2 ** 30);
  assert.equal(verbs(same).length, 2);
  const grown = machine({ directIo: true, attached: true, bytes: 2 ** 30 });
  await createLoops(grown).attach(FILE, 2 ** 31);
  assert.equal(verbs(grown).at(-1), 'losetup --set-capacity /dev/loop3');
});

test('detaching what is not attached does nothing', async () => {
  const exec = machine({ directIo: true });
  await createLoops(exec).detach(FILE);
  assert.deepEqual(verbs(exec), []);
});

test('every form of an empty list is empty, and something else is an error', () => {
  assert.deepEqual(parseLoopList(''), []);
  assert.deepEqual(parseLoopList('{\n   "loopdevices": [\n\n   ]\n}\n'), []);
  assert.throws(() => parseLoopList('loop0'), /not understood/);
});
