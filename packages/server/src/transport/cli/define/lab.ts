import type { Command } from 'commander';
import type { Ctx } from '../context.ts';

export function defineLab(_program: Command, _ctx: Ctx): void {}
