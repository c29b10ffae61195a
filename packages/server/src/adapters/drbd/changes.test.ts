import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createVirtualClock } from '@holdfast/api/testing/virtual-clock.ts';
import type { Exec } from '../../ports/exec.ts';
import type { Log } from '../../ports/log.ts';
import { drbdChanges } from './changes.ts';
import type { KernelState } from './events2.ts';

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };

/** Names from streams that print these lines and then end; stops after `count` names. */
async function names(
  count: number,
  ...rest: readonly (readonly string[] | Error | ((state: KernelState | undefined) => void))[]
): Promise<string[]> {
  const keep = rest.find((each) => typeof each === 'function');
  const streams = rest.filter((each) => typeof each !== 'function');
  const clock = createVirtualClock();
  let started = 0;
  const exec: Exec = {
    run: () => assert.fail('not used'),
    async *lines() {
      const stream = streams[started];
      started += 1;
      if (stream instanceof Error) throw stream;
      yield* stream ?? [];
    },
  };
  const stop = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const name of drbdChanges({ exec, clock, log: quiet }, stop.signal, keep)) {
      seen.push(name);
      if (seen.length === count) stop.abort();
    }
  })();
  await clock.until(reading);
  return seen;
}

describe('changes of DRBD', () => {
  it('the dump is one wake-up for everything, then each line names its resource', async () => {
    assert.deepEqual(
      await names(3, [
        'exists resource name:hf-a role:Primary suspended:no',
        'exists -',
        'change resource name:hf-b role:Secondary',
        'call helper name:hf-a helper:fence-peer',
      ]),
      ['*', 'hf-b', 'hf-a'],
    );
  });

  it('a stream that ends or cannot start is started again, and everything is read again', async () => {
    assert.deepEqual(
      await names(
        3,
        ['exists -', 'change resource name:hf-a role:Primary'],
        new Error('no such program'),
        [],
        ['exists -'],
      ),
      ['*', 'hf-a', '*'],
    );
  });

  it('a line that nobody understands wakes its resource, or everything', async () => {
    assert.deepEqual(await names(3, ['exists -', 'change device name:hf-a disk:Sparkling', 'lorem ipsum']), [
      '*',
      'hf-a',
      '*',
    ]);
  });

  it('the state after each line is kept, and nothing while it is not known', async () => {
    const seen: string[] = [];
    await names(
      4,
      (state) =>
        seen.push(state === undefined ? 'unknown' : [...state.values()].map((r) => `${r.name} ${r.role}`).join()),
      ['exists resource name:hf-a role:Secondary', 'exists -', 'change resource name:hf-a role:Primary'],
      ['exists -', 'change device name:hf-a disk:Sparkling', 'change resource name:hf-b role:Primary'],
    );
    assert.deepEqual(seen.slice(0, 5), ['hf-a Secondary', 'hf-a Primary', 'unknown', '', 'unknown']);
  });

  it('lines of a dump that is cut short are not a reason to read', async () => {
    assert.deepEqual(await names(1, ['exists resource name:hf-a role:Primary suspended:no'], ['exists -']), ['*']);
  });
});
