import { Argument, type Command, Option } from 'commander';
import type { Ctx } from '../context.ts';
import { withExamples } from './helpers.ts';

/** Commands that look at the whole. */
export function defineCluster(program: Command, ctx: Ctx): void {
  withExamples(
    program
      .command('status')
      .description('the cluster at a glance: health, nodes, pools, and what is not healthy and why')
      .helpGroup('Look:')
      .action(async () => (await import('../commands/status.ts')).showStatus(ctx)),
    [
      ['hf status', 'one look'],
      ['hf status --watch', 'keep it on a screen'],
    ],
  );
  withExamples(
    program
      .command('explain')
      .description('why is it where it is, why is it not ready, what is it waiting for, what if a node died now')
      .helpGroup('Look:')
      .addArgument(new Argument('<kind>', 'what to explain').choices(['volume', 'node', 'pool']))
      .argument('<name>', 'its name')
      .action(async (kind: string, name: string) => (await import('../commands/explain.ts')).explain(ctx, kind, name)),
    [
      ['hf explain volume db', 'placement node by node, health, what each loss would mean'],
      ['hf explain node n1', 'what depends on n1'],
    ],
  );
  withExamples(
    program
      .command('plan')
      .description('what the loops would do next for a volume, and why')
      .helpGroup('Look:')
      .argument('<volume>', 'volume')
      .action(async (name: string) => (await import('../commands/plan.ts')).plan(ctx, name)),
    [['hf plan db', 'next steps, or nothing to do']],
  );
  withExamples(
    program
      .command('events')
      .description('what happened, oldest first')
      .helpGroup('Look:')
      .option('-f, --follow', 'go on with new ones until Ctrl-C')
      .option('--for <kind/name>', 'only events about this object, e.g. volume/db')
      .option('--limit <n>', 'only the last so many')
      .action(async (options) => (await import('../commands/events.ts')).showEvents(ctx, options)),
    [
      ['hf events --follow', 'watch the cluster work'],
      ['hf events --for volume/db', 'the story of one volume'],
    ],
  );
}

/** Commands of the tool itself. */
export function defineTool(program: Command, ctx: Ctx): void {
  withExamples(
    program
      .command('kubeconfig')
      .description('print a kubeconfig for the cluster that hf talks to, for kubectl')
      .helpGroup('Tool:')
      .action(async () => (await import('../commands/tool.ts')).printKubeconfig(ctx)),
    [['hf kubeconfig > /tmp/kc && kubectl --kubeconfig /tmp/kc get volumes', 'kubectl against the same API']],
  );
  withExamples(
    program
      .command('completion')
      .description('print a completion script for your shell')
      .helpGroup('Tool:')
      .addArgument(new Argument('<shell>', 'your shell').choices(['bash', 'zsh', 'fish']))
      .action(async (shell: string) => (await import('../completion.ts')).printCompletion(ctx, program, shell)),
    [
      ['source <(hf completion bash)', 'for this shell'],
      ['hf completion fish > ~/.config/fish/completions/hf.fish', 'for good'],
    ],
  );
  withExamples(
    program
      .command('version')
      .description('version of hf')
      .helpGroup('Tool:')
      .action(async () => (await import('../commands/tool.ts')).printVersion(ctx)),
    [['hf version -o json', 'for scripts']],
  );
}

export const DAEMONS = {
  apiserver: 'run the embedded API server',
  controller: 'run the controllers',
  agent: 'run the agent of this node (as root)',
} as const;

/** The daemons, in this process: one program to install. Their options are their own. */
export function defineDaemons(program: Command, ctx: Ctx): void {
  for (const [name, description] of Object.entries(DAEMONS)) {
    withExamples(
      program
        .command(name, { hidden: true })
        .description(description)
        .helpGroup('Daemons:')
        .allowUnknownOption()
        .helpOption(false)
        .argument('[args...]', 'arguments of the daemon')
        .action(async (args: string[]) =>
          (await import('../commands/tool.ts')).runDaemon(ctx, name as keyof typeof DAEMONS, args),
        ),
      [[`hf ${name}`, description]],
    );
  }
}

export function globalOptions(program: Command): void {
  program
    .addOption(
      new Option('-o, --output <format>', 'how results are printed')
        .choices(['table', 'wide', 'json', 'yaml', 'name'])
        .default('table'),
    )
    .option('-w, --watch', 'lists and status: show them again at every change until Ctrl-C')
    .option('--server <url>', 'API server (HF_SERVER)')
    .option('--token <token>', 'bearer token (HF_TOKEN; better there than in the process list)')
    .option('--kubeconfig <file>', 'kubeconfig to use (KUBECONFIG; default: the one of hf lab up, then ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--no-color', 'no colours (NO_COLOR)');
}
