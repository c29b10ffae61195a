/** Runs in a lab node: the real gate; prints each question with the uptime at which it was seen. Argument: the state directory. */
import { createClock } from '../../src/adapters/clock/real.ts';
import { createExec } from '../../src/adapters/exec/index.ts';
import { createFenceGate } from '../../src/adapters/fence/index.ts';
import { createFiles } from '../../src/adapters/files/index.ts';
import type { Log } from '../../src/ports/log.ts';

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };
const files = createFiles();
const gate = createFenceGate({
  exec: createExec(),
  files,
  clock: createClock(),
  log: quiet,
  stateDir: process.argv[2] ?? '/var/lib/holdfast',
});
console.log('ready');
for await (const { id } of gate.requests(new AbortController().signal)) {
  const uptime = (await files.read('/proc/uptime'))?.split(' ')[0];
  console.log(JSON.stringify({ id, uptime: Number(uptime) }));
}
