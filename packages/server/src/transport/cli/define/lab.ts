import type { Command } from 'commander';
import type { PowerVerb } from '../commands/lab.ts';
import type { Ctx } from '../context.ts';
import { collect, type Example, withExamples } from './helpers.ts';

const handlers = () => import('../commands/lab.ts');

/** hf demo and hf lab: a cluster on this machine, to learn on and to rehearse failure. */
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
  const lab = program
    .command('lab')
    .description('a cluster of virtual machines on this machine: learn, and rehearse failure')
    .helpGroup('Learn:');
  const sub = (usage: string, description: string, examples: readonly Example[]): Command =>
    withExamples(
      lab.command(usage).description(description).option('--lab <name>', "which lab (HF_LAB; default 'lab')"),
      examples,
    );
  defineLife(sub, ctx);
  defineFaults(sub, ctx);
}

type Sub = (usage: string, description: string, examples: readonly Example[]) => Command;

function defineLife(sub: Sub, ctx: Ctx): void {
  sub('up', 'boot nodes with API server, controller and agents; hf then talks to this cluster', [
    ['hf lab up', 'three nodes with two disks of 4 GiB each'],
    ['hf lab up --nodes 5 --disks 1x10G,2x2G --kernel 7.2', 'bigger, on another kernel'],
  ])
    .option('--nodes <n>', 'how many', '3')
    .option('--disks <list>', 'data disks of each node', '2x4G')
    .option('--kernel <name>', 'Debian cloud kernel: 6.1 (default), 6.12, 7.2, or a package name')
    .option('--initrd-modules <dir>', 'directory with kernel modules that add to or replace its own, e.g. DRBD 9')
    .option('--memory <size>', 'memory of each node')
    .option('--cpus <n>', 'virtual CPUs of each node')
    .option('--package <name>', 'one more Debian package in the nodes; may be repeated', collect)
    .action(async (options) => (await handlers()).up(ctx, options));
  sub('ps', 'labs and their nodes: state, addresses, faults', [
    ['hf lab ps', 'what runs'],
    ['hf lab ps -o json', 'everything'],
  ]).action(async () => (await handlers()).ps(ctx));
  sub('exec', 'run a program in a node; its exit status is ours', [
    ['hf lab exec n1 -- lsblk', 'disks as the kernel sees them'],
    ['hf lab exec n1 -- cat /proc/drbd', 'DRBD 8.4 as it reports itself'],
  ])
    .argument('<node>', 'node')
    .argument('<command...>', 'program and arguments, after --')
    .action(async (node: string, argv: string[], options) => (await handlers()).exec(ctx, node, argv, options));
  sub('console', 'the serial console of a node; Ctrl-] leaves', [['hf lab console n1', 'a root shell']])
    .argument('<node>', 'node')
    .action(async (node: string, options) => (await handlers()).console(ctx, node, options));
  sub('cp', 'copy a file into or out of a node', [
    ['hf lab cp ./data.bin n1:/tmp/data.bin', 'into n1'],
    ['hf lab cp n1:/var/lib/holdfast/mounts/db/log ./log', 'out of n1'],
  ])
    .argument('<from>', 'PATH or NODE:PATH')
    .argument('<to>', 'PATH or NODE:PATH')
    .action(async (from: string, to: string, options) => (await handlers()).copy(ctx, from, to, options));
  sub('logs', 'what a daemon printed since the lab was made, over all boots', [
    ['hf lab logs n1', 'the agent of n1'],
    ['hf lab logs n1 console', 'the kernel messages of n1'],
    ['hf lab logs controller', 'the controller'],
  ])
    .argument('<what>', 'a node, apiserver or controller')
    .argument('[daemon]', 'daemon of the node, or console (default agent)')
    .action(async (what: string, daemon: string | undefined, options) =>
      (await handlers()).logs(ctx, what, daemon, options),
    );
  sub('timeline', 'what was done to the lab and what happened in it', [
    ['hf lab timeline', 'to read'],
    ['hf lab timeline --follow -o json', 'JSON lines as they happen'],
  ])
    .option('-f, --follow', 'go on until Ctrl-C')
    .action(async (options) => (await handlers()).timeline(ctx, options));
  sub('down', 'switch every node off; disks and the cluster state stay', [['hf lab down', 'for tonight']]).action(
    async (options) => (await handlers()).down(ctx, options),
  );
  sub('destroy', 'end the lab and remove everything it made', [['hf lab destroy', 'clean']])
    .option('-y, --yes', 'do not ask')
    .action(async (options) => (await handlers()).destroy(ctx, options));
}

