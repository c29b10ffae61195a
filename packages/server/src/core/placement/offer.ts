import { examineNode, flavourOfStaying, groupsOf, MAX_REPLICAS_84, type NodeOption } from './filter.ts';
import type { ClusterView, PlacementRequest } from './types.ts';

/** What a new volume could have now. */
export interface Offer {
  /** Bytes of volumes that would fit, all together. */
  readonly availableBytes: number;
  /** The largest single volume that would fit. */
  readonly largestBytes: number;
}

const NOTHING: Offer = { availableBytes: 0, largestBytes: 0 };

/**
 * Room for new volumes like this one; its size is ignored. Asks the same filters as placement, so that what is offered is
 * what placement would give: with `first.each` only volumes that have a replica on each of these nodes count.
 */
export function offer(request: PlacementRequest, view: ClusterView): Offer {
  const options = [...view.nodes.values()].map((node) => examineNode(node, request, view));
  const fixed = flavourOfStaying(request, view);
  if (fixed.problem !== undefined) return NOTHING;
  const flavours = request.total <= 1 ? [undefined] : (['9', '8.4'] as const);
  let best = NOTHING;
  for (const flavour of flavours) {
    if (flavour === '8.4' && request.total > MAX_REPLICAS_84) continue;
    for (const group of groupsOf(options, request, view)) {
      const able = group.filter(
        (option) => option.largestBytes > 0 && (flavour === undefined || option.flavour === flavour),
      );
      const found = offerOf(able, request);
      if (found.largestBytes > best.largestBytes) best = found;
    }
  }
  return best;
}

function offerOf(able: readonly NodeOption[], request: PlacementRequest): Offer {
  const { count } = request;
  const each = request.first?.each ?? [];
  const must = able.filter((option) => each.includes(option.node));
  if (able.length < count || must.length < each.length || each.length > count) return NOTHING;
  const free = able.filter((option) => !each.includes(option.node)).map((option) => option.largestBytes);
  const largest = [...must.map((option) => option.largestBytes), ...descending(free).slice(0, count - must.length)];
  const roomOf = (options: readonly NodeOption[]): number[] => options.map((option) => option.roomBytes);
  const others = roomOf(able.filter((option) => !each.includes(option.node)));
  // Every volume takes one share of each node that is named, and the other shares from anywhere.
  const shares = count - must.length;
  const total = others.reduce((sum, bytes) => sum + bytes, 0);
  const elsewhere = shares === 0 ? Number.POSITIVE_INFINITY : Math.floor(total / shares);
  return { largestBytes: Math.min(...largest), availableBytes: Math.min(...roomOf(must), elsewhere) };
}

function descending(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => b - a);
}
