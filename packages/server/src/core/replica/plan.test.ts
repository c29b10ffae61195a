import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DrbdPeerStatus, ReplicaSpec } from '@holdfast/api/schema/replica.ts';
import type { ArbiterRecord } from '@holdfast/api/schema/volume.ts';
import type { DrbdState } from '../../ports/drbd.ts';
import type { LogicalVolume } from '../../ports/lvm.ts';
import { known, type ReplicaObservation, unknown, type VolumeView } from './observation.ts';
import { planReplica } from './plan.ts';
import { replicaStatus } from './status.ts';

const GIB = 2 ** 30;
const PATH = '/var/lib/holdfast/mounts/v';

function lv(change: Partial<LogicalVolume> = {}): LogicalVolume {
  return {
    name: 'v-r0',
    vg: 'hf-ssd',
    uuid: 'u',
    path: '/dev/hf-ssd/v-r0',
    sizeBytes: GIB,
    tags: ['holdfast', 'hf.replica=uid-0'],
    kind: 'thin',
    pool: 'pool',
    active: true,
    open: true,
    dataPercent: 0,
    metadataPercent: undefined,
    chunkBytes: undefined,
    metadataBytes: undefined,
    trouble: '',
    ...change,
  };
}

function peer(change: Partial<DrbdPeerStatus> = {}): DrbdPeerStatus {
  return {
    replica: 'v-r1',
    node: 'n2',
    connection: 'Connected',
    role: 'Secondary',
    disk: 'UpToDate',
    replication: 'Established',
    ...change,
  };
}

function drbd(change: Partial<DrbdState> = {}): DrbdState {
  return {
    resource: 'hf-v',
    minor: 1000,
    sizeBytes: GIB,
    generationIds: '',
    role: 'Secondary',
    disk: 'UpToDate',
    suspended: [],
    peers: [peer()],
    ...change,
  };
}

function spec(change: Partial<ReplicaSpec> = {}): ReplicaSpec {
  return {
    volume: 'v',
    volumeUid: 'vuid',
    node: 'n1',
    pool: 'ssd',
    type: 'Diskful',
    sizeBytes: GIB,
    layout: 'drbd',
    drbd: { minor: 1000, port: 7000, nodeId: 0, address: '10.0.0.1' },
    peers: [{ replica: 'v-r1', node: 'n2', type: 'Diskful', nodeId: 1, address: '10.0.0.2', port: 7000, minor: 1000 }],
    bootstrap: 'skip-sync',
    ...change,
  };
}

const ATTACH = { volumeMode: 'Filesystem', fsType: 'ext4', readOnly: false, mount: true } as const;

function volume(record: Partial<ArbiterRecord> = {}, change: Partial<VolumeView> = {}): VolumeView {
  return {
    name: 'v',
    deleting: false,
    record: { epoch: 3, inSync: ['v-r0', 'v-r1'], history: [], ...record },
    format: { state: 'done', fsType: 'ext4' },
    ...change,
  };
}

function observed(change: Partial<ReplicaObservation> = {}): ReplicaObservation {
  return {
    name: 'v-r0',
    uid: 'uid-0',
    deleting: false,
    generation: 1,
    spec: spec(),
    status: { lvSizeBytes: GIB },
    volume: known(volume()),
    pool: { type: 'lvm-thin', ready: true, full: false, message: '' },
    dataLv: known(lv()),
    metaLv: known(lv({ name: 'v-r0.md', sizeBytes: 4 * 2 ** 20 })),
    metadata: unknown('in use by DRBD'),
    drbd: known(drbd()),
    config: 'current',
    metadataBytes: 4 * 2 ** 20,
    mounts: known([]),
    device: '/dev/drbd1000',
    mountPath: PATH,
    deviceSizeBytes: GIB,
    grownToBytes: GIB,
    linkCurrent: false,
    unprotected: null,
    fencePending: false,
    ...change,
  };
}

