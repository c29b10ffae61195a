import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { foldDump } from './events2.ts';
import { parseUtilsVersion } from './flavour.ts';
import { isBusy, isGone, promoteRefusal, readRefusal, refusalText } from './refusals.ts';

interface Transcript {
  readonly argv: readonly string[];
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Recorded by test/contract-drbd/record.ts from real kernels. */
const recorded = new URL('testdata/', import.meta.url);
const directories = readdirSync(recorded).filter((name) => name.startsWith('drbd-'));

describe('recorded answers of DRBD tools', () => {
  it('there are some', () => assert.ok(directories.length > 0));
  for (const directory of directories) {
    for (const file of readdirSync(new URL(`${directory}/`, recorded))) {
      it(`${directory}: ${file}`, () => {
        const transcript = JSON.parse(readFileSync(new URL(`${directory}/${file}`, recorded), 'utf8')) as Transcript;
        const { argv, code, stdout, stderr } = transcript;
        const words = argv.filter((word, index) => index > 0 && word !== '-c' && argv[index - 1] !== '-c');
        const verb = words.find((word) => !word.startsWith('-')) ?? '';
        const output = `${stdout}\n${stderr}`;
        assert.ok(!/secret-of-volume/.test(refusalText(readRefusal(output))), 'INV-9');
        if (code === 0) {
          if (verb === 'events2') {
            const folded = foldDump(stdout);
            assert.ok(folded.ok, folded.ok ? '' : folded.why);
            for (const resource of folded.state.values()) assert.match(resource.name, /^hf-/);
          }
          if (verb === 'get-gi') assert.match(stdout, /^[0-9A-F]{16}(:[0-9A-F]{16}){3}(:[01]){7}\n$/);
          if (words[0] === '--version') assert.match(parseUtilsVersion(stdout) ?? '', /^9\./);
          return;
        }
        const refusal = readRefusal(output);
        switch (verb) {
          case 'primary':
            assert.notEqual(promoteRefusal(refusal).reason, 'other', output);
            return;
          case 'secondary':
            assert.ok(isBusy(refusal) || isGone(refusal), output);
            return;
          case 'get-gi':
            // Blank metadata: it says nothing at all.
            assert.ok(refusal.kind === 'other', output);
            return;
          case 'dump-md':
            assert.match(output, /No valid meta ?data found|open\(.*\) failed/);
            return;
          default:
            assert.notEqual(refusalText(refusal), '', 'a failure says why');
        }
      });
    }
  }
});
