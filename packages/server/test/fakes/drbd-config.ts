import type { DrbdConfig, DrbdEndpoint } from '../../src/ports/drbd.ts';

/** Replica `db-r<index-1>` on node `n<index>`. */
export const anEndpoint = (index: number, more: Partial<DrbdEndpoint> = {}): DrbdEndpoint => ({
  replica: `db-r${index - 1}`,
  node: `n${index}`,
  nodeId: index - 1,
  address: `10.78.0.1${index}`,
  port: 7000,
  minor: 999 + index,
  diskless: false,
  ...more,
});

export function aConfig(more: Partial<DrbdConfig> = {}): DrbdConfig {
  return {
    resource: 'hf-db',
    minor: 1000,
    device: '/dev/drbd1000',
    disk: '/dev/hf-fast/db-r0',
    metaDisk: '/dev/hf-fast/db-r0.md',
    self: anEndpoint(1),
    peers: [anEndpoint(2)],
    sharedSecret: 'abcdefghijklmnop',
    thin: true,
    ...more,
  };
}
