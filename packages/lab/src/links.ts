/** From a selector to the directed links it means. Pure. */
import { AppError } from '@holdfast/api/errors.ts';
import { type LinkPolicy, type LinkSelector, NETWORKS, type NetworkName } from './types.ts';

export interface DirectedLink {
  readonly network: NetworkName;
  readonly from: string;
  readonly to: string;
}

/**
 * @param ports names of all ports, per network.
 * @throws AppError `not_found` when an end is not on the network (for both networks: on none of them).
 */
export function expandSelector(
  selector: LinkSelector,
  ports: Readonly<Record<NetworkName, readonly string[]>>,
): DirectedLink[] {
  const { from, to, direction = 'both' } = selector;
  const links: DirectedLink[] = [];
  for (const network of selector.network === undefined ? NETWORKS : [selector.network]) {
    const names = ports[network];
    if (!names.includes(from) || (to !== undefined && !names.includes(to))) continue;
    for (const other of to === undefined ? names : [to]) {
      if (other === from) continue;
      if (direction !== 'in') links.push({ network, from, to: other });
      if (direction !== 'out') links.push({ network, from: other, to: from });
    }
  }
  if (links.length === 0) {
    const known = [...new Set(Object.values(ports).flat())].join(', ');
    const where = selector.network === undefined ? '' : ` on network ${selector.network}`;
    throw new AppError(
      'not_found',
      `no link between '${from}' and '${to ?? 'the rest'}'${where} (ends there are: ${known})`,
      {
        details: { field: 'from', value: from },
      },
    );
  }
  return links;
}

/** @throws AppError `invalid_argument` naming the field. */
export function checkPolicy(policy: LinkPolicy): LinkPolicy {
  const { delayMs, jitterMs, drop, rateBps } = policy;
  const range = (field: string, value: number | undefined, least: number, most: number): void => {
    if (value !== undefined && !(value >= least && value <= most)) {
      throw new AppError('invalid_argument', `${field}: must be between ${least} and ${most}, not ${value}`, {
        details: { field, value },
      });
    }
  };
  range('delayMs', delayMs, 0, 600_000);
  range('jitterMs', jitterMs, 0, 600_000);
  range('drop', drop, 0, 1);
  range('rateBps', rateBps, 1000, 1e12);
  return policy;
}
