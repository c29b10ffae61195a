import { parseBytes } from '@holdfast/api/bytes.ts';
import { AppError } from '@holdfast/api/errors.ts';
import * as lab from '@holdfast/lab/cli.ts';
import type { DiskFault, LabStatus, LinkPolicy, LinkSelector, LinkStatus, NodeStatus } from '@holdfast/lab/types.ts';
import { checkChoice, parseCount, parseDuration } from '../checks/lookup.ts';
import { defaultConfigPath, renderKubeconfig } from '../connection.ts';
import type { Ctx } from '../context.ts';
import { confirm } from '../context.ts';
import { ExitStatus } from '../errors.ts';
import { printListing } from '../output.ts';
import { startProgress } from '../progress.ts';
import { renderTable } from '../table.ts';
import { formatDuration, formatSize } from '../units.ts';
import { viewOptions } from './shared.ts';

/** First line of a configuration file that `hf lab up` wrote and may replace. */
const WRITTEN_BY = '# Written by hf lab up; hf lab destroy removes it.';

export interface LabChoice {
  readonly lab?: string;
}

function labName(ctx: Ctx, options: LabChoice): string {
  const fromEnv = ctx.io.env['HF_LAB'];
  return options.lab ?? (fromEnv === undefined || fromEnv === '' ? 'lab' : fromEnv);
}

/** Database, tokens and kubeconfig of a lab. */
function stateDir(ctx: Ctx, name: string): string {
  const base = ctx.io.env['XDG_STATE_HOME'];
  return `${base !== undefined && base !== '' ? base : `${ctx.io.home}/.local/state`}/holdfast/lab-${name}`;
}

export interface UpOptions extends LabChoice {
  readonly nodes?: string;
  readonly disks?: string;
  readonly kernel?: string;
  readonly initrdModules?: string;
  readonly memory?: string;
  readonly cpus?: string;
  readonly package?: readonly string[];
}

export async function up(ctx: Ctx, options: UpOptions): Promise<void> {
  const name = labName(ctx, options);
  const dir = stateDir(ctx, name);
  const nodes = parseCount(options.nodes ?? '3', '--nodes', 1, 16);
  const disks = lab.parseDisks(options.disks ?? '2x4G');
  const { bringUp } = await import('../../../lab-cluster/up.ts');
  const progress = startProgress(ctx);
  let result: Awaited<ReturnType<typeof bringUp>>;
  try {
    result = await bringUp(dir, {
      name,
      nodes,
      disks,
      ...(options.kernel === undefined ? {} : { kernel: options.kernel }),
      ...(options.initrdModules === undefined ? {} : { initrdModules: options.initrdModules }),
      ...(options.memory === undefined
        ? {}
        : { memoryMiB: Math.round(parseBytes(options.memory, '--memory') / 2 ** 20) }),
      ...(options.cpus === undefined ? {} : { cpus: parseCount(options.cpus, '--cpus', 1, 16) }),
      ...(options.package === undefined ? {} : { packages: options.package }),
      signal: ctx.io.signal,
      onProgress: ({ step, detail, percent }) =>
        progress.update(
          [
            step,
            ctx.io.stderr.isTty ? detail : '',
            ctx.io.stderr.isTty && percent !== undefined ? `${Math.round(percent)}%` : '',
          ]
            .filter(Boolean)
            .join(': '),
        ),
    });
  } finally {
    progress.end();
  }
  for (const old of result.removed) ctx.note(`removed what a killed lab '${old}' had left\n`);
  await writeConfig(ctx, name, dir, result.server, result.token);
  ctx.print(
    `lab '${name}' is up: ${result.status.nodes.length} nodes Ready in ${formatDuration(result.ms)} (${describe(result.status)})\n`,
  );
  ctx.print(`\nnext: hf status   |   hf disk list --free   |   hf lab exec n1 -- lsblk   |   hf lab destroy\n`);
}

