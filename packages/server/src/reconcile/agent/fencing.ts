/** Answers the kernel's question "may I go on alone?" (design 3.1 rules 1 and 4, INV-4, INV-5). */
import { AppError } from '@holdfast/api/errors.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import type { Replica } from '@holdfast/api/schema/replica.ts';
import { decideFencePeer } from '../../core/arbiter/decide.ts';
import type { DrbdState } from '../../ports/drbd.ts';
import type { FenceGate, FenceRequest, FenceVerdict } from '../../ports/fence.ts';
import type { AgentDeps } from './deps.ts';
import { contextOf, readVolume, recordOf, swapRecord } from './record.ts';

/** While the API server does not answer, a frozen primary asks again this often, milliseconds. */
const ASK_AGAIN_MS = 250;
/** A promotion holds DRBD's state lock while it asks; it is refused rather than left hanging, milliseconds. */
const PROMOTION_PATIENCE_MS = 8_000;

export interface FencingOptions {
  readonly deps: AgentDeps;
  readonly gate: FenceGate;
  readonly promoting: ReadonlySet<string>;
  /** The replica on this node behind a DRBD resource, from the cache; its Volume is read live. */
  readonly replicaOf: (resource: string) => Stored<Replica> | undefined;
  /** Called after every verdict: there is something new to see. */
  readonly onVerdict: (replica: Stored<Replica>) => void;
}

/** Serves fence questions until the signal aborts. Questions are answered side by side: one may wait, others must not. */
export async function serveFencing(options: FencingOptions, signal: AbortSignal): Promise<void> {
  const open = new Set<Promise<void>>();
  for await (const request of options.gate.requests(signal)) {
    const work = answer(options, request, signal).catch((error: unknown) => {
      // No verdict means frozen: safe, and loud.
      options.deps.log.error('fence question failed', { resource: request.resource, err: error });
    });
    open.add(work);
    void work.finally(() => open.delete(work));
  }
  await Promise.allSettled(open);
}

async function answer(options: FencingOptions, request: FenceRequest, signal: AbortSignal): Promise<void> {
  const { deps, gate } = options;
  const startedMs = deps.clock.monotonic();
  for (;;) {
    if (signal.aborted) return;
    const verdict = await decide(options, request.resource, deps.clock.monotonic() - startedMs);
    if (verdict !== undefined) {
      await gate.answer(request, verdict);
      const replica = options.replicaOf(request.resource);
      deps.log.info('fence verdict', {
        resource: request.resource,
        verdict,
        durationMs: deps.clock.monotonic() - startedMs,
      });
      if (replica !== undefined) options.onVerdict(replica);
      return;
    }
    await deps.clock.sleep(ASK_AGAIN_MS, signal).catch(() => undefined);
  }
}

/** A verdict, or undefined to ask again later. */
async function decide(options: FencingOptions, resource: string, waitedMs: number): Promise<FenceVerdict | undefined> {
  const { deps } = options;
  const replica = options.replicaOf(resource);
  const promoting = options.promoting.has(resource);
  // While a promotion holds the state lock the kernel is not asked; what it showed before is not trusted either.
  const look = promoting ? undefined : await lookAt(deps, resource);
  if (!promoting && look === 'unreadable') return undefined;
  const seen = look === 'unreadable' ? undefined : look;
  // A Secondary that we are not promoting has no business going on alone.
  if (!promoting && seen?.role !== 'Primary') return 1;
  if (replica === undefined) return waitedMs > PROMOTION_PATIENCE_MS ? 1 : undefined;
  try {
    const volume = await readVolume(deps, replica);
    if (volume === undefined) return 1;
    const decision = decideFencePeer(
      recordOf(volume),
      replica.metadata.name,
      seen,
      contextOf(deps, seen, 'asked by the kernel during the promotion'),
    );
    if (!decision.ok) {
      deps.recorder.record(replica, { type: 'Warning', reason: 'FencingRefused', message: decision.message });
      return 1;
    }
    await swapRecord(deps, volume, decision.next);
    deps.recorder.record(replica, { type: 'Warning', reason: 'PeerFenced', message: decision.message });
    return 4;
  } catch (thrown) {
    const error = AppError.from(thrown);
    deps.log.warn('fence question waits for the API server', { resource, err: error });
    // Conflict: read and decide again at once. Unreachable: a primary stays frozen, a promotion gives up in time.
    return promoting && waitedMs > PROMOTION_PATIENCE_MS ? 1 : undefined;
  }
}

async function lookAt(deps: AgentDeps, resource: string): Promise<DrbdState | undefined | 'unreadable'> {
  try {
    return await deps.drbd?.look(resource);
  } catch (error) {
    deps.log.warn('DRBD cannot be read during a fence question', { resource, err: error });
    return 'unreadable';
  }
}