const MOUNTED = known([
  {
    device: '/dev/drbd1000',
    majorMinor: '147:1000',
    root: '/',
    mountPath: PATH,
    fsType: 'ext4',
    options: 'rw',
    id: 30,
  },
]);

function steps(o: ReplicaObservation): string[] {
  return planReplica(o).actions.map((action) => ('which' in action ? `${action.type}:${action.which}` : action.type));
}

function blockedBy(o: ReplicaObservation): string | undefined {
  const plan = planReplica(o);
  assert.deepEqual(plan.actions, [], 'a blocked plan does nothing');
  return plan.blocked?.reason;
}

const FRESH = {
  status: {},
  volume: known(volume({ epoch: 0, inSync: [] }, { format: { state: 'never' } as const })),
  drbd: known(undefined),
  config: 'absent',
} as const;

describe('provisioning', () => {
  test('a new replica gets its LVs, then metadata and configuration, then comes up', () => {
    const nothing = observed({ ...FRESH, dataLv: known(undefined), metaLv: known(undefined) });
    assert.deepEqual(steps(nothing), ['create-data-lv', 'create-metadata-lv']);
    assert.deepEqual(steps(observed({ ...FRESH, metadata: unknown('no resource file yet') })), ['write-config']);
    assert.deepEqual(steps(observed({ ...FRESH, config: 'current', metadata: known('blank') })), [
      'create-metadata',
      'adjust',
    ]);
  });

  test('a resource of an earlier replica that still runs is taken down before the new copy is made (INV-7)', () => {
    const after = {
      status: {},
      dataLv: known(undefined),
      metaLv: known(undefined),
      spec: spec({ bootstrap: 'join' }),
      volume: known(volume({ inSync: ['v-r1'], primary: 'v-r1' })),
    };
    assert.deepEqual(steps(observed(after)), ['down']);
    const frozen = drbd({ role: 'Primary', suspended: ['fencing'] });
    assert.deepEqual(steps(observed({ ...after, drbd: known(frozen), mounts: MOUNTED })), [
      'end-holders',
      'fail-paused-io',
      'unmount',
      'unlink-device',
      'demote',
      'down',
    ]);
    assert.equal(blockedBy(observed({ ...after, drbd: unknown('no answer') })), 'DrbdUnknown');
  });

  test('INV-1: a thick metadata volume shows old bytes, and is wiped before anybody takes them for metadata', () => {
    const unwiped = known(lv({ name: 'v-r0.md', kind: 'linear', tags: ['holdfast', 'hf.wipe=pending'] }));
    const fresh = observed({ ...FRESH, metaLv: unwiped, config: 'current', metadata: known('valid') });
    assert.deepEqual(steps(fresh), ['wipe-metadata-lv']);
  });

  test('after a reboot the LVs are activated and the resource comes up with its old metadata', () => {
    const off = observed({ drbd: known(undefined), dataLv: known(lv({ active: false })) });
    assert.deepEqual(steps(off), ['activate-lv:data']);
    assert.deepEqual(steps(observed({ drbd: known(undefined), metadata: known('valid') })), ['adjust']);
  });

  test('INV-7: an LV of the same name that is not tagged as this replica is left alone', () => {
    assert.equal(blockedBy(observed({ dataLv: known(lv({ tags: ['holdfast', 'hf.replica=other'] })) })), 'ForeignLv');
  });

  test('INV-1: a data LV that existed is never recreated empty', () => {
    const plan = planReplica(observed({ dataLv: known(undefined), drbd: known(undefined) }));
    assert.equal(plan.blocked?.reason, 'DataLvMissing');
    assert.equal(plan.blocked?.failed, true);
  });

  test('INV-1: lost metadata of an in-sync replica is not replaced by blank metadata', () => {
    assert.equal(blockedBy(observed({ drbd: known(undefined), metadata: known('blank') })), 'MetadataMissing');
    const outside = observed({
      drbd: known(undefined),
      metadata: known('blank'),
      volume: known(volume({ inSync: ['v-r1'] })),
      spec: spec({ bootstrap: 'join' }),
    });
    assert.deepEqual(steps(outside), ['create-metadata', 'adjust']);
  });

  test('INV-8: an API server that is away for a moment is asked again before metadata is made', () => {
    const away = observed({ ...FRESH, volume: unknown('refused'), config: 'current', metadata: known('blank') });
    assert.equal(blockedBy(away), 'ApiUnreachable');
    assert.ok((planReplica(away).lookAgainMs ?? 0) > 0, 'it is a wait, not an end');
  });

  test('nothing is made, formatted or promoted while LVM or DRBD cannot be read', () => {
    assert.equal(blockedBy(observed({ dataLv: unknown('vgs hangs'), spec: spec({ attach: ATTACH }) })), 'LvmUnknown');
    assert.equal(blockedBy(observed({ drbd: unknown('no answer'), spec: spec({ attach: ATTACH }) })), 'DrbdUnknown');
  });

  test('INV-4: a resource does not come up on a node whose kernel could not freeze safely', () => {
    assert.equal(
      blockedBy(observed({ drbd: known(undefined), metadata: known('valid'), unprotected: 'no helper' })),
      'NotProtected',
    );
  });

  test('an interrupted bootstrap of the source is finished', () => {
    const half = observed({
      ...FRESH,
      spec: spec({ bootstrap: 'source' }),
      config: 'current',
      drbd: known(drbd({ disk: 'Inconsistent', peers: [peer({ disk: 'Inconsistent' })] })),
    });
    assert.deepEqual(steps(half), ['down', 'mark-source', 'adjust']);
  });

  test('a changed spec rewrites the resource file and adjusts', () => {
    assert.deepEqual(steps(observed({ config: 'stale' })), ['write-config', 'adjust']);
  });

  test('a connection that stands alone is connected again', () => {
    assert.deepEqual(
      steps(observed({ drbd: known(drbd({ peers: [peer({ connection: 'StandAlone', disk: 'DUnknown' })] })) })),
      ['connect'],
    );
  });
});

