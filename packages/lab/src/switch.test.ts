import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeEther } from './ether.ts';
import type { LinkClock } from './link.ts';
import { Switch } from './switch.ts';

/** Time that moves only when told. */
class FakeClock implements LinkClock {
  #now = 0;
  #timers: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): void {
    this.#timers.push({ at: this.#now + ms, callback });
  }

  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#now = due.at;
      due.callback();
    }
    this.#now = until;
  }
}

const MAC: Readonly<Record<string, string>> = { n1: '525400770001', n2: '525400770002', n3: '525400770003' };

function frame(from: string, to: string | undefined, body = '', size = 60): Buffer {
  const data = Buffer.alloc(size);
  Buffer.from(`${to === undefined ? 'ffffffffffff' : MAC[to]}${MAC[from]}0800`, 'hex').copy(data);
  data.write(body, 14);
  return encodeEther(data);
}

function setUp() {
  const clock = new FakeClock();
  const net = new Switch('repl', ['n1', 'n2', 'n3'], { seed: 7, clock });
  const received: Record<string, string[]> = { n1: [], n2: [], n3: [] };
  const send: Record<string, (data: Buffer) => void> = {};
  for (const name of ['n1', 'n2', 'n3']) {
    send[name] = net.attach(name, {
      write: (data) => {
        for (let at = 0; at < data.length; ) {
          const length = data.readUInt32BE(at);
          received[name]?.push(data.toString('latin1', at + 18, at + 4 + length).replaceAll('\0', ''));
          at += 4 + length;
        }
      },
    });
  }
  // Everybody says hello, so that all addresses are learned.
  for (const name of ['n1', 'n2', 'n3']) send[name]?.(frame(name, undefined));
  for (const list of Object.values(received)) list.length = 0;
  return { clock, net, received, send };
}

describe('switch', () => {
  it('floods what it does not know and delivers what it knows to one port', () => {
    const { received, send } = setUp();
    send['n1']?.(frame('n1', undefined, 'all'));
    send['n1']?.(frame('n1', 'n2', 'two'));
    assert.deepEqual(received, { n1: [], n2: ['all', 'two'], n3: ['all'] });
  });

  it('hands over a run of frames to the same port in order', () => {
    const { received, send } = setUp();
    send['n1']?.(
      Buffer.concat([frame('n1', 'n2', 'a'), frame('n1', 'n2', 'b'), frame('n1', 'n3', 'c'), frame('n1', 'n2', 'd')]),
    );
    assert.deepEqual(received, { n1: [], n2: ['a', 'b', 'd'], n3: ['c'] });
  });

  it('cuts one direction only', () => {
    const { net, received, send } = setUp();
    net.setPolicy('n1', 'n2', { cut: true });
    send['n1']?.(frame('n1', 'n2', 'lost'));
    send['n1']?.(frame('n1', undefined, 'broadcast'));
    send['n2']?.(frame('n2', 'n1', 'back'));
    assert.deepEqual(received, { n1: ['back'], n2: [], n3: ['broadcast'] });
    assert.deepEqual(net.impaired(), [{ network: 'repl', from: 'n1', to: 'n2', cut: true }]);
    net.setPolicy('n1', 'n2', {});
    send['n1']?.(frame('n1', 'n2', 'again'));
    assert.deepEqual(received['n2'], ['again']);
    assert.deepEqual(net.impaired(), []);
  });

  it('delays without reordering, also when the delay shrinks', () => {
    const { clock, net, received, send } = setUp();
    net.setPolicy('n1', 'n2', { delayMs: 100 });
    send['n1']?.(frame('n1', 'n2', 'a'));
    net.setPolicy('n1', 'n2', { delayMs: 10 });
    send['n1']?.(frame('n1', 'n2', 'b'));
    net.setPolicy('n1', 'n2', {});
    send['n1']?.(frame('n1', 'n2', 'c'));
    clock.advance(99);
    assert.deepEqual(received['n2'], []);
    clock.advance(1);
    assert.deepEqual(received['n2'], ['a', 'b', 'c']);
  });

  it('loses what was on the wire when it is cut', () => {
    const { clock, net, received, send } = setUp();
    net.setPolicy('n1', 'n2', { delayMs: 50 });
    send['n1']?.(frame('n1', 'n2', 'lost'));
    net.setPolicy('n1', 'n2', { cut: true });
    net.setPolicy('n1', 'n2', {});
    send['n1']?.(frame('n1', 'n2', 'new'));
    clock.advance(100);
    assert.deepEqual(received['n2'], ['new']);
  });

  it('drops about the fraction asked for, the same frames for the same seed', () => {
    const run = (): string[] => {
      const { net, received, send } = setUp();
      net.setPolicy('n1', 'n2', { drop: 0.3 });
      for (let i = 0; i < 1000; i += 1) send['n1']?.(frame('n1', 'n2', String(i)));
      return received['n2'] ?? [];
    };
    const first = run();
    assert.ok(first.length > 640 && first.length < 760, `${first.length} of 1000 arrived`);
    assert.deepEqual(run(), first);
  });

  it('limits the rate and loses what its queue cannot hold', () => {
    const { clock, net, received, send } = setUp();
    net.setPolicy('n1', 'n2', { rateBps: 100_000 });
    for (let i = 0; i < 10; i += 1) send['n1']?.(frame('n1', 'n2', String(i), 996));
    clock.advance(50.5);
    assert.equal(received['n2']?.length, 5);
    clock.advance(50);
    assert.equal(received['n2']?.length, 10);
    for (let i = 0; i < 5000; i += 1) send['n1']?.(frame('n1', 'n2', 'flood', 996));
    clock.advance(60_000);
    assert.ok((received['n2']?.length ?? 0) < 2200);
  });

  it('forwards to whatever is plugged in now', () => {
    const { net, received, send } = setUp();
    const late: string[] = [];
    net.attach('n2', { write: () => void late.push('new') });
    send['n1']?.(frame('n1', 'n2', 'x'));
    assert.deepEqual(late, ['new']);
    assert.deepEqual(received['n2'], []);
  });
});
