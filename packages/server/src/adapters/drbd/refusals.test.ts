import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isBusy, isGone, promoteRefusal, readRefusal, redact, refusalText } from './refusals.ts';

const state = (code: number, text: string): string =>
  `1000: State change failed: (${code}) ${text}\nCommand 'drbdsetup-84 primary 1000' terminated with exit code 11\n`;

describe('refusals of DRBD', () => {
  const outcomes = [
    [-1, 'Multiple primaries not allowed by config', 'peer-is-primary'],
    [-2, 'Need access to UpToDate data', 'no-uptodate-data'],
    [-7, 'Refusing to be Primary while peer is not outdated', 'fencing-refused'],
    [-10, 'State change was refused by peer node', 'busy'],
    [-12, 'Device is held open by someone', 'busy'],
    [-18, 'Concurrent state change', 'busy'],
    [-25, 'No quorum', 'no-uptodate-data'],
    [-3, 'Something new', 'other'],
  ] as const;
  for (const [code, text, reason] of outcomes) {
    it(`a promotion that ends with (${code}) is '${reason}'`, () => {
      assert.deepEqual(promoteRefusal(readRefusal(state(code, text))), {
        ok: false,
        reason,
        message: `(${code}) ${text}`,
      });
    });
  }

  it('a numbered failure of a promotion is not mistaken for a state', () => {
    const refusal = readRefusal(
      '1010: Failure: (127) Device minor not allocated\nadditional info from kernel:\nunknown minor\n',
    );
    assert.equal(promoteRefusal(refusal).reason, 'other');
    assert.equal(refusalText(refusal), '(127) Device minor not allocated (unknown minor)');
  });

  it('what is not configured counts as gone, other failures do not', () => {
    assert.ok(
      isGone(
        readRefusal('1010: Failure: (127) Device minor not allocated\nadditional info from kernel:\nunknown minor'),
      ),
    );
    assert.ok(
      isGone(
        readRefusal(
          '??: Failure: (162) Invalid configuration request\nadditional info from kernel:\nunknown connection',
        ),
      ),
    );
    assert.ok(!isGone(readRefusal('hf-a: Failure: (162) Invalid configuration request')));
    assert.ok(!isGone(readRefusal(state(-12, 'Device is held open by someone'))));
    assert.ok(!isGone(readRefusal('')));
  });

  it('only an open device and concurrent changes are worth a retry', () => {
    assert.ok(isBusy(readRefusal(state(-12, 'Device is held open by someone'))));
    assert.ok(!isBusy(readRefusal(state(-2, 'Need access to UpToDate data'))));
    assert.ok(!isBusy(readRefusal('1010: Failure: (127) Device minor not allocated')));
  });

  it('INV-9: no form of the shared secret survives redaction', () => {
    for (const text of [
      "Command 'drbdsetup-84 connect hf-v1 ipv4:10.9.0.1:7000 ipv4:10.9.0.2:7000 --protocol=C --shared-secret=s3cret --timeout=30' terminated with exit code 10",
      'hf.res:7: Parse error: shared-secret "s3cret"; expected',
      "net { shared-secret 's3cret'; }",
      'shared-secret s3cret;',
    ]) {
      assert.ok(!redact(text).includes('s3cret'), redact(text));
      assert.ok(!refusalText(readRefusal(text)).includes('s3cret'));
    }
  });
});
