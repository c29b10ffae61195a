/** The story of `hf demo`: a volume survives the power cut of its node. Every step is real: nothing is simulated but the hardware. */
import { formatBytes } from '@holdfast/api/bytes.ts';
import { NODES, REPLICAS, VOLUMES } from '@holdfast/api/client/kinds.ts';
import { AppError } from '@holdfast/api/errors.ts';
import type { LabNode } from '@holdfast/lab/types.ts';
import { healthFromCondition } from '../../../core/node-health/from-condition.ts';
import { checkRecords, RECORD_TOOLS, type RecordCheck, RecordWriter } from '../../../lab-cluster/records.ts';
import { formatPercent } from '../units.ts';
import { byName } from '../views/common.ts';
import { syncOf, syncText } from '../views/replica.ts';
import { seconds } from './narrator.ts';
import type { Stage } from './stage.ts';

export const STORY_TOOLS = RECORD_TOOLS;

const VOLUME = 'db';
const SIZE_TEXT = '512MiB';
const SIZE_BYTES = 2 ** 29;
const MOUNT = `/var/lib/holdfast/mounts/${VOLUME}`;
/** Enough to show that it is more than luck, few enough for software emulation. */
const RECORDS_BEFORE = 100;
const RECORDS_AFTER = 40;
/** Between two records of the second writer, so that writing does not take the processors from the node that boots. */
const PAUSE_MS = 50;
/** A busy machine is no failure: only what never comes is. */
const PATIENCE_MS = 180_000;

/** What the story is about, in numbers, for the closing lines. */
export interface Outcome {
  readonly acknowledged: number;
  readonly lost: number;
  /** From the power cut to the first acknowledged write on the other node. */
  readonly failoverMs: number;
  readonly resyncedBytes: number;
  readonly changedBytes: number;
  readonly sizeBytes: number;
}

export async function tellStory(stage: Stage): Promise<Outcome> {
  const { narrator } = stage;
  await narrator.step("Make a pool on each node's disk", async () => {
    await stage.hf('disk list --free');
    const disks = (await freeDisks(stage)).map((disk) => `--disk ${disk}`).join(' ');
    await stage.hf(`pool create main --class fast ${disks} --wait`);
    await stage.hf('pool list');
  });
  const [first, second] = await narrator.step('Create a volume with two copies', async () => {
    await stage.hf(`volume create ${VOLUME} --size ${SIZE_TEXT} --replicas 2 --class fast --wait`);
    await stage.hf(`replica list --volume ${VOLUME}`);
    return nodesOfVolume(stage);
  });
  // They wait for the mount, so that the first write is not delayed by starting a program.
  const writer = await RecordWriter.start(first, MOUNT, 1);
  await narrator.step(`Attach it to ${first.name}: promote, format once, mount`, async () => {
    await stage.hf(`volume attach ${VOLUME} ${first.name} --wait`);
  });
  await narrator.step('Write: 4 KiB records, each checksummed, fsynced, and only then acknowledged', async () => {
    const startMs = stage.clock.monotonic();
    narrator.doing('writing');
    await writer.more(RECORDS_BEFORE, PATIENCE_MS, stage.signal);
    const rate = (writer.acknowledged.length * 1000) / (stage.clock.monotonic() - startMs);
    narrator.done(
      `${writer.acknowledged.length} records acknowledged (${rate.toFixed(0)} per second, through the file system, DRBD, two disks)`,
    );
  });
  const successor = await RecordWriter.start(second, MOUNT, 2, PAUSE_MS);
  const failover = await narrator.step(`Cut the power of ${first.name}, in the middle of a write`, () =>
    failOver(stage, first, second, writer, successor),
  );
  await narrator.step('Is every acknowledged record there?', async () => {
    narrator.doing(`reading them on ${second.name}`);
    const check = await checkRecords(second, MOUNT);
    judge(check, failover.acknowledged);
    narrator.done(
      `all ${failover.acknowledged + 1} records that ${first.name} acknowledged are on ${second.name}, none damaged`,
    );
  });
  const healed = await narrator.step(`Give ${first.name} its power back: it resyncs only what changed`, () =>
    heal(stage, first, successor),
  );
  const total = await narrator.step('Healthy again', async () => {
    await successor.more(1, PATIENCE_MS, stage.signal);
    await successor.stop();
    const check = await checkRecords(second, MOUNT);
    judge(check, successor.last);
    await stage.hf('volume list');
    narrator.done(`${check.records} records, all there; writing never stopped while ${first.name} caught up`);
    return check.records;
  });
  await narrator.step('Tidy up', async () => {
    await stage.hf(`volume detach ${VOLUME} --wait`);
    await stage.hf(`volume delete ${VOLUME} --yes --wait`);
    await stage.hf('pool delete main --yes --wait');
  });
  return { acknowledged: total, lost: 0, failoverMs: failover.ms, ...healed, sizeBytes: SIZE_BYTES };
}

