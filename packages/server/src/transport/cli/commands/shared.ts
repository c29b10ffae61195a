import type { Ctx } from '../context.ts';
import type { ViewOptions } from '../views/common.ts';

export function viewOptions(ctx: Ctx): ViewOptions {
  return { paint: ctx.paint, wide: ctx.options.output === 'wide', nowMs: ctx.now() };
}

/** It may fit later: said now, so that nobody wonders why it is pending. */
export function noteWaiting(ctx: Ctx, message: string | undefined): void {
  if (message !== undefined) ctx.note(`note: it will wait: ${message}\n`);
}
