/** Create -> healthy, for 1, 50 and 200 volumes at once. */
import { VOLUMES } from '@holdfast/api/client/kinds.ts';
import { createVolume, GIB, isHealthy, MIB, startCluster, until } from '../test/lab/support.ts';
import { type BenchOptions, describeMachine, percentile, publish, type Row } from './report.ts';

export async function run(options: BenchOptions): Promise<void> {
  await using cluster = await startCluster({ name: 'bench-provision', nodes: 3, disks: [8 * GIB] });
  const { accel } = await cluster.lab.status();
  const rows: Row[] = [];
  for (const count of [1, 50, 200]) {
    const names = Array.from({ length: count }, (_, index) => `p${count}-${index}`);
    const doneMs = new Map<string, number>();
    const startedMs = performance.now();
    await Promise.all(names.map((name) => createVolume(cluster, name, { sizeBytes: 16 * MIB })));
    const acceptedMs = performance.now() - startedMs;
    await until(
      `${count} volumes are healthy`,
      1_800_000,
      async () => {
        const { items } = await cluster.client.resource(VOLUMES).list();
        for (const volume of items) {
          const { name } = volume.metadata;
          if (names.includes(name) && !doneMs.has(name) && isHealthy(volume))
            doneMs.set(name, performance.now() - startedMs);
        }
        return doneMs.size === count ? true : undefined;
      },
      200,
    );
    const seconds = [...doneMs.values()].map((ms) => ms / 1000);
    rows.push({
      volumes: count,
      'accepted s': Number((acceptedMs / 1000).toFixed(2)),
      'median s': Number(percentile(seconds, 50).toFixed(2)),
      'p95 s': Number(percentile(seconds, 95).toFixed(2)),
      'last s': Number(Math.max(...seconds).toFixed(2)),
      'per minute': Number(((60 * count) / Math.max(...seconds)).toFixed(1)),
    });
    await Promise.all(names.map((name) => cluster.client.resource(VOLUMES).delete(name)));
    await until('they are gone', 1_800_000, async () =>
      (await cluster.client.resource(VOLUMES).list()).items.length === 0 ? true : undefined,
    );
  }
  publish('provision', 'create -> healthy (two replicas), three nodes', rows, describeMachine(accel), options.save);
}
