import { EVENTS } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { type EventObject, SYSTEM_NAMESPACE } from '@holdfast/api/schema/core.ts';
import type { Stored } from '@holdfast/api/schema/meta.ts';
import { parseCount } from '../checks/lookup.ts';
import type { Ctx } from '../context.ts';
import { printListing } from '../output.ts';
import { eventTime, renderEventLine, renderEvents, sortEvents } from '../views/event.ts';
import { viewOptions } from './shared.ts';

export interface EventsOptions {
  readonly follow?: boolean;
  readonly for?: string;
  readonly limit?: string;
}

function parseFor(text: string): (event: Stored<EventObject>) => boolean {
  const match = /^([a-z]+)\/(.+)$/i.exec(text);
  if (match === null) {
    throw new AppError('invalid_argument', `--for: '${text}' does not name an object`, {
      details: { field: '--for', value: text, remedy: 'write it as volume/db, node/n1, pool/fast or replica/db-r0' },
    });
  }
  const [, kind = '', name = ''] = match;
  return (event) =>
    event.involvedObject.kind.toLowerCase() === kind.toLowerCase() && event.involvedObject.name === name;
}

export async function showEvents(ctx: Ctx, options: EventsOptions): Promise<void> {
  const matches = options.for === undefined ? () => true : parseFor(options.for);
  const limit =
    options.limit === undefined ? Number.POSITIVE_INFINITY : parseCount(options.limit, '--limit', 1, 100_000);
  const api = (await ctx.client()).resource(EVENTS);
  const listed = await api.list({}, SYSTEM_NAMESPACE);
  const past = sortEvents(listed.items.filter(matches));
  const shown = past.slice(Math.max(0, past.length - limit));
  if (options.follow !== true) {
    await printListing(ctx, {
      items: shown,
      name: (event) => `event/${event.metadata.name}`,
      table: (wide) => renderEvents(shown, { ...viewOptions(ctx), wide }),
      empty: options.for === undefined ? 'no event yet' : `no event about ${options.for}`,
    });
    return;
  }
  const seen = new Map<string, string>();
  const emit = (event: Stored<EventObject>): void => {
    // An event that happened again is the same object with a later time.
    const version = `${eventTime(event)}/${event.count ?? 1}`;
    if (seen.get(event.metadata.uid) === version) return;
    seen.set(event.metadata.uid, version);
    if (ctx.options.output === 'json') ctx.print(`${JSON.stringify(event)}\n`);
    else ctx.print(renderEventLine(event, viewOptions(ctx)));
  };
  for (const event of shown) emit(event);
  for (const event of past) seen.set(event.metadata.uid, `${eventTime(event)}/${event.count ?? 1}`);
  await follow(ctx, listed.resourceVersion, (event) => {
    if (matches(event)) emit(event);
  });
}

const RECONNECT_MS = 1000;

/** Until Ctrl-C; a lost or expired stream is taken up again without losing or repeating anything. */
async function follow(ctx: Ctx, from: string, onEvent: (event: Stored<EventObject>) => void): Promise<void> {
  const { signal, clock } = ctx.io;
  const api = (await ctx.client()).resource(EVENTS);
  let resourceVersion: string | undefined = from;
  while (!signal.aborted) {
    try {
      if (resourceVersion === undefined) {
        const listed = await api.list({ signal }, SYSTEM_NAMESPACE);
        for (const event of sortEvents(listed.items)) onEvent(event);
        resourceVersion = listed.resourceVersion;
      }
      for await (const event of api.watch({ resourceVersion, signal }, SYSTEM_NAMESPACE)) {
        if (event.type === 'BOOKMARK') resourceVersion = event.resourceVersion;
        else {
          resourceVersion = event.object.metadata.resourceVersion;
          if (event.type !== 'DELETED') onEvent(event.object);
        }
      }
    } catch (thrown) {
      if (signal.aborted) return;
      const error = AppError.from(thrown);
      if (error.code === 'unauthenticated' || error.code === 'permission_denied') throw error;
      resourceVersion = undefined;
    }
    await clock.sleep(RECONNECT_MS, signal).catch(() => {});
  }
}
