/**
 * Golden plans: `testdata/<case>.yaml` is a situation in shorthand, `testdata/<case>.plan.txt` what the plan says to it.
 * A new case: write the yaml, run with UPDATE_GOLDEN=1, and read the plan before committing it.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { FINALIZER_REPLICA, FINALIZER_VOLUME } from '@holdfast/api/labels.ts';
import type { Condition, Stored } from '@holdfast/api/schema/meta.ts';
import type { NodePool, NodeSpec, NodeStatus } from '@holdfast/api/schema/node.ts';
import type { PoolSpec } from '@holdfast/api/schema/pool.ts';
import type { Replica, ReplicaSpec, ReplicaStatus } from '@holdfast/api/schema/replica.ts';
import type { VolumeSpec, VolumeStatus } from '@holdfast/api/schema/volume.ts';
import { parse } from 'yaml';
import { aNode, aNodePool, aPool, aReplica, aVolume } from '../../../test/fakes/cluster-builders.ts';
import { planText } from '../explain/explain.ts';
import { NODE_FORGOTTEN } from '../node-health/forget.ts';
import type { NodeHealth, NodeHealthState } from '../node-health/types.ts';
import { usageOf } from '../placement/usage.ts';
import { planVolume } from './plan.ts';
import type { VolumeObservation } from './types.ts';

const TESTDATA = new URL('./testdata/', import.meta.url);
const NOW = '2026-01-02T03:04:05Z';

interface Situation {
  /** A sentence: the name of the test. */
  about: string;
  nodes: Record<
    string,
    { health?: NodeHealthState | 'Forgotten'; pool?: Partial<NodePool> } & Partial<NodeSpec> & Partial<NodeStatus>
  >;
  pool?: Partial<PoolSpec>;
  volume: {
    spec?: Partial<VolumeSpec>;
    status?: VolumeStatus;
    inSync?: string[];
    primary?: string;
    epoch?: number;
    deleting?: boolean;
    finalizers?: string[];
    attach?: string;
  };
  replicas?: Record<string, ReplicaShorthand>;
}

interface ReplicaShorthand extends Partial<ReplicaSpec> {
  node: string;
  deleting?: boolean;
  /** Promoted, mounted and recorded. */
  attached?: boolean;
  /** Peers that the kernel does not see. */
  disconnected?: string[];
  status?: ReplicaStatus;
  /** The agent has not reported yet. */
  fresh?: boolean;
}

const ATTACH = { volumeMode: 'Filesystem', fsType: 'ext4', readOnly: false, mount: true } as const;

function expand(situation: Situation): VolumeObservation {
  const names = Object.keys(situation.nodes);
  const { volume: short } = situation;
  const pool = aPool('fast', names, situation.pool);
  const replicas = Object.entries(situation.replicas ?? {}).map(([name, one], index) =>
    expandReplica(name, one, index, situation),
  );
  const { attach, deleting, finalizers, inSync, epoch, primary } = short;
  const arbiter =
    inSync === undefined
      ? {}
      : { arbiter: { epoch: epoch ?? 1, inSync, ...(primary === undefined ? {} : { primary }), history: [] } };
  const volume = aVolume('db', {
    spec: {
      ...short.spec,
      ...(attach === undefined ? {} : { attachments: [{ node: attach, readOnly: false, mount: true }] }),
    },
    status: { nextReplica: replicas.length, ...arbiter, ...short.status },
    meta: {
      finalizers: finalizers ?? [FINALIZER_VOLUME],
      ...(deleting === true ? { deletionTimestamp: NOW } : {}),
    },
  });
  return {
    volume,
    replicas,
    now: NOW,
    cluster: {
      nodes: new Map(names.map((name) => [name, expandNode(name, situation)])),
      health: new Map(names.map((name) => [name, healthOf(situation.nodes[name]?.health ?? 'Ready')])),
      pools: new Map([['fast', pool]]),
      usage: usageOf(replicas),
    },
  };
}