async function writeConfig(ctx: Ctx, name: string, dir: string, server: string, token: string): Promise<void> {
  const text = `${WRITTEN_BY}\n${renderKubeconfig({ name: `holdfast-${name}`, server, token })}`;
  await ctx.io.files.write(`${dir}/kubeconfig`, text, 0o600);
  const path = defaultConfigPath(ctx.io.home, ctx.io.env);
  const present = await ctx.io.files.read(path);
  // Somebody's own configuration is never overwritten.
  if (present === undefined || present.startsWith(WRITTEN_BY)) await ctx.io.files.write(path, text, 0o600);
  else ctx.note(`note: ${path} is your own and was left alone; use --kubeconfig ${dir}/kubeconfig\n`);
}

function describe(status: LabStatus): string {
  return `kernel ${status.kernel}, ${status.accel === 'kvm' ? 'KVM' : 'software emulation'}`;
}

export async function ps(ctx: Ctx): Promise<void> {
  const labs = await lab.labList();
  const rows = labs.flatMap((entry) =>
    (entry.status?.nodes ?? [undefined]).map((node) => ({ lab: entry.name, alive: entry.alive, pid: entry.pid, node })),
  );
  const link = (entry: LinkStatus): string => {
    const what = [
      entry.cut === true ? 'cut' : '',
      entry.delayMs === undefined ? '' : `+${entry.delayMs} ms`,
      entry.drop === undefined ? '' : `drop ${entry.drop * 100}%`,
      entry.rateBps === undefined ? '' : `${formatSize(entry.rateBps)}/s`,
    ].filter(Boolean);
    return `${entry.network} ${entry.from}->${entry.to} ${what.join(', ')}`;
  };
  await printListing(ctx, {
    items: labs,
    name: (entry) => `lab/${entry.name}`,
    empty: "no lab: 'hf lab up'",
    table: (wide) => {
      const options = { ...viewOptions(ctx), wide };
      const state = (node: NodeStatus | undefined, alive: boolean): string => {
        if (node === undefined) return alive ? 'in a test' : ctx.paint.warn('left behind');
        return node.state === 'ready' ? ctx.paint.good(node.state) : ctx.paint.warn(node.state);
      };
      const table = renderTable<(typeof rows)[number]>(
        [
          { head: 'LAB', cell: (row) => row.lab },
          { head: 'NODE', cell: (row) => row.node?.name ?? '' },
          { head: 'STATE', cell: (row) => state(row.node, row.alive) },
          { head: 'BOOTS', align: 'right', cell: (row) => String(row.node?.boots ?? '') },
          {
            head: 'BOOT',
            align: 'right',
            cell: (row) => (row.node?.bootMs === undefined ? '' : `${(row.node.bootMs / 1000).toFixed(1)}s`),
          },
          { head: 'MEMORY', align: 'right', cell: (row) => formatSize(row.node?.rssBytes) },
          { head: 'MANAGEMENT', cell: (row) => row.node?.mgmtAddress ?? '' },
          { head: 'REPLICATION', cell: (row) => row.node?.replAddress ?? '' },
          {
            head: 'DAEMONS',
            cell: (row) =>
              (row.node?.daemons ?? [])
                .map((daemon) => `${daemon.name}${daemon.running ? '' : ' (stopped)'}`)
                .join(', '),
          },
          {
            head: 'DISK FAULTS',
            optional: true,
            cell: (row) =>
              Object.entries(row.node?.diskFaults ?? {})
                .map(([index, fault]) => `${index}: ${fault.kind}`)
                .join(', '),
          },
          { head: 'DISKS', wide: true, cell: (row) => (row.node?.disks ?? []).join(',') },
          { head: 'KERNEL', wide: true, cell: (row) => row.node?.kernel ?? '' },
        ],
        rows,
        options,
      );
      const links = labs.flatMap((entry) => entry.status?.links ?? []).map(link);
      return links.length === 0 ? table : `${table}\nlinks: ${links.join('; ')}\n`;
    },
  });
}

export async function exec(ctx: Ctx, node: string, argv: readonly string[], options: LabChoice): Promise<void> {
  const status = await lab.labExec(labName(ctx, options), node, argv, ctx.io.streams());
  if (status !== 0) throw new ExitStatus(status);
}

export async function console(ctx: Ctx, node: string, options: LabChoice): Promise<void> {
  await lab.labConsole(labName(ctx, options), node, ctx.io.streams());
}

export async function copy(ctx: Ctx, from: string, to: string, options: LabChoice): Promise<void> {
  await lab.labCopy(labName(ctx, options), from, to);
}

