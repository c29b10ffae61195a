import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError, type ErrorCode } from '@holdfast/api/errors.ts';
import { TOPOLOGY_KEY } from '../driver.ts';
import type { VolumeCapability, VolumeCapability_AccessMode_Mode } from '../gen/csi.ts';
import { accessOf, accessOfAll } from './capability.ts';
import { grownSize, isWithin, newSize, rangeOf } from './capacity.ts';
import { checkMap, checkName, checkPath, requireVolumeId, volumeOfId } from './fields.ts';
import { parseParameters } from './parameters.ts';
import { firstPlacementOf, nodeOf, satisfies, topologyOf } from './topology.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

function refused(code: ErrorCode, text: RegExp, work: () => unknown): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(`${error.message}; ${error.details.remedy ?? ''}`, text);
    return true;
  });
}

const range = (required: number | bigint, limit: number | bigint = 0) =>
  rangeOf({ requiredBytes: String(required), limitBytes: String(limit) });

const capability = (
  mode: VolumeCapability_AccessMode_Mode,
  mount: { fsType?: string; mountFlags?: string[]; volumeMountGroup?: string } | 'block' = {},
): VolumeCapability => ({
  accessMode: { mode },
  ...(mount === 'block'
    ? { block: {}, accessType: 'block' as const }
    : { mount: { fsType: '', mountFlags: [], volumeMountGroup: '', ...mount }, accessType: 'mount' as const }),
});

test('class parameters: defaults, every known key, and what the client adds for itself', () => {
  assert.deepEqual(parseParameters({}), {
    replicas: 2,
    poolClass: '',
    protocol: 'C',
    placement: {},
    fsType: undefined,
  });
  const all = parseParameters({
    replicas: '3',
    pool: 'ssd',
    protocol: 'C',
    placement: 'same=topology.kubernetes.io/zone, different=rack',
    remoteAccess: 'false',
    'csi.storage.k8s.io/fstype': 'xfs',
    'csi.storage.k8s.io/pvc/name': 'data-0',
  });
  assert.deepEqual(all, {
    replicas: 3,
    poolClass: 'ssd',
    protocol: 'C',
    placement: { sameBy: 'topology.kubernetes.io/zone', spreadBy: 'rack' },
    fsType: 'xfs',
  });
});

test('class parameters: an unknown key is refused by name, with what was perhaps meant', () => {
  refused('invalid_argument', /'replica' is no parameter.*'replicas'/, () => parseParameters({ replica: '2' }));
  refused('invalid_argument', /'storagePool'.*known are replicas, pool/, () => parseParameters({ storagePool: 'x' }));
});

test('class parameters: every wrong value names the key, the value and what is allowed', () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ replicas: '0' }, /'replicas: 0' must be 1 to 16/],
    [{ replicas: 'two' }, /'replicas: two' is no whole number/],
    [{ protocol: 'A' }, /'protocol: A' must be 'C'/],
    [{ placement: 'near=rack' }, /'near=rack' is no rule; write same=LABEL/],
    [{ remoteAccess: 'maybe' }, /must be 'true' or 'false'/],
    [{ remoteAccess: 'true' }, /not available: a volume is reached where a copy/],
    [{ profile: 'gold' }, /reserved/],
    [{ 'csi.storage.k8s.io/fstype': 'zfs' }, /must be one of ext4, xfs, btrfs/],
    [{ pool: 'x'.repeat(64) }, /'pool: x+'/],
  ];
  for (const [parameters, text] of cases) refused('invalid_argument', text, () => parseParameters(parameters));
});

test('capacity: nothing said is the default, and every size is whole extents', () => {
  assert.equal(newSize(range(0), 'ext4'), GIB);
  assert.equal(newSize(rangeOf(null), 'ext4'), GIB);
  assert.equal(newSize(range(1), 'ext4'), 4 * MIB);
  assert.equal(newSize(range(GIB + 1), 'ext4'), GIB + 4 * MIB);
  assert.equal(newSize(range(0, 10 * MIB), 'ext4'), 8 * MIB);
  assert.equal(newSize(range(MIB), 'xfs'), 300 * MIB);
});

test('capacity: the limit holds after all rounding', () => {
  assert.equal(newSize(range(GIB, GIB), 'ext4'), GIB);
  refused('out_of_range', /whole extents of 4 MiB/, () => newSize(range(GIB - 1, GIB - 1), 'ext4'));
  refused('out_of_range', /xfs needs 300 MiB/, () => newSize(range(MIB, 100 * MIB), 'xfs'));
  refused('out_of_range', /required 2 GiB is more than the limit 1 GiB/, () => range(2 * GIB, GIB));
});

