/** QEMU's stream sockets: each Ethernet frame follows its length as a big-endian u32. Pure. */

const PREFIX = 4;
/** virtio-net without offloads never sends more; anything longer means that the stream is out of step. */
const MAX_ETHER_FRAME = 65_550;

/** Cuts a stream into frames *with* their length prefix, ready to be written to another port as they are. */
export class EtherDecoder {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Buffer[] {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Buffer[] = [];
    let offset = 0;
    while (data.length - offset >= PREFIX) {
      const length = data.readUInt32BE(offset);
      if (length > MAX_ETHER_FRAME) throw new Error(`Ethernet stream out of step: frame of ${length} bytes`);
      if (data.length - offset < PREFIX + length) break;
      frames.push(data.subarray(offset, offset + PREFIX + length));
      offset += PREFIX + length;
    }
    this.#rest = data.subarray(offset);
    return frames;
  }
}

/** Prefixes a frame. */
export function encodeEther(frame: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(PREFIX + frame.length);
  out.writeUInt32BE(frame.length, 0);
  out.set(frame, PREFIX);
  return out;
}

/** Destination and source address of a prefixed frame, as 48-bit numbers; undefined when it is too short. */
export function addressesOf(prefixed: Buffer): { destination: number; source: number } | undefined {
  if (prefixed.length < PREFIX + 14) return undefined;
  return { destination: prefixed.readUIntBE(PREFIX, 6), source: prefixed.readUIntBE(PREFIX + 6, 6) };
}

/** Broadcast and multicast: the lowest bit of the first octet. */
export function isGroupAddress(address: number): boolean {
  return Math.floor(address / 2 ** 40) % 2 === 1;
}
