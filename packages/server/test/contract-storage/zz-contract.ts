import { guest } from './zz-guest.ts';
import { emptyGuest, guestFileSystemRig, guestLvmRig } from './guest-rigs.ts';
import { lvmContract } from './lvm-contract.ts';
import { fileSystemContract } from './filesystem-contract.ts';
const disks = ['/dev/vdb', '/dev/vdc', '/dev/vdd'] as const; const g = guest();
if (process.env.WHAT !== 'fs') lvmContract('vm', async () => { await emptyGuest(g, disks); return guestLvmRig(g, disks); }, () => emptyGuest(g, disks));
if (process.env.WHAT !== 'lvm') fileSystemContract('vm', async () => { await emptyGuest(g, disks); return guestFileSystemRig(g, disks); }, () => emptyGuest(g, disks));
