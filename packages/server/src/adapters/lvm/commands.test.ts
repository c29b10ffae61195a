import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as commands from './commands.ts';
import { LVM_CONFIG } from './config.ts';

/** Without the program, and with the configuration that every command must carry checked and taken out. */
function short(argv: commands.Argv): string {
  const [program, command, option, config, ...rest] = argv;
  assert.deepEqual([program, option, config], ['lvm', '--config', LVM_CONFIG]);
  return [command, ...rest].join(' ');
}

const TAGS = ['holdfast', 'hf.replica=u1'];

test('each change is one command with explicit arguments, and none is forced except the removal that checks a tag', () => {
  const sizes = { dataBytes: 1_073_741_824, metadataBytes: 16_777_216, chunkBytes: 65_536 };
  const thick = { vg: 'hf-a', lv: 'db-r0', sizeBytes: 8_388_608, tags: TAGS };
  assert.deepEqual(
    [
      commands.createPv({ device: '/dev/vdb', uuid: 'U', metadataBytes: 67_108_864 }),
      commands.createVg({ vg: 'hf-a', devices: ['/dev/vdb', '/dev/vdc'], tags: ['holdfast', 'hf.pool=a'] }),
      commands.extendVg({ vg: 'hf-a', devices: ['/dev/vdd'] }),
      commands.createThinPool({ vg: 'hf-a', pool: 'pool', tags: ['holdfast'], ...sizes }),
      commands.growPoolMetadata({ vg: 'hf-a', pool: 'pool', metadataBytes: 33_554_432 }),
      commands.createThinLv({ ...thick, thinPool: 'pool' }),
      commands.createThickLv(thick),
      commands.extendLv({ vg: 'hf-a', lv: 'db-r0', sizeBytes: 12_582_912 }),
      commands.removeLv({ vg: 'hf-a', lv: 'db-r0', requiredTag: 'hf.replica=u1' }),
      commands.activateVg('hf-a'),
      commands.setLvActive({ vg: 'hf-a', lv: 'db-r0', active: true }),
      commands.setLvActive({ vg: 'hf-a', lv: 'db-r0', active: false }),
      commands.removeVg('hf-a'),
      commands.removePvs(['/dev/vdb']),
    ].map(short),
    [
      'pvcreate --uuid U --norestorefile --metadatasize 67108864b --dataalignment 1m /dev/vdb',
      'vgcreate --physicalextentsize 4m --setautoactivation n --addtag holdfast --addtag hf.pool=a hf-a /dev/vdb /dev/vdc',
      'vgextend hf-a /dev/vdd',
      'lvcreate --type thin-pool --name pool --size 1073741824b --poolmetadatasize 16777216b --poolmetadataspare y --chunksize 65536b --zero y --discards passdown --addtag holdfast hf-a',
      'lvextend --poolmetadatasize 33554432b hf-a/pool',
      'lvcreate --type thin --name db-r0 --virtualsize 8388608b --thinpool pool --wipesignatures y --yes --addtag holdfast --addtag hf.replica=u1 hf-a',
      'lvcreate --type linear --name db-r0 --size 8388608b --wipesignatures y --zero y --yes --addtag holdfast --addtag hf.replica=u1 hf-a',
      'lvextend --size 12582912b hf-a/db-r0',
      'lvremove --force --select lv_tags={"hf.replica=u1"} hf-a/db-r0',
      'vgchange --activate y hf-a',
      'lvchange --activate y hf-a/db-r0',
      'lvchange --activate n hf-a/db-r0',
      'vgremove hf-a',
      'pvremove /dev/vdb',
    ],
  );
});

test('one report asks for everything in bytes as JSON, with explicit columns', () => {
  assert.equal(
    short(commands.fullReport('hf-a')),
    'fullreport hf-a --reportformat json --units b --nosuffix ' +
      '--configreport vg -o vg_name,vg_uuid,vg_size,vg_free,vg_extent_size,vg_tags,vg_missing_pv_count,vg_mda_free ' +
      '--configreport pv -o pv_name,pv_uuid,vg_name,pv_size,pv_missing,pv_in_use ' +
      '--configreport lv -o lv_uuid,lv_name,vg_name,lv_size,lv_tags,lv_attr,pool_lv,data_percent,metadata_percent,lv_health_status,lv_metadata_size ' +
      '--configreport seg -o lv_uuid,chunk_size --configreport pvseg -o ,',
  );
});

test('LVM never looks at what lies above a volume', () => {
  const filter = /global_filter=\[(.*?)\]/.exec(LVM_CONFIG)?.[1] ?? '';
  const rules = [...filter.matchAll(/"([ar])\|(.*?)\|"/g)].map(
    (match) => [match[1], new RegExp(match[2] ?? '')] as const,
  );
  const verdict = (path: string): string | undefined => rules.find(([, pattern]) => pattern.test(path))?.[0];
  for (const path of ['/dev/drbd1000', '/dev/holdfast/db', '/dev/mapper/hf--a-db--r0', '/dev/hf-a/db-r0']) {
    assert.equal(verdict(path), 'r', path);
  }
  for (const path of ['/dev/vdb', '/dev/nvme0n1', '/dev/mapper/mpatha', '/dev/mapper/labd0', '/dev/loop0']) {
    assert.equal(verdict(path), 'a', path);
  }
});

test('a full thin pool answers with an error, and nobody extends it behind our back', () => {
  for (const setting of ['error_when_full=1', 'thin_pool_autoextend_threshold=100', 'monitoring=0', 'udev_sync=0']) {
    assert.ok(LVM_CONFIG.includes(setting), setting);
  }
});
