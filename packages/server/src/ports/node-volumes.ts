import type { FsType, VolumeSpec } from '@holdfast/api/schema/volume.ts';

/** Who asks for a volume on this node, and how. Paths are absolute and belong to the client (the kubelet). */
export interface StageArgs {
  /** Name of the Volume. */
  readonly volume: string;
  readonly path: string;
  readonly volumeMode: VolumeSpec['volumeMode'];
  /** undefined: whatever the Volume says. */
  readonly fsType: FsType | undefined;
  /** For mount(8), besides ro and rw. */
  readonly mountOptions: readonly string[];
  readonly readOnly: boolean;
}

export interface PublishArgs {
  readonly volume: string;
  readonly stagingPath: string;
  readonly target: string;
  readonly volumeMode: VolumeSpec['volumeMode'];
  readonly readOnly: boolean;
  /** Nobody else on the node may have it. */
  readonly exclusive: boolean;
}

export interface ExpandArgs {
  readonly volume: string;
  /** Where it is mounted. Of a raw device only the client knows what it means, and it is not looked at. */
  readonly path: string;
  readonly requiredBytes: number;
  /** The client says that it is a raw device. */
  readonly block: boolean;
}

/** How much of a volume is used. `inodes` is absent where a file system has none to count (btrfs). Bytes. */
export type VolumeUsage =
  | { readonly kind: 'block'; readonly totalBytes: number }
  | {
      readonly kind: 'filesystem';
      readonly totalBytes: number;
      readonly usedBytes: number;
      /** For processes without privileges. */
      readonly availableBytes: number;
      readonly inodes: { readonly total: number; readonly used: number; readonly available: number } | undefined;
    };

/** Something wrong with a volume or a pool as this node sees it. */
export interface Trouble {
  readonly severity: 'degraded' | 'inaccessible';
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
}

/**
 * The volumes of this node in the hands of a client that mounts them where it wants: CSI's node side. The agent serves it,
 * because it alone knows what is attached and may format (INV-6). Everything is replayable; nothing is remembered: what is
 * so is read from the kernel. `unstage`, `unpublish` and `usage` need no API server.
 *
 * Errors: `not_found` (no such volume, nothing mounted there), `failed_precondition` (not attached or staged here, in use by
 * somebody else, damaged), `already_exists` (there in another way), `unavailable` (busy; repeat), `deadline_exceeded`.
 */
export interface NodeVolumes {
  /**
   * Waits until the volume is attached here. A file system is made once in the volume's life, checked, mounted at `path` and
   * grown to the device; a raw device is only waited for.
   */
  stage(args: StageArgs, signal: AbortSignal): Promise<void>;
  /** Unmounts `path`. Not mounted, or never heard of: success. The directory stays. */
  unstage(args: { readonly volume: string; readonly path: string }): Promise<void>;
  /** Binds the staged file system, or the device node, to `target`, which is made. */
  publish(args: PublishArgs): Promise<void>;
  /** Unmounts and removes `target`. Not there: success. */
  unpublish(args: { readonly volume: string; readonly target: string }): Promise<void>;
  usage(args: { readonly volume: string; readonly path: string }): Promise<VolumeUsage>;
  /** Waits until the device has `requiredBytes`, grows the file system; returns the size of the device in bytes. */
  expand(args: ExpandArgs, signal: AbortSignal): Promise<number>;
  /** What is wrong with this volume here; empty when nothing is known to be. */
  volumeTroubles(volume: string): readonly Trouble[];
  /** What is wrong with the pools of this node. */
  poolTroubles(): readonly Trouble[];
}
