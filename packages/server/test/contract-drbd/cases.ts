import { BASIC_CASES } from './cases-basic.ts';
import { FENCING_CASES } from './cases-fencing.ts';
import { POWER_CASES } from './cases-power.ts';
import { SYNC_CASES } from './cases-sync.ts';
import type { ContractWorld } from './world.ts';

/** One sentence about DRBD that holds for the fake and for the kernel. Leaves the link whole and the nodes on. */
export interface ContractCase {
  readonly name: string;
  readonly run: (world: ContractWorld) => Promise<void>;
}

export const CONTRACT_CASES: readonly ContractCase[] = [
  ...BASIC_CASES,
  ...SYNC_CASES,
  ...FENCING_CASES,
  ...POWER_CASES,
];
