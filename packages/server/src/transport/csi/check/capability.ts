import { AppError } from '@holdfast/api/errors.ts';
import { FS_TYPES, type FsType, type VolumeSpec } from '@holdfast/api/schema/volume.ts';
import { didYouMean } from '../../cli/suggest.ts';
import type { VolumeCapability } from '../gen/csi.ts';

/** What a client wants to do with a volume, in our words. */
export interface Access {
  readonly volumeMode: VolumeSpec['volumeMode'];
  /** undefined: a block volume, or whatever the volume has. */
  readonly fsType: FsType | undefined;
  readonly mountOptions: readonly string[];
  readonly readOnly: boolean;
  /** At most one place of the node may use it (ReadWriteOncePod). */
  readonly exclusive: boolean;
}

/**
 * One capability in our words.
 * @throws AppError `invalid_argument` for an access mode, access type or file system that Holdfast does not have. Several nodes
 * at once are never possible: DRBD lets one node open a volume, even for reading.
 */
export function accessOf(capability: VolumeCapability, field = 'volume_capability'): Access {
  const mode = modeOf(capability, field);
  if (capability.accessType === 'block') {
    return { volumeMode: 'Block', fsType: undefined, mountOptions: [], ...mode };
  }
  const { mount } = capability;
  if (mount === undefined) {
    throw refuse(`${field}.access_type`, undefined, 'is missing: neither block nor mount', 'say block or mount');
  }
  if (mount.volumeMountGroup !== '') {
    throw refuse(`${field}.mount.volume_mount_group`, undefined, 'is not supported', 'let the kubelet apply fsGroup');
  }
  const fsType = fsTypeOf(mount.fsType, `${field}.mount.fs_type`);
  const options = optionsOf(mount.mountFlags, mode.readOnly, field);
  // Said as an option it is meant all the same, and the rest of us must know.
  const readOnly = mode.readOnly || options.includes('ro');
  const mountOptions = options.filter((option) => option !== 'ro' && option !== 'rw');
  return { volumeMode: 'Filesystem', fsType, mountOptions, ...mode, readOnly };
}

/**
 * What all capabilities of a list have in common.
 * @throws AppError `invalid_argument` when the list is empty, one of them is not possible, or they contradict each other.
 */
export function accessOfAll(capabilities: readonly VolumeCapability[]): Access {
  const [first, ...more] = capabilities.map((each, index) => accessOf(each, `volume_capabilities[${index}]`));
  if (first === undefined) throw refuse('volume_capabilities', undefined, 'is missing', 'send at least one');
  for (const other of more) {
    if (other.volumeMode !== first.volumeMode) {
      throw refuse('volume_capabilities', undefined, 'wants block and mount for one volume', 'make two volumes');
    }
    if (other.fsType !== undefined && first.fsType !== undefined && other.fsType !== first.fsType) {
      const both = `${first.fsType} and ${other.fsType}`;
      throw refuse('volume_capabilities', both, `wants ${both} for one volume`, 'choose one file system');
    }
  }
  return { ...first, fsType: first.fsType ?? more.find((other) => other.fsType !== undefined)?.fsType };
}

/** @throws AppError `invalid_argument` naming the known file systems. `''` means whatever is the default. */
export function fsTypeOf(text: string, field: string): FsType | undefined {
  if (text === '') return undefined;
  const known = FS_TYPES.find((type) => type === text);
  if (known !== undefined) return known;
  const hint = didYouMean(text, FS_TYPES);
  throw refuse(field, text, `'${text}' is no file system of Holdfast.${hint}`, `use one of ${FS_TYPES.join(', ')}`);
}

function modeOf(capability: VolumeCapability, field: string): { readOnly: boolean; exclusive: boolean } {
  const mode = capability.accessMode?.mode ?? 'UNKNOWN';
  const at = `${field}.access_mode`;
  switch (mode) {
    case 'SINGLE_NODE_WRITER':
    case 'SINGLE_NODE_MULTI_WRITER':
      return { readOnly: false, exclusive: false };
    case 'SINGLE_NODE_SINGLE_WRITER':
      return { readOnly: false, exclusive: true };
    case 'SINGLE_NODE_READER_ONLY':
      return { readOnly: true, exclusive: false };
    case 'MULTI_NODE_READER_ONLY':
    case 'MULTI_NODE_SINGLE_WRITER':
    case 'MULTI_NODE_MULTI_WRITER':
      throw refuse(at, mode, `${mode} is not possible: one node at a time`, 'use ReadWriteOnce or ReadWriteOncePod');
    case 'UNKNOWN':
      throw refuse(at, undefined, 'is missing', 'say how the volume is to be used');
    default:
      // A number that a newer client knows.
      mode satisfies never;
      throw refuse(at, mode, 'is not known', 'use ReadWriteOnce or ReadWriteOncePod');
  }
}

function optionsOf(flags: readonly string[], readOnly: boolean, field: string): string[] {
  const options = flags.flatMap((flag) => splitOptions(flag)).filter((option) => option !== '');
  for (const option of options) {
    // They become one argument of mount; what could end it, or hide another mount in it, is refused.
    if (/[\s\p{Cc}]/u.test(option) || option.startsWith('-')) {
      throw refuse(`${field}.mount.mount_flags`, undefined, 'contains what is no mount option', 'see mount(8)');
    }
    if (option === 'rw' && (readOnly || options.includes('ro'))) {
      throw refuse(`${field}.mount.mount_flags`, 'rw', "'rw' contradicts read-only access", "leave 'rw' out");
    }
    if (/^(bind|rbind|move|remount|loop|X-mount\..*|x-mount\..*)(=|$)/.test(option)) {
      throw refuse(`${field}.mount.mount_flags`, option, `'${option}' is not for users`, 'leave it out');
    }
  }
  return options;
}

/** Commas separate options, but not inside the quotes of an SELinux context. */
function splitOptions(flag: string): string[] {
  return flag.match(/(?:"[^"]*"|[^,"])+/g) ?? [];
}

function refuse(field: string, value: unknown, why: string, remedy: string): AppError {
  return new AppError('invalid_argument', `${field}: ${why}`, { details: { field, value, remedy } });
}
