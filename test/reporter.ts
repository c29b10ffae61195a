/** node:test reporter: one JSON line with the totals of a run, for test/run.ts to add up. */
import type { TestEvent } from 'node:test/reporters';

export default async function* totals(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  const failures: string[] = [];
  for await (const event of source) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    // A describe block and a file are not tests; but a file that dies is a failure of its own.
    const isContainer = event.data.details.type === 'suite';
    if (event.type === 'test:fail') {
      const nested = isContainer && String(event.data.details.error).includes('subtest');
      if (nested) continue;
      failed += 1;
      failures.push(`${event.data.file ?? ''}: ${event.data.name}`);
    } else if (!isContainer) {
      if (event.data.skip !== undefined || event.data.todo !== undefined) skipped += 1;
      else passed += 1;
    }
  }
  yield `${JSON.stringify({ passed, failed, skipped, failures })}\n`;
}