describe('bootstrap', () => {
  const blank = { ...FRESH, config: 'current' } as const;
  test('the lowest node-id skips the initial sync when all copies are blank, then records the first set', () => {
    const inconsistent = drbd({ disk: 'Inconsistent', peers: [peer({ disk: 'Inconsistent' })] });
    assert.deepEqual(steps(observed({ ...blank, drbd: known(inconsistent) })), ['skip-initial-sync']);
    const plan = planReplica(observed({ ...blank, drbd: known(drbd()) }));
    assert.deepEqual(plan.actions[0], {
      type: 'record-bootstrap',
      members: ['v-r0', 'v-r1'],
      reason: 'all first copies are UpToDate',
    });
  });

  test('a higher node-id leaves it to the lowest', () => {
    const second = spec({
      drbd: { minor: 1000, port: 7000, nodeId: 1, address: 'x' },
      peers: [{ ...peerSpec(), nodeId: 0 }],
    });
    const inconsistent = drbd({ disk: 'Inconsistent', peers: [peer({ disk: 'Inconsistent' })] });
    assert.deepEqual(steps(observed({ ...blank, spec: second, drbd: known(inconsistent) })), []);
  });

  test('an absent peer is waited for', () => {
    const alone = drbd({ disk: 'Inconsistent', peers: [peer({ connection: 'Connecting', disk: 'DUnknown' })] });
    assert.equal(blockedBy(observed({ ...blank, drbd: known(alone) })), 'WaitingForPeers');
  });

  test('a single local copy records itself', () => {
    const local = observed({
      ...blank,
      spec: spec({ layout: 'local', peers: [], bootstrap: 'none' }),
      drbd: known(undefined),
    });
    assert.deepEqual(steps(local), ['record-bootstrap']);
  });

  function peerSpec() {
    return { replica: 'v-r1', node: 'n2', type: 'Diskful', nodeId: 1, address: 'y', port: 7000, minor: 1000 } as const;
  }
});

