import { AppError } from '@holdfast/api/errors.ts';
import type { TimelineEvent } from '@holdfast/lab/types.ts';
import type { Ctx } from '../context.ts';
import type { Stage } from './stage.ts';

const LOG_TAIL = 2500;

/** Everything that helps to understand why the story failed: from the API, the lab and the nodes that still answer. */
export async function printDiagnosis(ctx: Ctx, stage: Stage): Promise<void> {
  const { lab } = stage.cluster;
  const tell = async (title: string, ask: () => Promise<string>): Promise<void> => {
    let text: string;
    try {
      text = await ask();
    } catch (error) {
      text = `not available: ${AppError.from(error).message}`;
    }
    ctx.note(`\n${ctx.notePaint.bold(`--- ${title}`)}\n${text.trimEnd()}\n`);
  };
  for (const line of ['status', 'explain volume db', 'volume show db -o wide', 'replica list -o wide', 'events']) {
    await tell(`hf ${line}`, async () => {
      const { out, err } = await stage.quietly(line);
      return out + err;
    });
  }
  await tell('timeline of the lab', async () => (await lab.timeline()).slice(-40).map(timelineLine).join('\n'));
  for (const name of ['apiserver', 'controller'])
    await tell(`log of the ${name}`, async () => (await lab.hostLog(name)).slice(-LOG_TAIL));
  for (const node of lab.nodes) {
    await tell(`log of the agent on ${node.name}`, async () => (await node.daemonLog('agent')).slice(-LOG_TAIL));
    await tell(
      `DRBD on ${node.name}`,
      async () => (await node.exec(['cat', '/proc/drbd'], { timeoutMs: 5000 })).stdout,
    );
  }
}

/** `  12.345s  n1  power-off  {"...": ...}` */
export function timelineLine(event: TimelineEvent): string {
  const { time: _time, ms, node, event: name, ...data } = event;
  const rest = Object.entries(data)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  return `${(ms / 1000).toFixed(3).padStart(9)}s  ${(node ?? '-').padEnd(10)}  ${name}${rest === '' ? '' : `  ${rest}`}`;
}
