import { AppError } from '@holdfast/api/errors.ts';
import { FS_TYPES, type FsType } from '@holdfast/api/schema/volume.ts';
import { z } from 'zod';
import { didYouMean } from '../../cli/suggest.ts';

/** Keys of the CO itself: whatever it adds one day is none of our business. */
const RESERVED_PREFIX = 'csi.storage.k8s.io/';
const FSTYPE = `${RESERVED_PREFIX}fstype`;

const wholeNumber = (least: number, most: number, fallback: number) =>
  z
    .string()
    .regex(/^[0-9]+$/, 'is no whole number')
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be ${least} to ${most}`)
    .default(fallback);

const bool = z
  .enum(['true', 'false'], "must be 'true' or 'false'")
  .transform((text) => text === 'true')
  .default(false);

/** `same=LABEL`, `different=LABEL`, or both with a comma between them. */
const placementRules = z
  .string()
  .transform((text, context) => {
    const rules: { sameBy?: string; spreadBy?: string } = {};
    for (const part of text.split(',').map((each) => each.trim())) {
      const [, rule, label] = /^(same|different)=([A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?)$/.exec(part) ?? [];
      if (rule === undefined || label === undefined) {
        context.addIssue({ code: 'custom', message: `'${part}' is no rule; write same=LABEL or different=LABEL` });
        return z.NEVER;
      }
      if (rule === 'same') rules.sameBy = label;
      else rules.spreadBy = label;
    }
    return rules;
  })
  .default({});

/** Parameters of a StorageClass. This is the whole list; the reference page is made of it. */
export const classParameters = z.object({
  replicas: wholeNumber(1, 16, 2).describe('Copies on different nodes. DRBD 8.4, which stock kernels have, keeps 2.'),
  pool: z.string().max(63).default('').describe('Class of the pools to use. Empty: any pool.'),
  protocol: z
    .enum(['C'], "must be 'C'")
    .default('C')
    .describe('When a write counts as done. C: when every copy in sync has it. Nothing else is offered.'),
  placement: placementRules.describe(
    'Where copies go: different=LABEL spreads them over the values of a node label, same=LABEL keeps them within one. Both may be given.',
  ),
  remoteAccess: bool.describe(
    'Reach the volume from nodes without a copy, over the network. Needs DRBD 9 on the nodes; false is the only value so far.',
  ),
  profile: z.string().optional().describe('Reserved for a later version.'),
  [FSTYPE]: z
    .enum(FS_TYPES, `must be one of ${FS_TYPES.join(', ')}`)
    .optional()
    .describe('File system that is made on a volume at its first use. Without it: ext4.'),
});

export interface ClassParameters {
  readonly replicas: number;
  readonly poolClass: string;
  readonly protocol: 'C';
  readonly placement: { readonly sameBy?: string; readonly spreadBy?: string };
  readonly fsType: FsType | undefined;
}

/** @throws AppError `invalid_argument` naming the key, and what was perhaps meant. */
export function parseParameters(parameters: Readonly<Record<string, string>>): ClassParameters {
  const known = Object.keys(classParameters.shape);
  for (const key of Object.keys(parameters)) {
    if (known.includes(key) || key.startsWith(RESERVED_PREFIX)) continue;
    const names = known.filter((name) => !name.startsWith(RESERVED_PREFIX));
    throw refuse(
      key,
      undefined,
      `is no parameter of Holdfast.${didYouMean(key, names)}`,
      `known are ${names.join(', ')}`,
    );
  }
  const parsed = classParameters.safeParse(parameters);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const key = String(issue?.path[0] ?? 'parameters');
    throw refuse(key, parameters[key], `${issue?.message ?? 'is wrong'}`, 'correct the StorageClass');
  }
  const { replicas, pool, protocol, placement, remoteAccess, profile, [FSTYPE]: fsType } = parsed.data;
  if (profile !== undefined) throw refuse('profile', profile, 'is reserved and has no meaning yet', 'leave it out');
  if (remoteAccess) {
    throw refuse(
      'remoteAccess',
      'true',
      'is not available: a volume is reached where a copy of it is',
      "leave it 'false'",
    );
  }
  return { replicas, poolClass: pool, protocol, placement, fsType };
}

function refuse(key: string, value: string | undefined, why: string, remedy: string): AppError {
  const shown = value === undefined ? `'${key}'` : `'${key}: ${value}'`;
  return new AppError('invalid_argument', `parameters: ${shown} ${why}`, {
    details: { field: `parameters.${key}`, ...(value === undefined ? {} : { value }), remedy },
  });
}
