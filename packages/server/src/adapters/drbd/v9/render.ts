import type { DrbdConfig, DrbdEndpoint } from '../../../ports/drbd.ts';
import { drbdAddress, renderHeader } from '../config-file.ts';

/**
 * Resource file of DRBD 9. Differences to 8.4 that matter: `fencing` lives in `net`, node ids are in the metadata and
 * never renumbered, a connection section for each pair, promotion never happens by itself (`auto-promote no`).
 *
 * Two diskful replicas: our arbiter fences as with 8.4 (`fencing resource-and-stonith`). From three voters on, DRBD's own
 * quorum carries INV-4, and `fencing` stays off so that the two rules do not contradict each other.
 */
export function renderV9(config: DrbdConfig): string {
  const everybody = [config.self, ...config.peers].sort((a, b) => a.nodeId - b.nodeId);
  const quorum = everybody.length >= 3;
  const host = (it: DrbdEndpoint): string => {
    const disk =
      it.diskless || config.disk === undefined
        ? `disk none;`
        : `disk "${config.disk}"; meta-disk "${config.metaDisk ?? 'internal'}";`;
    return `  on "${it.node}" {
    node-id ${it.nodeId};
    address ${drbdAddress(it)};
    volume 0 { device minor ${it.minor}; ${disk} }
  }
`;
  };
  const connections: string[] = [];
  for (const [index, left] of everybody.entries()) {
    for (const right of everybody.slice(index + 1)) {
      // Two nodes without a disk have nothing to tell each other.
      if (left.diskless && right.diskless) continue;
      connections.push(`  connection { host "${left.node}"; host "${right.node}"; }\n`);
    }
  }
  const discard = config.thin ? ' rs-discard-granularity 65536;' : '';
  return `${renderHeader(config)}global { usage-count no; }
resource "${config.resource}" {
  options {
    auto-promote no; on-no-data-accessible suspend-io;
    quorum ${quorum ? 'majority' : 'off'}; on-no-quorum suspend-io; on-suspended-primary-outdated force-secondary;
  }
  net {
    protocol C; cram-hmac-alg sha256; shared-secret "${config.sharedSecret}"; verify-alg crc32c; allow-two-primaries no;
    fencing ${quorum ? 'dont-care' : 'resource-and-stonith'};
    after-sb-0pri disconnect; after-sb-1pri disconnect; after-sb-2pri disconnect; rr-conflict disconnect;
    timeout 30; ping-int 1; ping-timeout 5; connect-int 1; ko-count 7; max-buffers 8000; max-epoch-size 8000;
  }
  disk {
    on-io-error detach; al-extents 6007;
    c-plan-ahead 20; c-fill-target 1M; c-max-rate 400M; c-min-rate 10M;
    discard-zeroes-if-aligned yes;${discard}
  }
${everybody.map(host).join('')}${connections.join('')}}
`;
}
