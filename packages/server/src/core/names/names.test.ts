import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  deviceLink,
  dmName,
  lvName,
  mdLvName,
  mountPath,
  nodeLabelValue,
  poolTags,
  replicaName,
  replicaTags,
  resourceName,
  tagValue,
  vgName,
  volumeOfResource,
} from './names.ts';

const objectName = fc
  .stringMatching(/^[a-z0-9][-a-z0-9]{0,61}[a-z0-9]$/)
  .filter((name) => name.length <= 63 && name.length > 0);

test('names are the ones that the architecture page promises', () => {
  assert.equal(vgName('fast'), 'hf-fast');
  assert.equal(replicaName('db', 0), 'db-r0');
  assert.equal(lvName('db-r0'), 'db-r0');
  assert.equal(mdLvName('db-r0'), 'db-r0.md');
  assert.equal(resourceName('db'), 'hf-db');
  assert.equal(volumeOfResource('hf-db'), 'db');
  assert.equal(volumeOfResource('db'), undefined);
  assert.equal(mountPath('db'), '/var/lib/holdfast/mounts/db');
  assert.equal(deviceLink('db'), '/dev/holdfast/db');
});

test('a Kubernetes volume name of the provisioner is used as it is', () => {
  const volume = 'pvc-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9';
  assert.equal(replicaName(volume, 123), `${volume}-r123`);
  assert.equal(mdLvName(replicaName(volume, 123)), `${volume}-r123.md`);
});

test('device-mapper names never exceed 127 characters, whatever pool and volume are called', () => {
  fc.assert(
    fc.property(objectName, objectName, fc.nat(999_999), (pool, volume, ordinal) => {
      const lv = mdLvName(replicaName(volume, ordinal));
      assert.ok(dmName(vgName(pool), lv).length <= 127);
      assert.match(lv, /^[a-zA-Z0-9+_.][a-zA-Z0-9+_.-]*$/);
      assert.doesNotMatch(lv, /^(snapshot|pvmove)/);
    }),
  );
});

test('replica names are object names and differ when volume or ordinal differ', () => {
  fc.assert(
    fc.property(objectName, objectName, fc.nat(999_999), fc.nat(999_999), (a, b, i, j) => {
      const left = replicaName(a, i);
      assert.ok(left.length <= 63);
      assert.match(left, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
      if (a !== b || i !== j) assert.notEqual(left, replicaName(b, j));
      if (a !== b) assert.notEqual(vgName(a), vgName(b));
      if (a !== b) assert.notEqual(lvName(`${a}-r0`), lvName(`${b}-r0`));
    }),
  );
});

test('names that LVM reserves are escaped', () => {
  assert.equal(lvName('snapshot-of-db-r0'), 'v.snapshot-of-db-r0');
  assert.equal(lvName('pvmove0-r1'), 'v.pvmove0-r1');
});

test('long host names fit into a label value', () => {
  assert.equal(nodeLabelValue('n1.example.org'), 'n1.example.org');
  assert.ok(nodeLabelValue(`${'a'.repeat(80)}.example.org`).length <= 63);
});

test('tags carry the UIDs that prove ownership (INV-7)', () => {
  const tags = replicaTags({ uid: 'u-r', volumeUid: 'u-v' }, 'meta');
  assert.deepEqual(tags, ['holdfast', 'hf.volume=u-v', 'hf.replica=u-r', 'hf.role=meta']);
  assert.equal(tagValue(tags, 'replica'), 'u-r');
  assert.equal(tagValue(tags, 'pool'), undefined);
  assert.deepEqual(poolTags({ name: 'fast', uid: 'u-p' }), ['holdfast', 'hf.pool=fast', 'hf.pool-uid=u-p']);
});
