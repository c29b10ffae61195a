import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CONTRACT_CASES } from './cases.ts';
import { createLabWorld, type LabContractWorld } from './lab-world.ts';

describe('DRBD of the kernel', () => {
  let world: LabContractWorld | undefined;
  before(async () => {
    world = await createLabWorld();
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
  });
  for (const { name, run } of CONTRACT_CASES) {
    it(name, { timeout: 240_000 }, async () => {
      assert.ok(world !== undefined);
      await run(world);
    });
  }
});
