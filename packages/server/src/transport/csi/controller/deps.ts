import type { ClusterClient } from '@holdfast/api/client/types.ts';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { Log } from '../../../ports/log.ts';
import type { Exclusive } from '../exclusive.ts';
import type { View } from './view.ts';

/** What the controller service is made of. It keeps nothing between two calls but the list of those that run. */
export interface ControllerDeps {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly view: View;
  readonly exclusive: Exclusive;
}