test('capacity: negative is invalid, impossible is out of range, a boundless limit is none', () => {
  refused('invalid_argument', /required_bytes: -1 is negative/, () => range(-1));
  refused('invalid_argument', /limit_bytes: -5 is negative/, () => range(0, -5));
  refused('out_of_range', /more than any volume/, () => range(2n ** 62n));
  refused('out_of_range', /too large/, () => newSize(range(2 ** 51), 'ext4'));
  assert.deepEqual(range(GIB, 2n ** 63n - 1n), { requiredBytes: GIB, limitBytes: 0 });
});

test('capacity: a volume grows, stays, and never shrinks', () => {
  assert.equal(grownSize(range(2 * GIB), GIB), 2 * GIB);
  assert.equal(grownSize(range(GIB / 2), GIB), GIB);
  refused('out_of_range', /cannot shrink/, () => grownSize(range(0, GIB / 2), GIB));
  assert.ok(isWithin(2 * GIB, range(GIB)));
  assert.ok(!isWithin(2 * GIB, range(GIB, GIB)));
});

test('capability: one node at a time is possible, several are not', () => {
  assert.deepEqual(accessOf(capability('SINGLE_NODE_WRITER', { fsType: 'xfs', mountFlags: ['noatime,nodev'] })), {
    volumeMode: 'Filesystem',
    fsType: 'xfs',
    mountOptions: ['noatime', 'nodev'],
    readOnly: false,
    exclusive: false,
  });
  assert.equal(accessOf(capability('SINGLE_NODE_SINGLE_WRITER', 'block')).exclusive, true);
  assert.equal(accessOf(capability('SINGLE_NODE_MULTI_WRITER')).exclusive, false);
  assert.equal(accessOf(capability('SINGLE_NODE_READER_ONLY')).readOnly, true);
  for (const mode of ['MULTI_NODE_READER_ONLY', 'MULTI_NODE_SINGLE_WRITER', 'MULTI_NODE_MULTI_WRITER'] as const) {
    refused('invalid_argument', /one node at a time/, () => accessOf(capability(mode)));
    refused('invalid_argument', /one node at a time/, () => accessOf(capability(mode, 'block')));
  }
  refused('invalid_argument', /is missing/, () => accessOf(capability('UNKNOWN')));
  refused('invalid_argument', /is missing/, () => accessOf({ accessMode: null, block: {}, accessType: 'block' }));
  refused('invalid_argument', /neither block nor mount/, () =>
    accessOf({ accessMode: { mode: 'SINGLE_NODE_WRITER' } }),
  );
  refused('invalid_argument', /'ext3' is no file system.*'ext4'/, () =>
    accessOf(capability('SINGLE_NODE_WRITER', { fsType: 'ext3' })),
  );
  refused('invalid_argument', /volume_mount_group/, () =>
    accessOf(capability('SINGLE_NODE_WRITER', { volumeMountGroup: '1000' })),
  );
});

test('capability: every one of a list is checked, and they must agree', () => {
  const rwo = capability('SINGLE_NODE_WRITER');
  refused('invalid_argument', /volume_capabilities.*missing/, () => accessOfAll([]));
  refused('invalid_argument', /volume_capabilities\[1\].*one node/, () =>
    accessOfAll([rwo, capability('MULTI_NODE_MULTI_WRITER')]),
  );
  refused('invalid_argument', /block and mount/, () => accessOfAll([rwo, capability('SINGLE_NODE_WRITER', 'block')]));
  refused('invalid_argument', /ext4 and xfs/, () =>
    accessOfAll([
      capability('SINGLE_NODE_WRITER', { fsType: 'ext4' }),
      capability('SINGLE_NODE_WRITER', { fsType: 'xfs' }),
    ]),
  );
  assert.equal(accessOfAll([rwo, capability('SINGLE_NODE_WRITER', { fsType: 'btrfs' })]).fsType, 'btrfs');
});

