import { renderKubeconfig } from '../connection.ts';
import type { Ctx } from '../context.ts';
import { ExitStatus } from '../errors.ts';
import { printObject } from '../output.ts';
import { VERSION } from '../version.ts';

export async function printVersion(ctx: Ctx): Promise<void> {
  await printObject(
    ctx,
    { client: VERSION, node: ctx.io.env['HF_NODE_VERSION'] ?? '' },
    { name: ({ client }) => `hf/${client}`, describe: () => `hf ${VERSION}\n` },
  );
}

export async function printKubeconfig(ctx: Ctx): Promise<void> {
  const { server, token, caPem } = await ctx.target();
  ctx.print(
    renderKubeconfig({
      name: 'holdfast',
      server,
      ...(token === undefined ? {} : { token }),
      ...(caPem === undefined ? {} : { caPem }),
    }),
  );
}

export async function runDaemon(
  ctx: Ctx,
  name: 'apiserver' | 'controller' | 'agent',
  args: readonly string[],
): Promise<void> {
  const status = await ctx.io.daemon(name, args);
  if (status !== 0) throw new ExitStatus(status);
}
