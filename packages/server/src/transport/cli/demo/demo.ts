import { formatBytes } from '@holdfast/api/bytes.ts';
import { type LabCluster, startLabCluster } from '../../../lab-cluster/start.ts';
import type { Ctx } from '../context.ts';
import { formatPercent } from '../units.ts';
import { printDiagnosis } from './diagnosis.ts';
import { Narrator, seconds } from './narrator.ts';
import { Stage } from './stage.ts';
import { type Outcome, STORY_TOOLS, tellStory } from './story.ts';

export interface DemoOptions {
  readonly kernel?: string;
  readonly keep?: boolean;
}

const GIB = 2 ** 30;
/** Software emulation on a busy machine. */
const BOOT_TIMEOUT_MS = 300_000;

/**
 * Boots a cluster of its own, tells the story, takes everything down again, whatever happens.
 * @throws AppError of the step that failed, after printing what helps to understand it.
 */
export async function runDemo(ctx: Ctx, options: DemoOptions): Promise<void> {
  const narrator = new Narrator(ctx);
  narrator.title('Holdfast demo: a volume survives the power cut of its node');
  narrator.say(
    'Three virtual machines with a stock Debian kernel, LVM and DRBD. Nothing is simulated but the hardware.',
  );
  let cluster: LabCluster | undefined;
  try {
    cluster = await narrator.step('Boot three nodes', () =>
      boot(ctx, narrator, options, (started) => (cluster = started)),
    );
    const stage = new Stage(cluster, narrator, ctx);
    await stage.hf('node list');
    const outcome = await withDiagnosis(ctx, stage, () => tellStory(stage));
    narrator.doing('taking the nodes down');
    await cluster[Symbol.asyncDispose]();
    cluster = undefined;
    close(ctx, narrator, outcome);
  } finally {
    await cluster?.[Symbol.asyncDispose]();
  }
}

async function boot(
  ctx: Ctx,
  narrator: Narrator,
  options: DemoOptions,
  started: (cluster: LabCluster) => void,
): Promise<LabCluster> {
  const longSteps = new Set<string>();
  const cluster = await startLabCluster({
    name: 'demo',
    nodes: 3,
    disks: [4 * GIB],
    entries: STORY_TOOLS,
    signal: ctx.io.signal,
    ...(options.kernel === undefined ? {} : { kernel: options.kernel }),
    ...(options.keep === true ? { keep: true } : {}),
    onProgress: ({ step, detail, percent }) => {
      narrator.doing(
        [step, detail, percent === undefined ? '' : `${Math.round(percent)} %`].filter(Boolean).join(': '),
      );
      // Elsewhere than on a terminal, one line for each kind of work.
      if (!ctx.io.stdout.isTty && !longSteps.has(step)) {
        longSteps.add(step);
        narrator.say(step);
      }
    },
  });
  started(cluster);
  narrator.doing('the nodes boot, and their agents report');
  await withDiagnosis(ctx, new Stage(cluster, narrator, ctx), () => cluster.waitNodesReady(undefined, BOOT_TIMEOUT_MS));
  const { accel, kernel } = await cluster.lab.status();
  narrator.done(`three nodes are Ready (kernel ${kernel}, ${accel === 'kvm' ? 'KVM' : 'software emulation'})`);
  return cluster;
}

async function withDiagnosis<T>(ctx: Ctx, stage: Stage, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!ctx.io.signal.aborted) {
      ctx.note(`\n${ctx.notePaint.bad('the demo failed.')} What helps to understand it:\n`);
      await printDiagnosis(ctx, stage);
    }
    throw error;
  }
}

function close(ctx: Ctx, narrator: Narrator, outcome: Outcome): void {
  const { paint } = ctx;
  narrator.title(`Done in ${seconds(narrator.elapsedMs)}`);
  narrator.say(
    [
      `acknowledged records   ${outcome.acknowledged}, lost ${paint.good(String(outcome.lost))}`,
      `failover               ${seconds(outcome.failoverMs)} from the power cut to the first acknowledged write`,
      `resync                 ${formatBytes(outcome.resyncedBytes)} of ${formatBytes(outcome.sizeBytes)} (${formatPercent((outcome.resyncedBytes * 100) / outcome.sizeBytes)})`,
      '',
      "Nothing is left running. Try it yourself: 'hf lab up', then 'hf status'.",
    ].join('\n'),
  );
}