export type PowerVerb = 'power-off' | 'power-on' | 'reboot' | 'reset' | 'freeze' | 'thaw';

export async function power(ctx: Ctx, verb: PowerVerb, nodes: readonly string[], options: LabChoice): Promise<void> {
  const name = labName(ctx, options);
  await Promise.all(nodes.map((node) => lab.labPower(name, node, verb)));
  for (const node of nodes) ctx.print(`${node}: ${verb}\n`);
}

export async function kill(
  ctx: Ctx,
  node: string,
  pattern: string,
  options: LabChoice & { signal?: string },
): Promise<void> {
  const pids = await lab.labKill(labName(ctx, options), node, pattern, options.signal);
  if (pids.length === 0) {
    throw new AppError('not_found', `no process on ${node} matches '${pattern}'`, {
      details: { field: 'PATTERN', value: pattern, remedy: `look with 'hf lab exec ${node} -- ps ax'` },
    });
  }
  ctx.print(`${node}: killed ${pids.join(', ')}\n`);
}

export interface LinkOptions extends LabChoice {
  readonly network?: string;
  readonly direction?: string;
  readonly delay?: string;
  readonly jitter?: string;
  readonly drop?: string;
  readonly rate?: string;
}

function selectorOf(from: string, to: string | undefined, options: LinkOptions): LinkSelector {
  return {
    from,
    ...(to === undefined ? {} : { to }),
    ...(options.network === undefined ? {} : { network: lab.parseNetwork(options.network) }),
    ...(options.direction === undefined
      ? {}
      : { direction: checkChoice(options.direction, '--direction', ['both', 'out', 'in'] as const) }),
  };
}

/** `5%` or `0.05`. */
function parseFraction(text: string, field: string): number {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (!(value >= 0 && value <= 1)) {
    throw new AppError('out_of_range', `${field}: '${text}' is not a part of 1`, {
      details: { field, value: text, remedy: 'write it as 5% or 0.05' },
    });
  }
  return value;
}

export async function cut(ctx: Ctx, from: string, to: string | undefined, options: LinkOptions): Promise<void> {
  await lab.labLink(labName(ctx, options), selectorOf(from, to, options), { cut: true });
  ctx.print(`${from}${to === undefined ? '' : ` - ${to}`}: cut\n`);
}

export async function heal(
  ctx: Ctx,
  from: string | undefined,
  to: string | undefined,
  options: LinkOptions,
): Promise<void> {
  const name = labName(ctx, options);
  if (from === undefined) await lab.labHealAll(name);
  else await lab.labLink(name, selectorOf(from, to, options), {});
  ctx.print(`${from === undefined ? 'every link' : `${from}${to === undefined ? '' : ` - ${to}`}`}: healed\n`);
}

export async function link(ctx: Ctx, from: string, to: string | undefined, options: LinkOptions): Promise<void> {
  const policy: LinkPolicy = {
    ...(options.delay === undefined ? {} : { delayMs: parseDuration(options.delay, '--delay') }),
    ...(options.jitter === undefined ? {} : { jitterMs: parseDuration(options.jitter, '--jitter') }),
    ...(options.drop === undefined ? {} : { drop: parseFraction(options.drop, '--drop') }),
    ...(options.rate === undefined ? {} : { rateBps: parseBytes(options.rate, '--rate') }),
  };
  if (Object.keys(policy).length === 0) {
    throw new AppError('invalid_argument', 'nothing to change: give --delay, --jitter, --drop or --rate', {
      details: { field: '--delay', remedy: "for example: hf lab link n1 n2 --delay 50ms; 'hf lab heal' undoes it" },
    });
  }
  await lab.labLink(labName(ctx, options), selectorOf(from, to, options), policy);
  ctx.print(`${from}${to === undefined ? '' : ` - ${to}`}: ${JSON.stringify(policy)}\n`);
}

export interface DiskOptions extends LabChoice {
  readonly read?: string;
  readonly write?: string;
  readonly up?: string;
  readonly down?: string;
}

