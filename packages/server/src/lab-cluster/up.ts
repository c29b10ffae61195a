/** A lab cluster that outlives the command: `hf lab up`. The state that belongs to it is one directory. */
import { mkdirSync, rmSync } from 'node:fs';
import { labDestroy, labUp, type UpResult } from '@holdfast/lab/cli.ts';
import { connectCluster, type LabClusterOptions, planLabCluster, waitNodesReady } from './start.ts';

export interface ClusterUp extends UpResult {
  readonly server: string;
  readonly token: string;
}

/**
 * Boots the nodes with API server, controller and agents, and waits until all are Ready. `dir` (emptied first) holds the
 * database and the tokens. @throws AppError `already_exists` when a lab of this name runs.
 */
export async function bringUp(dir: string, options: LabClusterOptions): Promise<ClusterUp> {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const startMs = performance.now();
  const { lab, server, token } = await planLabCluster(dir, options);
  const result = await labUp(lab);
  const { client, close } = connectCluster(server, token);
  try {
    options.onProgress?.({ step: 'agents report' });
    const names = result.status.nodes.map((node) => node.name);
    if (options.agents !== false) await waitNodesReady(client, names, 120_000);
    return { ...result, ms: Math.round(performance.now() - startMs), server, token };
  } catch (error) {
    await labDestroy(result.status.name).catch(() => undefined);
    throw error;
  } finally {
    close();
  }
}

/** Ends the lab and removes its directory. */
export async function tearDown(name: string, dir: string): Promise<void> {
  await labDestroy(name);
  rmSync(dir, { recursive: true, force: true });
}
