import { once } from 'node:events';
import net from 'node:net';

/** A TCP relay in front of an API server that plays a bad network. */
export interface NetworkProxy {
  readonly port: number;
  /** Where new connections go. */
  target: { host: string; port: number };
  /** Breaks every open connection now. */
  cut(): void;
  /** Refuses new connections (they are reset at once) until healed. */
  refuse(): void;
  /** Lets connections open and then swallows everything in both directions, as a dead machine does. */
  swallow(): void;
  heal(): void;
  readonly open: number;
  close(): Promise<void>;
}

export async function startProxy(target: { host: string; port: number }): Promise<NetworkProxy> {
  let mode: 'pass' | 'refuse' | 'swallow' = 'pass';
  const pairs = new Set<{ client: net.Socket; server: net.Socket }>();

  const listener = net.createServer((client) => {
    if (mode === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const server = net.connect(proxy.target.port, proxy.target.host);
    const pair = { client, server };
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('data', (chunk) => {
        if (mode !== 'swallow' && !to.write(chunk)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      });
      from.on('end', () => {
        if (mode !== 'swallow') to.end();
      });
      from.on('error', end);
      from.on('close', () => {
        if (mode !== 'swallow') end();
      });
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');

  const proxy: NetworkProxy = {
    target,
    port: (listener.address() as net.AddressInfo).port,
    cut() {
      for (const { client, server } of pairs) {
        client.resetAndDestroy();
        server.resetAndDestroy();
      }
      pairs.clear();
    },
    refuse() {
      mode = 'refuse';
      proxy.cut();
    },
    swallow() {
      mode = 'swallow';
    },
    heal() {
      // What was swallowed is lost: such a connection can never be used again.
      if (mode === 'swallow') proxy.cut();
      mode = 'pass';
    },
    get open() {
      return pairs.size;
    },
    async close() {
      proxy.cut();
      listener.close();
      await once(listener, 'close');
    },
  };
  return proxy;
}
