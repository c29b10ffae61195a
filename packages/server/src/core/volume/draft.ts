import type { Condition } from '@holdfast/api/schema/meta.ts';
import type { Replica, ReplicaSpec } from '@holdfast/api/schema/replica.ts';
import type { ArbiterRecord } from '@holdfast/api/schema/volume.ts';
import { mergeDiff } from '../merge-diff.ts';
import type { NodeVerdict } from '../placement/types.ts';
import type { ReplicaFact, VolumeFacts } from './facts.ts';
import type { VolumeAction } from './types.ts';

export type ConditionDraft = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** The plan while it is being made: the parts write what they want into it, {@link VolumeDraft.actions} puts it in order. */
export class VolumeDraft {
  readonly facts: VolumeFacts;
  readonly conditions = new Map<string, ConditionDraft>();
  readonly #specs = new Map<string, { spec: ReplicaSpec; reasons: string[] }>();
  readonly #creates: { replica: Replica; reason: string }[] = [];
  readonly #deletes: { replica: ReplicaFact; reason: string }[] = [];
  readonly #forgotten: { replica: ReplicaFact; finalizers: readonly string[] }[] = [];
  readonly #removals: { replica: string; next: ArbiterRecord; reason: string }[] = [];
  waitsForPlace = false;
  verdicts: readonly NodeVerdict[] | undefined;
  /** The record after the removals of this plan. */
  record: ArbiterRecord;

  constructor(facts: VolumeFacts) {
    this.facts = facts;
    this.record = facts.record;
  }

  /** The spec that this replica will have after the plan. */
  specOf(replica: ReplicaFact): ReplicaSpec {
    return this.#specs.get(replica.name)?.spec ?? replica.spec;
  }

  change(replica: ReplicaFact, changes: Partial<ReplicaSpec>, reason: string): void {
    const entry = this.#specs.get(replica.name) ?? { spec: replica.spec, reasons: [] };
    const spec = { ...entry.spec, ...changes };
    if (mergeDiff(entry.spec, spec) === undefined) return;
    this.#specs.set(replica.name, { spec, reasons: [...entry.reasons, reason] });
  }

  /** `exactOptionalPropertyTypes`: taking attach away is leaving it out. */
  clearAttach(replica: ReplicaFact, reason: string): void {
    const entry = this.#specs.get(replica.name) ?? { spec: replica.spec, reasons: [] };
    if (entry.spec.attach === undefined) return;
    const { attach: _attach, ...spec } = entry.spec;
    this.#specs.set(replica.name, { spec, reasons: [...entry.reasons, reason] });
  }

  create(replica: Replica, reason: string): void {
    this.#creates.push({ replica, reason });
  }

  get created(): readonly Replica[] {
    return this.#creates.map((entry) => entry.replica);
  }

  delete(replica: ReplicaFact, reason: string): void {
    this.#deletes.push({ replica, reason });
  }

  /** Lets an object go whose agent never will. */
  forget(replica: ReplicaFact, finalizers: readonly string[]): void {
    this.#forgotten.push({ replica, finalizers });
  }

  isDropped(replica: ReplicaFact): boolean {
    return this.#deletes.some((entry) => entry.replica.name === replica.name);
  }

  removeMember(replica: string, next: ArbiterRecord, reason: string): void {
    this.#removals.push({ replica, next, reason });
    this.record = next;
  }

  condition(type: string, status: boolean, reason: string, message: string): void {
    this.conditions.set(type, { type, status: status ? 'True' : 'False', reason, message });
  }

  /**
   * The order is what makes a crash between any two steps harmless (INV-8): what is to let go lets go first, a member
   * leaves the set before it leaves the peers' lists and before its object goes (design 3.1 rule 5), an ordinal is used
   * up before an object bears it, and an object exists before its peers' lists name it.
   */
  actions(): VolumeAction[] {
    const actions: VolumeAction[] = [];
    const updates = [...this.#specs]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name]) => this.#update(name) ?? []);
    const letsGo = (action: VolumeAction): boolean =>
      action.type === 'update-replica' && action.patch['attach'] === null;
    actions.push(...updates.filter(letsGo));
    for (const { replica, next, reason } of this.#removals)
      actions.push({ type: 'arbiter-remove', replica, next, reason });
    if (this.#creates.length > 0) {
      const nextReplica = this.facts.nextOrdinal + this.#creates.length;
      const names = this.#creates.map(({ replica }) => replica.metadata.name).join(', ');
      actions.push({ type: 'reserve-ordinals', nextReplica, reason: `used up for ${names}, never to be used again` });
    }
    for (const { replica, reason } of this.#creates) actions.push({ type: 'create-replica', replica, reason });
    actions.push(...updates.filter((action) => !letsGo(action)));
    for (const { replica, reason } of this.#deletes) {
      if (replica.deleting) continue;
      actions.push({ type: 'delete-replica', replica: replica.name, uid: replica.object.metadata.uid, reason });
    }
    for (const { replica, finalizers } of this.#forgotten) {
      // Its object is changed in this plan: the next one sees the new version.
      if (this.#specs.has(replica.name)) continue;
      const { name, resourceVersion } = replica.object.metadata;
      const { node } = replica.spec;
      const reason = `node ${node} was given up and cannot remove it; what is on its disks stays there`;
      actions.push({ type: 'forget-replica', replica: name, node, resourceVersion, finalizers, reason });
    }
    return actions;
  }

  #update(name: string): VolumeAction | undefined {
    const entry = this.#specs.get(name);
    const replica = this.facts.replicas.find((candidate) => candidate.name === name);
    if (entry === undefined || replica === undefined) return undefined;
    const patch = mergeDiff(replica.spec, entry.spec) as Record<string, unknown> | undefined;
    if (patch === undefined) return undefined;
    return {
      type: 'update-replica',
      replica: name,
      resourceVersion: replica.object.metadata.resourceVersion,
      patch,
      spec: entry.spec,
      reason: [...new Set(entry.reasons)].join('; '),
    };
  }
}