export async function disk(
  ctx: Ctx,
  node: string,
  indexText: string,
  kind: string,
  options: DiskOptions,
): Promise<void> {
  const index = parseCount(indexText, 'INDEX', 0, 15);
  const verb = checkChoice(kind, 'FAULT', ['error', 'error-writes', 'slow', 'flaky', 'stall', 'heal'] as const);
  await lab.labDisk(labName(ctx, options), node, index, faultOf(verb, options));
  ctx.print(`${node} disk ${index}: ${verb}\n`);
}

function faultOf(
  verb: 'error' | 'error-writes' | 'slow' | 'flaky' | 'stall' | 'heal',
  options: DiskOptions,
): DiskFault | undefined {
  switch (verb) {
    case 'heal':
      return undefined;
    case 'slow':
      return {
        kind: verb,
        readMs: parseDuration(options.read ?? '100ms', '--read'),
        writeMs: parseDuration(options.write ?? '100ms', '--write'),
      };
    case 'flaky':
      return {
        kind: verb,
        upMs: parseDuration(options.up ?? '5s', '--up'),
        downMs: parseDuration(options.down ?? '2s', '--down'),
      };
    case 'error':
    case 'error-writes':
    case 'stall':
      return { kind: verb };
  }
}

export async function fill(
  ctx: Ctx,
  node: string,
  pool: string,
  percentText: string,
  options: LabChoice,
): Promise<void> {
  const percent = parseCount(percentText.replace(/%$/, ''), 'PERCENT', 0, 100);
  await lab.labFill(labName(ctx, options), node, pool.startsWith('hf-') ? pool : `hf-${pool}`, percent);
  ctx.print(`${node} pool ${pool}: ${percent === 0 ? 'drained' : `filled to ${percent}%`}\n`);
}

export async function clock(ctx: Ctx, node: string, skew: string, options: LabChoice): Promise<void> {
  const negative = skew.startsWith('-');
  const ms = skew === '0' ? 0 : parseDuration(skew.replace(/^[+-]/, ''), 'SKEW') * (negative ? -1 : 1);
  await lab.labClock(labName(ctx, options), node, ms);
  ctx.print(`${node} clock: ${ms === 0 ? "the host's time" : `${ms > 0 ? '+' : ''}${ms} ms`}\n`);
}

export async function timeline(ctx: Ctx, options: LabChoice & { follow?: boolean }): Promise<void> {
  const format = ctx.options.output === 'json' ? 'json' : 'text';
  const name = labName(ctx, options);
  if (options.follow !== true) ctx.print(await lab.labTimeline(name, format));
  else await lab.labFollow(name, format, (line) => ctx.print(line.endsWith('\n') ? line : `${line}\n`), ctx.io.signal);
}

export async function logs(ctx: Ctx, what: string, daemon: string | undefined, options: LabChoice): Promise<void> {
  const { connectLab } = await import('@holdfast/lab/client.ts');
  const running = await connectLab(labName(ctx, options));
  const isNode = running.nodes.some((node) => node.name === what);
  if (!isNode) ctx.print(await running.hostLog(what));
  else if (daemon === 'console') ctx.print(await running.node(what).consoleLog());
  else ctx.print(await running.node(what).daemonLog(daemon ?? 'agent'));
}

export async function down(ctx: Ctx, options: LabChoice): Promise<void> {
  const name = labName(ctx, options);
  await lab.labDown(name);
  ctx.print(
    `lab '${name}': every node is off; 'hf lab power-on NODE...' brings them back, 'hf lab destroy' removes it\n`,
  );
}

export async function destroy(ctx: Ctx, options: LabChoice & { yes?: boolean }): Promise<void> {
  const name = labName(ctx, options);
  const dir = stateDir(ctx, name);
  await confirm(ctx, `Destroy lab '${name}' with all its disks?`, options.yes ?? !ctx.io.interactive);
  const { tearDown } = await import('../../../lab-cluster/up.ts');
  const kubeconfig = await ctx.io.files.read(`${dir}/kubeconfig`);
  await tearDown(name, dir);
  const path = defaultConfigPath(ctx.io.home, ctx.io.env);
  // Only when it is the configuration of this very lab.
  if (kubeconfig !== undefined && (await ctx.io.files.read(path)) === kubeconfig) await ctx.io.files.remove(path);
  ctx.print(`lab '${name}' is gone\n`);
}
