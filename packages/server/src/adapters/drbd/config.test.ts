import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { aConfig, anEndpoint as endpoint } from '../../../test/fakes/drbd-config.ts';
import { memoryFiles } from '../../../test/fakes/drbd-files.ts';
import { checkConfig, parseHeader } from './config-file.ts';
import { createConfigStore } from './config-store.ts';
import { PEER_SLOTS, V9 } from './v9/commands.ts';
import { V84 } from './v84/commands.ts';

const golden = async (name: string): Promise<string> => readFile(new URL(`testdata/${name}`, import.meta.url), 'utf8');
const MIB = 1024 * 1024;

describe('DRBD resource files', () => {
  it('8.4: two replicas', async () => {
    assert.equal(V84.render(aConfig()), await golden('v84-two.res'));
  });
  it('8.4: alone on a thick volume, IPv6', async () => {
    const self = endpoint(1, { address: 'fd00::1' });
    assert.equal(V84.render(aConfig({ self, peers: [], thin: false })), await golden('v84-alone-thick-ipv6.res'));
  });
  it('9: two replicas are fenced by the arbiter', async () => {
    assert.equal(V9.render(aConfig()), await golden('v9-two.res'));
  });
  it('9: three with a diskless tie-breaker have quorum instead', async () => {
    assert.equal(
      V9.render(aConfig({ peers: [endpoint(2), endpoint(3, { diskless: true })] })),
      await golden('v9-tie-breaker.res'),
    );
  });
  it('9: alone', async () => {
    assert.equal(V9.render(aConfig({ peers: [] })), await golden('v9-alone.res'));
  });

  it('what a flavour cannot do is refused with the remedy', () => {
    assert.throws(() => V84.render(aConfig({ peers: [endpoint(2), endpoint(3)] })), { code: 'failed_precondition' });
    assert.throws(() => V84.render(aConfig({ peers: [endpoint(2, { diskless: true })] })), {
      code: 'failed_precondition',
    });
    assert.throws(() => V84.render(aConfig({ disk: undefined, metaDisk: undefined })), { code: 'failed_precondition' });
    const many = Array.from({ length: PEER_SLOTS + 1 }, (_, index) => endpoint(index + 2));
    assert.throws(() => V9.render(aConfig({ peers: many })), { code: 'failed_precondition' });
  });

  it('nothing that could break out of its place gets into a file, and a bad secret is not shown', () => {
    for (const bad of [
      { resource: 'hf-a"; }' },
      { minor: -1 },
      { disk: '/dev/a b' },
      { metaDisk: undefined },
      { self: endpoint(1, { node: 'n1 {' }) },
      { self: endpoint(1, { address: '10.0.0.1;' }) },
      { self: endpoint(1, { port: 0 }) },
      { peers: [endpoint(2, { replica: 'x\n' })] },
    ])
      assert.throws(() => checkConfig(aConfig(bad)), { code: 'invalid_argument' }, JSON.stringify(bad));
    assert.throws(
      () => checkConfig(aConfig({ sharedSecret: 'short "secret"' })),
      (error: Error) => !JSON.stringify([error.message, error]).includes('short'),
    );
  });

  it('the header gives back who is who, and foreign files have none', () => {
    const config = aConfig();
    assert.deepEqual(parseHeader(V84.render(config)), {
      resource: 'hf-db',
      minor: 1000,
      self: config.self,
      peers: config.peers,
    });
    assert.deepEqual(parseHeader(V9.render(config)), parseHeader(V84.render(config)));
    assert.equal(parseHeader('resource r0 { }'), undefined);
    assert.equal(parseHeader('# holdfast minor 1\n# {broken\n'), undefined);
    assert.ok(!V84.render(config).split('\n')[1]?.includes(config.sharedSecret));
  });

  it('external metadata: whole extents, one bit for 4 KiB and peer, with a margin', () => {
    assert.equal(V84.metadataBytes(4 * MIB, 1), 4 * MIB);
    // 1 TiB needs a bitmap of 32 MiB.
    assert.equal(V84.metadataBytes(1024 * 1024 * MIB, 1), 36 * MIB);
    assert.ok(V9.metadataBytes(1024 * 1024 * MIB, 1) >= 7 * 32 * MIB);
    for (const size of [4 * MIB, 128 * 1024 * MIB, 96 * 1024 * MIB])
      assert.ok(
        V84.metadataBytes(size, 1) >= 36 * 1024 + size / 32768 + MIB && V84.metadataBytes(size, 1) % (4 * MIB) === 0,
      );
  });
});

describe('the store of resource files', () => {
  it('writes 0600, maps the minor first, and says whether anything changed', async () => {
    const files = memoryFiles();
    const store = createConfigStore(files, '/state');
    const config = aConfig();
    assert.equal(await store.compare(config, V84.render(config)), 'absent');
    assert.equal(await store.write(config, V84.render(config)), true);
    assert.equal(await store.write(config, V84.render(config)), false);
    assert.deepEqual(files.writes, ['/state/drbd.d/minor-1000', '/state/drbd.d/hf-db.res']);
    assert.equal(files.modes.get('/state/drbd.d/hf-db.res'), 0o600);
    assert.equal(files.content.get('/state/drbd.d/minor-1000'), 'hf-db');
    assert.equal(await store.compare(config, V84.render(config)), 'current');
    assert.deepEqual(await store.names(), ['hf-db']);
  });

  it('repairs a minor map that a crash left out', async () => {
    const files = memoryFiles();
    const store = createConfigStore(files, '/state');
    const config = aConfig();
    await store.write(config, V84.render(config));
    files.content.delete('/state/drbd.d/minor-1000');
    assert.equal(await store.compare(config, V84.render(config)), 'stale');
    assert.equal(await store.write(config, V84.render(config)), true);
    assert.equal(await store.compare(config, V84.render(config)), 'current');
  });

  it('removes the map with the file, but not one that names another resource', async () => {
    const files = memoryFiles();
    const store = createConfigStore(files, '/state');
    const config = aConfig();
    await store.write(config, V84.render(config));
    files.content.set('/state/drbd.d/minor-1000', 'hf-other');
    await store.remove('hf-db');
    assert.deepEqual([...files.content.keys()], ['/state/drbd.d/minor-1000']);
    await store.remove('hf-db');
    await assert.rejects(store.require('hf-db'), { code: 'failed_precondition' });
  });

  it('refuses a resource that is not named as ours', async () => {
    const config = aConfig({ resource: 'r0' });
    await assert.rejects(createConfigStore(memoryFiles(), '/state').write(config, ''), { code: 'invalid_argument' });
  });
});
