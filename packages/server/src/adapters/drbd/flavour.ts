/** Which DRBD the running kernel has. Pure: `/proc/drbd` and `drbdadm --version` in, versions out. */
export interface DrbdVersions {
  readonly kernel: string;
  readonly flavour: '8.4' | '9';
}

/** First line of /proc/drbd, e.g. `version: 8.4.11 (api:1/proto:86-101)`. `undefined` when it is not a version that we know. */
export function parseKernelVersion(procDrbd: string): DrbdVersions | undefined {
  const kernel = /^version:\s*(\d+\.\d+\.\d+\S*)/m.exec(procDrbd)?.[1];
  if (kernel === undefined) return undefined;
  if (kernel.startsWith('8.4.')) return { kernel, flavour: '8.4' };
  if (/^9\./.test(kernel)) return { kernel, flavour: '9' };
  return undefined;
}

/** `DRBDADM_VERSION=9.22.0` of `drbdadm --version`. */
export function parseUtilsVersion(output: string): string | undefined {
  return /^DRBDADM_VERSION=(\S+)/m.exec(output)?.[1];
}