describe('attach', () => {
  const wanted = { spec: spec({ attach: ATTACH }) };
  const claimed = known(volume({ primary: 'v-r0' }));
  const primary = known(drbd({ role: 'Primary' }));

  test('promote first; link, format and mount only with the claim', () => {
    assert.deepEqual(steps(observed(wanted)), ['promote']);
    assert.deepEqual(steps(observed({ ...wanted, volume: claimed, drbd: primary })), ['link-device', 'mount']);
    const raw = known(volume({ primary: 'v-r0' }, { format: { state: 'never' } }));
    assert.deepEqual(steps(observed({ ...wanted, volume: raw, drbd: primary })), ['link-device', 'format', 'mount']);
  });

  test('the record names this replica but the kernel is Secondary (died in between): promote again', () => {
    assert.deepEqual(steps(observed({ ...wanted, volume: claimed })), ['promote']);
  });

  test('INV-3: a replica outside the set waits and says so', () => {
    assert.equal(blockedBy(observed({ ...wanted, volume: known(volume({ inSync: ['v-r1'] })) })), 'NotInSync');
  });

  test('INV-2: it waits while a connected peer is Primary', () => {
    const busy = known(drbd({ peers: [peer({ role: 'Primary' })] }));
    assert.equal(blockedBy(observed({ ...wanted, drbd: busy })), 'PeerIsPrimary');
  });

  test('nothing is promoted while the record cannot be read', () => {
    assert.equal(blockedBy(observed({ ...wanted, volume: unknown('timeout') })), 'ApiUnreachable');
  });

  test('a frozen primary waits for its verdict, and asks again when no question is open', () => {
    const frozen = known(
      drbd({ role: 'Primary', suspended: ['fencing'], peers: [peer({ connection: 'Connecting', disk: 'DUnknown' })] }),
    );
    const o = { ...wanted, volume: claimed, drbd: frozen, mounts: MOUNTED, linkCurrent: true };
    assert.equal(blockedBy(observed({ ...o, fencePending: true })), 'Frozen');
    assert.deepEqual(steps(observed(o)), ['ask-fence-again']);
  });

  test('INV-4: a copy whose disk failed leaves the set first; the primary goes on, and takes its disk back when it can', () => {
    const attached = { ...wanted, mounts: MOUNTED, linkCurrent: true };
    const peerFailed = known(drbd({ role: 'Primary', peers: [peer({ disk: 'Diskless' })] }));
    assert.deepEqual(steps(observed({ ...attached, volume: claimed, drbd: peerFailed })), ['record-disk-lost']);
    const ownFailed = known(drbd({ role: 'Primary', disk: 'Diskless' }));
    assert.deepEqual(steps(observed({ ...attached, volume: claimed, drbd: ownFailed })), ['record-disk-lost']);
    const without = known(volume({ primary: 'v-r0', inSync: ['v-r1'] }));
    assert.deepEqual(steps(observed({ ...attached, volume: without, drbd: ownFailed })), ['adjust']);
    const full = { type: 'lvm-thin', ready: true, full: true, message: 'full' } as const;
    assert.equal(blockedBy(observed({ ...attached, volume: without, drbd: ownFailed, pool: full })), 'PoolFull');
    assert.deepEqual(steps(observed({ ...attached, volume: without, drbd: primary })), ['readmit']);
  });

  test('INV-3: a primary that had lost its disk and its power gives its claim back before it is a member again', () => {
    const left = known(volume({ primary: 'v-r0', inSync: ['v-r1'] }));
    assert.deepEqual(steps(observed({ ...wanted, volume: left })), ['record-demote']);
  });

  test('a grown volume resizes the device and then the file system', () => {
    const grown = {
      ...wanted,
      volume: claimed,
      mounts: MOUNTED,
      linkCurrent: true,
      spec: spec({ attach: ATTACH, sizeBytes: 2 * GIB }),
    };
    assert.deepEqual(steps(observed({ ...grown, drbd: primary })), ['extend-lv:data']);
    const lvDone = { ...grown, dataLv: known(lv({ sizeBytes: 2 * GIB })) };
    assert.deepEqual(steps(observed({ ...lvDone, drbd: primary })), ['resize-device']);
    const resized = observed({
      ...lvDone,
      drbd: known(drbd({ role: 'Primary', sizeBytes: 2 * GIB })),
      deviceSizeBytes: 2 * GIB,
    });
    assert.deepEqual(steps(resized), ['grow-filesystem']);
  });

  test('a secondary looks again until the primary has resized the device', () => {
    const behind = observed({
      spec: spec({ sizeBytes: 2 * GIB }),
      dataLv: known(lv({ sizeBytes: 2 * GIB })),
      drbd: known(drbd({ peers: [peer({ role: 'Primary' })] })),
    });
    assert.equal(typeof planReplica(behind).lookAgainMs, 'number');
    const detached = observed({ ...behind, drbd: known(drbd()) });
    assert.equal(planReplica(detached).lookAgainMs, undefined, 'a detached volume costs nothing');
  });

  test('the status says attached only while claimed and mounted', () => {
    const before = observed(wanted);
    assert.equal(replicaStatus(before, planReplica(before)).attached, undefined);
    const after = observed({ ...wanted, volume: claimed, drbd: primary, mounts: MOUNTED, linkCurrent: true });
    assert.deepEqual(replicaStatus(after, planReplica(after)).attached, {
      device: '/dev/drbd1000',
      mountPath: PATH,
      readOnly: false,
    });
  });
});

