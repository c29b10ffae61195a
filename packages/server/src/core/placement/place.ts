import { formatBytes } from '@holdfast/api/bytes.ts';
import type { DrbdFlavour } from '@holdfast/api/schema/node.ts';
import { stableHash } from '../names/hash.ts';
import { domainOf, examineNode, flavourOfStaying, groupsOf, MAX_REPLICAS_84, type NodeOption } from './filter.ts';
import { firstPicks, whyNoFirst } from './first.ts';
import type { ChosenNode, ClusterView, NodeVerdict, PlacementRequest, PlacementResult } from './types.ts';

/** Weights of the score, in points of 1000. */
const WEIGHT_FREE = 700;
const WEIGHT_FEW_REPLICAS = 300;
/** Nodes listed one by one in the message; more are counted. */
const LISTED_NODES = 8;

interface Candidate extends NodeOption {
  readonly preferred: boolean;
  readonly score: number;
  readonly tie: number;
}

/**
 * Where new replicas go. Pure: the order of nodes and pools does not matter, and the same input gives the same answer.
 * Filters first; then the node where the volume is wanted, one failure domain after the other as long as there are
 * unused ones, and weights: free space after placing, few replicas. Ties by hash of volume and node, then by name.
 */
export function place(request: PlacementRequest, view: ClusterView): PlacementResult {
  const options = [...view.nodes.values()]
    .map((node) => examineNode(node, request, view))
    .toSorted((a, b) => (a.node < b.node ? -1 : 1));
  const fixed = flavourOfStaying(request, view);
  const flavours = flavoursFor(request, fixed);
  const groups = groupsOf(options, request, view);
  const attempts = flavours.flatMap((flavour) => groups.map((group) => attempt(group, flavour, request, view)));
  const best = attempts
    .filter((candidate) => candidate.picked.length === request.count)
    .toSorted((a, b) => sum(b.picked) - sum(a.picked))[0];

  if (best === undefined) {
    const verdicts = options.map((option) => verdictOf(option, request, fixed.flavour, undefined, view));
    const largestBytes = Math.max(0, ...attempts.map((candidate) => kthLargest(candidate.inFlavour, request.count)));
    return {
      ok: false,
      message: noFitMessage(
        request,
        options,
        verdicts,
        fixed.problem,
        attempts.map((candidate) => candidate.inFlavour),
      ),
      largestBytes,
      verdicts,
    };
  }
  const chosen = best.picked.map((candidate) => chosenOf(candidate, request, view));
  const verdicts = options.map((option) => verdictOf(option, request, best.flavour, chosen, view));
  return { ok: true, chosen, verdicts };
}

interface Attempt {
  readonly flavour: DrbdFlavour | undefined;
  readonly inFlavour: readonly NodeOption[];
  readonly picked: readonly Candidate[];
}

/** Flavours to try, preferred first; `undefined` stands for any (a single copy needs no DRBD). */
function flavoursFor(
  request: PlacementRequest,
  fixed: { readonly flavour: DrbdFlavour | undefined; readonly problem: string | undefined },
): (DrbdFlavour | undefined)[] {
  if (request.total <= 1) return [undefined];
  if (fixed.problem !== undefined) return [];
  const flavours: DrbdFlavour[] = fixed.flavour === undefined ? ['9', '8.4'] : [fixed.flavour];
  return flavours.filter((flavour) => flavour !== '8.4' || request.total <= MAX_REPLICAS_84);
}

function attempt(
  options: readonly NodeOption[],
  flavour: DrbdFlavour | undefined,
  request: PlacementRequest,
  view: ClusterView,
): Attempt {
  const inFlavour = options.filter((option) => flavour === undefined || option.flavour === flavour);
  const remaining = inFlavour
    .filter((option) => option.refusal === undefined)
    .map((option) => rate(option, request, view));
  const used = new Set(request.staying.map((node) => domainOf(view.nodes.get(node), request)));
  const picked: Candidate[] = [];
  const first = firstPicks(remaining, request);
  // A node that must have a replica and cannot take it: no other choice makes up for that.
  if (first === undefined) return { flavour, inFlavour, picked };
  for (const candidate of first.slice(0, request.count)) {
    remaining.splice(remaining.indexOf(candidate), 1);
    used.add(candidate.domain);
    picked.push(candidate);
  }
  while (picked.length < request.count && remaining.length > 0) {
    remaining.sort((a, b) => compare(a, b, used));
    const next = remaining.shift();
    if (next === undefined) break;
    used.add(next.domain);
    picked.push(next);
  }
  return { flavour, inFlavour, picked };
}

function rate(option: NodeOption, request: PlacementRequest, view: ClusterView): Candidate {
  const free = Math.round(WEIGHT_FREE * (option.pool?.freeAfter ?? 0));
  const few = Math.round(WEIGHT_FEW_REPLICAS / (1 + view.usage.replicasOn(option.node) / 10));
  const preferred = request.prefer.includes(option.node);
  return { ...option, preferred, score: free + few, tie: stableHash(`${request.volume.uid}/${option.node}`) };
}

function compare(a: Candidate, b: Candidate, usedDomains: ReadonlySet<string>): number {
  if (a.preferred !== b.preferred) return a.preferred ? -1 : 1;
  const aUsed = usedDomains.has(a.domain);
  const bUsed = usedDomains.has(b.domain);
  if (aUsed !== bUsed) return aUsed ? 1 : -1;
  if (a.score !== b.score) return b.score - a.score;
  if (a.tie !== b.tie) return a.tie - b.tie;
  return a.node < b.node ? -1 : 1;
}

