import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '@holdfast/api/errors.ts';
import { bzImagePayload, extractVmlinux, lz4LegacyDecode } from './bzimage.ts';
import { contentKey } from './cache.ts';
import { parseDisks, parseEndpoint, parseNetwork } from './cli.ts';
import { cpioNewc, tarUstar } from './cpio.ts';
import { checkVgName, faultScript, faultTable } from './disk-fault.ts';
import { bootScript, initScript, kernelParameters, PROBE_MARK } from './init-script.ts';
import { loadOrder, parseModulesDep } from './kernel.ts';
import { checkOptions } from './lab-options.ts';
import { checkPolicy, expandSelector } from './links.ts';
import { decodeValue, encodeValue } from './rpc.ts';
import { formatEvent, parseTimeline, Timeline } from './timeline.ts';
import { shutdownReason } from './vm.ts';

const invalid = (field: string) => (error: unknown) =>
  error instanceof AppError && error.code === 'invalid_argument' && error.details.field === field;

describe('timeline', () => {
  it('stamps events, tells listeners, and prints and parses them', () => {
    let ms = 0;
    const timeline = new Timeline({ clock: { now: () => 1_700_000_000_000 + ms, monotonic: () => ms } });
    const heard: string[] = [];
    const stop = timeline.subscribe((event) => heard.push(event.event));
    ms = 1234.4;
    const event = timeline.add('power-off', { node: 'n1', why: 'a test' });
    stop();
    timeline.add('unheard');
    assert.deepEqual(event, {
      time: '2023-11-14T22:13:21.234Z',
      ms: 1234,
      node: 'n1',
      why: 'a test',
      event: 'power-off',
    });
    assert.deepEqual(heard, ['power-off']);
    assert.equal(formatEvent(event), '+    1.234s  n1         power-off      why=a test');
    assert.deepEqual(parseTimeline(`${JSON.stringify(event)}\n{"time":"20`), [event]);
  });
});

describe('options', () => {
  it('have defaults', () => {
    const { name, nodes, diskBytes, memoryMiB } = checkOptions({});
    assert.deepEqual([name, nodes.length, diskBytes, memoryMiB], ['lab', 3, [4 * 2 ** 30], 640]);
    assert.deepEqual(nodes[1], {
      name: 'n2',
      index: 2,
      mgmtAddress: '10.77.0.12',
      replAddress: '10.78.0.12',
      disks: ['virtio-hf-n2-d0'],
    });
  });

  it('are refused by name', () => {
    const cases: [Parameters<typeof checkOptions>[0], string][] = [
      [{ name: 'a/b' }, 'name'],
      [{ nodes: 0 }, 'nodes'],
      [{ nodes: 17 }, 'nodes'],
      [{ nodes: ['a', 'a'] }, 'nodes'],
      [{ nodes: ['host'] }, 'nodes'],
      [{ disks: [1000] }, 'disks'],
      [{ memoryMiB: 64 }, 'memoryMiB'],
      [{ cpus: 1.5 }, 'cpus'],
    ];
    for (const [options, field] of cases) assert.throws(() => checkOptions(options), invalid(field), field);
  });

  it('take disks and endpoints as text', () => {
    assert.deepEqual(parseDisks('2x4G,512MiB'), [4 * 2 ** 30, 4 * 2 ** 30, 512 * 2 ** 20]);
    assert.throws(() => parseDisks('2x'), invalid('disks'));
    assert.deepEqual(parseEndpoint('n1:/etc/hosts'), { node: 'n1', path: '/etc/hosts' });
    assert.deepEqual(parseEndpoint('./x:y'), { path: './x:y' });
    assert.throws(() => parseNetwork('wan'), invalid('network'));
  });
});

describe('links', () => {
  const ports = { mgmt: ['host', 'n1', 'n2', 'n3'], repl: ['n1', 'n2', 'n3'] };
  const show = (selector: Parameters<typeof expandSelector>[0]) =>
    expandSelector(selector, ports).map((l) => `${l.network}:${l.from}>${l.to}`);

  it('mean one direction, both, or everything else on the network', () => {
    assert.deepEqual(show({ network: 'repl', from: 'n1', to: 'n2', direction: 'out' }), ['repl:n1>n2']);
    assert.deepEqual(show({ network: 'repl', from: 'n1', to: 'n2', direction: 'in' }), ['repl:n2>n1']);
    assert.deepEqual(show({ network: 'repl', from: 'n1', to: 'n2' }), ['repl:n1>n2', 'repl:n2>n1']);
    assert.deepEqual(show({ network: 'mgmt', from: 'n1', direction: 'out' }), [
      'mgmt:n1>host',
      'mgmt:n1>n2',
      'mgmt:n1>n3',
    ]);
    assert.equal(show({ from: 'n1' }).length, 10);
    assert.deepEqual(show({ from: 'n1', to: 'host', direction: 'out' }), ['mgmt:n1>host']);
  });

  it('are refused when an end is not there', () => {
    assert.throws(() => show({ from: 'n9' }), /no link between 'n9'/);
    assert.throws(() => show({ network: 'repl', from: 'n1', to: 'host' }), /on network repl/);
    assert.throws(() => checkPolicy({ drop: 1.5 }), invalid('drop'));
    assert.throws(() => checkPolicy({ delayMs: Number.NaN }), invalid('delayMs'));
  });
});

