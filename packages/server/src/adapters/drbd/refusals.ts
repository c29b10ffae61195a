import type { PromoteOutcome } from '../../ports/drbd.ts';
import { withoutSecrets } from '../exec/secrets.ts';

/**
 * What the kernel's refusals mean, in one place. drbdsetup prints `State change failed: (-n) text` (exit 11, 17...)
 * and `Failure: (n) text` (exit 10); drbdadm passes both on and adds the failed command line.
 */
export type Refusal =
  | { readonly kind: 'state'; readonly code: number; readonly text: string }
  | { readonly kind: 'failure'; readonly code: number; readonly text: string }
  | { readonly kind: 'other'; readonly text: string };

/** drbd_strings.c / drbd.h, the same numbers in 8.4 and 9. */
const STATE = {
  twoPrimaries: -1,
  noUpToDateDisk: -2,
  noLocalDisk: -4,
  noRemoteDisk: -5,
  connectedOutdates: -6,
  primaryNop: -7,
  resyncRunning: -8,
  alreadyStandAlone: -9,
  failedByPeer: -10,
  isDiskless: -11,
  deviceInUse: -12,
  noNetConfig: -13,
  needConnection: -15,
  lowerThanOutdated: -16,
  inTransientState: -18,
  concurrentChange: -19,
  otherVolumePeerPrimary: -20,
  noQuorum: -25,
} as const;

/** enum drbd_ret_code. */
const FAILURE = {
  localAddressInUse: 102,
  minorNotAllocated: 127,
  resizeDuringResync: 130,
  resizeNeedsPrimary: 131,
  needStandAlone: 151,
  unknownResource: 158,
  invalidRequest: 162,
} as const;

/** First refusal in the output of drbdadm or drbdsetup. Its text is safe to show: no command line, no secret (INV-9). */
export function readRefusal(output: string): Refusal {
  const state = /State change failed: \((-\d+)\) ([^\n]*)/.exec(output);
  if (state?.[1] !== undefined) return { kind: 'state', code: Number(state[1]), text: (state[2] ?? '').trim() };
  const failure = /Failure: \((\d+)\) ([^\n]*)(?:\nadditional info from kernel:\n([^\n]*))?/.exec(output);
  if (failure?.[1] !== undefined) {
    const more = failure[3] === undefined ? '' : ` (${failure[3].trim()})`;
    return { kind: 'failure', code: Number(failure[1]), text: `${(failure[2] ?? '').trim()}${more}` };
  }
  return { kind: 'other', text: redact(output) };
}

/** Short enough for a message, and without secrets: of the command that failed only its name remains (INV-9). */
export function redact(output: string): string {
  return withoutSecrets(output)
    .replace(/^Command '(\S+ \S+).*' (terminated|did not)/gm, "Command '$1 ...' $2")
    .replace(/\n+/g, '\n')
    .trim()
    .slice(0, 2000);
}

type PromoteRefusal = Extract<PromoteOutcome, { ok: false }>;

export function promoteRefusal(refusal: Refusal): PromoteRefusal {
  const message = refusalText(refusal);
  const because = (reason: PromoteRefusal['reason']): PromoteRefusal => ({ ok: false, reason, message });
  if (refusal.kind !== 'state') return because('other');
  switch (refusal.code) {
    case STATE.twoPrimaries:
    case STATE.otherVolumePeerPrimary:
      return because('peer-is-primary');
    case STATE.noUpToDateDisk:
    case STATE.noLocalDisk:
    case STATE.isDiskless:
    case STATE.lowerThanOutdated:
    case STATE.noQuorum:
      return because('no-uptodate-data');
    case STATE.primaryNop:
      return because('fencing-refused');
    case STATE.failedByPeer:
    case STATE.deviceInUse:
    case STATE.inTransientState:
    case STATE.concurrentChange:
      return because('busy');
    default:
      return because('other');
  }
}

/** Somebody has the device open, or another state change is under way: worth a short retry. */
export function isBusy(refusal: Refusal): boolean {
  return (
    refusal.kind === 'state' &&
    (refusal.code === STATE.deviceInUse ||
      refusal.code === STATE.inTransientState ||
      refusal.code === STATE.concurrentChange ||
      refusal.code === STATE.failedByPeer)
  );
}

/** The resource, minor or connection is not configured in the kernel: what a teardown verb wants. */
export function isGone(refusal: Refusal): boolean {
  return (
    refusal.kind === 'failure' &&
    (refusal.code === FAILURE.minorNotAllocated ||
      refusal.code === FAILURE.unknownResource ||
      (refusal.code === FAILURE.invalidRequest && /unknown (connection|resource|minor)/.test(refusal.text)))
  );
}

export function refusalText(refusal: Refusal): string {
  return refusal.kind === 'other' ? refusal.text : `(${refusal.code}) ${refusal.text}`;
}

export { FAILURE, STATE };
