/** The guest's end of the virtio-serial port: a character device, so plain reads and writes in a row. */
import { type FileHandle, open, readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Frame, FrameDecoder } from '../frames.ts';
import { PORT_NAME } from './port-name.ts';

/** Output beyond this is not read from processes until the host has taken some. */
const HIGH_WATER = 4 * 2 ** 20;

async function findPort(): Promise<string> {
  for (;;) {
    const base = '/sys/class/virtio-ports';
    const names = await readdir(base).catch(() => []);
    for (const name of names) {
      const label = await readFile(`${base}/${name}/name`, 'utf8').catch(() => '');
      if (label.trim() === PORT_NAME) return `/dev/${name}`;
    }
    await delay(20); // The device appears when the driver has probed it; there is no event without udev.
  }
}

export class Port {
  readonly #file: FileHandle;
  readonly #queue: Buffer[] = [];
  #queued = 0;
  #writing = false;
  readonly #drained = new Set<() => void>();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(): Promise<Port> {
    return new Port(await open(await findPort(), 'r+'));
  }

  send(frame: Buffer): void {
    this.#queue.push(frame);
    this.#queued += frame.length;
    if (!this.#writing) void this.#flush();
  }

  /** True while the host is slower than the output. */
  get congested(): boolean {
    return this.#queued > HIGH_WATER;
  }

  /** Called once when there is room again. */
  onDrain(listener: () => void): void {
    this.#drained.add(listener);
  }

  async #flush(): Promise<void> {
    this.#writing = true;
    while (this.#queue.length > 0) {
      const batch = Buffer.concat(this.#queue.splice(0, 64));
      let offset = 0;
      while (offset < batch.length) {
        try {
          // The driver takes at most 32 KiB at a time.
          offset += (await this.#file.write(batch, offset, Math.min(32_768, batch.length - offset))).bytesWritten;
        } catch {
          await delay(50); // The host's end is not connected (yet).
        }
      }
      this.#queued -= batch.length;
      if (!this.congested) {
        const listeners = [...this.#drained];
        this.#drained.clear();
        for (const listener of listeners) listener();
      }
    }
    this.#writing = false;
  }

  /** Reads for ever; a frame is handled before the next read, so that a slow file write slows the sender. */
  async readAll(handle: (frame: Frame) => Promise<void> | void): Promise<never> {
    const decoder = new FrameDecoder();
    const buffer = Buffer.alloc(65_536);
    for (;;) {
      let size = 0;
      try {
        size = (await this.#file.read(buffer, 0, buffer.length, null)).bytesRead;
      } catch {
        size = 0;
      }
      if (size === 0) {
        await delay(50); // No host on the other end.
        continue;
      }
      for (const frame of decoder.push(Buffer.from(buffer.subarray(0, size)))) await handle(frame);
    }
  }
}
