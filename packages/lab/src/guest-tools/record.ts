import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';

/** One record is one 4 KiB block, so that a torn or lost block is one record. */
export const RECORD_BYTES = 4096;
const MAGIC = 0x48_46_52_31;
const CRC_AT = 0;
const MAGIC_AT = 4;
const SEQUENCE_AT = 8;
const WRITER_AT = 16;
const TIME_AT = 24;
const FILL_AT = 32;

export interface RecordFields {
  /** From 0, without gaps. */
  readonly sequence: number;
  /** Number of the writer's run: who wrote it. */
  readonly writer: number;
  /** Milliseconds since the epoch, by the node's clock. */
  readonly timeMs: number;
}

/** A block with a checksum over everything else; the rest is filled from the sequence, so that no two blocks are alike. */
export function encodeRecord(fields: RecordFields): Buffer {
  const block = Buffer.alloc(RECORD_BYTES);
  block.writeUInt32LE(MAGIC, MAGIC_AT);
  block.writeBigUInt64LE(BigInt(fields.sequence), SEQUENCE_AT);
  block.writeBigUInt64LE(BigInt(fields.writer), WRITER_AT);
  block.writeBigUInt64LE(BigInt(fields.timeMs), TIME_AT);
  for (let at = FILL_AT; at < RECORD_BYTES; at += 4) block.writeUInt32LE((fields.sequence * 2654435761 + at) >>> 0, at);
  block.writeUInt32LE(crc32(block.subarray(MAGIC_AT)), CRC_AT);
  return block;
}

/** `undefined`: not a whole, unharmed record. */
export function decodeRecord(block: Buffer): RecordFields | undefined {
  if (block.length !== RECORD_BYTES || block.readUInt32LE(MAGIC_AT) !== MAGIC) return undefined;
  if (crc32(block.subarray(MAGIC_AT)) !== block.readUInt32LE(CRC_AT)) return undefined;
  return {
    sequence: Number(block.readBigUInt64LE(SEQUENCE_AT)),
    writer: Number(block.readBigUInt64LE(WRITER_AT)),
    timeMs: Number(block.readBigUInt64LE(TIME_AT)),
  };
}
