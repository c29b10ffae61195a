import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeExec } from '../../../test/fakes/exec.ts';
import type { Log, LogFields } from '../../ports/log.ts';
import { metered } from './metered.ts';

function memoryLog(): { log: Log; lines: LogFields[] } {
  const lines: LogFields[] = [];
  const quiet = (): void => {};
  const log: Log = {
    debug: (message, fields) => lines.push({ message, ...fields }),
    info: quiet,
    warn: quiet,
    error: quiet,
    child: () => log,
  };
  return { log, lines };
}

test('every run is logged with argv and duration and observed; INV-9: what goes to stdin is not', async () => {
  const { log, lines } = memoryLog();
  const observed: unknown[] = [];
  let nowMs = 0;
  const monotonic = (): number => {
    nowMs += 7;
    return nowMs;
  };
  const fake = new FakeExec((argv) => (argv[0] === 'false' ? { code: 1, stderr: 'no' } : { stdout: 'out' }));
  const exec = metered(fake, { log, monotonic, observe: (observation) => observed.push(observation) });
  await exec.run({ argv: ['cryptsetup', 'open'], timeoutMs: 1, stdin: 'the passphrase' });
  await assert.rejects(exec.run({ argv: ['false'], timeoutMs: 1 }));
  assert.deepEqual(observed, [
    { program: 'cryptsetup', verb: 'open', ok: true, durationMs: 7 },
    { program: 'false', verb: '', ok: false, durationMs: 7 },
  ]);
  assert.deepEqual(lines[0], { message: 'exec', op: 'cryptsetup', argv: 'cryptsetup open', durationMs: 7, code: 0 });
  assert.match(String(lines[1]?.err), /false failed \(exit 1\): no/);
  assert.ok(!JSON.stringify(lines).includes('passphrase'));
});
