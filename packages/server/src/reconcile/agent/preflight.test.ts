import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError, EXIT_CODE } from '@holdfast/api/errors.ts';
import { createSeededRandom, createVirtualClock } from '@holdfast/api/testing/virtual-clock.ts';
import { FakeExec } from '../../../test/fakes/exec.ts';
import { failure } from '../../../test/fakes/failure.ts';
import { FakeFiles } from '../../../test/fakes/files.ts';
import { FakeHost } from '../../../test/fakes/host.ts';
import { createDrbd } from '../../adapters/drbd/index.ts';
import { createExec } from '../../adapters/exec/index.ts';
import { createLvm } from '../../adapters/lvm/index.ts';
import type { Drbd } from '../../ports/drbd.ts';
import type { Exec } from '../../ports/exec.ts';
import type { Log, LogFields } from '../../ports/log.ts';
import { findDrbd, loadDataPath, requireMachine } from './preflight.ts';

/** A PATH on which nothing is installed: the real gateway says what is missing. */
const nothing = createExec({ path: '/nonexistent' });
const installed = new FakeExec((argv) => {
  if (argv[0] === 'lvm') return { stdout: '  LVM version:     2.03.16(2) (2022-05-18)\n' };
  if (argv[0] === 'drbdadm') return { stdout: 'DRBDADM_VERSION=9.22.0\n' };
  return undefined;
});

function refusal(machine: Parameters<typeof requireMachine>[0], node = 'n1'): Promise<AppError> {
  return failure(requireMachine(machine, node));
}

function memoryLog(): { log: Log; lines: { message: string; fields: LogFields }[] } {
  const lines: { message: string; fields: LogFields }[] = [];
  const write = (message: string, fields: LogFields = {}): number => lines.push({ message, fields });
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  return { log, lines };
}

function drbdOf(exec: Exec, proc: string | undefined): Promise<Drbd> {
  const files = new FakeFiles();
  if (proc !== undefined) files.content.set('/proc/drbd', proc);
  const { log } = memoryLog();
  const options = { exec, files, clock: createVirtualClock(), random: createSeededRandom(1), log, stateDir: '/state' };
  return createDrbd(options);
}

test('a machine with everything is accepted', async () => {
  await requireMachine({ host: new FakeHost(), lvm: createLvm(installed) }, 'n1');
});

test('without root the agent does not start, and says how to start it', async () => {
  const host = new FakeHost();
  host.root = false;
  const error = await refusal({ host, lvm: createLvm(installed) });
  assert.match(error.message, /the agent needs root/);
  assert.equal(error.details.reason, 'NotRoot');
  assert.match(error.details.remedy ?? '', /as root/);
  assert.equal(EXIT_CODE[error.code], 6);
});

test('without LVM the agent does not start, and names the package', async () => {
  const error = await refusal({ host: new FakeHost(), lvm: createLvm(nothing) });
  assert.match(error.message, /the agent needs LVM: the program 'lvm' is not installed/);
  assert.match(error.message, /apt-get install lvm2/);
  assert.equal(error.details.reason, 'NoLvm');
  assert.equal(EXIT_CODE[error.code], 6, 'a repetition does not help');
});

test('LVM that is there and fails is not called missing', async () => {
  const broken = new FakeExec(() => ({ code: 5, stderr: 'Failed to load config' }));
  const error = await refusal({ host: new FakeHost(), lvm: createLvm(broken) });
  assert.notEqual(error.details.reason, 'NoLvm');
  assert.match(error.message, /Failed to load config/);
});

test('a name that is not the host name is refused with the right one', async () => {
  const error = await refusal({ host: new FakeHost({ name: 'n7' }), lvm: createLvm(installed) });
  assert.match(error.message, /--node n1 is not the host name n7/);
  assert.deepEqual([error.details.field, error.details.value, error.details.remedy], ['--node', 'n1', 'use --node n7']);
});

test('without the DRBD module the agent starts, for volumes of one replica, and says what to do', async () => {
  const { log, lines } = memoryLog();
  assert.equal(await findDrbd(() => drbdOf(installed, undefined), log), undefined);
  const [line] = lines;
  assert.match(line?.message ?? '', /only volumes with one replica/);
  assert.ok(line?.fields.err instanceof AppError);
  assert.match(line.fields.err.message, /module is not loaded/);
  assert.match(line.fields.err.details.remedy ?? '', /modprobe drbd/);
});

test('without the DRBD tools likewise, and the package is named', async () => {
  const { log, lines } = memoryLog();
  assert.equal(await findDrbd(() => drbdOf(nothing, 'version: 8.4.11 (api:1/proto:86-101)\n'), log), undefined);
  const [line] = lines;
  assert.ok(line?.fields.err instanceof AppError);
  assert.match(line.fields.err.message, /'drbdadm' is not installed.*apt-get install drbd-utils/);
});

test('with module and tools there is DRBD', async () => {
  const { log, lines } = memoryLog();
  const drbd = await findDrbd(() => drbdOf(installed, 'version: 8.4.11 (api:1/proto:86-101)\n'), log);
  assert.equal(drbd?.flavour, '8.4');
  assert.deepEqual(lines, []);
});

test('kernel modules that are missing are named', async () => {
  const host = new FakeHost();
  host.missingModules.add('dm_thin_pool');
  const { log, lines } = memoryLog();
  await loadDataPath(host, log);
  assert.deepEqual(lines, [{ message: 'kernel modules are missing', fields: { modules: ['dm_thin_pool'] } }]);
});
