import { NODES, POOLS, REPLICAS } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { API_VERSION } from '@holdfast/api/schema/meta.ts';
import { POOL_TYPES, type Pool } from '@holdfast/api/schema/pool.ts';
import { checkChoice, checkName, mustFind } from '../checks/lookup.ts';
import { checkDisksNotPromised, parsePoolRequest, resolvePoolNodes } from '../checks/pool.ts';
import { type Ctx, confirm } from '../context.ts';
import { compareExisting, createOrUnchanged } from '../create.ts';
import { objectRef, printChange, printObject } from '../output.ts';
import { listNames } from '../suggest.ts';
import { judgePoolGone, judgePoolReady, type Waiting, waitFor } from '../wait.ts';

function parseBoolean(text: string, field: string): boolean {
  const choice = checkChoice(text.toLowerCase(), field, ['true', 'false', 'yes', 'no'] as const);
  return choice === 'true' || choice === 'yes';
}

export async function setNode(
  ctx: Ctx,
  name: string,
  options: { schedulable?: string; evict?: string; dryRun?: boolean },
): Promise<void> {
  if (options.schedulable === undefined && options.evict === undefined) {
    throw new AppError('invalid_argument', 'nothing to set: neither --schedulable nor --evict is given', {
      details: { field: '--schedulable', remedy: `for example: hf node set ${name} --schedulable false` },
    });
  }
  const spec = {
    ...(options.schedulable === undefined ? {} : { schedulable: parseBoolean(options.schedulable, '--schedulable') }),
    ...(options.evict === undefined ? {} : { evict: parseBoolean(options.evict, '--evict') }),
  };
  const api = (await ctx.client()).resource(NODES);
  const node = await mustFind(api, name, 'NODE');
  const before = { schedulable: node.spec?.schedulable ?? true, evict: node.spec?.evict ?? false };
  const after = { ...before, ...spec };
  if (before.schedulable === after.schedulable && before.evict === after.evict) {
    await printChange(ctx, node, 'unchanged');
    return;
  }
  if (options.dryRun === true) {
    ctx.note('dry run: nothing was changed\n');
    ctx.print(`${objectRef(node)} would be schedulable=${after.schedulable} evict=${after.evict}\n`);
    return;
  }
  await printChange(ctx, await api.patch(name, { spec }), `set: schedulable=${after.schedulable} evict=${after.evict}`);
}

export interface CreatePoolOptions extends Waiting {
  readonly type?: string;
  readonly class?: readonly string[];
  readonly disk?: readonly string[];
  readonly file?: readonly string[];
  readonly overProvision?: string;
  readonly reserve?: string;
  readonly dryRun?: boolean;
}

/** `hf-<pool>` is the name of its volume group. */
const MAX_POOL_NAME = 55;

function parseNumber(text: string, field: string, min: number, max: number): number {
  const value = /^\d+(\.\d+)?$/.test(text.replace(/[x%]$/, '')) ? Number(text.replace(/[x%]$/, '')) : Number.NaN;
  if (Number.isNaN(value) || value < min || value > max) {
    throw new AppError('out_of_range', `${field}: '${text}' is not a number from ${min} to ${max}`, {
      details: { field, value: text, remedy: `give a number from ${min} to ${max}` },
    });
  }
  return value;
}

export async function createPool(ctx: Ctx, name: string, options: CreatePoolOptions): Promise<void> {
  checkName('pool', name, MAX_POOL_NAME);
  const type = options.type === undefined ? undefined : checkChoice(options.type, '--type', POOL_TYPES);
  const request = parsePoolRequest({ type, disk: options.disk ?? [], file: options.file ?? [] });
  const limits = {
    ...(options.overProvision === undefined
      ? {}
      : { overProvision: parseNumber(options.overProvision, '--over-provision', 1, 100) }),
    ...(options.reserve === undefined ? {} : { reservePercent: parseNumber(options.reserve, '--reserve', 0, 90) }),
  };
  const classes = (options.class ?? []).flatMap((text) => text.split(',')).filter((text) => text !== '');
  const client = await ctx.client();
  const api = client.resource(POOLS);
  const [nodes, pools] = await Promise.all([client.resource(NODES).list(), api.list()]);
  const { nodes: resolved, notes } = resolvePoolNodes(request, nodes.items, name);
  for (const note of notes) ctx.note(`note: ${note}\n`);
  const asked = { type: request.type, classes, nodes: resolved, ...limits };
  const pool: Pool = {
    apiVersion: API_VERSION,
    kind: 'Pool',
    metadata: { name },
    spec: { overProvision: 2, reservePercent: 10, stopAtDataPercent: 80, ...asked },
  };
  const existing = pools.items.find((candidate) => candidate.metadata.name === name);
  if (existing !== undefined) compareExisting(existing, pool, asked);
  else checkDisksNotPromised(name, resolved, pools.items);
  if (options.dryRun === true) {
    ctx.note('dry run: nothing was changed\n');
    await printObject(ctx, pool, {
      name: objectRef,
      describe: () => `${objectRef(pool)} would be ${existing === undefined ? 'created' : 'unchanged'}\n`,
    });
    return;
  }
  const { object, verb } = await createOrUnchanged(api, pool, asked);
  if (options.wait === true) {
    await waitFor(
      ctx,
      `pool ${name} to be ready`,
      { ...options, explain: `hf pool show ${name}` },
      judgePoolReady(name),
    );
  }
  await printChange(ctx, object, options.wait === true && verb === 'created' ? 'ready' : verb);
}

export async function deletePool(
  ctx: Ctx,
  name: string,
  options: Waiting & { yes?: boolean; dryRun?: boolean },
): Promise<void> {
  const client = await ctx.client();
  const api = client.resource(POOLS);
  const pool = await mustFind(api, name, 'POOL');
  const { items: replicas } = await client.resource(REPLICAS).list();
  const users = replicas.filter((replica) => replica.spec?.pool === name).map((replica) => replica.metadata.name);
  if (users.length > 0) {
    throw new AppError(
      'failed_precondition',
      `pool '${name}' holds ${users.length} ${users.length === 1 ? 'replica' : 'replicas'}: ${listNames(users)}`,
      {
        details: {
          field: 'POOL',
          value: name,
          remedy: 'move them (hf volume move VOLUME --from NODE) or delete their volumes first',
          reason: 'PoolInUse',
        },
      },
    );
  }
  if (options.dryRun === true) {
    ctx.note('dry run: nothing was changed\n');
    ctx.print(`${objectRef(pool)} would be deleted\n`);
    return;
  }
  const disks = (pool.spec?.nodes ?? []).flatMap((entry) => entry.disks.map((disk) => `${entry.name}=${disk}`));
  await confirm(
    ctx,
    `Delete pool '${name}'${disks.length === 0 ? '' : ` and release ${listNames(disks)}`}?`,
    options.yes,
  );
  await api.delete(name, { preconditions: { uid: pool.metadata.uid, resourceVersion: pool.metadata.resourceVersion } });
  if (options.wait === true) {
    await waitFor(
      ctx,
      `pool ${name} to be removed`,
      { ...options, explain: `hf pool show ${name}` },
      judgePoolGone(name),
    );
  }
  await printChange(ctx, pool, options.wait === true ? 'deleted' : 'deleting');
}