describe('release', () => {
  const claimed = known(volume({ primary: 'v-r0' }));
  const staged = known(
    ['/var/lib/kubelet/staging', '/var/lib/kubelet/pods/1'].map((mountPath, id) => ({
      device: '/dev/drbd1000',
      majorMinor: '147:1000',
      root: '/',
      mountPath,
      fsType: 'ext4',
      options: 'rw',
      id,
    })),
  );

  test('nothing is given up under a mount of somebody else, whatever lies below the file system', () => {
    const drbdVolume = { volume: claimed, drbd: known(drbd({ role: 'Primary' })), mounts: staged, linkCurrent: true };
    assert.equal(blockedBy(observed(drbdVolume)), 'StillMounted');
    const local = { ...drbdVolume, spec: spec({ layout: 'local' }), drbd: known(undefined) };
    assert.equal(blockedBy(observed(local)), 'StillMounted');
    assert.equal(blockedBy(observed({ ...local, deleting: true, volume: known(undefined) })), 'StillMounted');
    assert.equal(blockedBy(observed({ ...local, mounts: unknown('no /proc') })), 'MountsUnknown');
    assert.deepEqual(steps(observed({ ...local, mounts: known([]) })), ['unlink-device', 'record-demote']);
  });

  test('INV-5: with the claim lost, the mounts of others go first, the last one first', () => {
    const zombie = observed({
      spec: spec({ attach: { ...ATTACH, mount: false } }),
      volume: known(volume({ primary: 'v-r1', inSync: ['v-r1'] })),
      drbd: known(
        drbd({
          role: 'Primary',
          suspended: ['fencing'],
          peers: [peer({ connection: 'Connecting', disk: 'DUnknown' })],
        }),
      ),
      mounts: staged,
      linkCurrent: true,
    });
    const order = ['end-holders', 'fail-paused-io', 'unmount-foreign', 'unlink-device', 'demote', 'down'];
    assert.deepEqual(steps(zombie), order);
    const [, , unmount] = planReplica(zombie).actions;
    assert.deepEqual(unmount?.type === 'unmount-foreign' ? unmount.paths : [], [
      '/var/lib/kubelet/pods/1',
      '/var/lib/kubelet/staging',
    ]);
  });

  test('detach unmounts, demotes and only then gives the claim back', () => {
    const o = observed({ volume: claimed, drbd: known(drbd({ role: 'Primary' })), mounts: MOUNTED, linkCurrent: true });
    assert.deepEqual(steps(o), ['unmount', 'unlink-device', 'demote', 'record-demote']);
  });

  test('INV-5: a frozen primary that lost its claim fails its paused writes, unmounts, demotes and goes down', () => {
    const zombie = observed({
      spec: spec({ attach: ATTACH }),
      volume: known(volume({ inSync: ['v-r1'], primary: 'v-r1' })),
      drbd: known(
        drbd({
          role: 'Primary',
          suspended: ['fencing'],
          peers: [peer({ connection: 'StandAlone', disk: 'DUnknown' })],
        }),
      ),
      mounts: MOUNTED,
    });
    assert.deepEqual(steps(zombie), ['end-holders', 'fail-paused-io', 'unmount', 'unlink-device', 'demote', 'down']);
  });

  test('INV-5: a frozen primary keeps waiting while the record cannot be read', () => {
    const o = observed({
      spec: spec({ attach: ATTACH }),
      volume: unknown('timeout'),
      drbd: known(drbd({ role: 'Primary', suspended: ['fencing'] })),
      mounts: MOUNTED,
    });
    assert.equal(blockedBy(o), 'ApiUnreachable');
  });

  test('INV-2: a Primary without a claim is demoted even when it is not frozen', () => {
    const o = observed({
      spec: spec({ attach: ATTACH }),
      volume: known(volume()),
      drbd: known(drbd({ role: 'Primary' })),
    });
    assert.deepEqual(steps(o), ['demote']);
  });
});

