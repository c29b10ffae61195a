import type { Ctx } from '../context.ts';
import type { ViewOptions } from '../views/common.ts';

export function viewOptions(ctx: Ctx): ViewOptions {
  return { paint: ctx.paint, wide: ctx.options.output === 'wide', nowMs: ctx.now() };
}
