import type { EventRecorder } from '@holdfast/api/client/events.ts';
import type { ClusterClient } from '@holdfast/api/client/types.ts';
import type { NodeHealthConfig } from '../../core/node-health/tracker.ts';
import type { Clock, Random } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';

/** What the controllers of a cluster are made of. */
export interface ControllerDeps {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly recorder: EventRecorder;
}

export interface ControllerConfig {
  readonly health: NodeHealthConfig;
  /** Volumes worked on at once. */
  readonly concurrency: number;
  /** Mean time between two deliveries of every cached object to the loops: a safety net, costs no API call. */
  readonly resyncMs: number;
  /** Leader election (whole seconds for the first). */
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}
