import type { ApiObject, Condition, Stored } from '@holdfast/api/schema/meta.ts';
import type { Node } from '@holdfast/api/schema/node.ts';
import { healthFromCondition } from '../../../core/node-health/from-condition.ts';
import type { NodeHealthState } from '../../../core/node-health/types.ts';
import type { Paint } from '../style.ts';
import { renderTable } from '../table.ts';
import { formatAge } from '../units.ts';

/** What a view may use besides the objects. Views are pure: same input, same text. */
export interface ViewOptions {
  readonly paint: Paint;
  readonly wide: boolean;
  readonly nowMs: number;
}

export function conditionOf(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** The controller's verdict: Ready, Unknown (wait), or Lost (its volumes may be asked for elsewhere). */
export function nodeHealth(node: Stored<Node>): NodeHealthState {
  return healthFromCondition(node).state;
}

export function age(object: Stored<ApiObject>, options: ViewOptions): string {
  return formatAge(object.metadata.creationTimestamp, options.nowMs);
}

/** The name, with a mark while the object is being deleted. */
export function nameOf(object: Stored<ApiObject>): string {
  return object.metadata.name;
}

export function isDeleting(object: Stored<ApiObject>): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

export function byName<T extends ApiObject>(items: readonly Stored<T>[]): Stored<T>[] {
  return [...items].sort((a, b) => a.metadata.name.localeCompare(b.metadata.name, 'en', { numeric: true }));
}

/** The conditions of an object; trouble first is not wanted: the order of the object is stable and kept. */
export function renderConditions(conditions: readonly Condition[], options: ViewOptions): string {
  return renderTable<Condition>(
    [
      { head: 'TYPE', cell: (row) => row.type },
      { head: 'STATUS', cell: (row) => row.status },
      { head: 'REASON', cell: (row) => row.reason },
      { head: 'SINCE', cell: (row) => formatAge(row.lastTransitionTime, options.nowMs) },
      { head: 'MESSAGE', cell: (row) => row.message },
    ],
    conditions,
    options,
  );
}
