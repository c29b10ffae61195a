import type { ApiObject } from '@holdfast/api/schema/meta.ts';
import type { Ctx } from './context.ts';

/** The objects of one answer: how each output mode shows them. */
export interface Listing<T> {
  readonly items: readonly T[];
  /** The table, for `table` and `wide`. */
  readonly table: (wide: boolean) => string | Promise<string>;
  /** `kind/name` of an item, for `-o name`. */
  readonly name: (item: T) => string;
  /** What to say when there is nothing, for a person. */
  readonly empty: string;
}

/** `volume/db` as kubectl prints it for our group: `volume.holdfast.storage/db`. */
export function objectRef(object: ApiObject): string {
  const [group, version] = object.apiVersion.split('/');
  const kind = object.kind.toLowerCase();
  return version === undefined ? `${kind}/${object.metadata.name}` : `${kind}.${group}/${object.metadata.name}`;
}

async function yamlOf(value: unknown): Promise<string> {
  const { stringify } = await import('yaml');
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** A list of objects: the API objects as they are, in a `List`, for json and yaml. */
export async function printListing<T>(ctx: Ctx, listing: Listing<T>): Promise<void> {
  ctx.print(await renderListing(ctx, listing));
  if (listing.items.length === 0 && (ctx.options.output === 'table' || ctx.options.output === 'wide')) {
    ctx.note(`${listing.empty}\n`);
  }
}

export async function renderListing<T>(ctx: Ctx, listing: Listing<T>): Promise<string> {
  const document = { apiVersion: 'v1', kind: 'List', items: listing.items };
  switch (ctx.options.output) {
    case 'json':
      return `${JSON.stringify(document, null, 2)}\n`;
    case 'yaml':
      return yamlOf(document);
    case 'name':
      return listing.items.map((item) => `${listing.name(item)}\n`).join('');
    case 'table':
    case 'wide':
      return listing.items.length === 0 ? '' : listing.table(ctx.options.output === 'wide');
  }
}

/** One object: as it is for json and yaml, described for a person. */
export async function printObject<T>(
  ctx: Ctx,
  item: T,
  show: { name: (item: T) => string; describe: () => string | Promise<string> },
): Promise<void> {
  switch (ctx.options.output) {
    case 'json':
      ctx.print(`${JSON.stringify(item, null, 2)}\n`);
      return;
    case 'yaml':
      ctx.print(await yamlOf(item));
      return;
    case 'name':
      ctx.print(`${show.name(item)}\n`);
      return;
    case 'table':
    case 'wide':
      ctx.print(await show.describe());
      return;
  }
}

/**
 * The outcome of a change: `volume.holdfast.storage/db created` for a person, the object for json and yaml.
 */
export async function printChange(ctx: Ctx, object: ApiObject, verb: string): Promise<void> {
  await printObject(ctx, object, {
    name: objectRef,
    describe: () => `${objectRef(object)} ${verb === 'unchanged' ? verb : ctx.paint.good(verb)}\n`,
  });
}
