import type { Clock, Random } from '../../src/ports/clock.ts';
import { handshake } from './drbd-connect.ts';
import type { FakeResource } from './drbd-kernel.ts';
import { FakeDrbdNode } from './drbd-node.ts';

/** ping-int 1 + ping-timeout 0.5. */
const DETECT_MS = 1_500;
/** connect-int 1, and the handshake itself. */
const CONNECT_MS = 800;

/**
 * DRBD on several nodes, simulated: stateful, deterministic on the given clock and randomness. What it claims about the
 * kernel is checked by the contract suite, which runs against real kernels too. `driver(node)` and `gate(node)` of
 * drbd-ports.ts give the ports.
 */
export class FakeDrbdCluster {
  readonly clock: Clock;
  readonly random: Random;
  readonly flavour: '8.4' | '9';
  /** Size of the volume at a path of a node, undefined when there is none; absent: only disks that were added exist. */
  readonly backing: ((node: string, path: string) => number | undefined) | undefined;
  readonly nodes = new Map<string, FakeDrbdNode>();
  readonly #cut = new Set<string>();

  constructor(options: {
    readonly clock: Clock;
    readonly random: Random;
    readonly flavour?: '8.4' | '9';
    readonly backing?: (node: string, path: string) => number | undefined;
  }) {
    this.clock = options.clock;
    this.random = options.random;
    this.flavour = options.flavour ?? '8.4';
    this.backing = options.backing;
  }

  addNode(name: string, address: string): FakeDrbdNode {
    const node = new FakeDrbdNode(this, name, address);
    this.nodes.set(name, node);
    return node;
  }

  node(name: string): FakeDrbdNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`fake: no node ${name}`);
    return node;
  }

  /** Frames from `from` to `to` are lost. A connection needs both directions. */
  cut(from: string, to: string, both = true): void {
    this.#cut.add(`${from}>${to}`);
    if (both) this.#cut.add(`${to}>${from}`);
    this.linksChanged();
  }

  heal(from: string, to: string): void {
    this.#cut.delete(`${from}>${to}`);
    this.#cut.delete(`${to}>${from}`);
    this.linksChanged();
  }

  linkIsUp(left: FakeDrbdNode, right: FakeDrbdNode | undefined): boolean {
    if (right === undefined || !left.on || !right.on) return false;
    return !this.#cut.has(`${left.name}>${right.name}`) && !this.#cut.has(`${right.name}>${left.name}`);
  }

  /** Who is meant by the peer of a resource: the node with that address, when its resource names us back. */
  partner(resource: FakeResource): FakeResource | undefined {
    const wanted = resource.config.peers[0];
    for (const node of this.nodes.values()) {
      if (node.address !== wanted?.address || node === resource.node) continue;
      const other = node.resources.get(resource.name);
      const back = other?.config.peers[0];
      if (
        other?.config.self.port === wanted.port &&
        back?.address === resource.node.address &&
        back.port === resource.config.self.port
      )
        return other;
    }
    return undefined;
  }

  /** Something about links, power or configuration is different: connections die after the ping time, others come up. */
  linksChanged(): void {
    for (const node of this.nodes.values()) {
      for (const resource of node.resources.values()) {
        if (resource.connected) this.#detectLoss(resource);
        else if (resource.connection === 'Connecting') this.tryConnect(resource);
      }
    }
  }

  #detectLoss(resource: FakeResource): void {
    const { peer } = resource;
    if (peer !== undefined && !peer.dead && peer.peer === resource && this.linkIsUp(resource.node, peer.node)) return;
    const { connects } = resource;
    this.clock.timer(DETECT_MS, () => {
      if (resource.dead || resource.connects !== connects || !resource.connected) return;
      // A cut shorter than the ping time goes unnoticed, what was lost on the way is sent again by TCP.
      if (peer !== undefined && !peer.dead && peer.peer === resource && this.linkIsUp(resource.node, peer.node)) {
        resource.flushWrites();
        return;
      }
      this.lost(resource, 'Connecting');
    });
  }

  /** One side has given up; the other notices by its own pings, or at once when the link still carries the goodbye. */
  lost(resource: FakeResource, to: 'Connecting' | 'StandAlone'): void {
    const { peer } = resource;
    resource.connectionLost(to);
    if (peer !== undefined && !peer.dead && peer.peer === resource) {
      if (this.linkIsUp(resource.node, peer.node)) peer.connectionLost('Connecting');
      else this.#detectLoss(peer);
    }
    if (to === 'Connecting') this.tryConnect(resource);
  }

  tryConnect(resource: FakeResource): void {
    this.clock.timer(CONNECT_MS, () => {
      if (resource.dead || resource.connection !== 'Connecting') return;
      const other = this.partner(resource);
      if (other === undefined || other.connection !== 'Connecting' || !this.linkIsUp(resource.node, other.node)) return;
      // A promotion that waits for its verdict holds the state mutex: the handshake times out and is tried again.
      const held = resource.mutex ?? other.mutex;
      if (held !== undefined) {
        const again = (): void => this.tryConnect(resource);
        held.then(again, again);
        return;
      }
      handshake(resource, other);
    });
  }
}