const POWER: Readonly<Record<PowerVerb, string>> = {
  'power-off': 'pull the plug: nothing is flushed',
  'power-on': 'boot a node, and wait until it answers',
  reboot: 'reboot in order',
  reset: 'power-cycle',
  freeze: 'stop the CPU of a node: it answers nothing, and does not know it',
  thaw: 'let a frozen node go on',
};

function defineFaults(sub: Sub, ctx: Ctx): void {
  for (const [verb, does] of Object.entries(POWER)) {
    sub(verb, does, [[`hf lab ${verb} n1`, does]])
      .argument('<nodes...>', 'nodes')
      .action(async (nodes: string[], options) => (await handlers()).power(ctx, verb as PowerVerb, nodes, options));
  }
  sub('kill', 'kill processes of a node by their command line', [
    ['hf lab kill n1 agent.js', 'the agent; it is started again'],
  ])
    .argument('<node>', 'node')
    .argument('<pattern>', 'regular expression')
    .option('--signal <name>', 'default SIGKILL')
    .action(async (node: string, pattern: string, options) => (await handlers()).kill(ctx, node, pattern, options));
  const linked = (command: Command): Command =>
    command
      .option('--network <name>', 'mgmt or repl (default both)')
      .option('--direction <way>', 'both (default), out: only what leaves the first node, in: only what comes to it');
  linked(
    sub('cut', 'cut a node off, or two nodes from each other', [
      ['hf lab cut n1 n2 --network repl', 'DRBD between n1 and n2'],
      ['hf lab cut n1', 'n1 from everything'],
    ])
      .argument('<node>', 'node')
      .argument('[peer]', 'node, or host'),
  ).action(async (from: string, to: string | undefined, options) => (await handlers()).cut(ctx, from, to, options));
  linked(
    sub('heal', 'make links perfect again', [
      ['hf lab heal', 'every link'],
      ['hf lab heal n1 n2', 'between these two'],
    ])
      .argument('[node]', 'node (default: every link)')
      .argument('[peer]', 'node, or host'),
  ).action(async (from: string | undefined, to: string | undefined, options) =>
    (await handlers()).heal(ctx, from, to, options),
  );
  linked(
    sub('link', 'make links slow or lossy', [
      ['hf lab link n1 n2 --delay 20ms --jitter 5ms', 'like another city'],
      ['hf lab link n1 --network repl --drop 1% --rate 10MiB', 'like a bad cable'],
    ])
      .argument('<node>', 'node')
      .argument('[peer]', 'node, or host')
      .option('--delay <time>', 'added to every frame')
      .option('--jitter <time>', 'up to this much more')
      .option('--drop <part>', 'lost, e.g. 5%')
      .option('--rate <size>', 'bytes per second'),
  ).action(async (from: string, to: string | undefined, options) => (await handlers()).link(ctx, from, to, options));
  sub('disk', 'let a data disk fail, or heal it', [
    ['hf lab disk n1 0 error', 'every request fails'],
    ['hf lab disk n1 0 slow --write 200ms', 'a tired disk'],
    ['hf lab disk n1 0 heal', 'as new'],
  ])
    .argument('<node>', 'node')
    .argument('<index>', 'data disk, from 0')
    .argument('<fault>', 'error, error-writes, slow, flaky, stall or heal')
    .option('--read <time>', 'slow: of each read', '100ms')
    .option('--write <time>', 'slow: of each write', '100ms')
    .option('--up <time>', 'flaky: works so long', '5s')
    .option('--down <time>', 'flaky: then fails so long', '2s')
    .action(async (node: string, index: string, fault: string, options) =>
      (await handlers()).disk(ctx, node, index, fault, options),
    );
  sub('fill', 'fill a pool on a node; 0 drains it', [
    ['hf lab fill n1 fast 95', 'pool fast to 95 %'],
    ['hf lab fill n1 fast 0', 'back again'],
  ])
    .argument('<node>', 'node')
    .argument('<pool>', 'pool')
    .argument('<percent>', 'of its data')
    .action(async (node: string, pool: string, percent: string, options) =>
      (await handlers()).fill(ctx, node, pool, percent, options),
    );
  sub('clock', "move a node's clock; 0 takes the host's time again", [
    ['hf lab clock n1 +1h', 'an hour ahead'],
    ['hf lab clock n1 0', 'right again'],
  ])
    .argument('<node>', 'node')
    .argument('<skew>', 'such as +30s or -2m; write -- before a negative one')
    .action(async (node: string, skew: string, options) => (await handlers()).clock(ctx, node, skew, options));
}
