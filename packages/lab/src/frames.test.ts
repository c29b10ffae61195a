import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { encodeFrame, encodeMessage, FrameDecoder, MAX_FRAME } from './frames.ts';

describe('control frames', () => {
  it('come out as they went in, however the stream is cut', () => {
    const frame = fc.record({
      kind: fc.constantFrom('json' as const, 'out' as const, 'err' as const),
      stream: fc.nat({ max: 0xffff_ffff }),
      data: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        (frames, cuts) => {
          const stream = Buffer.concat(frames.map(({ kind, stream, data }) => encodeFrame(kind, stream, data)));
          const decoder = new FrameDecoder();
          const seen: unknown[] = [];
          for (let at = 0, i = 0; at < stream.length; i += 1) {
            const size = cuts[i % cuts.length] ?? 1;
            seen.push(...decoder.push(stream.subarray(at, at + size)));
            at += size;
          }
          assert.deepEqual(
            seen,
            frames.map(({ kind, stream, data }) => ({ kind, stream, data: Buffer.from(data) })),
          );
        },
      ),
    );
  });

  it('refuses a stream that is not one of frames, and an impossible length', () => {
    assert.throws(() => new FrameDecoder().push(Buffer.from('login: root password:')), /out of step/);
    const frame = encodeMessage(1, {});
    frame.writeUInt32BE(MAX_FRAME + 1, 8);
    assert.throws(() => new FrameDecoder().push(frame), /out of step/);
    assert.throws(() => encodeFrame('out', 1, Buffer.alloc(MAX_FRAME + 1)), RangeError);
  });
});
