import type { EventObject } from '@holdfast/api/schema/core.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import { renderTable } from '../table.ts';
import { formatAge } from '../units.ts';
import type { ViewOptions } from './common.ts';

export function eventTime(event: Stored<EventObject>): string {
  return event.lastTimestamp ?? event.firstTimestamp ?? event.metadata.creationTimestamp;
}

export function sortEvents(events: readonly Stored<EventObject>[]): Stored<EventObject>[] {
  return [...events].sort(
    (a, b) => Date.parse(eventTime(a)) - Date.parse(eventTime(b)) || a.metadata.name.localeCompare(b.metadata.name),
  );
}

export function eventObject(event: Stored<EventObject>): string {
  return `${event.involvedObject.kind.toLowerCase()}/${event.involvedObject.name}`;
}

/** Oldest first, as a log reads. */
export function renderEvents(events: readonly Stored<EventObject>[], options: ViewOptions): string {
  return renderTable<Stored<EventObject>>(
    [
      { head: 'AGO', align: 'right', cell: (event) => formatAge(eventTime(event), options.nowMs) },
      { head: 'OBJECT', cell: eventObject },
      { head: 'TYPE', cell: (event) => (event.type === 'Warning' ? options.paint.warn(event.type) : event.type) },
      { head: 'REASON', cell: (event) => event.reason },
      {
        head: 'COUNT',
        optional: true,
        align: 'right',
        cell: (event) => ((event.count ?? 1) > 1 ? String(event.count) : ''),
      },
      {
        head: 'FROM',
        wide: true,
        cell: (event) => [event.source?.component, event.source?.host].filter(Boolean).join('/'),
      },
      { head: 'MESSAGE', cell: (event) => event.message },
    ],
    sortEvents(events),
    options,
  );
}

/** One line of a followed stream: absolute time, so that it can be read later. */
export function renderEventLine(event: Stored<EventObject>, options: ViewOptions): string {
  const { paint } = options;
  const type = event.type === 'Warning' ? paint.warn('Warning') : paint.dim('Normal ');
  return `${paint.dim(eventTime(event))}  ${type}  ${paint.bold(eventObject(event))}  ${event.reason}: ${event.message}\n`;
}