test('capability: mount options pass, but nothing that would be another mount or another argument', () => {
  const options = (...mountFlags: string[]) => accessOf(capability('SINGLE_NODE_WRITER', { mountFlags })).mountOptions;
  assert.deepEqual(options('context="system_u:object_r:container_file_t:s0:c1,c2"', 'discard'), [
    'context="system_u:object_r:container_file_t:s0:c1,c2"',
    'discard',
  ]);
  for (const bad of ['bind', 'remount,ro', 'loop=/dev/loop0', '--fake', 'a b', 'X-mount.mkdir']) {
    refused('invalid_argument', /mount_flags/, () => options(bad));
  }
  const said = accessOf(capability('SINGLE_NODE_WRITER', { mountFlags: ['noatime,ro'] }));
  assert.deepEqual([said.readOnly, said.mountOptions], [true, ['noatime']]);
  refused('invalid_argument', /'rw' contradicts/, () => options('ro,rw'));
  refused('invalid_argument', /'rw' contradicts/, () =>
    accessOf(capability('SINGLE_NODE_READER_ONLY', { mountFlags: ['rw'] })),
  );
});

test('names and ids: any printable name, but only ids that can be ours', () => {
  assert.equal(checkName('x'.repeat(128)), 'x'.repeat(128));
  assert.equal(checkName('Größe ✓'), 'Größe ✓');
  refused('invalid_argument', /name has 129 bytes/, () => checkName('x'.repeat(129)));
  refused('invalid_argument', /name has 130 bytes/, () => checkName('ü'.repeat(65)));
  refused('invalid_argument', /control/, () => checkName('a\nb'));
  refused('invalid_argument', /name is missing/, () => checkName(''));
  assert.equal(volumeOfId('pvc-1'), 'pvc-1');
  for (const foreign of ['../etc', 'vol/1', 'A', 'x'.repeat(200)]) {
    assert.equal(volumeOfId(foreign), undefined);
    refused('not_found', /there is no volume/, () => requireVolumeId(foreign));
  }
  refused('invalid_argument', /volume_id is missing/, () => volumeOfId(''));
  refused('invalid_argument', /at most 4096/, () => checkMap({ a: 'x'.repeat(4096) }, 'parameters'));
});

test('paths are absolute and stay what they say', () => {
  assert.equal(checkPath('/var/lib/kubelet/pods/x/', 'target_path'), '/var/lib/kubelet/pods/x');
  for (const bad of ['relative', '/a/../b', '/a b', '/a\nb', `/${'x'.repeat(5000)}`]) {
    refused('invalid_argument', /target_path/, () => checkPath(bad, 'target_path'));
  }
});

const NODES = ['a', 'b', 'c'];
const at = (...names: string[]) => names.map((name) => ({ segments: { [TOPOLOGY_KEY]: name } }));

test('topology: fewer requisite nodes than copies means a copy on each, as many or more means only these', () => {
  const first = (requisite: string[], preferred: string[], replicas: number) =>
    firstPlacementOf({ requisite: at(...requisite), preferred: at(...preferred) }, replicas, NODES);
  assert.deepEqual(first(['a'], ['a'], 2), { each: ['a'], prefer: ['a'] });
  assert.deepEqual(first(['a'], [], 1), { nodes: ['a'] });
  assert.deepEqual(first(['a', 'b'], ['b', 'a'], 2), { nodes: ['a', 'b'], prefer: ['b', 'a'] });
  assert.deepEqual(first(['a', 'b', 'c'], ['c', 'a', 'b'], 2), { prefer: ['c', 'a', 'b'] });
  assert.equal(firstPlacementOf(null, 2, NODES), undefined);
  assert.deepEqual(first(['z', 'a'], [], 2), { each: ['a'] });
});

test('topology: requisite nodes of which none exists send the scheduler elsewhere; foreign keys are refused', () => {
  refused('resource_exhausted', /none of the nodes/, () =>
    firstPlacementOf({ requisite: at('z'), preferred: [] }, 2, NODES),
  );
  refused('invalid_argument', /'zone' is no topology key of Holdfast/, () =>
    nodeOf({ segments: { zone: 'x' } }, NODES),
  );
  refused('invalid_argument', /no topology key/, () => nodeOf({ segments: {} }, NODES));
});

test('topology: a node name that is too long for a label is found again', () => {
  const long = `${'n'.repeat(80)}.example.com`;
  const topology = topologyOf(long);
  assert.ok((topology.segments[TOPOLOGY_KEY] ?? '').length <= 63);
  assert.equal(nodeOf(topology, [...NODES, long]), long);
  assert.ok(satisfies({ requisite: at('a', 'b'), preferred: [] }, ['b', 'c'], NODES));
  assert.ok(!satisfies({ requisite: at('a'), preferred: [] }, ['b', 'c'], NODES));
  assert.ok(satisfies(null, ['b'], NODES));
});