describe('disk faults', () => {
  it('are device-mapper tables', () => {
    assert.equal(faultTable(100, '/dev/vde', undefined), '0 100 linear /dev/vde 0');
    assert.equal(faultTable(100, '/dev/vde', { kind: 'error' }), '0 100 error');
    assert.equal(
      faultTable(100, '/dev/vde', { kind: 'slow', readMs: 5, writeMs: 20 }),
      '0 100 delay /dev/vde 0 5 /dev/vde 0 20',
    );
    assert.equal(faultTable(100, '/dev/vde', { kind: 'flaky', upMs: 2000, downMs: 10 }), '0 100 flakey /dev/vde 0 2 1');
    assert.throws(() => faultTable(100, '/dev/vde', { kind: 'slow', readMs: -1, writeMs: 0 }), invalid('readMs'));
  });

  it('stall by suspending, and go by loading the table again', () => {
    assert.match(faultScript(0, { kind: 'stall' }), /suspend --noflush --nolockfs labd0$/);
    const heal = faultScript(1, undefined);
    assert.match(heal, /dmsetup load labd1 --table "0 \$\(cat \/sys\/block\/vdf\/size\) linear \/run\/lab\/vdf 0"/);
    assert.match(heal, /resume labd1$/);
    assert.throws(() => checkVgName('a;b'), invalid('vg'));
  });
});

describe('boot', () => {
  it('puts what differs between nodes on the command line', () => {
    const text = kernelParameters({
      name: 'n1',
      mgmtAddress: 'A',
      replAddress: 'B',
      disks: 2,
      hosts: [
        { name: 'n1', address: 'A' },
        { name: 'n2', address: 'C' },
      ],
    });
    assert.equal(text, 'hf.name=n1 hf.mgmt=A hf.repl=B hf.disks=2 hf.hosts=n1=A,n2=C');
  });

  it('loads modules in order and says what a probe must print', () => {
    const text = initScript(['virtio.ko', 'dm-mod.ko'], '6.1.0-1');
    assert.match(text, /for m in virtio\.ko dm-mod\.ko; do/);
    assert.ok(text.includes(PROBE_MARK) && text.includes('/usr/lib/modules/6.1.0-1'));
    assert.ok(bootScript().includes('HFLAB-$serial'));
  });

  it('orders modules by need, leaves out built-in ones and refuses missing ones', () => {
    const dep = parseModulesDep(
      'kernel/a/virtio_blk.ko: kernel/b/virtio.ko kernel/b/virtio_ring.ko\nkernel/b/virtio.ko: kernel/b/virtio_ring.ko\nkernel/b/virtio_ring.ko:\n',
    );
    assert.deepEqual(loadOrder(['virtio_blk', 'ext4'], dep, new Set(['ext4'])), [
      'kernel/b/virtio_ring.ko',
      'kernel/b/virtio.ko',
      'kernel/a/virtio_blk.ko',
    ]);
    assert.throws(() => loadOrder(['nope'], dep, new Set()), /no module 'nope'/);
  });

  it('tells a reset from a shutdown', () => {
    assert.equal(shutdownReason('{"event":"SHUTDOWN","data":{"guest":true,"reason":"guest-reset"}}'), 'guest-reset');
    assert.equal(shutdownReason('{"return":{}}'), undefined);
    assert.equal(shutdownReason('SHUTDOWN {'), undefined);
  });
});

describe('archives', () => {
  const files = [{ path: 'a/b/c', data: Buffer.from('hello'), mode: 0o755 }];

  it('are the same bytes every time, with directories before files', () => {
    assert.deepEqual(cpioNewc(files), cpioNewc(files));
    const cpio = cpioNewc(files).toString('latin1');
    assert.ok(
      cpio.startsWith('070701') && cpio.indexOf('a/b\0') < cpio.indexOf('a/b/c\0') && cpio.includes('TRAILER!!!'),
    );
    const tar = tarUstar(files);
    assert.equal(tar.length % 512, 0);
    assert.equal(tar.toString('latin1', 0, 2), 'a/');
    assert.throws(() => tarUstar([{ path: 'x'.repeat(101), data: Buffer.alloc(0) }]), RangeError);
  });

  it('have keys that tell parts apart', () => {
    assert.notEqual(contentKey(['ab', 'c']), contentKey(['a', 'bc']));
  });
});

describe('kernel images', () => {
  it('are unpacked from LZ4 legacy frames with literals and overlapping matches', () => {
    // "abcabcabcabcabc": three literals, then a match of 12 at offset 3 (overlapping itself).
    const block = Buffer.from([0x38, ...Buffer.from('abc'), 3, 0]);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(block.length);
    const frame = Buffer.concat([Buffer.from([0x02, 0x21, 0x4c, 0x18]), size, block]);
    assert.equal(lz4LegacyDecode(frame, 15).toString(), 'abcabcabcabcabc');
  });

  it('are left alone when they are of another kind', async () => {
    assert.equal(bzImagePayload(Buffer.alloc(0x300)), undefined);
    assert.equal(await extractVmlinux(Buffer.from('MZ')), undefined);
  });
});

describe('supervisor protocol', () => {
  it('carries bytes and absent arguments', () => {
    const sent: unknown[] = JSON.parse(JSON.stringify([encodeValue(Buffer.from([0, 255])), undefined, 'x', { a: 1 }]));
    assert.deepEqual(sent.map(decodeValue), [Buffer.from([0, 255]), undefined, 'x', { a: 1 }]);
  });
});