/** The first free disk of each node, as `NODE=ID`. */
async function freeDisks(stage: Stage): Promise<string[]> {
  const { items } = await stage.cluster.client.resource(NODES).list();
  return byName(items).map((node) => {
    const disk = node.status?.disks?.find((candidate) => candidate.use === 'free');
    if (disk === undefined)
      throw new AppError('failed_precondition', `node ${node.metadata.name} reports no free disk`);
    return `${node.metadata.name}=${disk.id}`;
  });
}

async function nodesOfVolume(stage: Stage): Promise<[LabNode, LabNode]> {
  const { items } = await stage.cluster.client.resource(REPLICAS).list();
  const names = items.filter((replica) => replica.spec?.volume === VOLUME).map((replica) => replica.spec?.node ?? '');
  const [first, second] = names.toSorted();
  if (first === undefined || second === undefined)
    throw new AppError('internal', `volume ${VOLUME} has no two replicas`);
  return [stage.cluster.lab.node(first), stage.cluster.lab.node(second)];
}

async function failOver(
  stage: Stage,
  from: LabNode,
  to: LabNode,
  writer: RecordWriter,
  successor: RecordWriter,
): Promise<{ acknowledged: number; ms: number }> {
  const { narrator, cluster, clock } = stage;
  await writer.more(5, PATIENCE_MS, stage.signal);
  const cutMs = clock.monotonic();
  await from.powerOff();
  const acknowledged = writer.last;
  narrator.done(`${from.name} is off; its last acknowledged record is number ${acknowledged}`);
  await stage.until(`the controller knows that ${from.name} is lost`, PATIENCE_MS, async () => {
    const health = healthFromCondition(await cluster.client.resource(NODES).get(from.name));
    return health.state === 'Lost' ? health : undefined;
  });
  narrator.done(`${from.name} is lost: known after ${seconds(clock.monotonic() - cutMs)}`);
  await stage.hf(`volume attach ${VOLUME} ${to.name} --wait`);
  narrator.doing('waiting for the first write there');
  const firstWrite = successor.acknowledged[0] ?? (await successor.more(1, PATIENCE_MS, stage.signal));
  const ms = firstWrite.atMs - cutMs;
  narrator.done(`first acknowledged write on ${to.name}: ${seconds(ms)} after the power cut`);
  await successor.more(RECORDS_AFTER, PATIENCE_MS, stage.signal);
  return { acknowledged, ms };
}

/** @throws AppError `internal`: a lost or damaged record is the worst bug there can be. */
function judge(check: RecordCheck, acknowledged: number): void {
  if (check.records <= acknowledged || check.bad.length > 0) {
    throw new AppError(
      'internal',
      `acknowledged records are missing: ${acknowledged + 1} were acknowledged, ${check.records} are there, damaged: ${check.bad.join(', ') || 'none'}`,
    );
  }
}

async function heal(
  stage: Stage,
  node: LabNode,
  successor: RecordWriter,
): Promise<{ resyncedBytes: number; changedBytes: number }> {
  const { narrator, cluster } = stage;
  await node.powerOn();
  narrator.doing(`${node.name} boots`);
  await node.waitReady();
  narrator.done(`${node.name} has booted`);
  await stage.until(`${VOLUME} has two copies in sync`, PATIENCE_MS, async () => {
    const volume = await cluster.client.resource(VOLUMES).get(VOLUME);
    const { items } = await cluster.client.resource(REPLICAS).list();
    const [sync] = syncOf(items.filter((replica) => replica.spec?.volume === VOLUME));
    if (sync !== undefined) narrator.doing(`resync of ${sync.target}: ${syncText(sync)}`);
    return volume.status?.phase === 'Ready' && volume.status.arbiter?.inSync.length === 2 ? true : undefined;
  });
  // Blocks that reached the node since it booted, by the kernel's own count (KiB): the resync and what was written meanwhile.
  const received = / nr:(\d+)/.exec(await node.sh('cat /proc/drbd'))?.[1];
  const resyncedBytes = Number(received ?? Number.NaN) * 1024;
  const changedBytes = successor.acknowledged.length * 4096;
  narrator.done(
    `two copies in sync: ${node.name} received ${formatBytes(resyncedBytes)}, not ${formatBytes(SIZE_BYTES)} (${formatPercent((resyncedBytes * 100) / SIZE_BYTES)}); ${formatBytes(changedBytes)} of records were written without it`,
  );
  return { resyncedBytes, changedBytes };
}
