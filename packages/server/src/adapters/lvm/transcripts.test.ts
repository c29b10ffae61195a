import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { programFailed } from '../exec/failure.ts';
import { LV_FIELDS, PV_FIELDS, SEG_FIELDS, VG_FIELDS } from './commands.ts';
import { lvmError } from './errors.ts';
import { parseFullReport, parseThinPoolStatus, parseVersion } from './parse.ts';

interface Transcript {
  readonly argv: readonly string[];
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const ROOT = join(import.meta.dirname, 'testdata');
const all = readdirSync(ROOT).flatMap((version) =>
  readdirSync(join(ROOT, version)).map((name) => ({
    name: `${version}/${name}`,
    transcript: JSON.parse(readFileSync(join(ROOT, version, name), 'utf8')) as Transcript,
  })),
);
const reports = all.filter(({ transcript }) => transcript.argv[1] === 'fullreport' && transcript.code === 0);

/** What each recorded failure means, by words of its message. A new kind of failure fails here until it is understood. */
const MEANING: readonly (readonly [RegExp, string])[] = [
  [/Aborted wiping|without -ff/, 'failed_precondition DiskNotFree'],
  [/cannot open .*No such file/, 'not_found NotFound'],
  [/already exists/, 'already_exists NameTaken'],
  [/not found|Failed to find logical volume/, 'not_found NotFound'],
  [/insufficient free space|reached threshold/, 'resource_exhausted NoSpace'],
  [/in use/, 'failed_precondition InUse'],
  [/while PVs are missing|missing|activation of partial/, 'failed_precondition DiskMissing'],
];

test('there are transcripts of every kind', () => {
  assert.ok(reports.length >= 10, `${reports.length} reports`);
  assert.ok(all.filter(({ transcript }) => transcript.code !== 0).length >= 10);
});

for (const { name, transcript } of all.filter((each) => each.transcript.code !== 0)) {
  test(`${name}: the failure is understood`, () => {
    const expected = MEANING.find(([pattern]) => pattern.test(transcript.stderr))?.[1];
    assert.ok(expected, `no meaning for: ${transcript.stderr}`);
    const failure = { ...transcript, exitCode: transcript.code, signal: null };
    const error = lvmError(programFailed(failure), 'volume group hf-contract', 'change');
    assert.equal(`${error.code} ${error.details.reason}`, expected, transcript.stderr);
    assert.doesNotMatch(error.message, /WARNING/);
    assert.ok(error.details.remedy !== undefined);
  });
}

for (const { name, transcript } of reports) {
  test(`${name}: the report is read completely`, () => {
    const inventory = parseFullReport(transcript.stdout);
    const groups = new Set(inventory.vgs.map((vg) => vg.name));
    const pools = new Set(inventory.lvs.filter((lv) => lv.kind === 'thin-pool').map((lv) => `${lv.vg}/${lv.name}`));
    for (const lv of inventory.lvs) {
      assert.ok(groups.has(lv.vg), lv.name);
      if (lv.kind === 'thin') assert.ok(pools.has(`${lv.vg}/${lv.pool}`), lv.name);
      if (lv.kind === 'thin-pool') assert.ok(lv.chunkBytes !== undefined && lv.metadataBytes !== undefined, lv.name);
    }
    for (const vg of inventory.vgs) {
      const ours = inventory.pvs.filter((pv) => pv.vg === vg.name);
      assert.equal(ours.filter((pv) => pv.path === undefined).length, vg.missingPvs, vg.name);
      assert.ok(vg.freeBytes <= vg.sizeBytes && vg.extentBytes === 4 * 2 ** 20);
    }
    // Nothing is left out: as many objects as the text has.
    const count = (field: string): number => transcript.stdout.split(`"${field}":`).length - 1;
    assert.equal(inventory.vgs.length, count('vg_mda_free'));
    assert.equal(inventory.pvs.length, count('pv_uuid'));
    assert.equal(inventory.lvs.length, count('lv_attr'));
  });
}

test('a column that is missing, empty where it must not be, or no number makes the whole report an error', () => {
  const sample = reports.map(({ transcript }) => transcript.stdout).find((stdout) => stdout.includes('"twi-'));
  assert.ok(sample);
  for (const field of [...VG_FIELDS, ...PV_FIELDS, ...LV_FIELDS, ...SEG_FIELDS]) {
    const without = sample.replaceAll(new RegExp(`"${field}":"[^"]*"(, )?`, 'g'), '').replaceAll(', }', '}');
    assert.throws(() => parseFullReport(without), /not understood/, field);
  }
  for (const [field, bad] of [
    ['vg_size', '2.00g'],
    ['vg_free', ''],
    ['lv_size', '1e9'],
    ['lv_size', '99999999999999999999'],
    ['data_percent', 'n/a'],
    ['lv_attr', 'twi-aotz-'],
    ['lv_attr', '?wi-a-----'],
    ['pv_missing', 'perhaps'],
  ] as const) {
    const broken = sample.replace(new RegExp(`"${field}":"[^"]*"`), `"${field}":"${bad}"`);
    assert.notEqual(broken, sample);
    assert.throws(() => parseFullReport(broken), /not understood/, `${field}=${bad}`);
  }
  assert.throws(() => parseFullReport(''), /not understood/);
  assert.throws(() => parseFullReport(sample.slice(0, -20)), /not understood/);
});

test('a disk that is gone is counted as missing and has no path', () => {
  const torn = reports
    .map(({ transcript }) => parseFullReport(transcript.stdout))
    .find((each) => each.vgs.some((vg) => vg.missingPvs > 0));
  assert.ok(torn);
  assert.equal(torn.pvs.filter((pv) => pv.path === undefined).length, 1);
});

test('a full pool is told by its trouble and its percentage', () => {
  const pools = reports.flatMap(({ transcript }) => parseFullReport(transcript.stdout).lvs);
  const full = pools.find((lv) => lv.trouble === 'out-of-data-space');
  assert.equal(full?.kind, 'thin-pool');
  assert.equal(full?.dataPercent, 100);
});

test('the version is read', () => {
  const { transcript } = all.find((each) => each.transcript.argv[1] === 'version') ?? assert.fail('no transcript');
  assert.equal(parseVersion(transcript.stdout), '2.03.16(2)');
  assert.throws(() => parseVersion('nothing'), /not understood/);
});

test('thin pool status of device-mapper in every mode', () => {
  const line = (rest: string): string => `hf--a--b-pool-tpool: 0 2097152 thin-pool ${rest}\n`;
  const of = (rest: string) => parseThinPoolStatus(line(rest))[0];
  const base = { vg: 'hf-a-b', pool: 'pool' };
  assert.deepEqual(of('1 420/4096 0/32064 - rw discard_passdown error_if_no_space - 1024'), {
    ...base,
    dataPercent: 0,
    metadataPercent: 10.25,
    trouble: '',
  });
  assert.deepEqual(of('3 487/4096 16384/16384 - out_of_data_space discard_passdown error_if_no_space - 1024'), {
    ...base,
    dataPercent: 100,
    metadataPercent: 11.89,
    trouble: 'out-of-data-space',
  });
  assert.equal(
    of('3 4096/4096 1/16384 - ro discard_passdown error_if_no_space needs_check 1024')?.trouble,
    'metadata-read-only, check-needed',
  );
  assert.equal(of('Fail')?.trouble, 'failed');
  assert.equal(of('Error')?.trouble, 'failed');
  assert.deepEqual(parseThinPoolStatus(''), []);
  assert.deepEqual(parseThinPoolStatus('No devices found\n'), []);
  assert.throws(() => of('3 487/0 1/2 - rw'), /not understood/);
  assert.throws(() => of('3 4/5 1/2 - sleeping'), /not understood/);
  assert.throws(() => parseThinPoolStatus('nonsense'), /not understood/);
});
