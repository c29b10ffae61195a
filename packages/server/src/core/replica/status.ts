/** Replica.status from an observation and the plan made on it. */
import type { ReplicaDrbdStatus, ReplicaPhase, ReplicaStatus } from '@holdfast/api/schema/replica.ts';
import type { ReplicaPlan } from './actions.ts';
import type { ReplicaObservation } from './observation.ts';
import { hasClaim, inKernel, isMounted } from './release.ts';

export function replicaStatus(o: ReplicaObservation, plan: ReplicaPlan): ReplicaStatus {
  const drbd = inKernel(o);
  const lv = o.dataLv.state === 'known' ? o.dataLv.value : undefined;
  const attached = attachedStatus(o);
  return {
    phase: phaseOf(o, plan),
    ...(plan.blocked === undefined ? {} : { reason: plan.blocked.reason, message: plan.blocked.message }),
    observedGeneration: o.generation,
    ...(lv === undefined ? keep(o, 'lvSizeBytes') : { lvSizeBytes: lv.sizeBytes, thin: lv.kind === 'thin' }),
    ...(o.deviceSizeBytes === undefined ? keep(o, 'deviceSizeBytes') : { deviceSizeBytes: o.deviceSizeBytes }),
    ...(drbd === undefined ? {} : { drbd: drbdStatus(drbd) }),
    ...(attached === undefined ? {} : { device: o.device, attached }),
  };
}

/** A size that was seen once stays in the status while it cannot be seen: it proves that the LV existed. */
function keep(o: ReplicaObservation, field: 'lvSizeBytes' | 'deviceSizeBytes'): Partial<ReplicaStatus> {
  const value = o.status[field];
  return value === undefined ? {} : { [field]: value };
}

function drbdStatus(drbd: ReplicaDrbdStatus): ReplicaDrbdStatus {
  return { role: drbd.role, disk: drbd.disk, suspended: drbd.suspended, peers: drbd.peers };
}

function attachedStatus(o: ReplicaObservation): ReplicaStatus['attached'] {
  const attach = o.spec.attach;
  const mounted = isMounted(o);
  const claim =
    o.volume.state === 'known' && o.volume.value !== undefined ? hasClaim(o, o.volume.value.record) : undefined;
  // While the record cannot be read, the kernel's word and what was reported before must do.
  const held = claim ?? (o.status.attached !== undefined && (inKernel(o)?.role === 'Primary' || mounted));
  if (!held && !mounted) return undefined;
  const wantsMount =
    attach === undefined
      ? o.status.attached?.mountPath !== undefined
      : attach.mount && attach.volumeMode === 'Filesystem';
  if (wantsMount && !mounted) {
    // Not attached yet; but while it is being released it still is.
    return attach === undefined ? o.status.attached : undefined;
  }
  return {
    device: o.device,
    ...(mounted ? { mountPath: o.mountPath } : {}),
    readOnly: attach?.readOnly ?? o.status.attached?.readOnly ?? false,
  };
}

function phaseOf(o: ReplicaObservation, plan: ReplicaPlan): ReplicaPhase {
  if (o.deleting) return 'Deleting';
  if (plan.blocked?.failed === true) return 'Failed';
  if (o.dataLv.state === 'unknown' || o.drbd.state === 'unknown') return 'Unknown';
  if (o.dataLv.value === undefined) return o.pool === undefined ? 'Pending' : 'Creating';
  const bootstrapped = o.volume.state === 'known' && o.volume.value !== undefined && o.volume.value.record.epoch > 0;
  if (o.volume.state === 'unknown') return o.status.phase ?? 'Unknown';
  if (o.spec.layout === 'local') return bootstrapped ? 'Ready' : 'Creating';
  const disk = o.drbd.value?.disk;
  if (disk === undefined) return o.status.phase === 'Ready' ? 'Unknown' : 'Creating';
  // The peer that records the first in-sync set tells nobody here; a complete copy is one.
  if (disk === 'UpToDate') return 'Ready';
  return bootstrapped && disk !== 'Diskless' && disk !== 'Failed' && disk !== 'Attaching' ? 'Ready' : 'Creating';
}
