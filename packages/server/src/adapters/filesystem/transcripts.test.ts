import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { programFailed } from '../exec/failure.ts';
import { fsError } from './errors.ts';
import { parseBlkid, parseBlockNumber, parsePids } from './parse.ts';

interface Transcript {
  readonly argv: readonly string[];
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const ROOT = join(import.meta.dirname, 'testdata/debian-12');
const all = readdirSync(ROOT).map((name) => ({
  name,
  transcript: JSON.parse(readFileSync(join(ROOT, name), 'utf8')) as Transcript,
}));
const of = (program: string, code: number): Transcript[] =>
  all.map((each) => each.transcript).filter((each) => each.argv[0] === program && each.code === code);

/** What each recorded failure means; 2 of blkid is an answer, and e2fsck and umount give outcomes. */
const MEANING: readonly (readonly [RegExp, string])[] = [
  [/larger than 300MB|too small|minimum size/i, 'failed_precondition DeviceTooSmall'],
  [/wrong fs type/, 'failed_precondition FileSystemDamaged'],
  [/target is busy/, 'failed_precondition InUse'],
  [/No such file or directory/, 'not_found NotFound'],
];

for (const { name, transcript } of all.filter((each) => each.transcript.code !== 0)) {
  if (['blkid', 'e2fsck', 'dd'].includes(transcript.argv[0] ?? '')) continue;
  test(`${name}: the failure is understood`, () => {
    const expected = MEANING.find(([pattern]) => pattern.test(transcript.stderr))?.[1];
    assert.ok(expected, `no meaning for: ${transcript.stderr}`);
    const error = fsError(programFailed({ ...transcript, exitCode: transcript.code, signal: null }), 'it', 'do');
    assert.equal(`${error.code} ${error.details.reason}`, expected, transcript.stderr);
  });
}

test('blkid names type and usage of a signature, and says 2 with nothing for a blank device', () => {
  const found = of('blkid', 0);
  assert.ok(found.length > 0);
  for (const { stdout } of found) {
    const values = parseBlkid(stdout);
    assert.ok(values.has('TYPE'), stdout);
    assert.equal(values.get('USAGE'), 'filesystem');
  }
  assert.ok(of('blkid', 2).every(({ stdout }) => stdout === ''));
});

test('dd says how many full records it read', () => {
  const [read] = of('dd', 0);
  assert.match(read?.stderr ?? '', /^1\+0 records in$/m);
  for (const { stderr } of of('dd', 1)) assert.doesNotMatch(stderr, /^1\+0 records in$/m);
});

test('stat and fuser are read', () => {
  assert.match(parseBlockNumber(of('stat', 0)[0]?.stdout ?? '') ?? '', /^\d+:\d+$/);
  assert.equal(parsePids(of('fuser', 0)[0]?.stdout ?? '').length, 1);
});

test('e2fsck fails with 8 on a device that carries no file system', () => {
  assert.match(of('e2fsck', 8)[0]?.stderr ?? of('e2fsck', 8)[0]?.stdout ?? '', /magic number|superblock/i);
});