function sum(candidates: readonly Candidate[]): number {
  return candidates.reduce((total, candidate) => total + candidate.score, 0);
}

function chosenOf(candidate: Candidate, request: PlacementRequest, view: ClusterView): ChosenNode {
  const pool = candidate.pool?.pool ?? '';
  const parts = [
    `${Math.round((candidate.pool?.freeAfter ?? 0) * 100)} % of pool ${pool} stays free`,
    `${view.usage.replicasOn(candidate.node)} replicas there`,
  ];
  if (request.first?.each?.includes(candidate.node) === true) parts.push('a replica is to be there');
  else if (request.first?.prefer?.includes(candidate.node) === true) parts.push('preferred for the first replica');
  if (request.prefer.includes(candidate.node)) parts.push('the volume is wanted there');
  if (candidate.domain !== '') parts.push(`failure domain ${candidate.domain}`);
  return {
    node: candidate.node,
    pool,
    thin: candidate.pool?.thin ?? false,
    score: candidate.score,
    reason: `score ${candidate.score}: ${parts.join(', ')}`,
  };
}

function verdictOf(
  option: NodeOption,
  request: PlacementRequest,
  flavour: DrbdFlavour | undefined,
  chosen: readonly ChosenNode[] | undefined,
  view: ClusterView,
): NodeVerdict {
  const base = { node: option.node, largestBytes: option.largestBytes };
  if (option.refusal !== undefined) return { ...base, ...option.refusal, fits: false };
  const pool = { pool: option.pool?.pool ?? '' };
  const mine = chosen?.find((candidate) => candidate.node === option.node);
  if (mine !== undefined)
    return { ...base, ...pool, code: 'Chosen', fits: true, score: mine.score, reason: mine.reason };
  if (request.total > 1 && option.flavour === '8.4' && request.total > MAX_REPLICAS_84) {
    return { ...base, ...pool, code: 'FlavourLimit', fits: false, reason: flavourLimit(request) };
  }
  if (flavour !== undefined && option.flavour !== flavour) {
    const reason = `has DRBD ${option.flavour}, the other replicas run on DRBD ${flavour}; a volume never mixes them`;
    return { ...base, ...pool, code: 'FlavourMismatch', fits: false, reason };
  }
  const { score } = rate(option, request, view);
  const reason = chosen === undefined ? 'would fit' : `fits with score ${score}, others score higher or spread better`;
  return { ...base, ...pool, code: 'NotChosen', fits: true, score, reason };
}

function flavourLimit(request: PlacementRequest): string {
  return `DRBD 8.4 (the one in the Linux kernel) keeps at most ${MAX_REPLICAS_84} replicas, ${request.total} are needed; ask for ${MAX_REPLICAS_84} or install DRBD 9 on the nodes`;
}

/** Size of the smallest among the `count` roomiest nodes: what fits on all of them. */
function kthLargest(options: readonly NodeOption[], count: number): number {
  return options.map((option) => option.largestBytes).toSorted((a, b) => b - a)[count - 1] ?? 0;
}

/** What does not fit and why, node by node, and the largest size that would fit and where. */
function noFitMessage(
  request: PlacementRequest,
  options: readonly NodeOption[],
  verdicts: readonly NodeVerdict[],
  problem: string | undefined,
  groups: readonly (readonly NodeOption[])[],
): string {
  const { sizeBytes, poolClass } = request.volume;
  const what = `${request.count} ${request.count === 1 ? 'replica' : 'replicas'} of ${formatBytes(sizeBytes)}`;
  const inClass = poolClass === '' ? '' : ` in pools of class '${poolClass}'`;
  const head = `no place for ${what}${inClass}`;
  if (problem !== undefined) return `${head}: ${problem}`;
  if (options.length === 0) return `${head}: there are no nodes; start the agent on the machines that hold the disks`;
  if (groups.length === 0) return `${head}: ${flavourLimit(request)}`;
  const limited = verdicts.filter((verdict) => verdict.code === 'FlavourLimit');
  const first = whyNoFirst(verdicts, request);
  if (first !== undefined) return `${head}: ${first}. ${largestText(request, groups)}`;
  const fitting = verdicts.filter((verdict) => verdict.fits).length;
  const lines = verdicts.slice(0, LISTED_NODES).map((verdict) => `${verdict.node}: ${verdict.reason}`);
  if (verdicts.length > LISTED_NODES)
    lines.push(`and ${verdicts.length - LISTED_NODES} more nodes (hf explain volume ${request.volume.name})`);
  const need = `${fitting} of ${options.length} ${options.length === 1 ? 'node' : 'nodes'} can take one, ${request.count} needed`;
  const limit = limited.length > 0 ? `. ${flavourLimit(request)}` : '';
  return `${head}: ${need}. ${lines.join('; ')}. ${largestText(request, groups)}${limit}`;
}

function largestText(request: PlacementRequest, groups: readonly (readonly NodeOption[])[]): string {
  const best = groups
    .map((group) =>
      group.toSorted((a, b) => b.largestBytes - a.largestBytes || (a.node < b.node ? -1 : 1)).slice(0, request.count),
    )
    .filter((group) => group.length === request.count)
    .map((group) => ({
      bytes: Math.min(...group.map((option) => option.largestBytes)),
      nodes: group.map((option) => option.node),
    }))
    .toSorted((a, b) => b.bytes - a.bytes)[0];
  if (best === undefined || best.bytes === 0) return 'No size fits on enough nodes now';
  return `The largest that fits now is ${formatBytes(best.bytes)} on ${best.nodes.toSorted().join(' and ')}`;
}
