import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allocateNumbers, FIRST_MINOR, FIRST_PORT, LAST_PORT } from './allocate.ts';
import { UsageLedger } from './usage.ts';

function claim(node: string, numbers: { minor: number; port: number }) {
  return { node, pool: 'fast', sizeBytes: 0, metadataBytes: 0, materialisedBytes: 0, ...numbers };
}

test('numbers start at minor 1000, port 7000 and node-id 0', () => {
  assert.deepEqual(allocateNumbers('a', new UsageLedger(), new Set()), { minor: 1000, port: 7000, nodeId: 0 });
});

test('property: no two replicas of a node share a minor or a port, whatever comes and goes', () => {
  const step = fc.record({ node: fc.constantFrom('a', 'b'), remove: fc.boolean(), index: fc.nat(30) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ledger = new UsageLedger();
      const live = new Map<string, { node: string; minor: number; port: number }>();
      steps.forEach((one, ordinal) => {
        const victim = [...live.keys()][one.index];
        if (one.remove && victim !== undefined) {
          live.delete(victim);
          ledger.observe(victim, undefined);
          return;
        }
        const numbers = allocateNumbers(one.node, ledger, new Set());
        for (const other of live.values()) {
          if (other.node !== one.node) continue;
          assert.notEqual(other.minor, numbers.minor);
          assert.notEqual(other.port, numbers.port);
        }
        assert.ok(numbers.minor >= FIRST_MINOR && numbers.port >= FIRST_PORT && numbers.port <= LAST_PORT);
        live.set(`r${ordinal}`, { node: one.node, ...numbers });
        // Half of them are only reserved: not visible in the API yet.
        if (ordinal % 2 === 0) ledger.reserve(`r${ordinal}`, claim(one.node, numbers));
        else ledger.observe(`r${ordinal}`, claim(one.node, numbers));
        if (ordinal % 2 === 0) ledger.observe(`r${ordinal}`, claim(one.node, numbers));
      });
    }),
  );
});

test('a node without a free port is refused with the range and a remedy', () => {
  const ledger = new UsageLedger();
  for (let port = FIRST_PORT; port <= LAST_PORT; port += 1) {
    ledger.observe(`r${port}`, claim('a', { minor: port, port }));
  }
  assert.throws(() => allocateNumbers('a', ledger, new Set()), {
    code: 'resource_exhausted',
    message: /7000-7999.*another node/,
  });
});