describe('re-admission and removal', () => {
  test('the primary re-admits a peer that is back in sync', () => {
    const o = observed({
      spec: spec({ attach: ATTACH }),
      volume: known(volume({ inSync: ['v-r0'], primary: 'v-r0' })),
      drbd: known(drbd({ role: 'Primary' })),
      mounts: MOUNTED,
      linkCurrent: true,
    });
    assert.deepEqual(steps(o), ['readmit']);
  });

  test('INV-7: removal touches the disk only after the replica has left the in-sync set', () => {
    assert.equal(blockedBy(observed({ deleting: true })), 'StillInSync');
    const left = observed({ deleting: true, volume: known(volume({ inSync: ['v-r1'] })) });
    assert.deepEqual(steps(left), ['down', 'remove-config', 'remove-lv:meta', 'remove-lv:data', 'remove-finalizer']);
    const whole = observed({ deleting: true, volume: known(volume({}, { deleting: true })) });
    assert.equal(steps(whole).at(-1), 'remove-finalizer');
  });

  test('INV-7: removal waits while LVM, DRBD or the record is unknown', () => {
    const gone = { deleting: true, volume: known(undefined) };
    assert.equal(blockedBy(observed({ ...gone, dataLv: unknown('hang') })), 'LvmUnknown');
    assert.equal(blockedBy(observed({ ...gone, drbd: unknown('hang') })), 'DrbdUnknown');
    assert.equal(blockedBy(observed({ deleting: true, volume: unknown('timeout') })), 'ApiUnreachable');
  });

  test('INV-8: a mounted replica that is deleted is released first', () => {
    const o = observed({
      deleting: true,
      volume: known(volume({ primary: 'v-r0' }, { deleting: true })),
      drbd: known(drbd({ role: 'Primary' })),
      mounts: MOUNTED,
    });
    assert.deepEqual(steps(o), ['unmount', 'demote', 'record-demote']);
  });
});
