import { badRequest } from './status-error.ts';

/** Protocol buffers wire format, the little of it that kubectl insists on. */
export class ProtoWriter {
  readonly #parts: Buffer[] = [];

  varint(value: number): void {
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 0x7fn) {
      bytes.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
    this.#parts.push(Buffer.from(bytes));
  }

  int(field: number, value: number): void {
    this.varint(field << 3);
    this.varint(value);
  }

  double(field: number, value: number): void {
    this.varint((field << 3) | 1);
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    this.#parts.push(bytes);
  }

  bytes(field: number, value: Buffer): void {
    this.varint((field << 3) | 2);
    this.varint(value.length);
    this.#parts.push(value);
  }

  text(field: number, value: string): void {
    this.bytes(field, Buffer.from(value));
  }

  message(field: number, write: (writer: ProtoWriter) => void): void {
    const inner = new ProtoWriter();
    write(inner);
    this.bytes(field, inner.finish());
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** One field as it is on the wire: a number, or bytes. */
export interface ProtoField {
  readonly field: number;
  readonly value: bigint | Buffer;
}

/** @throws StatusError 400 when the bytes are not a message. */
export function readProto(bytes: Buffer): ProtoField[] {
  const out: ProtoField[] = [];
  let at = 0;
  const truncated = (): Error =>
    badRequest('the request body is not a valid protocol buffers message: it is truncated');
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at];
      if (byte === undefined) throw truncated();
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw badRequest('the request body is not a valid protocol buffers message: a number is too long');
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw truncated();
    const slice = bytes.subarray(at, at + length);
    at += length;
    return slice;
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const field = tag >>> 3;
    switch (tag & 7) {
      case 0:
        out.push({ field, value: varint() });
        break;
      case 1:
        out.push({ field, value: take(8) });
        break;
      case 2:
        out.push({ field, value: take(Number(varint())) });
        break;
      case 5:
        out.push({ field, value: take(4) });
        break;
      default:
        throw badRequest('the request body is not a valid protocol buffers message: unknown wire type');
    }
  }
  return out;
}