function expandNode(name: string, situation: Situation) {
  const { health: _health, pool, schedulable, evict, ...status } = situation.nodes[name] ?? {};
  return aNode(name, {
    spec: { ...(schedulable === undefined ? {} : { schedulable }), ...(evict === undefined ? {} : { evict }) },
    status: {
      addresses: { replication: `10.1.0.${name.charCodeAt(0) - 96}` },
      pools: [aNodePool('fast', { type: situation.pool?.type ?? 'lvm-thin', ...pool })],
      ...status,
    },
  });
}

function healthOf(state: NodeHealthState | 'Forgotten'): NodeHealth {
  if (state === 'Forgotten') return { state: 'Lost', reason: NODE_FORGOTTEN, message: 'an operator gave it up' };
  const messages = {
    Ready: 'its agent renews its lease',
    Unknown: 'its agent does not renew its lease',
    Lost: 'no lease, no connection',
  };
  return { state, reason: state, message: messages[state] };
}

function numbers(index: number, node: string) {
  return { minor: 1000, port: 7000, nodeId: index, address: `10.1.0.${node.charCodeAt(0) - 96}` };
}

function expandReplica(name: string, short: ReplicaShorthand, index: number, situation: Situation): Stored<Replica> {
  const { deleting, attached, disconnected, status, fresh, ...given } = short;
  const others = Object.entries(situation.replicas ?? {}).filter(([other]) => other !== name);
  const layout = given.layout ?? 'drbd';
  const peers = Object.entries(situation.replicas ?? {}).flatMap(([other, one], at) =>
    other === name ? [] : [{ replica: other, node: one.node, type: 'Diskful' as const, ...numbers(at, one.node) }],
  );
  const spec: Partial<ReplicaSpec> = {
    layout,
    ...(layout === 'drbd' ? { drbd: numbers(index, given.node), peers, bootstrap: 'skip-sync' } : {}),
    ...(attached === true ? { attach: ATTACH } : {}),
    ...given,
  };
  const kernel: ReplicaStatus = {
    phase: 'Ready',
    observedGeneration: 1,
    lvSizeBytes: spec.sizeBytes ?? 2 ** 30,
    deviceSizeBytes: spec.sizeBytes ?? 2 ** 30,
    ...(attached === true ? { attached: { device: '/dev/drbd1000', mountPath: '/mnt/db', readOnly: false } } : {}),
    ...(layout === 'local'
      ? {}
      : {
          drbd: {
            role: attached === true ? 'Primary' : 'Secondary',
            disk: 'UpToDate',
            suspended: [],
            peers: others.map(([other, one]) => ({
              replica: other,
              node: one.node,
              connection: disconnected?.includes(other) === true ? 'Connecting' : 'Connected',
              role: 'Secondary',
              disk: 'UpToDate',
            })),
          },
        }),
  };
  return aReplica(name, {
    spec,
    ...(fresh === true ? {} : { status: { ...kernel, ...status } }),
    meta: deleting === true ? { deletionTimestamp: NOW, finalizers: [FINALIZER_REPLICA] } : {},
  });
}

/** The plan, and then the conditions as they will be. */
function render(observation: VolumeObservation): string {
  const status = planVolume(observation).actions.find((action) => action.type === 'update-status');
  const conditions: readonly Condition[] = status?.status.conditions ?? observation.volume.status?.conditions ?? [];
  const lines = conditions.map((one) => `${one.type}=${one.status} ${one.reason}: ${one.message}`);
  const steps = planText(observation)
    .split('\n')
    .filter((line, index, all) => !all[index - 1]?.startsWith('update-status') || !line.startsWith('    '));
  return `${[...steps, '', ...lines].join('\n')}\n`;
}

const cases = readdirSync(TESTDATA)
  .filter((name) => name.endsWith('.yaml'))
  .toSorted();

test('there are golden plans', () => assert.ok(cases.length > 25));

for (const file of cases) {
  const situation = parse(readFileSync(new URL(file, TESTDATA), 'utf8')) as Situation;
  test(`plan: ${situation.about}`, () => {
    const golden = new URL(file.replace(/\.yaml$/, '.plan.txt'), TESTDATA);
    const text = render(expand(situation));
    if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(golden, text);
    assert.equal(text, readFileSync(golden, 'utf8'));
  });
}
