import type { KindDescriptor } from './meta.ts';
import { NODE } from './node.ts';
import { POOL } from './pool.ts';
import { REPLICA } from './replica.ts';
import { VOLUME } from './volume.ts';

/** Every Holdfast kind, in the order of the documentation. */
export const KINDS: readonly KindDescriptor[] = [NODE, POOL, VOLUME, REPLICA];
