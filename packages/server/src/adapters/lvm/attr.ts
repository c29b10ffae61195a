/** The ten letters of lv_attr (man lvs, 2.03) as words. A letter that is not in these tables is an error, never a guess. */
const VOLUME_TYPE = {
  '-': 'linear',
  C: 'cache',
  m: 'mirrored',
  M: 'mirrored-unsynced',
  o: 'origin',
  O: 'origin-merging',
  g: 'integrity',
  r: 'raid',
  R: 'raid-unsynced',
  s: 'snapshot',
  S: 'snapshot-merging',
  p: 'pvmove',
  v: 'virtual',
  i: 'image',
  I: 'image-out-of-sync',
  l: 'mirror-log',
  c: 'under-conversion',
  V: 'thin',
  t: 'thin-pool',
  T: 'thin-pool-data',
  d: 'vdo-pool',
  D: 'vdo-pool-data',
  e: 'metadata',
} as const;

const PERMISSIONS = { '-': 'none', w: 'writable', r: 'read-only', R: 'read-only-activation' } as const;

const STATE = {
  '-': 'inactive',
  a: 'active',
  h: 'historical',
  s: 'suspended',
  I: 'invalid-snapshot',
  S: 'invalid-suspended-snapshot',
  m: 'snapshot-merge-failed',
  M: 'suspended-snapshot-merge-failed',
  d: 'device-without-table',
  i: 'device-with-inactive-table',
  c: 'check-needed',
  C: 'check-needed-suspended',
  X: 'unknown',
} as const;

const OPEN = { '-': 'closed', o: 'open', X: 'unknown' } as const;

const HEALTH = {
  '-': 'ok',
  p: 'partial',
  r: 'refresh-needed',
  m: 'mismatches',
  w: 'write-mostly',
  s: 'reshape',
  R: 'remove-after-reshape',
  F: 'failed',
  D: 'out-of-data-space',
  M: 'metadata-read-only',
  E: 'writecache-error',
  X: 'unknown',
} as const;

const ALLOCATION = new Set('acilnACILN-');
const TARGET = new Set('Cmrstuvid-');

export interface LvAttr {
  readonly type: (typeof VOLUME_TYPE)[keyof typeof VOLUME_TYPE];
  readonly permissions: (typeof PERMISSIONS)[keyof typeof PERMISSIONS];
  readonly state: (typeof STATE)[keyof typeof STATE];
  readonly open: (typeof OPEN)[keyof typeof OPEN];
  readonly zeroing: boolean;
  readonly health: (typeof HEALTH)[keyof typeof HEALTH];
}

/** @throws Error naming the letter and its place when anything is unknown. */
export function decodeLvAttr(text: string): LvAttr {
  if (text.length !== 10) throw new Error(`lv_attr '${text}' has ${text.length} letters, expected 10`);
  const letter = (index: number): string => text.charAt(index);
  member(ALLOCATION, letter(2), 3, text);
  member(new Set('m-'), letter(3), 4, text);
  member(TARGET, letter(6), 7, text);
  member(new Set('z-'), letter(7), 8, text);
  member(new Set('k-'), letter(9), 10, text);
  return {
    type: word(VOLUME_TYPE, letter(0), 1, text),
    permissions: word(PERMISSIONS, letter(1), 2, text),
    state: word(STATE, letter(4), 5, text),
    open: word(OPEN, letter(5), 6, text),
    zeroing: letter(7) === 'z',
    health: word(HEALTH, letter(8), 9, text),
  };
}

function word<T extends Record<string, string>>(table: T, letter: string, place: number, text: string): T[keyof T] {
  if (!Object.hasOwn(table, letter)) throw unknownLetter(letter, place, text);
  return table[letter as keyof T];
}

function member(set: ReadonlySet<string>, letter: string, place: number, text: string): void {
  if (!set.has(letter)) throw unknownLetter(letter, place, text);
}

function unknownLetter(letter: string, place: number, text: string): Error {
  return new Error(`lv_attr '${text}': letter ${place} is '${letter}', which this version does not know`);
}
