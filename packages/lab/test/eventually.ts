import { setTimeout as delay } from 'node:timers/promises';

/** Repeats a check until it passes; after `timeoutMs` its last failure is thrown. */
export async function eventually(check: () => Promise<void> | void, timeoutMs = 60_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await delay(50);
    }
  }
}
