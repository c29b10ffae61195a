import type { Command } from 'commander';
import type { Ctx } from '../context.ts';
import { withExamples } from './helpers.ts';

export function defineLab(program: Command, ctx: Ctx): void {
  withExamples(
    program
      .command('demo')
      .description('watch a volume survive the power cut of its node, on three virtual machines')
      .helpGroup('Learn:')
      .option('--kernel <name>', 'Debian cloud kernel of the nodes: 6.1 (default), 6.12, 7.2')
      .option('--keep', 'keep logs and disks of the nodes afterwards')
      .action(async (options) => (await import('../demo/demo.ts')).runDemo(ctx, options)),
    [
      ['hf demo', 'the whole story, with times'],
      ['hf demo --kernel 7.2', 'on the newest kernel'],
    ],
  );
}
