/** The virtual switch: one per network. Learns addresses, keeps a directed {@link Link} for every pair of ports. */
import { createServer, type Server, type Socket } from 'node:net';
import { addressesOf, EtherDecoder, isGroupAddress } from './ether.ts';
import { Link, type LinkClock, type Random, seededRandom } from './link.ts';
import type { LinkPolicy, LinkStatus, NetworkName } from './types.ts';

/** What a port that does not read (a frozen node) may have waiting before frames for it are lost. */
const PORT_BACKLOG = 4 * 2 ** 20;

const systemClock: LinkClock = {
  now: () => performance.now(),
  after: (ms, callback) => void setTimeout(callback, ms),
};

/** Where a port's frames go; a socket in real life. */
export interface PortSink {
  write(data: Buffer): void;
}

interface Port {
  readonly name: string;
  sink: PortSink | undefined;
  readonly links: Map<string, Link>;
}

export class Switch {
  readonly network: NetworkName;
  readonly #ports = new Map<string, Port>();
  readonly #learned = new Map<number, Port>();
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  constructor(network: NetworkName, ports: readonly string[], options: { seed?: number; clock?: LinkClock } = {}) {
    this.network = network;
    const random: Random = seededRandom(options.seed ?? 1);
    for (const name of ports) this.#ports.set(name, { name, sink: undefined, links: new Map() });
    for (const from of this.#ports.values()) {
      for (const to of this.#ports.values()) {
        if (from === to) continue;
        from.links.set(to.name, new Link(options.clock ?? systemClock, random, (frame) => to.sink?.write(frame)));
      }
    }
  }

  get portNames(): readonly string[] {
    return [...this.#ports.keys()];
  }

  setPolicy(from: string, to: string, policy: LinkPolicy): void {
    const link = this.#ports.get(from)?.links.get(to);
    if (link !== undefined) link.policy = policy;
  }

  /** Every link that is not perfect. */
  impaired(): LinkStatus[] {
    const found: LinkStatus[] = [];
    for (const port of this.#ports.values()) {
      for (const [to, link] of port.links) {
        if (Object.keys(link.policy).length > 0)
          found.push({ network: this.network, from: port.name, to, ...link.policy });
      }
    }
    return found;
  }

  /** Plugs something into a port; returns what it calls with the bytes that come from there. */
  attach(name: string, sink: PortSink): (chunk: Buffer) => void {
    const port = this.#ports.get(name);
    if (port === undefined) throw new Error(`no port ${name} on ${this.network}`);
    port.sink = sink;
    const decoder = new EtherDecoder();
    return (chunk) => this.#forward(port, decoder.push(chunk));
  }

  detach(name: string, sink: PortSink): void {
    const port = this.#ports.get(name);
    if (port?.sink === sink) port.sink = undefined;
  }

  #forward(from: Port, frames: readonly Buffer[]): void {
    let i = 0;
    while (i < frames.length) {
      const frame = frames[i];
      i += 1;
      const addresses = frame === undefined ? undefined : addressesOf(frame);
      if (frame === undefined || addresses === undefined) continue;
      this.#learned.set(addresses.source, from);
      const known = isGroupAddress(addresses.destination) ? undefined : this.#learned.get(addresses.destination);
      if (known === undefined) {
        for (const link of from.links.values()) link.send(frame);
        continue;
      }
      const link = from.links.get(known.name);
      if (link === undefined) continue; // To itself.
      if (!link.perfect) {
        link.send(frame);
        continue;
      }
      // Frames of one read that go the same way leave as one write: they lie side by side in memory.
      let end = frame.byteOffset + frame.byteLength;
      for (; i < frames.length; i += 1) {
        const next = frames[i];
        if (next === undefined || next.buffer !== frame.buffer || next.byteOffset !== end) break;
        const to = addressesOf(next);
        if (to?.destination !== addresses.destination || to.source !== addresses.source) break;
        end += next.byteLength;
      }
      link.send(Buffer.from(frame.buffer, frame.byteOffset, end - frame.byteOffset));
    }
  }

  /** Listens on a unix socket for what will be plugged into this port. A new connection replaces the old one. */
  async listen(name: string, path: string): Promise<void> {
    let current: Socket | undefined;
    const server = createServer((socket) => {
      current?.destroy();
      current = socket;
      this.#sockets.add(socket);
      const sink: PortSink = {
        write: (data) => {
          if (!socket.destroyed && socket.writableLength < PORT_BACKLOG) socket.write(data);
        },
      };
      const receive = this.attach(name, sink);
      socket.on('data', (chunk: Buffer) => {
        try {
          receive(chunk);
        } catch {
          socket.destroy(); // Out of step: as if the cable was pulled.
        }
      });
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.detach(name, sink);
        this.#sockets.delete(socket);
      });
    });
    this.#servers.push(server);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen(path, resolve);
    await promise;
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
