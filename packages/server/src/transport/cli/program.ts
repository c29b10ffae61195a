import { Command } from 'commander';
import { type Ctx, createCtx, type GlobalOptions } from './context.ts';
import { defineCluster, defineDaemons, defineTool, globalOptions } from './define/cluster.ts';
import { exitStatusHelp } from './define/helpers.ts';
import { defineLab } from './define/lab.ts';
import { defineNodes, definePools, defineVolumes } from './define/resources.ts';
import type { CliIo } from './io.ts';

export interface Program {
  readonly command: Command;
  readonly ctx: Ctx;
}

/**
 * The whole command tree. Cheap: only names, options and help; what a command does is imported when it runs, so that
 * `hf --help` is quick.
 */
export function buildProgram(io: CliIo): Program {
  const program = new Command('hf');
  const ctx = createCtx(io, () => program.opts<GlobalOptions>());
  program
    .description('Holdfast: persistent volumes that survive the loss of a node')
    .usage('<command> [options]')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .addHelpText('after', exitStatusHelp())
    .addHelpText('after', '\nFirst steps:  hf demo  |  hf lab up, then hf status');
  globalOptions(program);
  program.addHelpCommand(
    new Command('help').argument('[command]').description('help for a command').helpGroup('Tool:'),
  );
  defineCluster(program, ctx);
  defineVolumes(program, ctx);
  definePools(program, ctx);
  defineNodes(program, ctx);
  defineLab(program, ctx);
  defineTool(program, ctx);
  defineDaemons(program, ctx);
  harden(program, io);
  return { command: program, ctx };
}

/** Every command throws instead of exiting, and writes where the caller says. */
function harden(command: Command, io: CliIo): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text) => io.stdout.write(text),
    // Mistakes are rendered by our own renderer, from the thrown error.
    writeErr: () => {},
    outputError: () => {},
    getOutHelpWidth: () => Math.min(io.stdout.columns || 100, 110),
    getOutHasColors: () => false,
  });
  command.showSuggestionAfterError(false);
  for (const child of command.commands) harden(child, io);
}
