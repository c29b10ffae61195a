import { AppError } from '@holdfast/api/errors.ts';
import type { Ctx } from '../context.ts';

export async function explain(_ctx: Ctx, kind: string, name: string): Promise<void> {
  throw new AppError('unimplemented', `explain ${kind} ${name}`);
}
