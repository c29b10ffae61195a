/** Power-off of the node that writes -> first acknowledged write on the other node. Goal: <= 8 s. */
import {
  attach,
  createVolume,
  GIB,
  MIB,
  nodesOf,
  startCluster,
  Writer,
  waitHealthy,
  waitVolume,
} from '../test/lab/support.ts';
import { type BenchOptions, describeMachine, percentile, publish } from './report.ts';

const V = 'failover';

export async function run(options: BenchOptions): Promise<void> {
  const runs = options.runs ?? 10;
  await using cluster = await startCluster({ name: 'bench-failover', nodes: 2, disks: [4 * GIB] });
  const { accel } = await cluster.lab.status();
  await createVolume(cluster, V, { sizeBytes: 256 * MIB });
  await waitHealthy(cluster, V);
  let [home, other] = await nodesOf(cluster, V);
  const seconds: number[] = [];
  for (let round = 1; round <= runs; round += 1) {
    if (other === undefined) throw new Error('two replicas are needed');
    await attach(cluster, V, home.name);
    const before = await Writer.start(home, V, 2 * round);
    const after = await Writer.start(other, V, 2 * round + 1);
    await before.more(20);
    const startedMs = performance.now();
    await home.powerOff();
    await attach(cluster, V, other.name, false);
    const firstAckMs = await after.more(1);
    // Both clocks are this process's monotonic clock; the writer's line crosses the control channel on its way here.
    seconds.push((firstAckMs - startedMs) / 1000);
    console.log(`round ${round}: ${((firstAckMs - startedMs) / 1000).toFixed(2)} s`);
    await after.stop();
    await home.powerOn();
    await home.waitReady();
    await waitHealthy(cluster, V, 180_000);
    await attach(cluster, V, undefined);
    await waitVolume(cluster, V, 'detached', (volume) => volume.status?.attachedTo === undefined);
    [home, other] = [other, home];
  }
  const row = {
    runs,
    'median s': Number(percentile(seconds, 50).toFixed(2)),
    'p95 s': Number(percentile(seconds, 95).toFixed(2)),
    'min s': Number(Math.min(...seconds).toFixed(2)),
    'max s': Number(Math.max(...seconds).toFixed(2)),
    'goal s': 8,
  };
  publish(
    'failover',
    'power-off -> first acknowledged write on the other node',
    [row],
    describeMachine(accel),
    options.save,
  );
}
