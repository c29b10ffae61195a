import { AppError } from '@holdfast/api/errors.ts';
import type { FirstPlacement } from '@holdfast/api/schema/volume.ts';
import { nodeLabelValue } from '../../../core/names/names.ts';
import { TOPOLOGY_KEY } from '../driver.ts';
import type { Topology, TopologyRequirement } from '../gen/csi.ts';

/** More than one copy on a preferred node is never asked for; a longer list only makes the object larger. */
const LONGEST_PREFERENCE = 16;

/** Where the node is, in the words of the client. */
export function topologyOf(node: string): Topology {
  return { segments: { [TOPOLOGY_KEY]: nodeLabelValue(node) } };
}

/**
 * Node that a topology stands for; undefined when no such node exists.
 * @throws AppError `invalid_argument` for a key that is not ours: guessing what it means would put data in the wrong place.
 */
export function nodeOf(topology: Topology, nodes: readonly string[]): string | undefined {
  const keys = Object.keys(topology.segments);
  const foreign = keys.find((key) => key !== TOPOLOGY_KEY);
  if (foreign !== undefined || keys.length === 0) {
    throw new AppError(
      'invalid_argument',
      `accessibility_requirements: '${foreign ?? ''}' is no topology key of Holdfast`,
      {
        details: { field: 'accessibility_requirements', value: foreign ?? '', remedy: `use ${TOPOLOGY_KEY}` },
      },
    );
  }
  const value = topology.segments[TOPOLOGY_KEY];
  return nodes.find((node) => nodeLabelValue(node) === value);
}

/**
 * The first placement that a requirement asks for, as the specification defines it for a volume that is reachable from
 * `replicas` nodes: with at least as many requisite topologies, all of them are used within these; with fewer, each of these
 * is used and the rest is free. Preferred ones are taken in order. undefined: no constraint.
 * @throws AppError `resource_exhausted` when none of the requisite nodes exists: the scheduler is to try others.
 */
export function firstPlacementOf(
  requirement: TopologyRequirement | null,
  replicas: number,
  nodes: readonly string[],
): FirstPlacement | undefined {
  if (requirement === null) return undefined;
  const requisite = known(requirement.requisite, nodes);
  if (requirement.requisite.length > 0 && requisite.length === 0) {
    throw new AppError('resource_exhausted', 'none of the nodes that the volume must be reachable from runs Holdfast', {
      details: { field: 'accessibility_requirements.requisite', reason: 'NoSuchNode', remedy: 'see hf node list' },
    });
  }
  const prefer = known(requirement.preferred, nodes).slice(0, LONGEST_PREFERENCE);
  const everywhere = nodes.every((node) => requisite.includes(node));
  const first: FirstPlacement = {
    ...(requisite.length === 0 ? {} : requisite.length < replicas ? { each: requisite } : {}),
    ...(requisite.length < replicas || everywhere ? {} : { nodes: requisite }),
    ...(prefer.length === 0 ? {} : { prefer }),
  };
  return Object.keys(first).length === 0 ? undefined : first;
}

function known(topologies: readonly Topology[], nodes: readonly string[]): string[] {
  return [...new Set(topologies.flatMap((topology) => nodeOf(topology, nodes) ?? []))];
}

/** Is a volume with copies on these nodes reachable as required? */
export function satisfies(
  requirement: TopologyRequirement | null,
  on: readonly string[],
  nodes: readonly string[],
): boolean {
  if (requirement === null || requirement.requisite.length === 0) return true;
  return known(requirement.requisite, nodes).some((node) => on.includes(node));
}
