import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { addressesOf, EtherDecoder, encodeEther, isGroupAddress } from './ether.ts';

describe('Ethernet stream', () => {
  it('yields whole frames with their prefix, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 64 }),
        (frames, size) => {
          const stream = Buffer.concat(frames.map(encodeEther));
          const decoder = new EtherDecoder();
          const seen: Buffer[] = [];
          for (let at = 0; at < stream.length; at += size) seen.push(...decoder.push(stream.subarray(at, at + size)));
          assert.deepEqual(seen, frames.map(encodeEther));
        },
      ),
    );
  });

  it('refuses a frame that no card sends', () => {
    assert.throws(() => new EtherDecoder().push(Buffer.from([1, 0, 0, 0, 0])), /out of step/);
  });

  it('reads addresses and tells groups', () => {
    const frame = encodeEther(Buffer.from('ffffffffffff525400770001080600', 'hex'));
    assert.deepEqual(addressesOf(frame), { destination: 0xffff_ffff_ffff, source: 0x5254_0077_0001 });
    assert.ok(isGroupAddress(0xffff_ffff_ffff));
    assert.ok(isGroupAddress(0x3333_0000_0001));
    assert.ok(!isGroupAddress(0x5254_0077_0001));
    assert.equal(addressesOf(encodeEther(Buffer.alloc(5))), undefined);
  });
});
