/** Frames of the control channel (virtio-serial), used on both of its ends. */

/** `json`: a message. `out`/`err`: bytes of a stream (input or file content towards the guest, output from it). */
export const FRAME_KINDS = { json: 1, out: 2, err: 3 } as const;
export type FrameKind = keyof typeof FRAME_KINDS;

export interface Frame {
  readonly kind: FrameKind;
  /** Which exec, file transfer or daemon it belongs to; 0: the channel itself. */
  readonly stream: number;
  readonly data: Buffer;
}

/** u16 magic, u8 kind, u8 0, u32 stream, u32 length; big endian. */
const HEADER = 12;
const MAGIC = 0x4846;
export const MAX_FRAME = 4 * 2 ** 20;

/** Streams from here on are daemons' output. */
export const DAEMON_STREAMS = 0x8000_0000;

export function encodeFrame(kind: FrameKind, stream: number, data: Uint8Array): Buffer {
  if (data.length > MAX_FRAME) throw new RangeError(`frame of ${data.length} bytes`);
  const frame = Buffer.allocUnsafe(HEADER + data.length);
  frame.writeUInt16BE(MAGIC, 0);
  frame.writeUInt8(FRAME_KINDS[kind], 2);
  frame.writeUInt8(0, 3);
  frame.writeUInt32BE(stream, 4);
  frame.writeUInt32BE(data.length, 8);
  frame.set(data, HEADER);
  return frame;
}

export function encodeMessage(stream: number, message: object): Buffer {
  return encodeFrame('json', stream, Buffer.from(JSON.stringify(message)));
}

function kindOf(code: number): FrameKind {
  switch (code) {
    case 1:
      return 'json';
    case 2:
      return 'out';
    case 3:
      return 'err';
    default:
      throw new Error(`control channel out of step: frame kind ${code}`);
  }
}

/** Cuts a byte stream into frames, however it was chunked. Throws when the stream is not one of frames. */
export class FrameDecoder {
  #chunks: Buffer[] = [];
  #size = 0;

  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const frames: Frame[] = [];
    for (;;) {
      if (this.#size < HEADER) return frames;
      const head = this.#peek(HEADER);
      if (head.readUInt16BE(0) !== MAGIC) throw new Error('control channel out of step: no frame here');
      const length = head.readUInt32BE(8);
      if (length > MAX_FRAME) throw new Error(`control channel out of step: frame of ${length} bytes`);
      if (this.#size < HEADER + length) return frames;
      const whole = this.#take(HEADER + length);
      frames.push({ kind: kindOf(whole.readUInt8(2)), stream: whole.readUInt32BE(4), data: whole.subarray(HEADER) });
    }
  }

  #peek(length: number): Buffer {
    const first = this.#chunks[0];
    if (first !== undefined && first.length >= length) return first;
    this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  #take(length: number): Buffer {
    const first = this.#peek(length);
    this.#size -= length;
    const rest = first.subarray(length);
    if (rest.length > 0) this.#chunks[0] = rest;
    else this.#chunks.shift();
    return first.subarray(0, length);
  }
}

/** The messages, by direction. `stream` is in the frame. */
export interface GuestDaemon {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly restart: 'always' | 'never';
  readonly autostart: boolean;
}

export type ToGuest =
  | { readonly op: 'configure'; readonly timeMs: number; readonly daemons: readonly GuestDaemon[] }
  | {
      readonly op: 'exec';
      readonly argv: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly cwd?: string;
      readonly stdin: boolean;
    }
  | { readonly op: 'end' }
  | { readonly op: 'kill'; readonly signal: string }
  | { readonly op: 'put'; readonly path: string; readonly mode: number }
  | { readonly op: 'get'; readonly path: string }
  | { readonly op: 'pkill'; readonly pattern: string; readonly signal: string }
  | { readonly op: 'clock'; readonly timeMs: number }
  | { readonly op: 'clock-skew'; readonly ms: number }
  | { readonly op: 'daemon-add'; readonly daemon: GuestDaemon }
  | {
      readonly op: 'daemon';
      readonly name: string;
      readonly action: 'start' | 'stop' | 'restart';
      readonly graceMs: number;
    }
  | { readonly op: 'daemon-kill'; readonly name: string; readonly signal: string };

export type FromGuest =
  | { readonly op: 'hello'; readonly kernel: string; readonly uptimeMs: number }
  | { readonly op: 'started'; readonly pid: number }
  | { readonly op: 'exit'; readonly code: number | null; readonly signal: string | null }
  | { readonly op: 'done'; readonly pids?: readonly number[] }
  | { readonly op: 'failed'; readonly message: string; readonly errno?: string }
  | { readonly op: 'daemon-started'; readonly name: string; readonly pid: number }
  | {
      readonly op: 'daemon-exited';
      readonly name: string;
      readonly code: number | null;
      readonly signal: string | null;
    };
