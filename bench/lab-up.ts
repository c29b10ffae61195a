/** Wall time and CPU from nothing running to N agents Ready (the image exists already). Goal: three in <= 30 s. */

import { readFileSync } from 'node:fs';
import { startLabCluster } from '@holdfast/server/lab-cluster/start.ts';
import { type BenchOptions, describeMachine, percentile, publish } from './report.ts';

/** User + system CPU seconds of a process so far. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export async function run(options: BenchOptions): Promise<void> {
  const runs = options.runs ?? 3;
  const wall: number[] = [];
  const cpu: number[] = [];
  const rss: number[] = [];
  let accelerator = '';
  for (let round = 0; round < runs; round += 1) {
    const startedMs = performance.now();
    await using cluster = await startLabCluster({ name: 'bench-up', nodes: 3 });
    await cluster.waitNodesReady();
    wall.push((performance.now() - startedMs) / 1000);
    const { nodes, accel } = await cluster.lab.status();
    accelerator = accel;
    cpu.push(nodes.reduce((sum, node) => sum + (node.pid === undefined ? 0 : cpuSeconds(node.pid)), 0));
    rss.push(nodes.reduce((sum, node) => sum + (node.rssBytes ?? 0), 0) / 2 ** 20);
  }
  const row = {
    runs,
    'wall s (median)': Number(percentile(wall, 50).toFixed(1)),
    'wall s (max)': Number(Math.max(...wall).toFixed(1)),
    'CPU s of the VMs (median)': Number(percentile(cpu, 50).toFixed(1)),
    'RSS MiB of the VMs (median)': Math.round(percentile(rss, 50)),
    'goal s': 30,
  };
  publish('lab-up', 'hf lab up: three agents Ready', [row], describeMachine(accelerator), options.save);
}
