/** The host's end of one node's control channel. One object per boot: it is closed when QEMU is gone. */
import type { Socket } from 'node:net';
import { AppError } from '@holdfast/api/errors.ts';
import {
  DAEMON_STREAMS,
  encodeFrame,
  encodeMessage,
  type Frame,
  FrameDecoder,
  type FromGuest,
  type ToGuest,
} from './frames.ts';

export interface StreamHandler {
  message(message: FromGuest): void;
  out(chunk: Buffer): void;
  err(chunk: Buffer): void;
  /** The node went away. */
  lost(error: AppError): void;
}

export interface ChannelEvents {
  hello(kernel: string, uptimeMs: number): void;
  daemonOutput(stream: number, chunk: Buffer): void;
  daemonMessage(stream: number, message: FromGuest): void;
}

const CHUNK = 65_536;

export class Channel {
  readonly #socket: Socket;
  readonly #node: string;
  readonly #streams = new Map<number, StreamHandler>();
  #next = 1;
  #closed: AppError | undefined;

  constructor(node: string, socket: Socket, events: ChannelEvents) {
    this.#node = node;
    this.#socket = socket;
    const decoder = new FrameDecoder();
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of decoder.push(chunk)) this.#dispatch(frame, events);
      } catch (error) {
        this.close(new AppError('unavailable', `node ${node}: the control channel broke`, { cause: error }));
      }
    });
    socket.on('error', () => undefined); // 'close' follows.
    socket.on('close', () => this.close());
  }

  #dispatch(frame: Frame, events: ChannelEvents): void {
    if (frame.kind === 'json') {
      const message = JSON.parse(frame.data.toString()) as FromGuest;
      if (message.op === 'hello') events.hello(message.kernel, message.uptimeMs);
      else if (frame.stream >= DAEMON_STREAMS) events.daemonMessage(frame.stream, message);
      else this.#streams.get(frame.stream)?.message(message);
      return;
    }
    if (frame.stream >= DAEMON_STREAMS) events.daemonOutput(frame.stream, frame.data);
    else if (frame.kind === 'out') this.#streams.get(frame.stream)?.out(frame.data);
    else this.#streams.get(frame.stream)?.err(frame.data);
  }

  /** Opens a stream with its first message. @throws AppError `unavailable` when the channel is closed. */
  open(first: ToGuest, handler: StreamHandler): number {
    if (this.#closed !== undefined) throw this.#closed;
    const id = this.#next++;
    this.#streams.set(id, handler);
    this.#socket.write(encodeMessage(id, first));
    return id;
  }

  send(stream: number, message: ToGuest): void {
    if (this.#closed === undefined) this.#socket.write(encodeMessage(stream, message));
  }

  /** Sends bytes on a stream; resolves when the socket has room again. */
  async write(stream: number, data: Uint8Array): Promise<void> {
    for (let offset = 0; offset < data.length; offset += CHUNK) {
      if (this.#closed !== undefined) throw this.#closed;
      if (this.#socket.write(encodeFrame('out', stream, data.subarray(offset, offset + CHUNK)))) continue;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#socket.once('drain', resolve);
      this.#socket.once('close', resolve);
      await promise;
      this.#socket.off('drain', resolve);
      this.#socket.off('close', resolve);
    }
  }

  forget(stream: number): void {
    this.#streams.delete(stream);
  }

  /** One request, one answer. @throws AppError `unavailable` (node gone) or `failed_precondition` (the guest refused). */
  async request(message: ToGuest): Promise<FromGuest> {
    const { promise, resolve, reject } = Promise.withResolvers<FromGuest>();
    const stream = this.open(message, {
      message: (answer) => {
        if (answer.op === 'failed')
          reject(new AppError('failed_precondition', `node ${this.#node}: ${answer.message}`));
        else resolve(answer);
      },
      out: () => undefined,
      err: () => undefined,
      lost: reject,
    });
    try {
      return await promise;
    } finally {
      this.forget(stream);
    }
  }

  close(why: AppError = new AppError('unavailable', `node ${this.#node} went away`)): void {
    if (this.#closed !== undefined) return;
    this.#closed = why;
    this.#socket.destroy();
    const handlers = [...this.#streams.values()];
    this.#streams.clear();
    for (const handler of handlers) handler.lost(why);
  }
}
