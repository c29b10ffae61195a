/** fio on the DRBD device beside the bare LV in the same VM, interleaved: the ratio is what replication costs. */
import type { LabNode } from '@holdfast/lab/types.ts';
import { attach, createVolume, GIB, MIB, nodesOf, POOL, startCluster, waitHealthy } from '../test/lab/support.ts';
import { type BenchOptions, describeMachine, percentile, publish, type Row } from './report.ts';

const V = 'io';
const SIZE = 256 * MIB;
const SECONDS = 5;
const NO_UDEV = "--config 'activation{udev_sync=0 udev_rules=0}'";

interface FioJob {
  readonly read: { readonly bw_bytes: number; readonly iops: number };
  readonly write: { readonly bw_bytes: number; readonly iops: number };
}

async function fio(node: LabNode, device: string, rw: string, bs: string, depth: number): Promise<number> {
  const text = await node.sh(
    `fio --name=x --filename=${device} --direct=1 --ioengine=libaio --rw=${rw} --bs=${bs} --iodepth=${depth} --size=${SIZE} --runtime=${SECONDS} --time_based --output-format=json`,
    { timeoutMs: 120_000 },
  );
  const { jobs } = JSON.parse(text.slice(text.indexOf('{'))) as { jobs: FioJob[] };
  const job = jobs[0];
  if (job === undefined) throw new Error('fio printed no job');
  const side = rw.endsWith('read') ? job.read : job.write;
  return bs === '4k' ? side.iops : side.bw_bytes / MIB;
}

export async function run(options: BenchOptions): Promise<void> {
  const runs = options.runs ?? 3;
  await using cluster = await startCluster({ name: 'bench-io', nodes: 2, disks: [4 * GIB] });
  const { accel } = await cluster.lab.status();
  await createVolume(cluster, V, { sizeBytes: SIZE, volumeMode: 'Block' });
  await waitHealthy(cluster, V);
  const [node] = await nodesOf(cluster, V);
  await attach(cluster, V, node.name);
  // The bare LV: same pool, same size; both written once before, so that thin allocation is in neither measurement.
  await node.sh(`lvcreate -y -V ${SIZE}b -T hf-${POOL}/pool -n bare ${NO_UDEV}`);
  const devices = { drbd: `/dev/holdfast/${V}`, bare: `/dev/hf-${POOL}/bare` };
  for (const device of Object.values(devices))
    await node.sh(`dd if=/dev/zero of=${device} bs=1M count=${SIZE / MIB} oflag=direct`, { timeoutMs: 300_000 });
  const rows: Row[] = [];
  for (const [rw, bs] of [
    ['randread', '4k'],
    ['randwrite', '4k'],
    ['read', '1M'],
    ['write', '1M'],
  ] as const) {
    for (const depth of [1, 16]) {
      const seen: { drbd: number[]; bare: number[] } = { drbd: [], bare: [] };
      for (let round = 0; round < runs; round += 1) {
        seen.bare.push(await fio(node, devices.bare, rw, bs, depth));
        seen.drbd.push(await fio(node, devices.drbd, rw, bs, depth));
      }
      const ratios = seen.drbd.map((value, index) => value / (seen.bare[index] ?? Number.NaN));
      const unit = bs === '4k' ? 'IOPS' : 'MiB/s';
      rows.push({
        job: `${rw} ${bs}`,
        depth,
        [`bare LV`]: `${percentile(seen.bare, 50).toFixed(0)} ${unit}`,
        'DRBD, 2 replicas': `${percentile(seen.drbd, 50).toFixed(0)} ${unit}`,
        'median ratio': Number(percentile(ratios, 50).toFixed(2)),
      });
    }
  }
  publish('io', 'fio: DRBD device / bare LV in the same VM', rows, describeMachine(accel), options.save);
}
