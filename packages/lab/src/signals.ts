/** Ends the labs of this process in order when it is told to end. (When it is killed outright, PDEATHSIG ends the VMs.) */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const open = new Map<object, () => Promise<void>>();
let installed = false;

function onSignal(signal: NodeJS.Signals): void {
  for (const name of SIGNALS) process.removeListener(name, onSignal);
  installed = false;
  const ends = [...open.values()].map((end) => end().catch(() => undefined));
  // Then die of the signal, as without the handler.
  void Promise.all(ends).then(() => process.kill(process.pid, signal));
}

/** Calls `end` before the process dies of SIGINT, SIGTERM or SIGHUP; returns how to withdraw. */
export function endOnSignals(owner: object, end: () => Promise<void>): () => void {
  open.set(owner, end);
  if (!installed) {
    installed = true;
    for (const name of SIGNALS) process.on(name, onSignal);
  }
  return () => {
    open.delete(owner);
    if (open.size > 0 || !installed) return;
    installed = false;
    for (const name of SIGNALS) process.removeListener(name, onSignal);
  };
}
