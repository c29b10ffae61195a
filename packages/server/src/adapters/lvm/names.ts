import { AppError } from '@holdfast/api/errors.ts';

/** Names go into argv: only what LVM accepts, and never something that reads as an option. */
export function checkName(kind: 'volume group' | 'logical volume', name: string): void {
  if (/^[a-zA-Z0-9+_.][a-zA-Z0-9+_.-]{0,126}$/.test(name) && name !== '.' && name !== '..') return;
  throw new AppError('invalid_argument', `${kind} name '${name}' is not one that LVM accepts`, {
    details: {
      field: kind,
      value: name,
      remedy: 'use letters, digits, "+", "_", "." and "-", not beginning with "-"',
      reason: 'BadName',
    },
  });
}

/** Tags go into argv and into a selection expression between quotes. */
export function checkTag(tag: string): void {
  if (/^[a-zA-Z0-9_+./=:#&][a-zA-Z0-9_+.\-/=:#&]{0,1023}$/.test(tag)) return;
  throw new AppError('invalid_argument', `tag '${tag}' is not one that LVM accepts`, {
    details: { field: 'tag', value: tag, remedy: 'use letters, digits and _ + . - / = : # &', reason: 'BadTag' },
  });
}

/** Devices go into argv: absolute paths below /dev only. */
export function checkDevice(device: string): void {
  if (/^\/dev\/[a-zA-Z0-9+_.:@/-]+$/.test(device) && !device.includes('/../')) return;
  throw new AppError('invalid_argument', `device '${device}' is not a path below /dev`, {
    details: { field: 'device', value: device, remedy: 'give a path such as /dev/vdb', reason: 'BadDevice' },
  });
}
