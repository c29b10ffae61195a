import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fold, foldDump, type KernelState, parseLine } from './events2.ts';

const DUMP = `exists resource name:hf-v1 role:Primary suspended:fencing write-ordering:flush
exists connection name:hf-v1 peer-node-id:0 conn-name:peer connection:Connecting role:Unknown congested:no
exists device name:hf-v1 volume:0 minor:1000 disk:UpToDate size:524288 read:0 written:0 al-writes:8
exists peer-device name:hf-v1 peer-node-id:0 conn-name:peer volume:0 replication:Off peer-disk:DUnknown resync-suspended:no received:0 sent:0 out-of-sync:12 pending:0 unacked:0
exists -
`;

function dumped(text: string): KernelState {
  const result = foldDump(text);
  assert.ok(result.ok, result.ok ? '' : result.why);
  return result.state;
}

function after(state: KernelState, ...lines: string[]): KernelState {
  return lines.reduce((folded, line) => {
    const parsed = parseLine(line);
    assert.ok(parsed.ok, line);
    return fold(folded, parsed.event);
  }, state);
}

describe('drbdsetup events2', () => {
  it('a dump becomes state, sizes in bytes', () => {
    const resource = dumped(DUMP).get('hf-v1');
    assert.equal(resource?.role, 'Primary');
    assert.deepEqual(resource.suspended, ['fencing']);
    assert.deepEqual(resource.devices.get(0), {
      volume: 0,
      minor: 1000,
      disk: 'UpToDate',
      sizeBytes: 512 * 1024 * 1024,
    });
    const peer = resource.peers.get(0);
    assert.equal(peer?.connection, 'Connecting');
    assert.equal(peer.disk, 'DUnknown');
    assert.equal(peer.outOfSyncBytes, 12 * 1024);
  });

  it('a dump without its end mark is unknown, not empty', () => {
    assert.equal(foldDump('').ok, false);
    assert.equal(foldDump(DUMP.replace('exists -\n', '')).ok, false);
    assert.equal(dumped('exists -\n').size, 0);
  });

  it('a state that we do not know makes the dump unknown and names the resource', () => {
    for (const [from, to] of [
      ['role:Primary', 'role:Leader'],
      ['disk:UpToDate', 'disk:Sparkling'],
      ['peer-disk:DUnknown', 'peer-disk:Sparkling'],
      ['connection:Connecting', 'connection:Dreaming'],
      ['suspended:fencing', 'suspended:fencing,lunch'],
      ['size:524288', 'size:many'],
    ] as const)
      assert.equal(foldDump(DUMP.replace(from, to)).ok, false, to);
    assert.deepEqual(parseLine('change device name:hf-x volume:0 minor:1 disk:Sparkling'), {
      ok: false,
      why: 'unknown disk state: change device name:hf-x volume:0 minor:1 disk:Sparkling',
      resource: 'hf-x',
    });
  });

  it('a change keeps what it does not mention', () => {
    const state = after(
      dumped(DUMP),
      'change resource name:hf-v1 role:Secondary',
      'change device name:hf-v1 volume:0 minor:1000 disk:Failed',
    );
    const resource = state.get('hf-v1');
    assert.equal(resource?.role, 'Secondary');
    assert.deepEqual(resource.suspended, ['fencing']);
    assert.equal(resource.devices.get(0)?.disk, 'Failed');
    assert.equal(resource.devices.get(0)?.sizeBytes, 512 * 1024 * 1024);
  });

  it('several suspensions, a helper that runs, progress that ends with its resync', () => {
    const busy = after(
      dumped(DUMP),
      'change resource name:hf-v1 suspended:user,fencing',
      'call helper name:hf-v1 peer-node-id:0 conn-name:peer helper:fence-peer',
      'change peer-device name:hf-v1 peer-node-id:0 conn-name:peer volume:0 replication:SyncSource peer-disk:Inconsistent done:12.50',
    );
    assert.deepEqual(busy.get('hf-v1')?.suspended, ['user', 'fencing']);
    assert.deepEqual(busy.get('hf-v1')?.helpers, ['fence-peer']);
    assert.equal(busy.get('hf-v1')?.peers.get(0)?.donePercent, 12.5);
    const done = after(
      busy,
      'response helper name:hf-v1 peer-node-id:0 conn-name:peer helper:fence-peer status:1024',
      'change peer-device name:hf-v1 peer-node-id:0 conn-name:peer volume:0 replication:Established peer-disk:UpToDate',
    );
    assert.deepEqual(done.get('hf-v1')?.helpers, []);
    assert.equal(done.get('hf-v1')?.peers.get(0)?.donePercent, undefined);
  });

  it('objects that come into being while it runs are created', () => {
    const made = after(
      dumped('exists -\n'),
      'create resource name:hf-p role:Secondary suspended:no write-ordering:flush',
      'create device name:hf-p volume:0 minor:1000 disk:Diskless size:0 read:0 written:0 al-writes:0 bm-writes:0 upper-pending:0 lower-pending:0 al-suspended:no blocked:no',
      'create connection name:hf-p peer-node-id:0 conn-name:peer connection:StandAlone role:Unknown congested:no',
      'create peer-device name:hf-p peer-node-id:0 conn-name:peer volume:0 replication:Off peer-disk:DUnknown resync-suspended:no received:0 sent:0 out-of-sync:32512 pending:0 unacked:0',
      'change device name:hf-p volume:0 minor:1000 disk:UpToDate size:32768',
    ).get('hf-p');
    assert.equal(made?.role, 'Secondary');
    assert.deepEqual(made?.devices.get(0), { volume: 0, minor: 1000, disk: 'UpToDate', sizeBytes: 2 ** 25 });
    assert.equal(made?.peers.get(0)?.connection, 'StandAlone');
  });

  it('destroyed objects are gone, one by one', () => {
    const peerless = after(
      dumped(DUMP),
      'destroy peer-device name:hf-v1 peer-node-id:0 conn-name:peer volume:0',
      'destroy connection name:hf-v1 peer-node-id:0 conn-name:peer',
    );
    assert.equal(peerless.get('hf-v1')?.peers.size, 0);
    const bare = after(peerless, 'destroy device name:hf-v1 volume:0 minor:1000');
    assert.equal(bare.get('hf-v1')?.devices.size, 0);
    assert.equal(after(bare, 'destroy resource name:hf-v1').size, 0);
  });

  it('DRBD 9: several peers by node id, quorum suspension, renamed resources, paths', () => {
    const state = after(
      new Map(),
      'exists resource name:hf-v9 role:Primary suspended:quorum force-io-failures:no may_promote:no promotion_score:10103',
      'exists connection name:hf-v9 peer-node-id:1 conn-name:n2 connection:Connected role:Secondary',
      'exists connection name:hf-v9 peer-node-id:2 conn-name:n3 connection:Connecting role:Unknown',
      'exists device name:hf-v9 volume:0 minor:1000 backing_dev:/dev/data/v9 disk:UpToDate client:no quorum:no size:1024',
      'exists peer-device name:hf-v9 peer-node-id:1 conn-name:n2 volume:0 replication:Established peer-disk:UpToDate peer-client:no resync-suspended:no',
      'exists path name:hf-v9 peer-node-id:1 conn-name:n2 local:ipv4:10.0.0.1:7000 peer:ipv4:10.0.0.2:7000 established:yes',
      'rename resource name:hf-v9 new_name:hf-w9',
    );
    const resource = state.get('hf-w9');
    assert.equal(state.get('hf-v9'), undefined);
    assert.deepEqual(resource?.suspended, ['quorum']);
    assert.deepEqual(
      [...(resource?.peers.values() ?? [])].map((peer) => [peer.nodeId, peer.name, peer.connection, peer.disk]),
      [
        [1, 'n2', 'Connected', 'UpToDate'],
        [2, 'n3', 'Connecting', 'DUnknown'],
      ],
    );
  });

  it('never throws, and never invents a resource, whatever a line says', () => {
    const word = fc.constantFrom(
      'exists',
      'change',
      'destroy',
      'resource',
      'device',
      'peer-device',
      'connection',
      'helper',
      '-',
      'name:a',
      'role:Primary',
      'disk:UpToDate',
      'volume:0',
      'minor:1',
      'peer-node-id:0',
      'suspended:no',
      'size:',
      ':',
      'x',
    );
    fc.assert(
      fc.property(fc.array(fc.array(word, { maxLength: 8 }), { maxLength: 20 }), (lines) => {
        const state = lines.reduce((folded: KernelState, words) => {
          const parsed = parseLine(words.join(' '));
          return parsed.ok ? fold(folded, parsed.event) : folded;
        }, new Map());
        for (const name of state.keys()) assert.equal(name, 'a');
      }),
    );
  });
});
