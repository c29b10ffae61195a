import type { FenceGate, FenceNotification, FenceRequest } from '../../src/ports/fence.ts';
import type { FakeDrbdNode } from './drbd-node.ts';

/** The port FenceGate over one fake node: questions live in the node, so a new gate finds the old ones. */
export function fakeGate(node: FakeDrbdNode): FenceGate {
  async function* watching<T>(signal: AbortSignal, take: () => readonly T[]): AsyncGenerator<T> {
    let wake = (): void => {};
    const listener = (): void => wake();
    node.questionListeners.add(listener);
    signal.addEventListener('abort', listener, { once: true });
    try {
      while (!signal.aborted) {
        const items = take();
        for (const item of items) {
          yield item;
          if (signal.aborted) return;
        }
        if (items.length > 0) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (signal.aborted) resolve();
        });
      }
    } finally {
      node.questionListeners.delete(listener);
      signal.removeEventListener('abort', listener);
    }
  }

  return {
    async install() {
      node.helperInstalled = true;
      return '/var/lib/holdfast/bin/drbd-helper';
    },
    async whyNotProtected() {
      return node.helperInstalled ? null : "the kernel's DRBD helper is not ours";
    },
    requests(signal) {
      const seen = new Set<string>();
      return watching<FenceRequest>(signal, () => {
        const fresh = [...node.questions.values()]
          .map((question) => question.request)
          .filter(({ id }) => !seen.has(id));
        for (const { id } of fresh) seen.add(id);
        return fresh;
      });
    },
    async pending() {
      return [...node.questions.values()].map((question) => question.request);
    },
    async answer(request, verdict) {
      node.questions.get(request.id)?.verdict(verdict);
    },
    notifications: (signal) => watching<FenceNotification>(signal, () => node.notifications.splice(0)),
  };
}
