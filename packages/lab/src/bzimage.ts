/**
 * The ELF kernel inside a bzImage. QEMU starts it directly (PVH), which saves the guest from decompressing it: more than
 * a second under emulation.
 */
import { zstdDecompressSync } from 'node:zlib';
import { run } from './run.ts';

const ELF_MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);

/** The compressed payload, as the boot protocol's header (version 2.08 and later) describes it. */
export function bzImagePayload(image: Buffer): Buffer | undefined {
  if (image.length < 0x260 || image.toString('latin1', 0x202, 0x206) !== 'HdrS' || image.readUInt16LE(0x206) < 0x208)
    return undefined;
  const setupSectors = image.readUInt8(0x1f1) || 4;
  const start = (setupSectors + 1) * 512 + image.readUInt32LE(0x248);
  const payload = image.subarray(start, start + image.readUInt32LE(0x24c));
  return payload.length > 8 ? payload : undefined;
}

/** Decodes LZ4's legacy frame format (what the kernel build uses); `sizeHint` is the decompressed size. */
export function lz4LegacyDecode(input: Buffer, sizeHint: number): Buffer {
  const out = Buffer.alloc(sizeHint);
  let o = 0;
  let frame = 4;
  while (frame + 4 <= input.length && o < sizeHint) {
    const blockSize = input.readUInt32LE(frame);
    const end = frame + 4 + blockSize;
    if (blockSize === 0 || end > input.length) break;
    let i = frame + 4;
    while (i < end) {
      const token = input[i++] ?? 0;
      let literals = token >> 4;
      if (literals === 15) {
        let more = 255;
        while (more === 255) literals += more = input[i++] ?? 0;
      }
      input.copy(out, o, i, i + literals);
      i += literals;
      o += literals;
      if (i >= end) break; // The last sequence of a block has no match.
      const offset = input.readUInt16LE(i);
      i += 2;
      let length = (token & 15) + 4;
      if (length === 19) {
        let more = 255;
        while (more === 255) length += more = input[i++] ?? 0;
      }
      if (offset >= length) out.copy(out, o, o - offset, o - offset + length);
      else for (let k = 0; k < length; k += 1) out[o + k] = out[o + k - offset] ?? 0; // Overlapping: repeats itself.
      o += length;
    }
    frame = end;
  }
  return out.subarray(0, o);
}

/** The vmlinux ELF, or undefined when the image is of a kind we cannot open (then QEMU boots the bzImage itself). */
export async function extractVmlinux(image: Buffer): Promise<Buffer | undefined> {
  const payload = bzImagePayload(image);
  if (payload === undefined) return undefined;
  // The build appends the decompressed size to the payload of every method but gzip's own.
  const size = payload.readUInt32LE(payload.length - 4);
  const body = payload.subarray(0, payload.length - 4);
  let kernel: Buffer | undefined;
  try {
    switch (payload.readUInt32BE(0)) {
      case 0x28b52ffd:
        kernel = zstdDecompressSync(body);
        break;
      case 0x02214c18:
        kernel = lz4LegacyDecode(body, size);
        break;
      case 0xfd377a58:
        kernel = (await run(['xz', '-dc', '--single-stream'], { input: body })).stdout;
        break;
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
  return kernel.subarray(0, 4).equals(ELF_MAGIC) ? kernel : undefined;
}
