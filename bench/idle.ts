/**
 * What doing nothing costs: memory and CPU of controller, API server and agents with 0 and with 500 volumes' worth of
 * objects, over a minute of idleness. Goal: under 120 MiB each and under 1 % of a core.
 *
 * The objects are 500 Volumes and 1,000 Replicas. Replicas of the measured agents are real; to hold 500 volumes without
 * waiting an hour for emulated LVM, the rest belongs to a node that does not exist and is only held by the control plane.
 */

import { readFileSync } from 'node:fs';
import { NODES, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { API_VERSION } from '@holdfast/api/schema/meta.ts';
import type { LabCluster } from '@holdfast/server/lab-cluster/start.ts';
import { createVolume, GIB, MIB, startCluster, waitHealthy } from '../test/lab/support.ts';
import { type BenchOptions, describeMachine, publish, type Row } from './report.ts';

const IDLE_MS = 60_000;
const REAL = 20;
const TOTAL = 500;

interface Sample {
  readonly rssMiB: number;
  readonly cpuSeconds: number;
}

function parse(stat: string, status: string): Sample {
  const fields = stat.split(') ')[1]?.split(' ') ?? [];
  return {
    rssMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
  };
}

async function sample(cluster: LabCluster): Promise<Record<string, Sample>> {
  const result: Record<string, Sample> = {};
  for (const process of (await cluster.lab.status()).hostProcesses) {
    if (process.pid === undefined) continue;
    result[process.name] = parse(
      readFileSync(`/proc/${process.pid}/stat`, 'utf8'),
      readFileSync(`/proc/${process.pid}/status`, 'utf8'),
    );
  }
  for (const node of cluster.lab.nodes) {
    const { pid } = await node.daemon('agent').status();
    const text = await node.sh(`cat /proc/${pid}/stat; echo ---; cat /proc/${pid}/status`);
    const [stat = '', status = ''] = text.split('---');
    result[`agent ${node.name} (emulated CPU)`] = parse(stat, status);
  }
  return result;
}

async function measure(cluster: LabCluster, volumes: number): Promise<Row[]> {
  const before = await sample(cluster);
  const startedMs = performance.now();
  await new Promise((done) => setTimeout(done, IDLE_MS));
  const after = await sample(cluster);
  const seconds = (performance.now() - startedMs) / 1000;
  return Object.entries(after).map(([process, now]) => ({
    process,
    volumes,
    'RSS MiB': Math.round(now.rssMiB),
    'CPU % of a core': Number(((100 * (now.cpuSeconds - (before[process]?.cpuSeconds ?? 0))) / seconds).toFixed(2)),
  }));
}

/** Volumes on a node that is only an object: complete, healthy, and nothing to do for anybody. */
async function holdObjects(cluster: LabCluster, from: number, to: number): Promise<void> {
  for (const name of ['ghost-1', 'ghost-2']) {
    await cluster.client.resource(NODES).create({
      apiVersion: API_VERSION,
      kind: 'Node',
      metadata: { name },
      spec: { schedulable: false, evict: false },
    });
  }
  for (let index = from; index < to; index += 1) {
    await createVolume(cluster, `held-${index}`, { sizeBytes: 16 * MIB, placement: { nodes: ['ghost-1', 'ghost-2'] } });
    const volume = await cluster.client.resource(VOLUMES).get(`held-${index}`);
    for (const ordinal of [0, 1]) {
      await cluster.client.resource(REPLICAS).create({
        apiVersion: API_VERSION,
        kind: 'Replica',
        metadata: { name: `held-${index}-x${ordinal}` },
        spec: {
          volume: `held-${index}-objects`,
          volumeUid: volume.metadata.uid,
          node: `ghost-${ordinal + 1}`,
          pool: 'ghost',
          type: 'Diskful',
          sizeBytes: 16 * MIB,
          layout: 'drbd',
          drbd: { minor: 1000 + index, port: 7000 + index, nodeId: ordinal, address: '192.0.2.1' },
          peers: [],
          bootstrap: 'none',
        },
      });
    }
  }
}

export async function run(options: BenchOptions): Promise<void> {
  await using cluster = await startCluster({ name: 'bench-idle', nodes: 2, disks: [4 * GIB] });
  const { accel } = await cluster.lab.status();
  const rows = await measure(cluster, 0);
  const names = Array.from({ length: REAL }, (_, index) => `real-${index}`);
  await Promise.all(names.map((name) => createVolume(cluster, name, { sizeBytes: 16 * MIB })));
  for (const name of names) await waitHealthy(cluster, name, 600_000);
  await holdObjects(cluster, REAL, TOTAL);
  rows.push(...(await measure(cluster, TOTAL)));
  publish(
    'idle',
    `idle cost over ${IDLE_MS / 1000} s (${REAL} volumes real, the others objects)`,
    rows,
    describeMachine(accel),
    options.save,
  );
}
