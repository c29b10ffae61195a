/** What DRBD keeps on the metadata volume, and what two of them mean to each other. Pure. */

export const JUST_CREATED = '0000000000000004';
export const NONE = '0000000000000000';

/** Survives power loss. */
export interface Metadata {
  current: string;
  /** Current id of the peer's data that the bitmap counts from; NONE when nothing has to be remembered. */
  bitmap: string;
  history: [string, string];
  consistent: boolean;
  upToDate: boolean;
  /** Was primary when it was last written: after a crash the activity log counts as changed. */
  primary: boolean;
  peerOutdated: boolean;
  crashedPrimary: boolean;
  /** Blocks that the peer lacks. */
  dirty: Set<number>;
  /** Blocks written lately: changed, for all anyone knows, after a crash. */
  activityLog: Set<number>;
  allDirty: boolean;
}

export function createdMetadata(): Metadata {
  return {
    current: JUST_CREATED,
    bitmap: NONE,
    history: [NONE, NONE],
    consistent: false,
    upToDate: false,
    primary: false,
    peerOutdated: false,
    crashedPrimary: false,
    dirty: new Set(),
    activityLog: new Set(),
    allDirty: true,
  };
}

/** A generation begins whose difference to the peer's data is remembered from here on. */
export function newGeneration(metadata: Metadata, current: string): void {
  if (metadata.bitmap === NONE) {
    metadata.bitmap = metadata.current;
    metadata.allDirty = false;
  }
  metadata.current = current;
}

/** Nothing is left that the peer lacks. */
export function forgetBitmap(metadata: Metadata): void {
  if (metadata.bitmap !== NONE) metadata.history = [metadata.bitmap, metadata.history[0]];
  metadata.bitmap = NONE;
  metadata.dirty.clear();
  metadata.allDirty = false;
}

/** As `drbdsetup get-gi` prints it. */
export function printIds(metadata: Metadata): string {
  const flag = (value: boolean): string => (value ? '1' : '0');
  const { current, bitmap, history, consistent, upToDate, primary, peerOutdated, crashedPrimary } = metadata;
  return [
    current,
    bitmap,
    ...history,
    flag(consistent),
    flag(upToDate),
    flag(primary),
    '1',
    '0',
    flag(peerOutdated),
    flag(crashedPrimary),
  ].join(':');
}

export type Handshake =
  | { readonly kind: 'equal' }
  | { readonly kind: 'both-new' }
  | { readonly kind: 'source' | 'target'; readonly full: boolean }
  | { readonly kind: 'split-brain' | 'unrelated' };

/** The lowest bit only says who was primary. */
function same(left: string, right: string): boolean {
  return (
    left !== NONE &&
    right !== NONE &&
    left.slice(0, 15) === right.slice(0, 15) &&
    (Number.parseInt(left.slice(15), 16) | 1) === (Number.parseInt(right.slice(15), 16) | 1)
  );
}

/** drbd_uuid_compare of 8.4, seen from `self`. */
export function compareGenerations(self: Metadata, peer: Metadata): Handshake {
  const selfNew = self.current === JUST_CREATED || self.current === NONE;
  const peerNew = peer.current === JUST_CREATED || peer.current === NONE;
  if (selfNew && peerNew) return { kind: 'both-new' };
  if (selfNew) return { kind: 'target', full: true };
  if (peerNew) return { kind: 'source', full: true };
  if (same(self.current, peer.current)) {
    if (self.crashedPrimary && !peer.crashedPrimary) return { kind: 'source', full: false };
    if (peer.crashedPrimary && !self.crashedPrimary) return { kind: 'target', full: false };
    if (self.crashedPrimary && peer.crashedPrimary) return { kind: 'source', full: false };
    return { kind: 'equal' };
  }
  if (same(self.current, peer.bitmap)) return { kind: 'target', full: false };
  if (peer.history.some((id) => same(self.current, id))) return { kind: 'target', full: true };
  if (same(self.bitmap, peer.current)) return { kind: 'source', full: false };
  if (self.history.some((id) => same(id, peer.current))) return { kind: 'source', full: true };
  if (same(self.bitmap, peer.bitmap)) return { kind: 'split-brain' };
  for (const mine of self.history)
    if (peer.history.some((theirs) => same(mine, theirs))) return { kind: 'split-brain' };
  return { kind: 'unrelated' };
}
