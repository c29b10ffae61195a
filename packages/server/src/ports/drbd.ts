import type { ReplicaDrbdStatus } from '@holdfast/api/schema/replica.ts';

/** What the resource file of one replica is rendered from. */
export interface DrbdConfig {
  /** DRBD resource name = volume name with a prefix (`hf-<volume>`); the same on every node. */
  readonly resource: string;
  readonly minor: number;
  readonly device: string;
  /** Data LV; undefined for diskless (DRBD 9). */
  readonly disk: string | undefined;
  readonly metaDisk: string | undefined;
  readonly self: DrbdEndpoint;
  readonly peers: readonly DrbdEndpoint[];
  readonly sharedSecret: string;
  readonly thin: boolean;
}

export interface DrbdEndpoint {
  readonly replica: string;
  /** uname -n of that node. */
  readonly node: string;
  readonly nodeId: number;
  readonly address: string;
  readonly port: number;
  readonly minor: number;
  readonly diskless: boolean;
}

/** Typed state of one resource as the kernel tells it. Peers are named by replica. `undefined` resource = not configured in the kernel. */
export interface DrbdState extends ReplicaDrbdStatus {
  readonly resource: string;
  readonly minor: number;
  /** Size of the device in bytes, 0 while it has none. */
  readonly sizeBytes: number;
  /** Generation identifiers (current, bitmap, history...) as hex, for evidence. Only {@link Drbd.look} reads them; empty elsewhere. */
  readonly generationIds: string;
}

/** Result of `drbdadm primary`. Refusals are outcomes, not exceptions. */
export type PromoteOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: 'peer-is-primary' | 'no-uptodate-data' | 'fencing-refused' | 'busy' | 'other';
      readonly message: string;
    };

/**
 * DRBD of this node, one implementation per flavour (8.4, 9). All verbs are idempotent.
 * State comes from {@link states}; after acting, read again.
 */
export interface Drbd {
  readonly flavour: '8.4' | '9';
  versions(): Promise<{ utils: string; kernel: string }>;
  /** Bytes of external metadata needed for a device of this size and number of peers, rounded up to an extent. */
  metadataBytes(sizeBytes: number, maxPeers: number): number;
  /** Writes the resource file (0600) when its text changed; true when it did. */
  writeConfig(config: DrbdConfig): Promise<boolean>;
  /** Compares the file on disk with what writeConfig would write. Reads only. */
  configState(config: DrbdConfig): Promise<'current' | 'stale' | 'absent'>;
  removeConfig(resource: string): Promise<void>;
  /** Names of resources that have a file of ours. */
  listConfigs(): Promise<string[]>;
  /** Does the metadata device hold valid DRBD metadata? `unknown` when it could not be read. */
  metadataState(config: DrbdConfig): Promise<'valid' | 'blank' | 'unknown'>;
  /** create-md. Only on a blank metadata device. */
  createMetadata(config: DrbdConfig): Promise<void>;
  /** Marks just-created metadata as holding the data, so that peers sync from it (bootstrap 'source'). Resource must be down. */
  markSource(config: DrbdConfig): Promise<void>;
  /**
   * Up, attach, connect and apply option changes. With no peers in the file the device is up without a connection.
   * A connection that went StandAlone by itself (split brain, refused handshake) is connected again: read the state first.
   */
  adjust(resource: string): Promise<void>;
  /** 8.4/9: UpToDate on all without a sync. Preconditions are checked in the kernel: all connected, all just created. */
  skipInitialSync(resource: string): Promise<void>;
  /**
   * `drbdadm primary`, never with force. @throws AppError `deadline_exceeded` after `timeoutMs`: the kernel may still
   * complete the promotion, look before deciding anything.
   */
  promote(resource: string, timeoutMs: number): Promise<PromoteOutcome>;
  /** `busy` while something holds the device. */
  demote(resource: string): Promise<{ ok: true } | { ok: false; busy: boolean; message: string }>;
  connect(resource: string): Promise<void>;
  disconnect(resource: string, force: boolean): Promise<void>;
  down(resource: string): Promise<void>;
  /**
   * Makes a frozen Primary ask its fence-peer helper once more, after a question that ended without a grant (refused,
   * helper killed or missing). Nothing happens unless the kernel shows `suspended: fencing` and no connection.
   */
  askFenceAgain(resource: string): Promise<void>;
  /** Force-detach, then fail everything that is paused with I/O errors: the zombie path (INV-5). Order matters (drbd.md 1.7). */
  failPausedIo(resource: string): Promise<void>;
  resize(resource: string, assumeClean: boolean): Promise<void>;
  /** The kernel's view of every configured resource of ours; one call for all. A peer that no file of ours names has an empty `replica`. */
  states(): Promise<Map<string, DrbdState>>;
  /** Fresh read of one resource (never from the event stream): the look of design 3.1 rules 2 and 3. */
  look(resource: string): Promise<DrbdState | undefined>;
  /**
   * The state as the event stream of {@link changes} has told it so far, which asks nobody; a fresh read where that stream
   * does not run, where a resync runs (the stream has no progress) and when `fresh` is asked for. For observing; what the
   * arbiter decides on is {@link look}. `generationIds` is empty.
   */
  observe(resource: string, fresh?: boolean): Promise<DrbdState | undefined>;
  /**
   * Changes, as they happen: yields the names of resources whose state may have changed ('*' after a (re)start of the
   * stream, when everything must be read again). Never ends before the signal aborts.
   */
  changes(signal: AbortSignal): AsyncIterable<string>;
}
