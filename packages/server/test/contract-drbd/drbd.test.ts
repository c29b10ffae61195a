import { describe, it } from 'node:test';
import { CONTRACT_CASES } from './cases.ts';
import { createFakeWorld } from './fake-world.ts';

for (const flavour of ['8.4', '9'] as const) {
  describe(`fake DRBD ${flavour}`, () => {
    for (const { name, run } of CONTRACT_CASES) {
      it(name, async () => {
        const world = await createFakeWorld(flavour);
        await world.clock.until(run(world));
      });
    }
  });
}
