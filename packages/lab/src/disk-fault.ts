/** Device-mapper tables of a data disk, by fault. Pure. */
import { AppError } from '@holdfast/api/errors.ts';
import type { DiskFault } from './types.ts';

/** Table for `/dev/mapper/labdN` over `device`; undefined (a healthy disk) is linear. `stall` has no table: it suspends. */
export function faultTable(sectors: number, device: string, fault: DiskFault | undefined): string {
  switch (fault?.kind) {
    case undefined:
    case 'stall':
      return `0 ${sectors} linear ${device} 0`;
    case 'error':
      return `0 ${sectors} error`;
    case 'error-writes':
      // Never up: always in the interval in which dm-flakey misbehaves, which here means failing writes.
      return `0 ${sectors} flakey ${device} 0 0 1 1 error_writes`;
    case 'slow':
      return `0 ${sectors} delay ${device} 0 ${whole('readMs', fault.readMs, 0)} ${device} 0 ${whole('writeMs', fault.writeMs, 0)}`;
    case 'flaky':
      return `0 ${sectors} flakey ${device} 0 ${seconds('upMs', fault.upMs)} ${seconds('downMs', fault.downMs)}`;
    default:
      return fault satisfies never;
  }
}

function whole(field: string, value: number, least: number): number {
  if (!Number.isFinite(value) || value < least) {
    throw new AppError('invalid_argument', `${field}: must be at least ${least}, not ${value}`, {
      details: { field, value },
    });
  }
  return Math.round(value);
}

function seconds(field: string, value: number): number {
  return Math.max(1, Math.round(whole(field, value, 1) / 1000));
}

/** Kernel module that a fault needs, if it is not always loaded. */
export function faultModule(fault: DiskFault | undefined): string | undefined {
  switch (fault?.kind) {
    case 'error-writes':
    case 'flaky':
      return 'dm-flakey';
    case 'slow':
      return 'dm-delay';
    case 'error':
    case 'stall':
    case undefined:
      return undefined;
    default:
      return fault satisfies never;
  }
}

/**
 * Shell script that puts a disk into this state. `--noflush`: requests under way are queued and go to the new table,
 * as nothing can be waited for on a disk that may be failing.
 */
export function faultScript(index: number, fault: DiskFault | undefined): string {
  const name = `labd${index}`;
  const module = faultModule(fault);
  const steps = ['set -e'];
  if (module !== undefined) steps.push(`modprobe ${module}`);
  // The raw disk below: data disks are vde and on, in order. The boot script moved their nodes out of /dev.
  const disk = `vd${String.fromCharCode('e'.charCodeAt(0) + index)}`;
  const device = `/run/lab/${disk}`;
  steps.push(`dmsetup suspend --noflush --nolockfs ${name}`);
  if (fault?.kind !== 'stall') {
    const table = faultTable(0, device, fault).replace(/^0 0 /, `0 $(cat /sys/block/${disk}/size) `);
    steps.push(`dmsetup load ${name} --table "${table}"`, `dmsetup resume ${name}`);
  }
  return steps.join('\n');
}

/** Script that writes into the first thin pool of a volume group until its data usage reaches `percent`. */
export function fillScript(vg: string, percent: number): string {
  return `set -e
pool=$(lvs --noheadings -o lv_name -S 'segtype=thin-pool' ${vg} | awk 'NR==1{print $1}')
[ -n "$pool" ] || { echo "no thin pool in volume group ${vg}" >&2; exit 3; }
size=$(lvs --noheadings --units m --nosuffix -o lv_size ${vg}/$pool | awk '{print int($1)}')
[ -e /dev/${vg}/hflab-filler ] || lvcreate -qq -y -Wn -V "\${size}m" --thinpool ${vg}/$pool -n hflab-filler >/dev/null
at=0; step=$((size / 50)); [ $step -ge 4 ] || step=4
while :; do
  used=$(lvs --noheadings -o data_percent ${vg}/$pool | awk '{print $1}')
  awk -v u="$used" 'BEGIN{exit !(u >= ${percent})}' && break
  [ $at -lt $size ] || { echo "pool ${vg}/$pool stays at $used%" >&2; exit 4; }
  timeout 20 dd if=/dev/zero of=/dev/${vg}/hflab-filler bs=1M seek=$at count=$step oflag=direct conv=notrunc status=none || break
  at=$((at + step))
done`;
}

export function drainScript(vg: string): string {
  return `set -e\n[ ! -e /dev/${vg}/hflab-filler ] || lvremove -qq -f ${vg}/hflab-filler >/dev/null`;
}

/** Volume-group names that LVM accepts, so that the scripts need no quoting. @throws AppError `invalid_argument`. */
export function checkVgName(vg: string): string {
  if (/^[A-Za-z0-9_+.][A-Za-z0-9_+.-]*$/.test(vg)) return vg;
  throw new AppError('invalid_argument', `vg: '${vg}' is not a volume group name`, {
    details: { field: 'vg', value: vg },
  });
}
