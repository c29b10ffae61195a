import type { NodeVerdict, PlacementRequest } from './types.ts';

/**
 * What `placement.first` takes before anything is compared: every node of `each`, then one of `prefer`, the first in order
 * that can. Replicas that are there already count. undefined: a node of `each` cannot take its replica.
 */
export function firstPicks<T extends { readonly node: string }>(
  able: readonly T[],
  request: PlacementRequest,
): T[] | undefined {
  const { each = [], prefer = [] } = request.first ?? {};
  const picks: T[] = [];
  for (const node of each) {
    if (request.staying.includes(node)) continue;
    const found = able.find((candidate) => candidate.node === node);
    if (found === undefined) return undefined;
    picks.push(found);
  }
  if (picks.length > request.count) return undefined;
  const served = [...request.staying, ...picks.map((pick) => pick.node)];
  if (prefer.some((node) => served.includes(node))) return picks;
  const preferred = prefer.flatMap((node) => able.find((candidate) => candidate.node === node) ?? [])[0];
  return preferred === undefined ? picks : [...picks, preferred];
}

/** The sentence about a node that had to take a replica and cannot; undefined when that is not the reason. */
export function whyNoFirst(verdicts: readonly NodeVerdict[], request: PlacementRequest): string | undefined {
  for (const node of request.first?.each ?? []) {
    if (request.staying.includes(node)) continue;
    const verdict = verdicts.find((one) => one.node === node);
    if (verdict === undefined) return `a replica has to be on ${node}, and there is no such node (hf node list)`;
    if (!verdict.fits) return `a replica has to be on ${node}, which cannot take it: ${verdict.reason}`;
  }
  return undefined;
}
